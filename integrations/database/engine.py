"""Engine and session. Whoever calls `Database.begin()` owns the transaction."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, DateTime, Insert, MetaData, NullPool, event, func, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Dialect
from sqlalchemy.engine.url import URL
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as NoConnectionFree
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, AsyncSession, create_async_engine
from sqlalchemy.orm import DeclarativeBase
from sqlalchemy.types import TypeDecorator

from integrations.database.address import POSTGRES, read_address

BUSY_SECONDS = 5.0  # how long SQLite waits for another writer
POOL = 16  # connections of a process to PostgreSQL; transactions are so short that 64 handlers share them
POOL_SECONDS = 20  # how long a transaction waits for one of them
SECONDS_BETWEEN_TRIES = 1.0  # of getting a lock that another process holds
HELD, TURN = 1, 3  # the classes of our named advisory locks: of a process, of a transaction


class DatabaseUnavailable(Exception):
    """The database cannot be reached, is locked for too long, or cannot write: the work was not done."""


class Moment(TypeDecorator[datetime]):
    """A point in time, always in UTC: SQLite keeps no zone and would hand back a naive one."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is not None and value.tzinfo is None:
            raise ValueError("a moment needs a time zone")
        return value.astimezone(UTC) if value else None

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)


class Base(DeclarativeBase):
    """The base of every table; constraints have names so that migrations can drop them on both engines."""

    type_annotation_map = {datetime: Moment}  # noqa: RUF012 -- SQLAlchemy prescribes the form
    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_name)s",
            "uq": "uq_%(table_name)s_%(column_0_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


class Database:
    """A pool of connections to one database."""

    def __init__(self, url: str) -> None:
        self.url = read_address(url)
        self.is_postgres = self.url.get_backend_name() == "postgresql"
        pool = {"pool_size": POOL, "max_overflow": 0, "pool_timeout": POOL_SECONDS} if self.is_postgres else {}
        self._engine = _open(self.url, **pool, pool_pre_ping=self.is_postgres)  # after a restart of the server
        self._apart = _open(self.url, poolclass=NullPool)
        self._reading = self._engine.execution_options(reading=True)
        # SQLite has one writer, and whoever waits for it asks again and again: in a process we take turns.
        self._turns = None if self.is_postgres else asyncio.Lock()

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[AsyncSession]:
        """A session in a transaction: committed at the end, rolled back on an error."""
        async with _turn(self._turns):
            with unavailable():
                async with AsyncSession(self._engine, expire_on_commit=False) as session, session.begin():
                    yield session

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncSession]:
        """A session that only reads, also while somebody else writes; what it reads twice may have changed."""
        with unavailable():
            async with AsyncSession(self._reading, expire_on_commit=False) as session, session.begin():
                yield session

    @asynccontextmanager
    async def connect(self) -> AsyncIterator[AsyncConnection]:
        """A connection of one's own, beside the pool."""
        async with AsyncExitStack() as stack:
            with unavailable():
                connection = await stack.enter_async_context(self._apart.connect())
            yield connection

    @asynccontextmanager
    async def hold(self, name: str) -> AsyncIterator[Held]:
        """Wait until no other process holds this name, and hold it.

        On SQLite there is no other process. Once the connection is lost, so is the hold: nothing can be written
        any more, and one leaves and comes back.
        """
        async with self.connect() as connection:
            if self.is_postgres:
                await take_lock(connection, HELD, lock_number(name))
            yield Held(connection, self._turns or asyncio.Lock())

    async def close(self) -> None:
        await self._engine.dispose()
        await self._apart.dispose()


class Held:
    """Who has this is the only one: its transactions run on the very connection that holds the lock."""

    def __init__(self, connection: AsyncConnection, turns: asyncio.Lock) -> None:
        self._connection, self._turns = connection, turns

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[AsyncSession]:
        """As Database.begin. One transaction after the other: whoever comes in the middle of one waits."""
        async with _turn(self._turns):
            if self._connection.invalidated:  # SQLAlchemy would connect anew, without the lock
                raise DatabaseUnavailable("the connection that held a lock is lost")
            with unavailable():
                async with AsyncSession(self._connection, expire_on_commit=False) as session, session.begin():
                    yield session


@asynccontextmanager
async def _turn(lock: asyncio.Lock | None) -> AsyncIterator[None]:
    if lock is None:
        yield
        return
    try:
        await asyncio.wait_for(lock.acquire(), BUSY_SECONDS)
    except TimeoutError:
        raise DatabaseUnavailable("others have been writing for too long") from None
    try:
        yield
    finally:
        lock.release()


@contextmanager
def unavailable() -> Iterator[None]:
    """What a driver raises becomes DatabaseUnavailable, without the values that PostgreSQL adds in details."""
    try:
        yield
    except DBAPIError as error:
        told = getattr(getattr(error.orig, "diag", None), "message_primary", None) or str(error.orig)
        raise DatabaseUnavailable(f"{type(error.orig).__name__}: {told}") from error
    except (OSError, NoConnectionFree) as error:
        raise DatabaseUnavailable(str(error)) from error


async def take_lock(connection: AsyncConnection, kind: int, number: int) -> None:
    """Wait until PostgreSQL gives us the advisory lock; it is ours until the connection ends."""
    asked = select(func.pg_try_advisory_lock(kind, number))
    with unavailable():
        while not await connection.scalar(asked):
            await connection.commit()
            await asyncio.sleep(SECONDS_BETWEEN_TRIES)
        await connection.commit()


async def take_turn(session: AsyncSession, name: str) -> None:
    """Wait until no other transaction has the turn of this name; it is ours until the transaction ends.

    On SQLite a transaction that may write is alone anyway.
    """
    if session.get_bind().dialect.name == "postgresql":
        await session.execute(select(func.pg_advisory_xact_lock(TURN, lock_number(name))))


def lock_number(name: str) -> int:
    """The number of a named advisory lock: 32 bits with a sign, the same in every process."""
    return zlib.crc32(name.encode()) - 2**31


def insert_once(session: AsyncSession, table: type[Base]) -> Insert:
    """An insert that passes over rows whose key is there already."""
    insert = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
    return insert(table).on_conflict_do_nothing()


def utc_now() -> datetime:
    return datetime.now(UTC)


def _open(url: URL, **pool: Any) -> AsyncEngine:
    if url.get_backend_name() == "postgresql":
        return create_async_engine(url, connect_args=POSTGRES, **pool)
    engine = create_async_engine(url, **pool)
    event.listen(engine.sync_engine, "connect", _prepare_sqlite)
    event.listen(engine.sync_engine, "begin", _begin_sqlite)
    return engine


def _begin_sqlite(connection: Connection) -> None:
    """From the start the only one who writes: what a transaction reads stays true until it has written."""
    if not connection.get_execution_options().get("reading"):  # most reads are one statement
        connection.exec_driver_sql("BEGIN IMMEDIATE")


def _prepare_sqlite(connection: Any, record: object) -> None:
    connection.isolation_level = None  # the driver begins no transactions of its own
    cursor = connection.cursor()
    # Synchronous in full: what we confirm to Telegram must outlive a power cut, not only a killed process.
    patience = f"busy_timeout={round(BUSY_SECONDS * 1000)}"
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", patience):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()
