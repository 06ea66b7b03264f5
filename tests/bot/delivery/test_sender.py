"""The sender with a real database, over real HTTP: in order, at Telegram's pace, whatever goes wrong."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest
import structlog
from sqlalchemy import select
from telegram import Bot
from telegram.error import InvalidToken
from telegram.request import HTTPXRequest

from bot.delivery import outbox, sender
from bot.delivery.calls import Later
from bot.delivery.outbox import Kind, Outgoing, Parcel
from bot.delivery.pace import Limits
from bot.delivery.sender import Sender
from bot.journal import Exchange, forget
from bot.logs import set_up_logs
from integrations.database import Database, engine, utc_now
from tests.postgres import Postgres
from tests.telegram_server import faults
from tests.telegram_server.faults import Fault, refusal, too_many
from tests.telegram_server.running import UNLIMITED
from tests.telegram_server.server import TOKEN, StandIn

# A figure of python-telegram-bot's that will change its type: we read it as either.
pytestmark = pytest.mark.filterwarnings("ignore:Deprecated since version v22.2:DeprecationWarning")

SECONDS = 30
ANNA, BEN, GROUP, STAFF = 1001, 1002, -1003, -1004
PEOPLE = range(1001, 1011)
BLOCKED = "Forbidden: bot was blocked by the user"


def message(text: str, chat: int = ANNA, kind: Kind = "reply", **more: Any) -> Outgoing:
    return Outgoing(chat, "sendMessage", {"text": text}, kind, **more)


@dataclass
class Office:
    """Senders on one database, and what they are given."""

    server: StandIn
    bot: Bot
    database: Database
    news: asyncio.Event = field(default_factory=asyncio.Event)

    async def put(self, *messages: Outgoing) -> None:
        for each in messages:
            kind = "private" if each.chat_id > 0 else "supergroup"
            if each.chat_id != STAFF:
                self.server.chats.setdefault(each.chat_id, {"id": each.chat_id, "type": kind})
        async with self.database.begin() as session:
            await outbox.put(session, messages)
        self.news.set()

    @asynccontextmanager
    async def sending(self, limits: Limits = UNLIMITED) -> AsyncIterator[Sender]:
        """A sender, until it is told to stop."""
        stopping, sender = asyncio.Event(), Sender(self.bot, self.database, self.news, limits)
        following = asyncio.create_task(sender.follow(stopping))
        try:
            yield sender
        finally:
            stopping.set()
            async with asyncio.timeout(SECONDS):
                await following

    async def send_all(self, limits: Limits = UNLIMITED) -> None:
        async with self.sending(limits):
            await self.until_empty()

    async def rows(self) -> list[Parcel]:
        async with self.database.read() as session:
            return list(await session.scalars(select(Parcel).order_by(Parcel.id)))

    async def waiting(self) -> list[str]:
        return [each.parameters["text"] for each in await self.rows() if not each.failed_at]

    async def failures(self) -> list[tuple[int, str | None]]:
        return [(each.chat_id, each.failure) for each in await self.rows() if each.failed_at]

    async def until_empty(self) -> None:
        async with asyncio.timeout(SECONDS):
            while await self.waiting():  # noqa: ASYNC110 -- the database tells nobody
                await asyncio.sleep(0.01)

    async def until_sent(self, count: int) -> None:
        async with asyncio.timeout(SECONDS):
            await self.server.until(lambda: len(self.server.sent.all) >= count)

    async def until_called(self, count: int) -> None:
        async with asyncio.timeout(SECONDS):
            await self.server.until(lambda: len(self.server.called("sendMessage")) >= count)


@asynccontextmanager
async def opened(server: StandIn, address: str) -> AsyncIterator[Office]:
    request = HTTPXRequest(connection_pool_size=256, read_timeout=0.5)
    database = Database(address)
    async with Bot(TOKEN, f"{server.url}/bot", request=request) as bot:
        yield Office(server, bot, database)
    await database.close()


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sender, "FIRST_PAUSE", 0.02)
    monkeypatch.setattr(sender, "PAUSE", 0.02)
    monkeypatch.setattr(engine, "SECONDS_BETWEEN_TRIES", 0.02)


@pytest.fixture
def file(tmp_path: Path, migrated_sqlite: Path) -> Path:
    return Path(shutil.copy(migrated_sqlite, tmp_path))


@pytest.fixture
async def office(server: StandIn, file: Path) -> AsyncIterator[Office]:
    async with opened(server, f"sqlite:///{file}") as office:
        yield office


def talk(count: int, chats: Any = PEOPLE) -> list[Outgoing]:
    """So many messages for each chat, all mixed."""
    return [message(f"{number}", chat) for number in range(count) for chat in chats]


def numbers(count: int) -> list[str]:
    return [f"{number}" for number in range(count)]


# What is sent


async def test_what_was_put_before_and_what_comes_is_sent_in_order(office: Office) -> None:
    await office.put(*talk(3))
    async with office.sending():
        await office.until_empty()
        await office.put(*(message("3", chat) for chat in PEOPLE))
        await office.until_empty()
    assert {chat: office.server.sent.texts(chat) for chat in PEOPLE} == dict.fromkeys(PEOPLE, numbers(4))


async def test_replies_overtake_a_thousand_notices(office: Office) -> None:
    await office.put(*(message("notice", 10_000 + number, "notice") for number in range(1000)))
    async with office.sending(Limits(in_all=10)):
        await office.until_sent(1)
        before = len(office.server.sent.all)
        await office.put(message("reply"), message("reply", 10_999))
        async with asyncio.timeout(SECONDS):
            await office.server.until(lambda: "reply" in office.server.sent.texts(10_999))
        assert len(office.server.sent.all) <= before + 2 * 10 + 2
    assert len(await office.waiting()) > 900


# Limits


async def test_no_limit_is_broken(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.delivery.pace.MINUTE", 1.5)
    await office.put(*talk(1), *talk(3, [ANNA]), *talk(5, [GROUP]))
    await office.send_all(Limits(in_all=8, between=0.4, per_group=2))
    sent = office.server.sent
    assert len(sent.all) == 18
    assert sent.most(1.0) <= 8
    assert sent.most_to_a_chat(0.4) == 1
    assert sent.most_to_a_group(1.5) <= 2


async def test_changing_messages_makes_nobody_wait(office: Office) -> None:
    await office.put(message("0"))
    await office.send_all()
    [shown] = [number for _, number in office.server.messages]
    changes = [Outgoing(ANNA, "editMessageText", {"message_id": shown, "text": each}) for each in ("1", "2")]
    exchange = await keep_exchange(office, replies=[shown])
    await office.put(*changes, message("3", exchange=exchange), message("4"))
    await office.send_all(Limits(between=3600.0))
    assert contents(office) == ["3", "4"]


# Editing in place


async def keep_exchange(office: Office, replies: list[int] | None = None) -> int:
    exchange = Exchange(
        telegram_id=ANNA, chat_id=ANNA, message_id=1, at=utc_now(), language="en", outcome="answer", key=None,
        ranking=[], text=None, replies=replies or [],
    )  # fmt: skip
    async with office.database.begin() as session:
        session.add(exchange)
    return exchange.id


def contents(office: Office) -> list[str]:
    """What a chat shows now."""
    return [each["text"] for each in office.server.messages.values()]


async def test_an_edited_question_is_answered_in_place_also_before_its_first_answer_was_sent(office: Office) -> None:
    exchange = await keep_exchange(office)
    for answer in ("first", "second"):
        await office.put(*(message(f"{answer}, {part}", exchange=exchange, part=part) for part in range(2)))
    await office.send_all()
    assert contents(office) == ["second, 0", "second, 1"]
    await office.put(message("third, 0", exchange=exchange), message("third, 0", exchange=exchange))
    await office.send_all()  # the last changes nothing
    assert contents(office) == ["third, 0", "second, 1"]
    assert await office.failures() == []


async def test_an_answer_that_is_not_there_any_more_is_given_anew_and_then_changed(office: Office) -> None:
    exchange = await keep_exchange(office)
    await office.put(message("first", exchange=exchange))
    await office.send_all()
    office.server.messages.clear()
    for answer in ("second", "third"):
        await office.put(message(answer, exchange=exchange))
        await office.send_all()
    assert contents(office) == ["third"]
    changing, writing = "editMessageText", "sendMessage"
    called = [each.method for each in office.server.called(changing, writing)]
    assert called == [writing, changing, writing, changing]


# What goes wrong


@pytest.mark.parametrize(
    "failure",
    [
        faults.SERVER_ERROR,
        faults.BAD_GATEWAY,
        faults.GARBAGE,
        faults.NEVER,
        faults.RESET,
        Fault(400, b"<html>no</html>"),
        Fault(403, b"<html>no</html>"),
        Fault(404, b"<html>no</html>"),
        Fault(200, b"{}"),
        Fault(200, b"[]"),
    ],
)
async def test_whatever_is_answered_instead_everything_arrives_once_and_in_order(
    office: Office, failure: Fault
) -> None:
    office.server.fail("sendMessage", *[failure] * 12)
    await office.put(*talk(3))
    await office.send_all()
    assert {chat: office.server.sent.texts(chat) for chat in PEOPLE} == dict.fromkeys(PEOPLE, numbers(3))


@pytest.mark.parametrize("failure", [faults.NEVER_THOUGH_DONE, faults.CUT])
async def test_where_only_the_answer_is_lost_a_message_may_come_twice_but_none_out_of_order(
    office: Office, failure: Fault
) -> None:
    office.server.fail("sendMessage", *[failure] * 5)
    await office.put(*talk(3))
    await office.send_all()
    for chat in PEOPLE:
        assert [text for text, _ in groupby(office.server.sent.texts(chat))] == numbers(3)
    assert office.server.sent.repeats() == 5


async def test_only_the_chat_that_is_to_be_left_alone_waits(office: Office) -> None:
    office.server.fail("sendMessage", too_many(1))
    await office.put(*talk(2, [ANNA]), *talk(2, [BEN, GROUP]))
    await office.send_all()
    assert [each.chat for each in office.server.sent.all[-2:]] == [ANNA, ANNA]
    assert [office.server.sent.texts(chat) for chat in (ANNA, BEN, GROUP)] == [numbers(2)] * 3
    assert office.server.impatient == {}


async def test_who_has_blocked_us_is_noted_and_others_are_not_kept_waiting(office: Office) -> None:
    office.server.fail("sendMessage", faults.BLOCKED)
    await office.put(message("0"), message("1"), message("0", BEN), message("0", STAFF))
    await office.send_all()
    assert await office.failures() == [(ANNA, BLOCKED), (STAFF, "Chat not found")]
    assert [office.server.sent.texts(chat) for chat in (ANNA, BEN)] == [["1"], ["0"]]


async def test_what_cannot_be_delivered_is_said_otherwise_before_what_comes_later(office: Office) -> None:
    await office.put(message("passed on", STAFF, otherwise=message("write to them")), message("later"))
    async with office.sending():
        await office.until_empty()
    assert sorted(office.server.sent.texts(ANNA)) == ["later", "write to them"]
    assert await office.failures() == []


async def test_a_group_that_moved_gets_everything_at_its_new_number(office: Office) -> None:
    office.server.chats[-2000] = {"id": -2000, "type": "supergroup"}
    office.server.fail("sendMessage", faults.migrated(-2000))
    await office.put(*talk(3, [GROUP]))
    await office.send_all()
    assert (office.server.sent.texts(GROUP), office.server.sent.texts(-2000)) == ([], numbers(3))


async def test_however_often_it_failed_it_is_tried_again_within_a_minute(office: Office) -> None:
    await office.put(message("0"))
    [parcel] = await office.rows()
    patient = Sender(office.bot, office.database, office.news, UNLIMITED)
    with structlog.testing.capture_logs():
        pauses = [patient._pause(parcel, Later("TimedOut", None)) for _ in range(1500)]
    assert pauses[:3] == [0.02, 0.04, 0.08]
    assert max(pauses) <= sender.LONGEST_PAUSE


async def test_whoever_is_forgotten_while_telegram_is_down_is_not_remembered(office: Office) -> None:
    office.server.faults.some(1.0, 500, "sendMessage")
    await office.put(message("0", telegram_id=ANNA))
    async with office.sending() as sender:
        await office.until_called(2)
        async with office.database.begin() as session:
            await forget(session, ANNA)
        await office.until_empty()
        office.server.faults.clear()
        await office.put(message("1", BEN))
        await office.until_sent(1)
        async with asyncio.timeout(SECONDS):
            while sender._unclear or sender._busy:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
    assert office.server.sent.texts(ANNA) == []


async def test_who_is_forgotten_while_a_message_is_on_its_way_is_still_told_so(office: Office) -> None:
    office.server.latency = 0.1
    await office.put(message("answer", telegram_id=ANNA))
    async with office.sending():
        await office.until_called(1)
        async with office.database.begin() as session:
            await forget(session, ANNA)
            await outbox.put(session, [message("deleted", telegram_id=ANNA)])
        await office.until_empty()
    assert office.server.sent.texts(ANNA) == ["answer", "deleted"]


@pytest.mark.parametrize("failure", [faults.NEVER_THOUGH_DONE, faults.NEVER, faults.SERVER_ERROR])
async def test_a_code_of_which_nobody_knows_whether_it_arrived_is_never_sent_twice(
    office: Office, failure: Fault
) -> None:
    office.server.fail("sendMessage", failure)
    await office.put(message("1234", kind="code"), message("0"))
    await office.send_all()
    assert len(office.server.called("sendMessage")) == 2
    assert await office.failures() == [(ANNA, "unknown whether sent")]


async def test_a_code_that_telegram_did_not_take_is_sent(office: Office) -> None:
    office.server.fail("sendMessage", too_many(1))
    await office.put(message("1234", kind="code"))
    await office.send_all()
    assert (office.server.sent.texts(ANNA), await office.rows()) == (["1234"], [])


async def test_a_code_that_a_dead_process_was_about_to_send_is_given_up(office: Office) -> None:
    await office.put(message("1234", kind="code"), message("5678", BEN, "code"))
    async with office.database.begin() as session:
        await outbox.begin(session, [(await office.rows())[0].id])
    await office.send_all()
    assert [office.server.sent.texts(chat) for chat in (ANNA, BEN)] == [[], ["5678"]]
    assert await office.failures() == [(ANNA, "unknown whether sent")]


# Ends


async def test_a_stop_lets_calls_on_their_way_end_and_leaves_the_rest(office: Office) -> None:
    office.server.latency = 0.1
    await office.put(*talk(3))
    async with office.sending():
        await office.until_called(len(PEOPLE) + 2)
    sent = len(office.server.sent.all)
    assert sent == len(office.server.called("sendMessage")) == 30 - len(await office.waiting()) < 30
    office.server.latency = 0.0
    await office.send_all()
    assert {chat: office.server.sent.texts(chat) for chat in PEOPLE} == dict.fromkeys(PEOPLE, numbers(3))


async def test_a_token_that_is_revoked_ends_it_and_what_was_sent_is_written_down(office: Office) -> None:
    office.server.latency = 0.05
    office.server.fail("sendMessage", 401)
    await office.put(*talk(1))
    with pytest.raises(InvalidToken):
        async with office.sending():
            await office.until_sent(len(PEOPLE) - 1)
    assert len(await office.waiting()) == len(PEOPLE) - len(office.server.sent.all) == 1


# The database


@asynccontextmanager
async def locked(file: Path) -> AsyncIterator[None]:
    """Another process writes all the time."""
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        connection.execute("BEGIN EXCLUSIVE")
        yield
        connection.execute("ROLLBACK")


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A database that is locked is given up soon."""
    monkeypatch.setattr(engine, "BUSY_SECONDS", 0.1)


