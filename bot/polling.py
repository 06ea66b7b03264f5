"""The bot in Telegram: fetches and answers until it is told to stop."""

from __future__ import annotations

import asyncio
import signal

import structlog

from bot.context import App
from bot.intake.inbox import Inbox
from bot.intake.poller import Poller, TokenRefused, persist
from bot.intake.worker import Worker
from bot.jobs import Runner
from bot.telegram_texts import introduce

__all__ = ["TokenRefused", "poll"]

LONGEST_GOODBYE = 3.0  # seconds for the texts of the language that is being set, and for the job in work

log = structlog.get_logger()


async def poll(app: App, inbox: Inbox, jobs: Runner) -> None:
    """Answer, and do what is done again and again, until SIGINT or SIGTERM.

    Waits for Telegram where it is down; raises TokenRefused.
    """
    stopping = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)

    async def reach() -> None:
        await app.initialize()
        await app.bot.delete_webhook()  # Telegram gives updates on one way only

    if await persist(stopping, reach):
        try:
            await _work(app, inbox, jobs, stopping)
        finally:
            await app.shutdown()


async def _work(app: App, inbox: Inbox, jobs: Runner, stopping: asyncio.Event) -> None:
    """Everything at once, until told to stop or until the poller or the worker fails, which is raised."""
    worker = Worker(app, inbox)
    poller = Poller(app.bot, inbox, worker.wake)
    log.info("polling", bot=app.bot.username)
    main = [asyncio.create_task(each.follow(stopping)) for each in (poller, worker)]
    beside = [asyncio.create_task(each) for each in (introduce(app.bot, stopping), jobs.follow(stopping))]
    await asyncio.wait(main, return_when=asyncio.FIRST_COMPLETED)
    stopping.set()
    log.info("stopping")
    await asyncio.wait(beside, timeout=LONGEST_GOODBYE)  # a call cut in half is carried out or not
    for task in beside:
        task.cancel()
    await asyncio.gather(*beside, return_exceptions=True)
    await asyncio.wait(main)
    for each in main:
        each.result()
