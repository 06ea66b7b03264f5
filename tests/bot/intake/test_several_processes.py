"""Several processes on one PostgreSQL: one is stopped or killed while people write, and nobody notices."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from itertools import groupby, islice
from pathlib import Path

import httpx2
import pytest
from sqlalchemy import text
from telegram import Bot

from bot.intake.inbox import Inbox
from bot.intake.poller import Poller
from integrations.database import Database, join
from tests.load.crowd import write
from tests.load.programs import Program, free_port
from tests.load.questions import QUESTIONS
from tests.postgres import Postgres
from tests.telegram_server.server import TOKEN, StandIn

SECONDS = 60  # after this a step has hung
CHATS = range(1001, 1021)
ASKED = QUESTIONS[:5]  # in each chat: a hundred messages
WAITS = "SELECT EXISTS (SELECT FROM inbox WHERE done_at IS NULL) OR EXISTS (SELECT FROM outbox)"


@pytest.fixture
def url(postgres: Postgres, migrated_postgres: str) -> Iterator[str]:
    """A database in which nothing is published yet: of those who start at once, one does that."""
    name = postgres.create(migrated_postgres)
    yield postgres.url(name)
    assert postgres.execute("SELECT number, by FROM publication", name) == [(1, "first start")]
    postgres.drop(name)


class People:
    """They write their messages a few at a time, all mixed."""

    def __init__(self, server: StandIn) -> None:
        self._server = server
        self._left = iter([(chat, question) for question in ASKED for chat in CHATS])
        self.written = 0

    def write(self, messages: int) -> None:
        for chat, question in islice(self._left, messages):
            write(self._server, chat, question)
            self.written += 1

    async def until_answered(self, messages: int) -> None:
        async with asyncio.timeout(SECONDS):
            await self._server.until(lambda: len(self._server.sent.all) >= messages)

    def read(self, chat: int) -> list[str]:
        """How the bot's messages in a chat begin, the oldest first."""
        return [message.splitlines()[0] for message in self._server.sent.texts(chat)]


@pytest.fixture
def people(server: StandIn) -> People:
    return People(server)


@asynccontextmanager
async def polling(server: StandIn, url: str) -> AsyncIterator[Database]:
    """What is written is kept in the database meanwhile."""
    database, stopping = Database(url), asyncio.Event()
    async with join(database) as peers, Bot(TOKEN, base_url=f"{server.url}/bot") as bot:
        following = asyncio.create_task(Poller(bot, Inbox(database, peers)).follow(stopping))
        yield database
        stopping.set()
        await following
    await database.close()


@asynccontextmanager
async def two_workers(server: StandIn, folder: Path, url: str) -> AsyncIterator[list[Program]]:
    """Who still lives in the end is stopped, and goes in peace."""
    both = [worker(server, folder, url, name) for name in ("one", "two")]
    try:
        for program in both:
            await program.start()
        await asyncio.gather(*map(until_ready, both))
        yield both
        up = [program for program in both if not program.has_ended]
        assert await asyncio.gather(*(program.stop() for program in up)) == [0] * len(up)
    finally:
        for program in both:
            await program.kill()


def worker(server: StandIn, folder: Path, url: str, name: str) -> Program:
    pages = f"127.0.0.1:{free_port()}"
    command = [sys.executable, "-m", "tests.bot.intake.bot_process", server.url, str(folder), url, pages]
    return Program(name, command, os.environ, folder / f"{name}.log", url=f"http://{pages}")


async def until_ready(program: Program) -> None:
    """As who restarts one after the other waits: until its page says that it works."""
    async with asyncio.timeout(SECONDS), httpx2.AsyncClient() as http:
        await program.until_answering()
        while (await http.get(f"{program.url}/readyz")).status_code != 200:  # noqa: ASYNC110 -- it tells nobody
            await asyncio.sleep(0.05)


async def until_all_is_done(database: Database) -> None:
    """Nothing waits to be answered or sent: the database tells nobody."""
    async with asyncio.timeout(SECONDS):
        while True:
            async with database.read() as session:
                if not await session.scalar(text(WAITS)):
                    return
            await asyncio.sleep(0.02)


async def test_restarted_one_after_the_other_they_answer_each_message_once_and_in_order(
    server: StandIn, folder: Path, url: str, people: People, answers: list[str]
) -> None:
    async with polling(server, url) as database, two_workers(server, folder, url) as both:
        for program in both:
            answered = people.written
            people.write(25)
            await people.until_answered(answered + 5)
            stopping = asyncio.create_task(program.stop())
            people.write(25)
            assert await stopping == 0
            await people.until_answered(people.written)  # by the other alone
            await program.start()
            await until_ready(program)
        await until_all_is_done(database)
    assert {chat: people.read(chat) for chat in CHATS} == dict.fromkeys(CHATS, answers[: len(ASKED)])


async def test_when_one_is_killed_the_other_answers_what_it_had(
    server: StandIn, folder: Path, url: str, people: People, answers: list[str]
) -> None:
    async with polling(server, url) as database, two_workers(server, folder, url) as both:
        people.write(60)
        await people.until_answered(10)
        await both[0].kill()
        people.write(40)
        await people.until_answered(100)
        await until_all_is_done(database)
    for chat in CHATS:
        firsts = people.read(chat)
        assert [first for first, _ in groupby(firsts)] == answers[: len(ASKED)]
        assert len(firsts) <= len(ASKED) + 1  # what was being sent comes again
