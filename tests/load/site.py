"""A whole installation, every part of which can be killed and started again."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from integrations.database import Database
from integrations.database.schema import upgrade
from nlu.server import environment
from responses.files import read_content
from responses.publishing import publish
from tests.load.programs import Program, bot, free_port, receiver
from tests.load.proxy import proxy
from tests.postgres import Postgres
from tests.telegram_server.server import StandIn

PAUSE = 0.2  # seconds until whatever has ended by itself is started again


class Part(Protocol):
    async def start(self) -> None: ...
    async def kill(self) -> None: ...


@dataclass
class Site:
    """`kills`: when a part was killed that may have been sending something, on the monotonic clock."""

    parts: Mapping[str, Part]
    kills: list[float] = field(default_factory=list)
    falls: list[str] = field(default_factory=list)  # who has ended by itself, and was started again
    on_fall: Callable[[Program], None] = lambda program: None
    _down: set[str] = field(default_factory=set)

    async def kill(self, name: str) -> None:
        self._down.add(name)
        self.kills.append(time.monotonic())
        await self.parts[name].kill()

    async def start(self, name: str) -> None:
        await self.parts[name].start()
        self._down.discard(name)

    async def start_all(self) -> None:
        """Those that are down."""
        for name in [name for name in self.parts if name in self._down]:
            await self.start(name)

    async def stop(self, names: Iterable[str]) -> None:
        """As an operator does, all at once; those that are up."""
        chosen = [name for name in names if name not in self._down]
        self._down.update(chosen)
        programs = [part for name in chosen if isinstance(part := self.parts[name], Program)]
        await asyncio.gather(*(program.stop() for program in programs))

    async def watch(self) -> None:
        """Start again whatever ends by itself, as systemd does."""
        while True:
            await asyncio.sleep(PAUSE)
            for name, part in self.parts.items():
                if isinstance(part, Program) and name not in self._down and part.has_ended:
                    self.falls.append(name)
                    await part.start()
                    self.on_fall(part)


@dataclass
class _Server:
    """PostgreSQL as a part."""

    server: Postgres

    async def start(self) -> None:
        await asyncio.to_thread(self.server.start)

    async def kill(self) -> None:
        await asyncio.to_thread(self.server.kill)


@asynccontextmanager
async def polling_site(server: StandIn, folder: Path) -> AsyncIterator[Site]:
    """One process on SQLite that asks Telegram, and Rasa. What `folder` has as a database is taken as it is."""
    if not (folder / "biciulis.sqlite").exists():
        await _publish(f"sqlite+aiosqlite:///{folder}/biciulis.sqlite")
    rasa = _rasa(folder)
    async with up({"rasa": rasa, "run": bot("run", server, folder, nlu=rasa.url)}) as site:
        yield site


@asynccontextmanager
async def webhook_site(server: StandIn, folder: Path, receivers: int = 2, workers: int = 2) -> AsyncIterator[Site]:
    """Several processes on a PostgreSQL of their own, behind one address, and Rasa."""
    async with own_postgres() as postgres:
        url = postgres.url(await asyncio.to_thread(postgres.create))
        await _publish(url)
        rasa = _rasa(folder)
        given = {"nlu": rasa.url, "database": url}
        parts: dict[str, Part] = {"rasa": rasa, "postgres": _Server(postgres)}
        parts |= {name: bot("work", server, folder, name, **given) for name in names("work", workers)}
        ports = [free_port() for _ in range(receivers)]
        async with proxy(ports) as webhook:
            for name, port in zip(names("receive", receivers), ports, strict=True):
                parts[name] = receiver(server, folder, name, port, webhook=webhook, **given)
            async with up(parts) as site:
                yield site


@asynccontextmanager
async def own_postgres() -> AsyncIterator[Postgres]:
    """What it has confirmed outlives its death, as in production."""
    server = await asyncio.to_thread(Postgres, synchronous_commit="on")
    try:
        await asyncio.to_thread(server.start)
        yield server
    finally:
        await asyncio.to_thread(server.remove)


@asynccontextmanager
async def up(parts: Mapping[str, Part]) -> AsyncIterator[Site]:
    """All of these, started again when they end by themselves, and killed in the end."""
    site = Site(parts)
    watching: asyncio.Task[None] | None = None
    try:
        for part in parts.values():
            await part.start()
        watching = asyncio.create_task(site.watch())
        yield site
    finally:
        if watching:
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)
        for part in parts.values():
            if isinstance(part, Program):
                await part.kill()


def _rasa(folder: Path) -> Program:
    port = free_port()
    command: Sequence[str] = [sys.executable, "-m", "tests.load.scripted_rasa", str(port)]
    return Program("rasa", command, environment(), folder / "rasa.log", url=f"http://127.0.0.1:{port}")


def names(command: str, number: int) -> list[str]:
    """Of so many processes with the same command."""
    return [f"{command}-{each}" for each in range(1, number + 1)]


async def _publish(url: str) -> None:
    await asyncio.to_thread(upgrade, url)
    database = Database(url)
    await publish(database, read_content(), by="the tests")
    await database.close()
