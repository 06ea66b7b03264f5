"""The composition root: builds everything, in order, and takes it down again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import date, datetime
from pathlib import Path
from typing import Protocol

import structlog
from telegram.ext import ApplicationBuilder, ContextTypes
from telegram.request import BaseRequest

from bot.application.lookups import Lookups
from bot.application.postman import Postman
from bot.application.vault import Vault, open_vault
from bot.application.watching import Watcher
from bot.context import App, Applications, Context, Services
from bot.conversation.dialogue import Dialogue, Understands
from bot.conversation.person import Person
from bot.delivery.outbox import Outgoing, put
from bot.handlers import application, errors, language, media, menu, privacy, question, rating, start
from bot.jobs import VILNIUS, Periodic, Runner
from bot.journal import forget_old
from bot.notices import chat_notice, letter_notice
from bot.operations.figures import TimedNlu
from bot.settings import Settings
from integrations.application_status import Case, StatusProvider
from integrations.application_status.dreamapply import DreamApply
from integrations.application_status.mobility import MobilityFiles
from integrations.database import Database, Peers, Session
from integrations.database.schema import upgrade
from integrations.mail import Mail, PrintedMail, SmtpMail, read_server
from nlu.client import NluClient
from nlu.language import LanguageDetector
from nlu.server import RasaServer
from nlu.servers import Servers
from responses.files import Malformed, read_content
from responses.library import Library, NothingPublished
from responses.publishing import differences, publish
from responses.state import Due

FEATURES = (start, language, privacy, application, rating, menu, question, media, errors)
log = structlog.get_logger()


@asynccontextmanager
async def open_services(
    settings: Settings, nlu: Understands, invented: StatusProvider | None = None
) -> AsyncIterator[Services]:
    """Database, content and conversation. A new database gets the content of the files.

    An invented provider stands in where the settings name none, and its letters go nowhere but to the terminal.
    """
    await asyncio.to_thread(upgrade, settings.database)
    database = Database(settings.database)
    library = Library(database)
    try:
        await library.open()
    except NothingPublished:
        async with database.hold("content"):  # of those that start at once, one publishes and the others find no change
            await publish(database, read_content(), by="first start")
        await library.open()
    await _warn_of_unpublished_changes(database)
    following = asyncio.create_task(library.follow())
    connected = build_providers(settings)
    providers = connected or ([invented] if invented else [])
    dialogue = Dialogue(
        library.current,
        TimedNlu(nlu),
        LanguageDetector(),
        lambda: datetime.now(VILNIUS).date(),
        staff_listen=settings.staff_chat is not None,
        shows_applications=bool(providers),
    )
    mail = build_mail(settings) if connected or not invented else PrintedMail()
    applications = build_applications(database, open_vault(settings.keys), providers) if providers else None
    try:
        yield Services(database, library, dialogue, settings.staff_chat, settings.staff_mail, mail, applications)
    finally:
        await asyncio.gather(*(provider.close() for provider in connected))
        following.cancel()
        with suppress(asyncio.CancelledError):
            await following
        await database.close()


async def _warn_of_unpublished_changes(database: Database) -> None:
    """Whoever has edited a content file and sees the old answer is told why."""
    try:
        changes = await differences(database, read_content())
    except Malformed as error:
        log.warning("content_files_malformed", problems=len(error.problems), see="python -m responses check")
        return
    if changes:
        log.warning("content_files_not_published", changes=len(changes), see="make content")


def build_mail(settings: Settings) -> Mail:
    """The mail server of the settings; without one, letters are printed."""
    url = settings.smtp_url.get_secret_value()
    return SmtpMail(read_server(url), settings.mail_from) if url else PrintedMail()


def build_providers(settings: Settings) -> list[StatusProvider]:
    """The systems of the settings that know where applicants stand, a line each."""
    providers: list[StatusProvider] = []
    if url := settings.dreamapply_url:
        providers.append(DreamApply(str(url), settings.dreamapply_key.get_secret_value()))
    if folder := settings.mobility_files:
        providers.append(MobilityFiles(folder))
    return providers


def build_applications(database: Database, vault: Vault, providers: Sequence[StatusProvider]) -> Applications:
    return Applications(vault, providers, Lookups(database, vault, providers))


def build_postman(services: Services, applications: Applications, peers: Peers) -> Postman:
    return Postman(services.database, peers, applications.vault, applications.providers, services.mail)


def build_watcher(services: Services, applications: Applications, peers: Peers, *, by_night: bool = False) -> Watcher:
    vault, providers = applications.vault, applications.providers

    def say(person: Person, cases: Sequence[Case]) -> str:
        return services.dialogue.registrar(person).words.tell_change(cases)

    return Watcher(services.database, peers, vault, providers, applications.lookups, say, by_night=by_night)


def build_jobs(services: Services, peers: Peers, watcher: Watcher | None = None) -> Runner:
    """What is done again and again: deletion by age, looking for changes, and the word to staff as settings name it."""

    def list_due(day: date) -> Sequence[Due]:
        return services.library.current().due(day)

    async def say(session: Session, text: str) -> None:
        assert services.staff_chat
        shown = {"text": text, "link_preview_options": {"is_disabled": True}}
        await put(session, [Outgoing(services.staff_chat, "sendMessage", shown, kind="notice")])
        await peers.ring(session, "outbox")

    jobs = [Periodic("deletion_by_age", "15 3 * * *", forget_old)]
    if watcher:
        jobs.append(Periodic("application_changes", "* * * * *", outside=watcher.look))
    if services.staff_chat:
        jobs.append(chat_notice(list_due, say))
    if services.staff_mail:
        jobs.append(letter_notice(list_due, services.mail, services.staff_mail))
    return Runner(services.database, jobs, peers)


class Model(Understands, Protocol):
    """Rasa, wherever it runs."""

    async def is_ready(self) -> bool:
        """Whether a text would be understood now."""


@asynccontextmanager
async def open_nlu(settings: Settings, model: Path | None) -> AsyncIterator[Servers]:
    """The Rasa servers at the addresses of the settings, or processes of our own that run this model."""
    opened = _own_servers(settings, model) if model else _servers_elsewhere(settings)
    async with opened as servers, Servers(servers) as nlu:
        yield nlu


@asynccontextmanager
async def _servers_elsewhere(settings: Settings) -> AsyncIterator[list[NluClient]]:
    clients = [NluClient(str(url), settings.nlu_token.get_secret_value()) for url in settings.nlu_url]
    try:
        yield clients
    finally:
        await asyncio.gather(*(client.close() for client in clients))


@asynccontextmanager
async def _own_servers(settings: Settings, model: Path) -> AsyncIterator[list[RasaServer]]:
    servers = [RasaServer(model, settings.data_dir / "log/rasa.log") for _ in range(settings.nlu_processes)]
    try:
        for server in servers:
            await server.start()
        yield servers
    finally:
        await asyncio.gather(*(server.stop() for server in servers))


def build_application(token: str, settings: Settings, services: Services, request: BaseRequest | None = None) -> App:
    """The bot with all its features; `request` stands in for HTTP where nothing is to be sent."""
    builder = (
        ApplicationBuilder()
        .token(token)
        .base_url(bot_address(settings.telegram_base_url, "/bot"))
        .base_file_url(bot_address(settings.telegram_base_file_url, "/file/bot"))
        .context_types(ContextTypes(context=Context))
    )
    if request:
        builder = builder.request(request).get_updates_request(request)
    app: App = builder.job_queue(None).updater(None).build()  # bot.intake fetches
    app.bot_data["services"] = services
    for feature in FEATURES:
        feature.register(app)
    return app


def bot_address(url: str, path: str) -> str:
    """The address that python-telegram-bot puts the token behind; a bare server's gets the usual path."""
    return url if url.endswith("bot") else url.rstrip("/") + path
