"""The tables' shape in a real database: brought up to date by Alembic, in the order of its migrations."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.script.revision import ResolutionError
from alembic.util.exc import CommandError
from sqlalchemy.engine.url import URL
from sqlalchemy.ext.asyncio import AsyncSession

from integrations.database.address import CONNECT_SECONDS, read_address
from integrations.database.engine import HELD, Base, lock_number, unavailable

MIGRATIONS = Path(__file__).parent / "migrations"


class NewerTables(Exception):
    """Somebody has brought the tables up to date for a version that comes after this one."""


def upgrade(url: str) -> None:
    """Bring the tables up to date, making the database file where it is SQLite.

    Raises DatabaseUnavailable, and NewerTables.

    Where another process does the same on PostgreSQL, it waits for that.
    """
    address = read_address(url)
    with unavailable():
        if address.get_backend_name() == "sqlite" and address.database:
            Path(address.database).parent.mkdir(parents=True, exist_ok=True)
        try:
            command.upgrade(alembic_config(address), "head")
        except CommandError as error:
            if not isinstance(error.__cause__, ResolutionError):
                raise
            raise NewerTables("The database has the tables of a newer version: start that version.") from error


def knows(version: str) -> bool:
    """Whether tables of that version can be brought up to date."""
    return version in {each.revision for each in ScriptDirectory(str(MIGRATIONS)).walk_revisions()}


async def revision(session: AsyncSession) -> str | None:
    """The migration that the tables are at, None where there are none."""
    return await session.run_sync(lambda ours: MigrationContext.configure(ours.connection()).get_current_revision())


def newest_revision() -> str | None:
    """The migration that this code needs."""
    return ScriptDirectory(str(MIGRATIONS)).get_current_head()


def write_migration(url: str, message: str) -> None:
    """Write a migration for what the declared tables have and the database lacks; read it before you commit it."""
    number = len(list((MIGRATIONS / "versions").glob("*.py"))) + 1
    command.revision(alembic_config(read_address(url)), message, autogenerate=True, rev_id=f"{number:04}")


def alembic_config(address: URL) -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.set_main_option("file_template", "%%(rev)s_%%(slug)s")
    postgres = address.get_backend_name() == "postgresql"
    config.attributes.update(
        # Migrations run in an ordinary thread: psycopg works in both, SQLite's driver has to be the one that waits.
        url=address if postgres else address.set(drivername="sqlite"),
        connect_args={"connect_timeout": CONNECT_SECONDS} if postgres else {},
        lock=(HELD, lock_number("migration")),
        tables=Base.metadata,
    )
    return config
