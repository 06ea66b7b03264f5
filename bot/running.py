"""The bot in Telegram: which parts a process has, and that they work until it is told to stop."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import partial

import structlog
from telegram import Bot

from bot.app import Model, bot_address, build_jobs, build_postman, build_watcher
from bot.application import trial
from bot.application.webhook import Doorbell
from bot.context import App, Services
from bot.delivery.pace import Limits
from bot.delivery.sender import Sender
from bot.intake.inbox import Inbox
from bot.intake.poller import Poller, persist
from bot.intake.settling import Settling
from bot.intake.webhook import Webhook
from bot.intake.worker import Worker
from bot.operations.web import Check, build_pages, listen, serve
from bot.process import Part, Process
from bot.settings import Settings
from bot.telegram_texts import introduce
from integrations.database import Database, Occupied, Peers, join
from integrations.database.schema import upgrade

LONGEST_GOODBYE = 3.0  # seconds for the texts of the language that is being set

log = structlog.get_logger()


async def answer(
    settings: Settings, app: App, services: Services, nlu: Model, limits: Limits, *, fetches: bool
) -> None:
    """Answer in Telegram, and tell staff what is due, until told to stop; fetch as well, or leave that to others.

    Waits for Telegram where it is down; raises InvalidToken, and Occupied where another process has the database.
    """
    database = services.database
    async with join(database) as peers:
        inbox = Inbox(database, peers)
        app.bot_data["settles"] = settling = Settling(database, peers, inbox)
        worker = Worker(app, inbox, settling)
        parts: dict[str, Part] = {
            "worker": worker.follow,
            "sender": partial(_send, Sender(app.bot, database, peers.bell("outbox"), limits), worker),
            "texts": partial(_introduce, app),
        }
        parts |= _build_parts(services, peers)
        checks = {"nlu": nlu.is_ready}
        if not fetches:
            await _follow(settings, app, database, parts, checks)
            return
        doorbell = _doorbell(settings, database, peers)
        if settings.webhook_url:
            webhook = Webhook(app.bot, settings.require_webhook(), database, inbox)
            await _follow(settings, app, database, parts, checks, webhook, doorbell=doorbell)
        else:
            parts = {"poller": Poller(app.bot, inbox).follow} | parts
            await _follow(settings, app, database, parts, checks, doorbell=doorbell)


def _doorbell(settings: Settings, database: Database, peers: Peers) -> Doorbell | None:
    """Where DreamApply tells that something has changed, if it was given a secret for that."""
    secret = settings.dreamapply_webhook_secret.get_secret_value()
    return Doorbell(database, peers, secret) if secret else None


def _build_parts(services: Services, peers: Peers) -> dict[str, Part]:
    """What is done besides the conversation; codes and changes only where a system knows applicants."""
    if not (applications := services.applications):
        return {"jobs": build_jobs(services, peers).follow}
    watcher = build_watcher(services, applications, peers)
    return {
        "jobs": build_jobs(services, peers, watcher).follow,
        "postman": build_postman(services, applications, peers).follow,
        "watcher": watcher.follow,
    }


async def attend(services: Services, chat: int, show: trial.Show, stopping: asyncio.Event) -> None:
    """Do for a chat in a terminal what is done besides the conversation, unless a bot that runs beside does it."""
    if not (applications := services.applications):
        return
    try:
        async with join(services.database) as peers:
            await trial.forget_invented(services.database)
            postman = build_postman(services, applications, peers)
            watcher = build_watcher(services, applications, peers, by_night=True)
            await trial.watch(services.database, postman, watcher, chat, show, stopping)
    except Occupied as error:
        log.warning("applications_not_watched", reason=str(error))


async def poll(settings: Settings) -> None:
    """Ask Telegram for updates and keep them, for others to answer, until told to stop. Raises InvalidToken."""
    async with _open_inbox(settings) as (bot, database, peers):
        await _follow(settings, bot, database, {"poller": Poller(bot, Inbox(database, peers)).follow}, {})


async def receive(settings: Settings) -> None:
    """Keep what Telegram brings, for others to answer, until told to stop. Raises InvalidToken."""
    address = settings.require_webhook()
    async with _open_inbox(settings) as (bot, database, peers):
        webhook = Webhook(bot, address, database, Inbox(database, peers))
        await _follow(settings, bot, database, {}, {}, webhook, doorbell=_doorbell(settings, database, peers))


@asynccontextmanager
async def _open_inbox(settings: Settings) -> AsyncIterator[tuple[Bot, Database, Peers]]:
    bot = Bot(settings.require_token(), base_url=bot_address(settings.telegram_base_url, "/bot"))
    await asyncio.to_thread(upgrade, settings.database)
    database = Database(settings.database)
    try:
        async with join(database) as peers:
            yield bot, database, peers
    finally:
        await database.close()


async def _follow(
    settings: Settings,
    telegram: App | Bot,
    database: Database,
    parts: Mapping[str, Part],
    checks: Mapping[str, Check],
    webhook: Webhook | None = None,
    *,
    doorbell: Doorbell | None = None,
) -> None:
    """Do all parts at once, and show over HTTP how they are, until told to stop or one fails, which is raised."""
    async with Process() as process:
        checks = {name: partial(process.is_alive, name) for name in parts} | dict(checks)
        if webhook:
            parts = {"webhook": webhook.follow} | dict(parts)
            checks["webhook"] = webhook.is_registered
        routes = [each.route for each in (webhook, doorbell) if each]
        if listener := settings.listener(receives=bool(routes)):
            pages = build_pages(database, checks, routes)
            process.start("web", partial(serve, pages, listen(*listener)))
        if not await persist(process.stopping, telegram.initialize):
            return
        try:
            log.info("working", bot=telegram.bot.username, parts=list(parts))
            for name, part in parts.items():
                process.start(name, part)
            await process.end()
        finally:
            await telegram.shutdown()


async def _send(sender: Sender, worker: Worker, stopping: asyncio.Event) -> None:
    """Send until told to stop, and then what the worker still had to say."""
    told = asyncio.Event()
    sending = asyncio.create_task(sender.follow(told))
    waiting = asyncio.create_task(worker.ended.wait())
    await asyncio.wait([sending, waiting], return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    told.set()
    await sending


async def _introduce(app: App, stopping: asyncio.Event) -> None:
    introducing = asyncio.create_task(introduce(app.bot, stopping))
    await stopping.wait()
    await asyncio.wait([introducing], timeout=LONGEST_GOODBYE)  # a call cut in half is carried out or not
    introducing.cancel()
    await asyncio.gather(introducing, return_exceptions=True)
