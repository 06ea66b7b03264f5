"""The bot as `python -m bot run` starts it, against the stand-in."""

from __future__ import annotations

import asyncio
import logging
import signal
import sqlite3
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from structlog.testing import capture_logs

from bot.app import Model, build_application, open_services
from bot.context import App, Services
from bot.delivery.pace import Limits
from bot.running import answer
from bot.settings import Settings
from tests.telegram_server.chat import SECONDS, Chat
from tests.telegram_server.server import TOKEN, StandIn

STAFF = -100777
UNLIMITED = Limits(in_all=1000, between=0.0, per_group=1000)


class Troubles(logging.Handler):
    """Everything that was logged as an error, by us or by a library: python-telegram-bot swallows exceptions."""

    def __init__(self, events: list[Any]) -> None:
        super().__init__(logging.ERROR)
        self.events, self._of_libraries = events, []

    def emit(self, record: logging.LogRecord) -> None:
        self._of_libraries.append(f"{record.name}: {record.getMessage()}")

    def take(self, *names: str) -> list[str]:
        """The names of what went wrong so far; the named events and libraries are expected and forgotten."""
        found = [event["event"] for event in self.events if event["log_level"] in ("error", "critical")]
        found += self._of_libraries
        self.events[:] = [event for event in self.events if event["event"] not in names]
        self._of_libraries = [line for line in self._of_libraries if line.split(":")[0] not in names]
        return found


@dataclass
class Bot:
    """The running bot."""

    server: StandIn
    app: App
    services: Services
    troubles: Troubles
    database: Path

    def chat(self, user: int, chat: int = 0, language: str = "en") -> Chat:
        return Chat(self.server, self.app, user, chat, language)

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        with closing(sqlite3.connect(self.database)) as connection:
            return connection.execute(query).fetchall()

    async def write(self, statement: str) -> None:
        def execute() -> None:
            with closing(sqlite3.connect(self.database)) as connection, connection:
                connection.execute(statement)

        await asyncio.to_thread(execute)  # it may have to wait for what goes on in this thread

    async def until_logged(self, event: str) -> None:
        async with asyncio.timeout(SECONDS):
            while not any(each["event"] == event for each in self.troubles.events):  # noqa: ASYNC110
                await asyncio.sleep(0.01)


@asynccontextmanager
async def running(
    server: StandIn,
    folder: Path,
    nlu: Model,
    staff: int | None = STAFF,
    *,
    telegram_is_down: bool = False,
    **more: Any,
) -> AsyncIterator[Bot]:
    """The bot as `python -m bot run` starts it, until a signal; Telegram may come up only after it was missed.

    `more` are further settings.
    """
    settings = Settings(_env_file=None, data_dir=folder, telegram_base_url=server.url, staff_chat=staff, **more)
    loop, polled = asyncio.get_running_loop(), len(server.called("getUpdates"))
    async with AsyncExitStack() as stack:
        troubles = Troubles(stack.enter_context(capture_logs()))
        logging.getLogger().addHandler(troubles)
        stack.callback(logging.getLogger().removeHandler, troubles)
        services = await stack.enter_async_context(open_services(settings, nlu))
        app = build_application(TOKEN, settings, services)
        for number in (signal.SIGINT, signal.SIGTERM):
            stack.callback(loop.remove_signal_handler, number)
        polling = asyncio.create_task(answer(settings, app, services, nlu, UNLIMITED, fetches=True))
        bot = Bot(server, app, services, troubles, folder / "biciulis.sqlite")
        try:
            if telegram_is_down:
                await bot.until_logged("telegram_unreachable")
                await server.start()
            await asyncio.wait(
                [polling, asyncio.create_task(server.until(lambda: len(server.called("getUpdates")) > polled))],
                timeout=SECONDS,
                return_when=asyncio.FIRST_COMPLETED,
            )
            assert not polling.done(), polling
            await bot.until_logged("jobs_declared")  # or an impatient database is locked in between
            yield bot
        finally:
            if not polling.done():
                signal.raise_signal(signal.SIGTERM)
            async with asyncio.timeout(SECONDS):
                await polling
        assert troubles.take() == []
