"""The bot in Telegram: fetches and answers until it is told to stop."""

from __future__ import annotations

import asyncio
import signal

import structlog

from bot.context import App, Services
from bot.delivery.pace import Limits
from bot.delivery.sender import Sender
from bot.intake.inbox import Inbox
from bot.intake.poller import Poller, persist
from bot.intake.settling import Settling
from bot.intake.worker import Worker
from bot.notices import Notices
from bot.telegram_texts import introduce
from integrations.database import join

LONGEST_GOODBYE = 3.0  # seconds for the texts of the language that is being set

log = structlog.get_logger()


async def poll(app: App, services: Services, notices: Notices, limits: Limits) -> None:
    """Answer, and tell staff what is due, until SIGINT or SIGTERM.

    Waits for Telegram where it is down; raises InvalidToken.
    """
    stopping = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)

    async def reach() -> None:
        await app.initialize()
        await app.bot.delete_webhook()  # Telegram gives updates on one way only

    if await persist(stopping, reach):
        try:
            await _work(app, services, notices, limits, stopping)
        finally:
            await app.shutdown()


async def _work(app: App, services: Services, notices: Notices, limits: Limits, stopping: asyncio.Event) -> None:
    """Everything at once, until told to stop or until a part fails, which is raised."""
    database = services.database
    async with join(database) as peers:
        inbox = Inbox(database, peers)
        app.bot_data["settles"] = settling = Settling(database, peers, inbox)
        poller, worker = Poller(app.bot, inbox), Worker(app, inbox, settling)
        sender = Sender(app.bot, database, peers.bell("outbox"), limits)
        log.info("polling", bot=app.bot.username)
        main = [asyncio.create_task(each.follow(stopping)) for each in (poller, worker, sender)]
        introducing = asyncio.create_task(introduce(app.bot, stopping))
        telling = asyncio.create_task(notices.follow())
        await asyncio.wait(main, return_when=asyncio.FIRST_COMPLETED)
        stopping.set()
        log.info("stopping")
        await asyncio.wait([introducing], timeout=LONGEST_GOODBYE)  # a call cut in half is carried out or not
        for task in (introducing, telling):
            task.cancel()
        await asyncio.gather(introducing, telling, return_exceptions=True)
        await asyncio.wait(main)
        for each in main:
            each.result()
