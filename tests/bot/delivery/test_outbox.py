"""The outbox's verbs on a real database, one by one and in any order."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
import tempfile
from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Sequence
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import time_machine
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test
from sqlalchemy import select
from sqlalchemy.dialects import sqlite

from bot.delivery import outbox
from bot.delivery.outbox import Kind, Outgoing, Parcel
from integrations.database import Database, Session, utc_now

ANNA, BEN, GROUP = 7_000_000_001, 7_000_000_002, -1_000_000_000_777


def message(text: str, chat: int = ANNA, kind: Kind = "reply", **more: Any) -> Outgoing:
    return Outgoing(chat, "sendMessage", {"text": text}, kind, **more)


async def put(database: Database, *messages: Outgoing) -> None:
    async with database.begin() as session:
        await outbox.put(session, messages)


async def heads(database: Database, busy: Collection[int] = (), most: int = 100) -> list[Parcel]:
    async with database.begin() as session:
        return list(await outbox.heads(session, busy, most))


async def texts(database: Database, busy: Collection[int] = (), most: int = 100) -> list[str]:
    return [each.parameters["text"] for each in await heads(database, busy, most)]


async def rows(database: Database) -> Sequence[Parcel]:
    async with database.begin() as session:
        return (await session.scalars(select(Parcel).order_by(Parcel.id))).all()


async def with_head(database: Database, do: Callable[[Session, Parcel], Awaitable[None]]) -> None:
    """Do something with what is to be sent next."""
    async with database.begin() as session:
        [head] = await outbox.heads(session, (), 1)
        await do(session, head)


async def withdraw(session: Session, head: Parcel) -> None:
    await outbox.withdraw(session, [head.id])


async def fail(session: Session, head: Parcel) -> None:
    await outbox.fail(session, [head.id], "bot was blocked by the user")


async def test_of_each_chat_the_first_may_be_sent_the_oldest_of_all_first(database: Database) -> None:
    await put(database, message("a1"), message("b1", BEN), message("a2"))
    await put(database, message("g1", GROUP), message("b2", BEN))
    assert await texts(database) == ["a1", "b1", "g1"]
    assert await texts(database, most=2) == ["a1", "b1"]
    await with_head(database, withdraw)
    assert await texts(database) == ["b1", "a2", "g1"]


async def test_a_busy_chat_is_left_out(database: Database) -> None:
    await put(database, message("a1"), message("b1", BEN), message("a2"), message("g1", GROUP))
    assert await texts(database, {ANNA, GROUP}) == ["b1"]


async def test_whoever_asked_is_answered_before_anybody_is_told_something(database: Database) -> None:
    await put(database, *(message(f"n{chat}", chat, "notice") for chat in range(1, 51)))
    await put(database, message("a1"), message("r7", 7), message("c8", 8, "code"))
    assert await texts(database, most=5) == ["a1", "r7", "c8", "n1", "n2"]
    await with_head(database, withdraw)
    await with_head(database, withdraw)
    assert await texts(database, {8}, most=8) == [f"n{chat}" for chat in (1, 2, 3, 4, 5, 6, 7, 9)]


async def test_what_is_put_in_a_transaction_that_fails_is_not_sent(database: Database) -> None:
    try:
        async with database.begin() as session:
            await outbox.put(session, [message("a1")])
            raise LookupError
    except LookupError:
        assert await rows(database) == []


async def test_everything_about_a_message_is_kept(database: Database) -> None:
    await put(database, message("a1", GROUP, "notice", telegram_id=BEN, exchange=5, part=2, otherwise=message("b")))
    [row] = await rows(database)
    assert (row.chat_id, row.method, row.parameters) == (GROUP, "sendMessage", {"text": "a1"})
    assert (row.kind, row.telegram_id, row.exchange_id, row.part) == ("notice", BEN, 5, 2)


async def test_what_is_sent_otherwise_keeps_its_place(database: Database) -> None:
    instead = message("b0", BEN, telegram_id=BEN)
    await put(database, message("a1", kind="code", telegram_id=ANNA, otherwise=instead), message("b1", BEN))
    async with database.begin() as session:
        [head] = await outbox.heads(session, (), 1)
        await outbox.begin(session, [head.id])
        await outbox.replace(session, head)
    assert await texts(database) == ["b0"]
    row = (await rows(database))[0]
    assert (row.telegram_id, row.otherwise, row.begun_at) == (BEN, None, None)


async def test_everything_for_a_group_that_moved_goes_to_its_new_number(database: Database) -> None:
    await put(database, message("g1", GROUP), message("a1"), message("g2", GROUP))
    async with database.begin() as session:
        await outbox.move(session, GROUP, -8)
    assert [(row.chat_id, row.parameters["text"]) for row in await rows(database)] == [
        (-8, "g1"),
        (ANNA, "a1"),
        (-8, "g2"),
    ]


async def test_what_cannot_be_delivered_stays_without_contents_and_in_nobodys_way(database: Database) -> None:
    await put(database, message("a1", telegram_id=ANNA, otherwise=message("instead", BEN)), message("a2"))
    await with_head(database, fail)
    assert await texts(database) == ["a2"]
    row = (await rows(database))[0]
    assert (row.chat_id, row.telegram_id, row.parameters, row.otherwise) == (ANNA, 0, {}, None)
    assert (row.failure, row.failed_at is None) == ("bot was blocked by the user", False)


async def test_what_could_not_be_delivered_is_forgotten_after_a_week(database: Database) -> None:
    await put(database, message("a1"), message("b1", BEN), message("g1", GROUP))
    await with_head(database, fail)
    for almost, left in ((timedelta(minutes=-1), [ANNA, BEN]), (timedelta(minutes=1), [BEN, GROUP])):
        with time_machine.travel(utc_now() + outbox.SHOWN + almost):
            await with_head(database, fail)
        failed = [row.chat_id for row in await rows(database) if row.failed_at]
        assert failed == left


async def test_a_code_that_somebody_began_to_send_is_given_up_and_others_are_not(database: Database) -> None:
    await put(database, message("1234", kind="code"), message("b1", BEN), message("5678", GROUP, "code"))
    codes = [each.id for each in await heads(database) if each.kind == "code"]
    async with database.begin() as session:
        await outbox.begin(session, codes)
        await outbox.unbegin(session, codes[1])
    async with database.begin() as session:
        assert await outbox.give_up_begun(session) == 1
        assert await outbox.give_up_begun(session) == 0
    assert await texts(database) == ["b1", "5678"]
    first = (await rows(database))[0]
    assert (first.failure, first.parameters) == ("unknown whether sent", {})


async def test_of_who_is_forgotten_nothing_stays(database: Database) -> None:
    await put(database, message("a0"), message("a1", telegram_id=ANNA), message("b1", BEN, telegram_id=BEN))
    await put(database, message("from Anna", GROUP, telegram_id=ANNA), message("from Ben", GROUP, telegram_id=BEN))
    await with_head(database, fail)
    async with database.begin() as session:
        await outbox.forget_outgoing(session, ANNA)
    assert [row.parameters["text"] for row in await rows(database)] == ["b1", "from Ben"]


async def test_among_however_many_the_next_are_found_without_sorting_all(migrated_sqlite: Path) -> None:
    looked = outbox.heads_query({ANNA}, 5).compile(dialect=sqlite.dialect(), compile_kwargs={"literal_binds": True})
    with closing(sqlite3.connect(migrated_sqlite)) as connection:
        steps = [step for *_, step in connection.execute(f"EXPLAIN QUERY PLAN {looked}")]
    assert steps[0] == "SCAN outbox USING INDEX ix_outbox_order"
    assert not any("TEMP B-TREE" in step for step in steps)


class AnyOrder(RuleBasedStateMachine):
    """Whatever is to be said, whatever becomes of it, and whenever the process that sends dies."""

    template: Path

    @initialize()
    def begin(self) -> None:
        self.runner = asyncio.Runner()
        self.folder = tempfile.TemporaryDirectory()
        self.path = shutil.copy(self.template, self.folder.name)
        self.database = Database(f"sqlite:///{self.path}")
        self.kinds: list[Kind] = []  # of each message, by its number
        self.chats: list[int] = []
        self.arrived: list[int] = []  # numbers, as Telegram took them
        self.on_way: list[Parcel] = []
        self.withdrawn: set[int] = set()
        self.crashed: Counter[int] = Counter()  # how often each arrived without anybody's noting it
        self.refused: set[int] = set()
        self.given_up: set[int] = set()

    @rule(messages=st.lists(st.tuples(st.integers(1, 3), st.sampled_from(["reply", "notice", "code"])), max_size=6))
    def put(self, messages: list[tuple[int, Kind]]) -> None:
        before = len(self.kinds)
        self.chats += [chat for chat, _ in messages]
        self.kinds += [kind for _, kind in messages]
        new = [Outgoing(chat, "x", {"number": before + n}, kind) for n, (chat, kind) in enumerate(messages)]
        self.runner.run(put(self.database, *new))

    @rule(most=st.integers(1, 4))
    def take(self, most: int) -> None:
        self.runner.run(self._take(most))

    async def _take(self, most: int) -> None:
        busy = {each.chat_id for each in self.on_way}
        async with self.database.begin() as session:
            taken = await outbox.heads(session, busy, most)
            await outbox.begin(session, [each.id for each in taken if each.kind == "code"])
        assert [each.parameters["number"] for each in taken] == self.expected(busy)[:most]
        self.on_way += taken

    def expected(self, busy: set[int]) -> list[int]:
        """The first of each chat, replies first."""
        left = set(range(len(self.kinds))) - self.refused - self.given_up - self.withdrawn
        order = sorted(left, key=lambda number: (self.kinds[number] == "notice", number))
        heads: dict[int, int] = {}
        for number in order:
            heads.setdefault(self.chats[number], number)
        return [number for chat, number in heads.items() if chat not in busy]

    @precondition(lambda self: self.on_way)
    @rule(data=st.data(), refused=st.booleans())
    def end(self, data: st.DataObject, refused: bool) -> None:
        parcel = data.draw(st.sampled_from(self.on_way))
        self.on_way.remove(parcel)
        number = parcel.parameters["number"]
        if refused:
            self.refused.add(number)
            self.run(outbox.fail, [parcel.id], "refused")
        else:
            self.arrive(parcel)

    @precondition(lambda self: self.on_way)
    @rule(data=st.data())
    def told_to_wait(self, data: st.DataObject) -> None:
        parcel = data.draw(st.sampled_from(self.on_way))
        self.on_way.remove(parcel)
        self.run(outbox.unbegin, parcel.id)

    @rule(data=st.data())
    def crash(self, data: st.DataObject) -> None:
        """Of what was on its way some had arrived, and nobody could write that down."""
        if self.on_way:
            for parcel in data.draw(st.sets(st.sampled_from(self.on_way))):
                self.arrived.append(parcel.parameters["number"])
                self.crashed[parcel.parameters["number"]] += 1
        self.runner.run(self.database.close())
        self.database = Database(f"sqlite:///{self.path}")
        codes = {each.parameters["number"] for each in self.on_way if each.kind == "code"}
        assert self.run(outbox.give_up_begun) == len(codes)
        self.given_up |= codes
        self.on_way = []

    def arrive(self, parcel: Parcel) -> None:
        self.arrived.append(parcel.parameters["number"])
        self.withdrawn.add(parcel.parameters["number"])
        self.run(outbox.withdraw, [parcel.id])

    def run(self, verb: Callable[..., Awaitable[Any]], *arguments: Any) -> Any:
        async def carry_out() -> Any:
            async with self.database.begin() as session:
                return await verb(session, *arguments)

        return self.runner.run(carry_out())

    def teardown(self) -> None:
        if not hasattr(self, "runner"):
            return
        while self.on_way or self.expected(set()):
            for parcel in self.on_way:
                self.arrive(parcel)
            self.on_way = []
            self.take(4)
        assert not self.runner.run(heads(self.database))
        assert set(self.arrived) | self.refused | self.given_up == set(range(len(self.kinds)))
        for number, times in Counter(self.arrived).items():
            assert times <= 1 + (0 if self.kinds[number] == "code" else self.crashed[number])
        for chat in (1, 2, 3):
            for ranks in (("reply", "code"), ("notice",)):
                once = dict.fromkeys(n for n in self.arrived if self.chats[n] == chat and self.kinds[n] in ranks)
                assert list(once) == sorted(once)
        self.runner.run(self.database.close())
        self.runner.close()
        self.folder.cleanup()


def test_in_any_order_nothing_is_lost_and_each_chat_is_told_in_order(migrated_sqlite: Path) -> None:
    AnyOrder.template = migrated_sqlite
    run_state_machine_as_test(AnyOrder, settings=settings(max_examples=25, stateful_step_count=25, deadline=None))