@pytest.mark.usefixtures("impatient")
async def test_what_is_sent_while_the_database_is_away_is_not_sent_again(office: Office, file: Path) -> None:
    office.server.latency = 0.1
    office.server.fail("sendMessage", faults.BLOCKED, too_many(1))
    await office.put(*talk(2), message("1234", 1, "code"))
    with structlog.testing.capture_logs() as logs:
        async with office.sending():
            await office.until_called(len(PEOPLE) + 1)
            async with locked(file), asyncio.timeout(SECONDS):
                while sum(each["event"] == "outbox_not_read" for each in logs) < 2:  # noqa: ASYNC110
                    await asyncio.sleep(0.01)
            await office.until_empty()
    [(refused, reason)] = await office.failures()
    assert reason == BLOCKED
    assert office.server.sent.texts(1) == ["1234"]
    for chat in PEOPLE:
        assert office.server.sent.texts(chat) == (["1"] if chat == refused else numbers(2))


@pytest.mark.usefixtures("impatient")
async def test_a_call_that_hung_while_the_database_was_away_keeps_its_chat_from_nothing(
    office: Office, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sender, "LONGEST_FAREWELL", 0.05)
    office.server.fail("sendMessage", faults.NEVER)
    await office.put(*talk(2, [ANNA]))
    with structlog.testing.capture_logs() as logs:
        async with office.sending():
            await office.until_called(1)
            async with locked(file), asyncio.timeout(SECONDS):
                await office.server.until(lambda: True)
                office.news.set()
                while not any(each["event"] == "outbox_not_read" for each in logs):  # noqa: ASYNC110
                    await asyncio.sleep(0.01)
            await office.until_empty()
    assert office.server.sent.texts(ANNA) == numbers(2)


