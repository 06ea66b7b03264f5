"""The published content in memory, kept up to date."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import replace

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from integrations.database import Database
from responses.content import Content
from responses.library import Library, NothingPublished
from responses.publishing import publish


class WatchedDatabase(Database):
    """The real database; counts how often somebody looked."""

    looks = 0

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncSession]:
        self.looks += 1
        async with super().read() as session:
            yield session


async def until(reached: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not reached():  # noqa: ASYNC110 - what we wait for tells nobody
            await asyncio.sleep(0.005)


@asynccontextmanager
async def following(library: Library) -> AsyncIterator[asyncio.Task[None]]:
    task = asyncio.create_task(library.follow())
    try:
        yield task
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


@pytest.fixture
async def watched(address: str) -> AsyncIterator[WatchedDatabase]:
    database = WatchedDatabase(address)
    yield database
    await database.close()


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("responses.library.SECONDS_BETWEEN_LOOKS", 0.01)


def renamed(small: Content) -> Content:
    return replace(small, areas={**small.areas, "en": {"visa": "Visas", "talk": "Talk"}})


async def test_nothing_published_is_said_on_opening_and_on_asking(database: Database) -> None:
    library = Library(database)
    with pytest.raises(NothingPublished):
        await library.open()
    with pytest.raises(NothingPublished):
        library.current()


async def test_what_is_published_is_current_after_opening(database: Database, small: Content) -> None:
    await publish(database, small, by="ona")
    library = Library(database)
    await library.open()
    assert library.current().areas("en") == {"visa": "Visa", "talk": "Small talk"}
    assert library.current() is library.current()


@pytest.mark.usefixtures("hurried")
async def test_a_new_publication_is_taken_up(database: Database, small: Content) -> None:
    await publish(database, small, by="ona")
    library = Library(database)
    await library.open()
    before = library.current()
    async with following(library):
        await publish(database, renamed(small), by="ona")
        await until(lambda: library.current() is not before)
    assert library.current().areas("en") == {"visa": "Visas", "talk": "Talk"}
    assert before.areas("en") == {"visa": "Visa", "talk": "Small talk"}  # who holds it keeps it whole


@pytest.mark.usefixtures("hurried")
async def test_the_same_publication_is_not_read_again(watched: WatchedDatabase, small: Content) -> None:
    await publish(watched, small, by="ona")
    library = Library(watched)
    await library.open()
    before = library.current()
    async with following(library):
        looks = watched.looks
        await until(lambda: watched.looks >= looks + 3)
    assert library.current() is before


@pytest.mark.usefixtures("hurried")
async def test_the_old_content_stays_while_the_database_is_away_and_the_new_is_taken_up_after(
    watched: WatchedDatabase, small: Content
) -> None:
    async def execute(statement: str) -> None:
        async with watched.connect() as connection:
            await connection.execute(text(statement))
            await connection.commit()

    await publish(watched, small, by="ona")
    library = Library(watched)
    await library.open()
    before = library.current()
    await execute("ALTER TABLE publication RENAME TO away")
    async with following(library) as task:
        looks = watched.looks
        await until(lambda: watched.looks >= looks + 3)  # two of them failed, and it still looks
        assert library.current() is before
        assert not task.done()
        await execute("ALTER TABLE away RENAME TO publication")
        await publish(watched, renamed(small), by="ona")
        await until(lambda: library.current() is not before)
    assert library.current().areas("en")["visa"] == "Visas"
