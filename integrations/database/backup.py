"""A copy of the whole database in one file, made while others write, and its way back.

SQLite copies itself. PostgreSQL is read by pg_dump into its custom format and written by pg_restore and psql, which
are found on the PATH; a password reaches them in the environment only, never on a command line.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from shutil import copyfile

from sqlalchemy import Connection, NullPool, create_engine, exists, func, inspect, select, table, text
from sqlalchemy.engine.url import URL

from integrations.database.address import CONNECT_SECONDS, read_address
from integrations.database.engine import BUSY_SECONDS, HELD, DatabaseUnavailable, lock_number, unavailable
from integrations.database.peers import ALIVE, PRESENT, only_one
from integrations.database.postgres_programs import NoBackup, Programs, Refused
from integrations.database.schema import knows, upgrade

__all__ = ["NoBackup", "Refused", "backup", "restore"]

VERSION = text("SELECT version_num FROM alembic_version")


def backup(url: str, file: Path) -> None:
    """Write the database into a file that only we can read; one that was there stays until the new one is whole.

    Raises DatabaseUnavailable, and Refused where pg_dump is missing or too old.
    """
    address = read_address(url)
    on_sqlite = address.get_backend_name() == "sqlite"
    if on_sqlite and file.resolve() == Path(str(address.database)).resolve():
        raise Refused(f"{file} is the database itself.")
    part = file.with_name(file.name + ".part")
    part.unlink(missing_ok=True)
    try:
        part.touch(mode=0o600)
        (_save_sqlite if on_sqlite else _save_postgres)(address, part)
        part.replace(file)
    finally:
        part.unlink(missing_ok=True)


def restore(url: str, file: Path, *, replace: bool) -> None:
    """Make the database what the file holds, with the tables of today; all of it or nothing.

    Raises NoBackup where the file is none or damaged, Refused where the database holds something that nobody said may
    be replaced, Occupied or Refused where a process works on it, and DatabaseUnavailable.
    """
    address = read_address(url)
    if address.get_backend_name() == "sqlite":
        _restore_sqlite(address, file, replace=replace)
    else:
        _restore_postgres(address, file, replace=replace)
    upgrade(url)


def _save_sqlite(address: URL, part: Path) -> None:
    path = Path(str(address.database))
    with _sqlite_errors(DatabaseUnavailable), _open_sqlite(path) as source, _open_sqlite(part) as target:
        _copy(source, target)
        target.execute("PRAGMA journal_mode=DELETE")  # one file, without others beside it


def _restore_sqlite(address: URL, file: Path, *, replace: bool) -> None:
    path = Path(str(address.database))
    path.parent.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        stack.enter_context(only_one(path))
        _refuse_to_overwrite(address, replace=replace)
        new = path.with_name(path.name + ".restoring")
        stack.callback(new.unlink, missing_ok=True)
        copyfile(file, new)
        _check_sqlite(file, new)
        upgrade(f"sqlite:///{new}")  # what cannot be brought up to date must not take the place of what works
        path.touch()
        with _sqlite_errors(DatabaseUnavailable), _open_sqlite(new) as source, _open_sqlite(path) as target:
            _copy(source, target)  # one transaction: whoever has the database open sees the old or the new


def _check_sqlite(file: Path, copied: Path) -> None:
    def damaged(reason: str) -> NoBackup:
        return NoBackup(f"{file} is no backup of SQLite, or a damaged one: {reason}.")

    with _sqlite_errors(damaged), _open_sqlite(copied) as connection:
        [found] = connection.execute("PRAGMA integrity_check(1)").fetchone()
        if found != "ok":
            raise damaged(found)
        row = connection.execute(VERSION.text).fetchone()
    _check_version(file, row[0] if row else "")


def _check_version(file: Path, version: str) -> None:
    if not knows(version):
        raise NoBackup(f"{file} has tables of version {version or 'unknown'}, which this program does not know.")


def _copy(source: sqlite3.Connection, target: sqlite3.Connection) -> None:
    def give_up(status: int, *_: int) -> None:  # Python would try for ever
        if status in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            raise sqlite3.OperationalError("database is locked")

    source.backup(target, progress=give_up)


@contextmanager
def _open_sqlite(path: Path) -> Iterator[sqlite3.Connection]:
    """A connection to a file that exists: a backup of a database that is not there must not look like one."""
    address = f"{path.resolve().as_uri()}?mode=rw"
    with closing(sqlite3.connect(address, timeout=BUSY_SECONDS, uri=True)) as connection:
        yield connection


@contextmanager
def _sqlite_errors(say: Callable[[str], Exception]) -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise say(str(error)) from error


def _save_postgres(address: URL, part: Path) -> None:
    with _connected(address) as connection:
        programs = Programs(address, _server_version(connection))
    programs.dump(part)


def _restore_postgres(address: URL, file: Path, *, replace: bool) -> None:
    with _connected(address) as connection:
        # Who starts meanwhile waits here before the migrations.
        connection.execute(select(func.pg_advisory_lock(HELD, lock_number("migration"))))
        if working := list(connection.scalars(ALIVE, {"present": PRESENT})):
            raise Refused(f"{len(working)} of our processes work on the database. Stop them first.")
        programs = Programs(address, _server_version(connection))
        _check_version(file, programs.version_of(file))
        _refuse_to_overwrite(address, replace=replace)
        names = inspect(connection).get_table_names()
        connection.commit()  # the lock stays, and pg_restore waits for nothing
        programs.restore(file, instead_of=names)


def _refuse_to_overwrite(address: URL, *, replace: bool) -> None:
    if not replace and _holds_anything(address):
        raise Refused("The database holds something already. Say --replace to give that up for the backup.")


def _holds_anything(address: URL) -> bool:
    """Whether there is a row in any table."""
    with _connected(address) as connection:
        names = [name for name in inspect(connection).get_table_names() if name != "alembic_version"]
        return any(connection.scalar(select(exists(select(1).select_from(table(name))))) for name in names)


def _server_version(connection: Connection) -> int:
    return int(connection.scalar(text("SHOW server_version_num"))) // 10_000


@contextmanager
def _connected(address: URL) -> Iterator[Connection]:
    """A connection of the driver that waits."""
    sqlite = address.get_backend_name() == "sqlite"
    engine = create_engine(
        address.set(drivername="sqlite") if sqlite else address,
        connect_args={} if sqlite else {"connect_timeout": CONNECT_SECONDS},
        poolclass=NullPool,
    )
    with unavailable(), engine.connect() as connection:
        yield connection
