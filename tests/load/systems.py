"""The bots that are measured, each started with the stand-in as its Telegram."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from nlu.server import PYTHON, environment
from tests.load.programs import Program, bot, free_port
from tests.postgres import Postgres
from tests.telegram_server.server import TOKEN, StandIn


@dataclass(frozen=True)
class Place:
    """What every system is given. `rasa` runs our model; `default` is the model of Rasa's default pipeline."""

    folder: Path
    rasa: Program
    default: Path

    def sub(self, name: str) -> Path:
        folder = self.folder / name
        folder.mkdir()
        return folder


@dataclass(frozen=True)
class System:
    """A bot: `start` gives the addresses of its processes' pages, none where it has no pages."""

    name: str
    start: Callable[[Place, StandIn], AbstractAsyncContextManager[list[str]]]
    is_ours: bool = False


@asynccontextmanager
async def _on_sqlite(place: Place, server: StandIn) -> AsyncIterator[list[str]]:
    program = bot("run", server, place.sub("sqlite"), nlu=place.rasa.url, token=place.rasa.first_line)
    async with _all(program):
        yield [program.url]


def _on_postgres(workers: int) -> System:
    @asynccontextmanager
    async def start(place: Place, server: StandIn) -> AsyncIterator[list[str]]:
        folder = place.sub(f"postgres-{workers}")
        database = Postgres(fsync="on", synchronous_commit="on", full_page_writes="on")  # as careful as SQLite is
        database.start()
        try:
            url = database.url(database.create())
            given = {"nlu": place.rasa.url, "token": place.rasa.first_line, "database": url}
            names = [f"work-{number}" for number in range(1, workers + 1)]
            programs = [bot("poll", server, folder, **given)]
            programs += [bot("work", server, folder, name, **given) for name in names]
            async with _all(*programs):
                yield [program.url for program in programs]
        finally:
            database.remove()

    return System(f"ours, PostgreSQL, {workers} worker{'s' if workers > 1 else ''}", start, is_ours=True)


@asynccontextmanager
async def _plain(place: Place, server: StandIn) -> AsyncIterator[list[str]]:
    command = [sys.executable, "-W", "ignore", "-m", "tests.load.plain_bot", server.url, place.rasa.url]
    log = place.sub("plain") / "log.txt"
    async with _all(Program("plain", command, environment(), log, place.rasa.first_line)):
        yield []


@asynccontextmanager
async def _rasa_channel(place: Place, server: StandIn) -> AsyncIterator[list[str]]:
    port = free_port()
    command = [PYTHON, "-m", "tests.load.rasa_channel", place.default, str(port), server.url, TOKEN]
    log = place.sub("channel") / "log.txt"
    program = Program("channel", command, environment(), log, url=f"http://127.0.0.1:{port}")
    async with _all(program):
        await program.until_answering()
        yield []


OURS = [System("ours, SQLite", _on_sqlite, is_ours=True), *map(_on_postgres, (1, 2, 4))]
PLAIN = System("python-telegram-bot, plain", _plain)
CHANNEL = System("Rasa's Telegram channel", _rasa_channel)


@asynccontextmanager
async def _all(*programs: Program) -> AsyncIterator[None]:
    try:
        for program in programs:
            await program.start()
        yield
        for program in programs:
            await program.stop()
    finally:
        for program in programs:
            await program.kill()
