"""Processes that work on one database: who is up, who may write, and how one wakes another."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, suppress
from pathlib import Path

import pytest
from sqlalchemy import select, text

from bot.conversation.person import Person
from bot.students import Student, save_person
from integrations.database import Database, DatabaseUnavailable, Occupied, Peers, engine, join
from tests.postgres import Postgres

SECONDS = 20


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "SECONDS_BETWEEN_TRIES", 0.05)


@pytest.fixture
async def pair(postgres: Postgres) -> AsyncIterator[tuple[Database, Database]]:
    """One database on PostgreSQL as two processes have it."""
    url = postgres.url(postgres.create())
    pair = Database(url), Database(url)
    yield pair
    for each in pair:
        await each.close()


async def alive(database: Database, peers: Peers) -> set[int]:
    async with database.begin() as session:
        return await peers.alive(session)


async def ring(database: Database, peers: Peers, name: str) -> None:
    async with database.begin() as session:
        await peers.ring(session, name)


async def heard(bell: asyncio.Event) -> None:
    async with asyncio.timeout(SECONDS):
        await bell.wait()
    bell.clear()


async def test_who_works_alone_is_up_and_wakes_itself(database: Database) -> None:
    async with join(database) as peers:
        assert await alive(database, peers) == {peers.number}
        bell = peers.bell("work")
        assert not bell.is_set()
        await ring(database, peers, "work")
        await heard(bell)


async def test_nobody_is_woken_by_what_was_not_committed(database: Database) -> None:
    async with join(database) as peers:
        bells = peers.bell("first"), peers.bell("second")
        with suppress(LookupError):
            async with database.begin() as session:
                await peers.ring(session, "first")
                raise LookupError
        async with database.begin() as session:
            await peers.ring(session, "second")
            await asyncio.sleep(0)
            assert not bells[1].is_set()
        await heard(bells[1])
        assert not bells[0].is_set()


async def test_a_process_that_comes_again_has_another_number(database: Database) -> None:
    numbers = []
    for _ in range(2):
        async with join(database) as peers:
            numbers.append(peers.number)
    assert len(set(numbers)) == 2


async def test_a_second_process_on_sqlite_is_refused_until_the_first_has_ended(tmp_path: Path) -> None:
    first, second = (Database(f"sqlite:///{tmp_path}/biciulis.sqlite") for _ in range(2))
    async with join(first):
        with pytest.raises(Occupied, match="Another process works on"):
            await AsyncExitStack().enter_async_context(join(second))
    async with join(second):
        pass
    await first.close()
    await second.close()


async def test_peers_on_postgresql_see_and_wake_each_other(pair: tuple[Database, Database], postgres: Postgres) -> None:
    elsewhere = Database(postgres.url(postgres.create()))
    async with join(pair[0]) as one, join(elsewhere) as stranger:
        async with join(pair[1]) as two:
            assert await alive(pair[0], one) == await alive(pair[1], two) == {one.number, two.number}
            assert await alive(elsewhere, stranger) == {stranger.number}
            bell, too_far = two.bell("work"), stranger.bell("work")
            await ring(pair[0], one, "work")
            await heard(bell)
            assert not too_far.is_set()
        assert await alive(pair[0], one) == {one.number}
    await elsewhere.close()


async def test_a_killed_server_is_come_back_to_with_the_same_number(
    pair: tuple[Database, Database], postgres: Postgres
) -> None:
    async with join(pair[0]) as one, join(pair[1]) as two:
        bells = one.bell("work"), two.bell("work")
        postgres.kill()
        with pytest.raises(DatabaseUnavailable):
            await alive(pair[0], one)
        postgres.start()
        for bell in bells:
            await heard(bell)  # something may have been rung meanwhile
        assert await alive(pair[0], one) == {one.number, two.number}
        await ring(pair[0], one, "work")
        await heard(bells[1])


async def test_a_server_that_is_away_at_the_start_is_told() -> None:
    database = Database("postgresql://nobody@127.0.0.1:1/nothing")
    with pytest.raises(DatabaseUnavailable, match="refused"):
        await AsyncExitStack().enter_async_context(join(database))
    await database.close()


async def test_a_name_is_held_by_one_at_a_time(pair: tuple[Database, Database]) -> None:
    order = []

    async def wait() -> None:
        async with pair[1].hold("sender"):
            order.append("second")

    async with pair[0].hold("sender") as held, pair[1].hold("another name"):
        waiting = asyncio.create_task(wait())
        for _ in range(5):
            async with held.begin() as session:
                await session.execute(text("SELECT 1"))
            await asyncio.sleep(engine.SECONDS_BETWEEN_TRIES)
        order.append("first")
    async with asyncio.timeout(SECONDS):
        await waiting
    assert order == ["first", "second"]


async def test_who_has_lost_the_hold_writes_nothing_more(pair: tuple[Database, Database], postgres: Postgres) -> None:
    postgres.execute("CREATE TABLE written (who text)", name := str(pair[0].url.database))
    async with pair[0].hold("sender") as held:
        postgres.execute("SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory'")
        for _ in range(3):
            with pytest.raises(DatabaseUnavailable):
                async with held.begin() as session:
                    await session.execute(text("INSERT INTO written VALUES ('me')"))
    async with pair[1].hold("sender") as held, held.begin() as session:
        await session.execute(text("INSERT INTO written VALUES ('another')"))
    assert postgres.execute("SELECT who FROM written", name) == [("another",)]


async def test_transactions_of_who_holds_come_one_after_the_other(database: Database) -> None:
    async with database.hold("sender") as held:
        began = asyncio.Event()

        async def begin_and_break_off() -> None:
            async with held.begin() as session:
                await save_person(session, 1, Person())
                await session.flush()
                began.set()
                for _ in range(9):
                    await session.execute(text("SELECT 1"))
                raise LookupError

        async def write() -> None:
            await began.wait()
            async with held.begin() as session:
                await save_person(session, 2, Person())

        broken_off, written = await asyncio.gather(begin_and_break_off(), write(), return_exceptions=True)
    assert isinstance(broken_off, LookupError)
    assert written is None
    async with database.begin() as session:
        assert list(await session.scalars(select(Student.telegram_id))) == [2]


async def test_an_error_of_what_is_done_while_holding_is_passed_on(database: Database) -> None:
    with pytest.raises(ConnectionResetError):
        async with database.hold("sender"):
            raise ConnectionResetError("Telegram's")