@pytest.fixture
async def branches(
    server: StandIn, postgres: Postgres, migrated_postgres: str
) -> AsyncIterator[tuple[Office, Office, str]]:
    """Two processes on one PostgreSQL; each hears of what is put by either."""
    name = postgres.create(migrated_postgres)
    async with opened(server, postgres.url(name)) as one, opened(server, postgres.url(name)) as two:
        two.news = one.news
        yield one, two, name
    postgres.drop(name)


async def test_of_two_senders_one_sends_until_it_stops_and_then_the_other(
    branches: tuple[Office, Office, str],
) -> None:
    one, two, _ = branches
    async with two.sending():
        async with one.sending():
            for text in numbers(5):
                await one.put(*(message(text, chat) for chat in PEOPLE))
            await one.until_sent(25)
        await one.put(*(message("5", chat) for chat in PEOPLE))
        await one.until_empty()
    assert {chat: one.server.sent.texts(chat) for chat in PEOPLE} == dict.fromkeys(PEOPLE, numbers(6))


async def test_when_the_one_that_sends_loses_the_database_each_message_still_comes_in_order(
    branches: tuple[Office, Office, str], postgres: Postgres
) -> None:
    one, two, name = branches
    one.server.latency = 0.02
    await one.put(*talk(5))
    async with one.sending(), two.sending():
        await one.until_sent(12)
        one.server.latency = 0.0
        postgres.execute("SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory'", name)
        await two.until_empty()
    for chat in PEOPLE:
        sent = one.server.sent.texts(chat)
        assert list(dict.fromkeys(sent)) == numbers(5)
        assert len(sent) <= 5 + 1


