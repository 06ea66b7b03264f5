"""The processes that work on one database: who is up, and how one wakes another.

PostgreSQL: each holds an advisory lock with its number on a connection of its own, and listens there. SQLite: there
is one process, which locks a file beside the database.
"""

from __future__ import annotations

import asyncio
import fcntl
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager, suppress
from pathlib import Path
from random import SystemRandom
from typing import Any

import psycopg
import structlog
from sqlalchemy import event, func, select, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from integrations.database import engine
from integrations.database.engine import Database, DatabaseUnavailable, take_lock, unavailable

PRESENT = 2  # the class of the advisory locks that tell who is up
CHANNEL = "biciulis"
ALIVE = text(
    "SELECT objid FROM pg_locks JOIN pg_database ON pg_locks.database = pg_database.oid"
    " WHERE datname = current_database() AND locktype = 'advisory' AND classid = :present AND objsubid = 2 AND granted"
)

log = structlog.get_logger()


class Occupied(Exception):
    """Another process works on this SQLite database."""


class Peers(ABC):
    """This process among those that work on the database; `number` is its own, and no earlier process had it."""

    def __init__(self) -> None:
        self.number = SystemRandom().randint(1, 2**31 - 1)
        self._bells: dict[str, asyncio.Event] = {}

    def bell(self, name: str) -> asyncio.Event:
        """Set when somebody rang, and when they may have rung unheard; whoever waits for it clears it."""
        return self._bells.setdefault(name, asyncio.Event())

    @abstractmethod
    async def alive(self, session: AsyncSession) -> set[int]:
        """The numbers of the processes that are up; this one is."""

    @abstractmethod
    async def ring(self, session: AsyncSession, name: str) -> None:
        """Once this transaction is committed, wake whoever waits for the name, in any process."""


@asynccontextmanager
async def join(database: Database) -> AsyncIterator[Peers]:
    """Be one of those who work on the database. Raises DatabaseUnavailable, or Occupied on SQLite."""
    if not database.is_postgres:
        with only_one(Path(str(database.url.database))):
            yield _Alone()
        return
    peers = _Several(database)
    joined: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    following = asyncio.create_task(peers.follow(joined))
    try:
        await joined
        yield peers
    finally:
        following.cancel()
        with suppress(asyncio.CancelledError):
            await following


class _Alone(Peers):
    async def alive(self, session: AsyncSession) -> set[int]:
        return {self.number}

    async def ring(self, session: AsyncSession, name: str) -> None:
        event.listen(session.sync_session, "after_commit", lambda _: self.bell(name).set(), once=True)


class _Several(Peers):
    def __init__(self, database: Database) -> None:
        super().__init__()
        self._database = database

    async def alive(self, session: AsyncSession) -> set[int]:
        # Ourselves even while our lock is lost: it comes back with the same number.
        return {*await session.scalars(ALIVE, {"present": PRESENT}), self.number}

    async def ring(self, session: AsyncSession, name: str) -> None:
        await session.execute(select(func.pg_notify(CHANNEL, name)))

    async def follow(self, joined: asyncio.Future[None]) -> None:
        """Be present and listen until cancelled; what ends the first attempt is told to `joined`."""
        while True:
            try:
                async with self._database.connect() as connection:
                    await self._listen(connection, joined)
            except DatabaseUnavailable as error:
                if not joined.done():
                    joined.set_exception(error)
                    return
                log.warning("peers_lost", reason=str(error), pause=engine.SECONDS_BETWEEN_TRIES)
            await asyncio.sleep(engine.SECONDS_BETWEEN_TRIES)

    async def _listen(self, connection: AsyncConnection, joined: asyncio.Future[None]) -> None:
        # It may have to wait for the server to notice that our former connection is lost.
        await take_lock(connection, PRESENT, self.number)
        with unavailable():
            await connection.execute(text(f"LISTEN {CHANNEL}"))
            await connection.commit()
        for bell in self._bells.values():
            bell.set()
        if not joined.done():
            joined.set_result(None)
        driver: Any = (await connection.get_raw_connection()).driver_connection
        try:
            async for notice in driver.notifies():
                self.bell(notice.payload).set()
        except psycopg.Error as error:
            await connection.invalidate()  # else it would be rolled back, and that logged as an error
            raise DatabaseUnavailable(str(error)) from error


@contextmanager
def only_one(path: Path) -> Iterator[None]:
    """Be the only process that works on a SQLite database. Raises Occupied, and DatabaseUnavailable."""
    with ExitStack() as stack:
        with unavailable():
            file = stack.enter_context(path.with_name(path.name + ".lock").open("w"))
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)  # falls with the process, however it ends
        except BlockingIOError:
            raise Occupied(f"Another process works on {path}. With SQLite there can be only one.") from None
        yield
