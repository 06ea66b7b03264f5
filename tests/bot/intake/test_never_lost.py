"""Whatever happens to the bot, to Telegram and to the database: every message is answered, in order."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest
from telegram.error import InvalidToken

from bot.intake.inbox import MOST_ATTEMPTS
from integrations.database import engine
from tests.conftest import ScriptedNlu
from tests.load.crowd import write
from tests.load.questions import QUESTIONS
from tests.telegram_server.chat import SECONDS
from tests.telegram_server.running import running
from tests.telegram_server.server import BOT, DROP, StandIn

# A figure of python-telegram-bot's that will change its type: we read it as either.
pytestmark = pytest.mark.filterwarnings("ignore:Deprecated since version v22.2:DeprecationWarning")

ROOT = Path(__file__).parents[3]
CHATS = range(1001, 1011)
WENT_WRONG = "Something went wrong on our side. Please try again in a minute, or write to international@ktu.lt."


def write_everything(server: StandIn) -> None:
    """A hundred messages, ten of each chat, all mixed."""
    for question in QUESTIONS:
        for chat in CHATS:
            write(server, chat, question)


def read(server: StandIn, chat: int) -> list[str]:
    """How the bot's messages in a chat begin, the oldest first."""
    found = [message for (place, _), message in server.messages.items() if place == chat]
    return [message["text"].splitlines()[0] for message in found if message["from"] == BOT]


def sent(server: StandIn) -> int:
    return sum(len(read(server, chat)) for chat in CHATS)


@asynccontextmanager
async def process(server: StandIn, folder: Path) -> AsyncIterator[asyncio.subprocess.Process]:
    """The bot in its own process; whoever lets it live to the end stops it as an operator does."""
    log = (folder / "log.txt").open("ab")
    started = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.bot.intake.bot_process", server.url, folder, cwd=ROOT, stderr=log, stdout=log
    )
    try:
        yield started
        if started.returncode is None:
            started.terminate()
            async with asyncio.timeout(SECONDS):
                assert await started.wait() == 0
    finally:
        log.close()
        if started.returncode is None:
            started.kill()
            await started.wait()


async def until(server: StandIn, messages: int) -> None:
    async with asyncio.timeout(SECONDS):
        await server.until(lambda: sent(server) >= messages)


async def until_all_is_done(folder: Path) -> None:
    """The database tells nobody."""
    async with asyncio.timeout(SECONDS):
        with closing(sqlite3.connect(folder / "biciulis.sqlite")) as connection:
            while connection.execute("SELECT 1 FROM inbox WHERE done_at IS NULL").fetchone():  # noqa: ASYNC110
                await asyncio.sleep(0.02)


async def test_killed_among_a_hundred_messages_the_bot_answers_all_in_order(
    server: StandIn, folder: Path, answers: list[str]
) -> None:
    write_everything(server)
    kills = (20, 60)  # messages after which it is killed
    for messages in kills:
        async with process(server, folder) as bot:
            await until(server, messages)
            bot.kill()
            await bot.wait()
    async with process(server, folder):
        await until(server, 100)
        await asyncio.sleep(0.1)
        await until_all_is_done(folder)
    for chat in CHATS:
        texts = read(server, chat)
        assert [text for text, _ in groupby(texts)] == answers
        assert len(texts) <= len(answers) + len(kills)


async def test_stopped_among_a_hundred_messages_the_bot_answers_each_once(
    server: StandIn, folder: Path, answers: list[str]
) -> None:
    write_everything(server)
    for messages in (20, 60):
        async with process(server, folder):
            await until(server, messages)
    async with process(server, folder):
        await until(server, 100)
        await until_all_is_done(folder)
    assert {chat: read(server, chat) for chat in CHATS} == dict.fromkeys(CHATS, answers)


async def test_a_message_that_telegram_sends_ten_times_is_answered_once(
    server: StandIn, folder: Path, nlu: ScriptedNlu, answers: list[str]
) -> None:
    async with running(server, folder, nlu) as bot:
        first = write(server, 1001, QUESTIONS[0])
        server.repeat(first, 4)
        await until(server, 1)
        for _ in range(5):
            server.repeat(first, 1)
            await server.until(lambda: not server._again)
        await bot.chat(1001).says(QUESTIONS[1])
    async with running(server, folder, nlu) as bot:
        server.repeat(first, 1)
        await bot.chat(1001).says(QUESTIONS[2])
    assert read(server, 1001) == answers[:3]


CUT = b'{"ok":true,"result":[{"update_id":9,"message":{"text":"my secret'