async def test_whoever_waits_to_lead_stops_at_once_when_told(branches: tuple[Office, Office, str]) -> None:
    one, two, _ = branches
    async with one.sending():
        await one.put(message("0"))
        await one.until_empty()
        async with two.sending():
            await asyncio.sleep(5 * engine.SECONDS_BETWEEN_TRIES)
        await one.put(message("1"))
        await one.until_empty()
    assert one.server.sent.texts(ANNA) == numbers(2)


# Logs


@pytest.mark.usefixtures("logs_of_its_own")
async def test_what_goes_wrong_is_logged_without_texts_names_and_tokens(
    office: Office, capsys: pytest.CaptureFixture[str]
) -> None:
    set_up_logs("INFO", as_json=True)
    cited = refusal(400, 'Bad Request: can\'t parse entities: unsupported start tag "s3cret" at byte offset 5')
    given = [cited, faults.BLOCKED, too_many(1), faults.BAD_GATEWAY, Fault(200, b'{"text": "s3cret'), faults.RESET]
    office.server.fail("sendMessage", *given, 401)
    office.server.chats[ANNA] = {"id": ANNA, "type": "private", "first_name": "s3cret"}
    await office.put(*(message("s3cret", chat) for chat in PEOPLE))
    with pytest.raises(InvalidToken):
        async with office.sending():
            await office.until_called(len(PEOPLE))
    logged = capsys.readouterr().err
    assert "not_sent" in logged
    assert "Can't parse entities: unsupported start tag … at byte offset 5" in logged.encode().decode("unicode_escape")
    assert "s3cret" not in logged
    assert TOKEN not in logged
    assert "s3cret" not in str(await office.failures())
