"""Transactions on a database that goes away and comes back, and migrations, on both engines."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine, inspect, select, text
from sqlalchemy.exc import IntegrityError

import bot.app  # noqa: F401 -- declares every table
from bot.conversation.person import Person
from bot.students import Student, save_person
from integrations.database import Base, Database, DatabaseUnavailable, utc_now
from integrations.database.address import read_address
from integrations.database.engine import HELD, lock_number, take_lock
from integrations.database.schema import NewerTables, alembic_config, upgrade
from tests.postgres import Postgres


async def add(database: Database, telegram_id: int) -> None:
    async with database.begin() as session:
        await save_person(session, telegram_id, Person())


async def known(database: Database) -> list[int]:
    async with database.begin() as session:
        return sorted(await session.scalars(select(Student.telegram_id)))


async def test_a_restarted_server_is_not_noticed_by_who_comes_later(on_postgres: Database, postgres: Postgres) -> None:
    await asyncio.gather(*(add(on_postgres, number) for number in range(1, 9)))
    postgres.stop()
    postgres.start()
    await add(on_postgres, 9)
    assert await known(on_postgres) == list(range(1, 10))


async def test_a_server_that_is_away_is_told_and_what_comes_after_works(
    on_postgres: Database, postgres: Postgres
) -> None:
    await add(on_postgres, 1)
    postgres.stop()
    for _ in range(3):
        with pytest.raises(DatabaseUnavailable):
            await add(on_postgres, 2)
    postgres.start()
    await add(on_postgres, 3)
    assert await known(on_postgres) == [1, 3]


@pytest.mark.parametrize("end", [Postgres.stop, Postgres.kill], ids=["stopped", "killed"])
async def test_a_server_that_ends_in_the_middle_of_a_transaction_keeps_nothing_of_it(
    on_postgres: Database, postgres: Postgres, end: Callable[[Postgres], None]
) -> None:
    async def break_off() -> None:
        async with on_postgres.begin() as session:
            await save_person(session, 1, Person())
            await session.flush()
            end(postgres)
            await save_person(session, 2, Person())

    with pytest.raises(DatabaseUnavailable):
        await break_off()
    postgres.start()
    await add(on_postgres, 3)
    assert await known(on_postgres) == [3]


async def test_a_full_server_is_told_and_works_again_when_there_is_room(
    on_postgres: Database, postgres: Postgres
) -> None:
    name = str(on_postgres.url.database)
    postgres.execute("CREATE ROLE guest LOGIN IN ROLE pg_write_all_data, pg_read_all_data")
    postgres.execute(f"ALTER DATABASE {name} CONNECTION LIMIT 1")
    first, second = (Database(postgres.url(name, "guest")) for _ in range(2))
    await add(first, 1)
    with pytest.raises(DatabaseUnavailable, match="too many connections"):
        await add(second, 2)
    await first.close()
    postgres.execute(f"ALTER DATABASE {name} CONNECTION LIMIT 2")  # the first may not have left yet
    await add(second, 3)
    await second.close()
    assert await known(on_postgres) == [1, 3]


async def test_sixty_four_at_once_share_the_connections(on_postgres: Database, postgres: Postgres) -> None:
    await asyncio.gather(*(add(on_postgres, number) for number in range(64)))
    assert await known(on_postgres) == list(range(64))
    used = f"SELECT count(*) FROM pg_stat_activity WHERE datname = '{on_postgres.url.database}'"
    assert postgres.execute(used) == [(16,)]


async def test_what_stands_still_is_ended_by_the_server(on_postgres: Database) -> None:
    async with on_postgres.begin() as session:
        found = {
            name: await session.scalar(select(text(f"current_setting('{name}')")))
            for name in ("statement_timeout", "idle_in_transaction_session_timeout", "application_name")
        }
    assert found == {
        "statement_timeout": "20s",
        "idle_in_transaction_session_timeout": "1min",
        "application_name": "biciulis",
    }


async def test_what_is_told_of_a_refused_row_names_no_values(database: Database) -> None:
    async def add_nothing() -> None:
        async with database.begin() as session:
            session.add(Student(telegram_id=4_711_000_815, person={}, first_seen=utc_now()))

    with pytest.raises(DatabaseUnavailable) as told:
        await add_nothing()
    assert isinstance(told.value.__cause__, IntegrityError)
    assert "last_seen" in str(told.value)
    assert "4711000815" not in str(told.value)


async def test_a_moment_comes_back_in_utc_whatever_the_server_lives_by(database: Database) -> None:
    noon = datetime(2026, 11, 24, 12, tzinfo=ZoneInfo("Europe/Vilnius"))
    async with database.begin() as session:
        if database.is_postgres:
            await session.execute(text("SET LOCAL TIME ZONE 'Asia/Tashkent'"))
        session.add(Student(telegram_id=1, person={}, first_seen=noon, last_seen=noon))
        await session.flush()
        session.expire_all()
        seen = await session.scalar(select(Student.first_seen))
    assert seen == noon
    assert seen.tzinfo == UTC


@pytest.mark.parametrize(
    ("given", "used"),
    [
        ("postgresql://bot:se%40cret@db/biciulis", "postgresql+psycopg://bot:se%40cret@db/biciulis"),
        ("postgresql+psycopg://db/biciulis", "postgresql+psycopg://db/biciulis"),
        ("sqlite:////srv/biciulis.sqlite", "sqlite+aiosqlite:////srv/biciulis.sqlite"),
    ],
)
def test_an_address_needs_no_driver(given: str, used: str) -> None:
    assert read_address(given).render_as_string(hide_password=False) == used


@pytest.mark.parametrize("given", ["biciulis.sqlite", "mysql://db/biciulis", "postgresql", "postgres://db/x:y:z@"])
def test_what_is_no_address_of_a_database_of_ours_is_refused(given: str) -> None:
    with pytest.raises(ValueError, match="is no database address"):
        read_address(given)


@pytest.fixture(params=["sqlite", "postgresql"])
def empty(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a database with nothing in it."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/new/biciulis.sqlite"
    postgres: Postgres = request.getfixturevalue("postgres")
    return postgres.url(postgres.create())


def tables(url: str) -> set[str]:
    engine = create_engine(url)
    try:
        return set(inspect(engine).get_table_names())
    finally:
        engine.dispose()


def test_migrations_make_exactly_the_tables_that_are_declared_and_take_them_away_again(empty: str) -> None:
    upgrade(empty)
    assert tables(empty) == {"alembic_version", *Base.metadata.tables}
    engine = create_engine(empty)
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), Base.metadata) == []
    engine.dispose()
    command.downgrade(alembic_config(read_address(empty)), "base")
    assert tables(empty) == {"alembic_version"}
    upgrade(empty)
    assert tables(empty) == {"alembic_version", *Base.metadata.tables}


def test_who_finds_the_tables_of_a_newer_version_leaves_them_alone(empty: str) -> None:
    upgrade(empty)
    engine = create_engine(empty)
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    engine.dispose()
    with pytest.raises(NewerTables, match="newer version"):
        upgrade(empty)
    assert tables(empty) == {"alembic_version", *Base.metadata.tables}


async def test_processes_that_start_at_once_on_a_new_server_migrate_one_after_the_other(postgres: Postgres) -> None:
    name = postgres.create()
    program = f"from integrations.database.schema import upgrade; upgrade({postgres.url(name)!r})"
    waiting = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
    async with Database(postgres.url(name)).connect() as connection:
        await take_lock(connection, HELD, lock_number("migration"))
        processes = [await asyncio.create_subprocess_exec(sys.executable, "-c", program) for _ in range(2)]
        async with asyncio.timeout(60):
            while postgres.execute(waiting) != [(2,)]:  # noqa: ASYNC110 -- the server tells nobody
                await asyncio.sleep(0.05)
        assert tables(postgres.url(name)) == set()
    assert [await each.wait() for each in processes] == [0, 0]
    assert "inbox" in tables(postgres.url(name))


def test_migrating_on_a_server_that_is_away_is_told() -> None:
    with pytest.raises(DatabaseUnavailable, match="refused"):
        upgrade("postgresql://nobody@127.0.0.1:1/nothing")