@pytest.mark.parametrize(
    ("failure", "events"),
    [
        (429, ["telegram_unreachable"]),
        (500, ["telegram_unreachable"]),
        (502, ["telegram_unreachable"]),
        (409, ["another_process_polls"]),
        (DROP, ["telegram_unreachable"]),
        (CUT, ["telegram_unreachable", "telegram.request.BaseRequest"]),
        (b"<html>Welcome to the airport's network!</html>", ["telegram_unreachable", "telegram.request.BaseRequest"]),
        (b"[]", ["telegram_not_understood"]),
        (b"{}", ["telegram_not_understood"]),
        (b'{"ok":true,"result":{"update_id":9}}', ["telegram_not_understood"]),
        (b'{"ok":true,"result":[{"message":{}}]}', ["telegram_not_understood"]),
    ],
)
async def test_whatever_telegram_answers_instead_everything_arrives_in_the_end(
    server: StandIn, folder: Path, nlu: ScriptedNlu, answers: list[str], failure: int | bytes, events: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr("bot.intake.poller.FIRST_PAUSE", 0.01)
    async with running(server, folder, nlu) as bot:
        server.fail("getUpdates", *[failure] * 3)
        write_everything(server)
        await until(server, 100)
        found = bot.troubles.take("telegram.request.BaseRequest", *events)
        assert {event.split(":")[0] for event in found} == set(events)
        await until_all_is_done(folder)
    assert {chat: read(server, chat) for chat in CHATS} == dict.fromkeys(CHATS, answers)


async def test_a_token_that_is_revoked_ends_the_bot(server: StandIn, folder: Path, nlu: ScriptedNlu) -> None:
    async def live() -> None:
        async with running(server, folder, nlu) as bot:
            server.fail("getUpdates", 401)
            write(server, 1001, QUESTIONS[0])
            await bot.until_logged("stopping")

    with pytest.raises(InvalidToken):
        await live()


async def test_an_update_that_nobody_can_read_keeps_no_other_out(
    server: StandIn, folder: Path, nlu: ScriptedNlu, answers: list[str]
) -> None:
    async with running(server, folder, nlu) as bot:
        server.update("message", {"chat": "of the future"})
        write(server, 1001, QUESTIONS[0])
        await until(server, 1)
        await until_all_is_done(folder)
        assert bot.troubles.take("update_not_read") == ["update_not_read"]
    assert read(server, 1001) == answers[:1]


async def test_while_the_database_is_locked_nothing_is_confirmed_and_afterwards_everything_is_answered(
    server: StandIn, folder: Path, nlu: ScriptedNlu, answers: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "BUSY_SECONDS", 0.05)
    monkeypatch.setattr("bot.intake.poller.FIRST_PAUSE", 0.01)
    async with running(server, folder, nlu) as bot:
        with closing(sqlite3.connect(bot.database, isolation_level=None, check_same_thread=False)) as connection:
            await asyncio.to_thread(connection.execute, "BEGIN EXCLUSIVE")
            first = write(server, 1001, QUESTIONS[0])
            await bot.until_logged("updates_not_kept")
            await asyncio.sleep(0.1)
            assert (server.offset, read(server, 1001)) == (0, [])
            connection.execute("ROLLBACK")
        await until(server, 1)
        await until_all_is_done(folder)
        await server.until(lambda: server.offset > first["update_id"])
        # The worker may look into the table just then.
        assert "updates_not_kept" in bot.troubles.take(
            "updates_not_kept", "inbox_not_read", "outbox_not_read", "jobs_not_read"
        )
    assert read(server, 1001) == answers[:1]


async def test_what_the_process_died_of_three_times_is_excused_and_the_chat_goes_on(
    server: StandIn, folder: Path, nlu: ScriptedNlu, answers: list[str]
) -> None:
    async with running(server, folder, nlu) as bot:
        await bot.chat(1001).says(QUESTIONS[0])
    poison = write(server, 1001, QUESTIONS[1])["message"]
    old = "2026-11-20 00:00:00.000000"
    with closing(sqlite3.connect(folder / "biciulis.sqlite")) as connection, connection:
        connection.execute(
            "INSERT INTO inbox (update_id, chat_id, telegram_id, body, received_at, attempts, claimed_by)"
            " VALUES (900, 1001, 1001, ?, ?, ?, 7)",
            (json.dumps({"update_id": 900, "message": poison}), old, MOST_ATTEMPTS),
        )
    async with running(server, folder, nlu) as bot:
        await until(server, 3)
        await until_all_is_done(folder)
        assert bot.troubles.take("update_given_up", "update_failed") == ["update_given_up", "update_failed"]
    assert sorted(read(server, 1001)) == sorted([answers[0], answers[1], WENT_WRONG])


async def test_a_message_of_the_day_before_yesterday_is_answered_as_any_other(
    server: StandIn, folder: Path, nlu: ScriptedNlu, answers: list[str]
) -> None:
    async with running(server, folder, nlu):
        message = write(server, 1001, QUESTIONS[0])["message"]
        await until(server, 1)
        server.update("message", message | {"message_id": server.number("message"), "date": message["date"] - 172_800})
        await until(server, 2)
        await until_all_is_done(folder)
    assert read(server, 1001) == [answers[0], answers[0]]


async def test_a_slow_chat_holds_up_no_other(
    server: StandIn, folder: Path, nlu: ScriptedNlu, answers: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    parse, freed = nlu.parse, asyncio.Event()

    async def parse_slowly(text: str) -> Any:
        if text == QUESTIONS[0]:
            await freed.wait()
        return await parse(text)

    monkeypatch.setattr(nlu, "parse", parse_slowly)
    async with running(server, folder, nlu):
        for question in QUESTIONS[:2]:
            write(server, 1001, question)
        write(server, 1002, QUESTIONS[1])
        await until(server, 1)
        assert [read(server, chat) for chat in (1001, 1002)] == [[], [answers[1]]]
        freed.set()
        await until(server, 3)
        await until_all_is_done(folder)
    assert read(server, 1001) == answers[:2]


async def test_what_is_being_answered_when_the_bot_is_stopped_is_answered_once(
    server: StandIn, folder: Path, nlu: ScriptedNlu, answers: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    parse, begun = nlu.parse, asyncio.Event()

    async def parse_slowly(text: str) -> Any:
        begun.set()
        await asyncio.sleep(0.5)
        return await parse(text)

    monkeypatch.setattr(nlu, "parse", parse_slowly)
    async with running(server, folder, nlu):
        for question in QUESTIONS[:2]:
            write(server, 1001, question)
        await begun.wait()
    assert read(server, 1001) == answers[:1]
    async with running(server, folder, nlu):
        await until(server, 2)
        await until_all_is_done(folder)
    assert read(server, 1001) == answers[:2]
