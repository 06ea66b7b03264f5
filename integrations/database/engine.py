"""Engine and session. Whoever calls `Database.begin()` owns the transaction."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import DateTime, MetaData, event
from sqlalchemy.engine import Dialect
from sqlalchemy.engine.url import make_url
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as NoConnectionFree
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine
from sqlalchemy.orm import DeclarativeBase
from sqlalchemy.types import TypeDecorator

BUSY_SECONDS = 5  # how long SQLite waits for another writer


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
        return value.replace(tzinfo=UTC) if value and value.tzinfo is None else value


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
        self.url = make_url(url)
        self._engine = create_async_engine(self.url)
        if self.url.get_backend_name() == "sqlite":
            event.listen(self._engine.sync_engine, "connect", _prepare_sqlite)

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[AsyncSession]:
        """A session in a transaction: committed at the end, rolled back on an error."""
        try:
            async with AsyncSession(self._engine, expire_on_commit=False) as session, session.begin():
                yield session
        except DBAPIError as error:
            raise DatabaseUnavailable(type(error.orig).__name__ + ": " + str(error.orig)) from error
        except (OSError, NoConnectionFree) as error:
            raise DatabaseUnavailable(str(error)) from error

    async def close(self) -> None:
        await self._engine.dispose()


def utc_now() -> datetime:
    return datetime.now(UTC)


def _prepare_sqlite(connection: Any, record: object) -> None:
    cursor = connection.cursor()
    # Synchronous in full: what we confirm to Telegram must outlive a power cut, not only a killed process.
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", f"busy_timeout={BUSY_SECONDS * 1000}"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()
