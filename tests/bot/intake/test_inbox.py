"""The inbox's verbs on a real database, one by one and in any order."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import select

from bot.intake.inbox import MOST_ATTEMPTS, REMEMBERED, Arrival, Claimed, Inbox
from bot.journal import forget
from integrations.database import Database, utc_now
from integrations.database.schema import upgrade
from tests.processes import Process

ANNA, BEN, GROUP = 7_000_000_001, 7_000_000_002, -1_000_000_000_777


def written(number: int, chat: int = ANNA, person: int = 0, **more: Any) -> dict[str, Any]:
    """An update as Telegram sends it, with a field that nobody knows yet."""
    sender = {"id": person or chat, "is_bot": False, "first_name": "Anna"}
    place = {"id": chat, "type": "private" if chat > 0 else "supergroup"}
    message = {
        "message_id": number,
        "date": 1_795_000_000,
        "chat": place,
        "from": sender,
        "text": "Labas",
        "mood": "🙂",
    }
    return {"update_id": number, "message": message | more}


async def rows(database: Database) -> Sequence[Arrival]:
    async with database.begin() as session:
        return (await session.scalars(select(Arrival).order_by(Arrival.update_id))).all()


@dataclass
class Company:
    """Processes that come and go; `inbox` is that of the one which came last."""

    database: Database
    up: set[int] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.join()

    def join(self) -> Inbox:
        self.process = Process(self.up)
        self.inbox = Inbox(self.database, self.process)
        return self.inbox

    async def crash(self, times: int) -> list[list[int]]:
        """A process with all in work dies and the next comes, again and again; gives what each gave up."""
        given_up = []
        for _ in range(times):
            await numbers(self.inbox)
            self.process.dies()
            given_up.append([each.update_id for each in await self.join().release()])
        return given_up


@pytest.fixture
def company(database: Database) -> Company:
    return Company(database)


@pytest.fixture
def inbox(company: Company) -> Inbox:
    return company.inbox


async def numbers(inbox: Inbox) -> list[int]:
    """Everything that can be in work at once."""
    return [each.update_id for each in await inbox.claim(100)]


async def finish(database: Database, inbox: Inbox, number: int) -> bool:
    async with database.begin() as session:
        return await inbox.finish(session, number)


async def test_an_update_is_claimed_as_telegram_sent_it(inbox: Inbox) -> None:
    await inbox.keep([written(5)])
    assert await inbox.claim(1) == [Claimed(5, written(5))]


async def test_whoever_waits_hears_of_news(inbox: Inbox) -> None:
    await inbox.keep([])
    assert not inbox.news.is_set()
    await inbox.keep([written(5)])
    assert inbox.news.is_set()


async def test_an_update_that_is_sent_ten_times_is_kept_once(inbox: Inbox) -> None:
    await inbox.keep([written(5)] * 5)
    for _ in range(5):
        await inbox.keep([written(5)])
    assert await numbers(inbox) == [5]


async def test_an_update_that_is_sent_to_two_at_the_same_time_is_kept_once(company: Company) -> None:
    inboxes = [company.join() for _ in range(4)]
    await asyncio.gather(*(each.keep([written(number) for number in range(5, 15)]) for each in inboxes))
    assert [each.update_id for each in await rows(company.database)] == list(range(5, 15))


async def test_an_update_that_is_sent_again_after_it_was_handled_is_not_handled_again(
    database: Database, inbox: Inbox
) -> None:
    await inbox.keep([written(5)])
    await inbox.claim(1)
    assert await finish(database, inbox, 5)
    await inbox.keep([written(5), written(6)])
    assert await numbers(inbox) == [6]


async def test_a_chat_is_handled_in_order_and_others_beside_it(database: Database, inbox: Inbox) -> None:
    await inbox.keep([written(7), written(5), written(9, BEN), written(6)])
    assert await numbers(inbox) == [5, 9]
    await finish(database, inbox, 5)
    assert await numbers(inbox) == [6]


async def test_no_more_is_claimed_than_asked_for_and_the_oldest_first(inbox: Inbox) -> None:
    await inbox.keep([written(7), written(5, BEN), written(6, GROUP)])
    assert [each.update_id for each in await inbox.claim(2)] == [5, 6]


async def test_several_processes_never_have_the_same_update_or_two_of_a_chat(company: Company) -> None:
    await company.inbox.keep([written(number, chat=1 + number % 7) for number in range(1, 71)])
    handled: list[tuple[int, int]] = []

    async def work(inbox: Inbox) -> None:
        while len(handled) < 70:
            for each in await inbox.claim(2):
                handled.append((each.body["message"]["chat"]["id"], each.update_id))
                assert await finish(company.database, inbox, each.update_id)

    await asyncio.gather(*(work(company.join()) for _ in range(3)))
    assert len(set(handled)) == len(handled) == 70
    for chat in range(1, 8):
        assert (mine := [number for where, number in handled if where == chat]) == sorted(mine)


async def test_of_what_is_done_nothing_stays_but_its_number_and_that_only_for_a_day(
    inbox: Inbox, database: Database
) -> None:
    await inbox.keep([written(5)])
    await inbox.claim(1)
    await finish(database, inbox, 5)
    [row] = await rows(database)
    assert (row.update_id, row.chat_id, row.telegram_id, row.body, row.claimed_by) == (5, 0, 0, None, None)
    with time_machine.travel(utc_now() + REMEMBERED - timedelta(minutes=1)):
        await inbox.keep([])
        assert len(await rows(database)) == 1
    with time_machine.travel(utc_now() + REMEMBERED + timedelta(minutes=1)):
        await inbox.keep([])
        assert await rows(database) == []


async def test_what_waits_is_not_forgotten_however_long_it_waits(inbox: Inbox) -> None:
    await inbox.keep([written(5)])
    with time_machine.travel(utc_now() + 9 * REMEMBERED):
        await inbox.keep([written(6, BEN)])
        assert await numbers(inbox) == [5, 6]


async def test_what_a_dead_process_had_in_work_waits_again_and_that_of_the_others_stays(company: Company) -> None:
    first = company.inbox
    await first.keep([written(5), written(6, BEN)])
    assert [each.update_id for each in await first.claim(1)] == [5]
    second = company.join()
    assert await numbers(second) == [6]
    company.process.dies()
    assert await first.release() == []
    assert await numbers(first) == [6]


async def test_whoever_was_taken_for_dead_cannot_finish_any_more(company: Company) -> None:
    first = company.inbox
    await first.keep([written(5)])
    await first.claim(1)
    company.process.dies()
    second = company.join()
    await second.release()
    assert await numbers(second) == [5]
    assert not await finish(company.database, first, 5)
    assert await finish(company.database, second, 5)
    assert not await finish(company.database, second, 5)


async def test_what_processes_died_of_three_times_is_given_up_and_its_chat_goes_on(company: Company) -> None:
    await company.inbox.keep([written(5), written(6)])
    await company.crash(MOST_ATTEMPTS - 1)
    assert await company.inbox.claim_suspect() == Claimed(5, written(5))
    company.process.dies()
    inbox = company.join()
    assert await inbox.release() == [Claimed(5, written(5))]
    assert await numbers(inbox) == []
    assert await finish(company.database, inbox, 5)
    assert await numbers(inbox) == [6]


async def test_what_cannot_even_be_given_up_is_dropped(company: Company) -> None:
    await company.inbox.keep([written(5), written(6)])
    await company.crash(MOST_ATTEMPTS - 1)
    await company.inbox.claim_suspect()
    for given_up in ([5], []):
        company.process.dies()
        assert [each.update_id for each in await company.join().release()] == given_up
    assert await numbers(company.inbox) == [6]
    assert (await rows(company.database))[0].body is None


async def test_what_died_with_others_is_tried_alone_before_it_is_given_up(company: Company) -> None:
    await company.inbox.keep([written(5), written(6, BEN)])
    assert not await company.inbox.has_suspect()
    await company.crash(MOST_ATTEMPTS - 1)
    inbox = company.inbox
    await inbox.keep([written(7, GROUP)])
    assert await inbox.has_suspect()
    suspect = await inbox.claim_suspect()
    assert suspect
    await finish(company.database, inbox, suspect.update_id)
    assert (await inbox.claim_suspect() or suspect).update_id == 6
    assert not await inbox.has_suspect()
    assert await numbers(inbox) == [7]


@pytest.mark.parametrize(
    ("update", "chat", "person"),
    [
        (written(5, GROUP, ANNA), GROUP, ANNA),
        ({"update_id": 5, "edited_message": written(5)["message"]}, ANNA, ANNA),
        (
            {"update_id": 5, "callback_query": {"id": "1", "from": written(5, BEN)["message"]["from"]}
             | {"chat_instance": "1", "data": "menu", "message": written(5, GROUP, ANNA)["message"]}},
            GROUP,
            BEN,
        ),
        (
            {"update_id": 5, "inline_query": {"id": "1", "from": written(5)["message"]["from"]}
             | {"query": "", "offset": ""}},
            ANNA,
            ANNA,
        ),
        ({"update_id": 5, "message": {"chat": "nobody can read this"}}, 0, 0),
        ({"update_id": 5, "news_of_the_future": {}}, 0, 0),
    ],
    ids=["group", "edited", "press", "without a chat", "unreadable", "unknown"],
)  # fmt: skip
async def test_an_update_is_kept_by_chat_and_person(
    inbox: Inbox, database: Database, update: dict[str, Any], chat: int, person: int
) -> None:
    await inbox.keep([update])
    assert [(row.chat_id, row.telegram_id, row.body) for row in await rows(database)] == [(chat, person, update)]


async def test_who_is_forgotten_has_nothing_waiting_any_more(inbox: Inbox, database: Database) -> None:
    await inbox.keep([written(5), written(6), written(7, GROUP, ANNA), written(8, GROUP, BEN)])
    await inbox.claim(1)
    async with database.begin() as session:
        await forget(session, ANNA)
    assert [(row.update_id, row.telegram_id, row.body is None) for row in await rows(database)] == [
        (5, ANNA, False),  # in work: the wish to be forgotten itself
        (6, 0, True),
        (7, 0, True),
        (8, BEN, False),
    ]
    await finish(database, inbox, 5)
    await inbox.keep([written(6)])  # Telegram sends it again, as it was not confirmed
    assert await numbers(inbox) == [8]


class AnyOrder(RuleBasedStateMachine):
    """Whatever Telegram sends, in whatever order, and whenever the process dies."""

    template: Path

    @initialize()
    def begin(self) -> None:
        self.runner = asyncio.Runner()
        self.folder = tempfile.TemporaryDirectory()
        self.path = shutil.copy(self.template, self.folder.name)
        self.sent: dict[int, int] = {}  # update → chat
        self.attempts: Counter[int] = Counter()
        self.handled: Counter[int] = Counter()
        self.given_up: set[int] = set()
        self.in_work: list[int] = []
        self.done: set[int] = set()
        self.open()

    def open(self) -> None:
        self.company = Company(Database(f"sqlite+aiosqlite:///{self.path}"))
        self.database, self.inbox = self.company.database, self.company.inbox

    def expected(self) -> int | None:
        """The update whose turn it is; what was begun twice already is tried only where there is nothing else."""
        waiting = self.sent.keys() - self.done - set(self.in_work)
        busy = {self.sent[number] for number in self.in_work}
        heads = {
            chat: min(number for number in waiting if self.sent[number] == chat)
            for chat in {self.sent[number] for number in waiting} - busy
        }
        suspects = {number for number in heads.values() if self.attempts[number] == MOST_ATTEMPTS - 1}
        return min(set(heads.values()) - suspects or suspects, default=None)

    @rule(batch=st.lists(st.tuples(st.integers(1, 40), st.integers(1, 4)), max_size=8))
    def keep(self, batch: list[tuple[int, int]]) -> None:
        """Numbers may come in any order; one that comes again is the same update."""
        for number, chat in batch:
            self.sent.setdefault(number, chat)
        self.runner.run(self.inbox.keep([written(number, self.sent[number]) for number, _ in batch]))

    @rule()
    def claim(self) -> None:
        expected = self.expected()
        claimed = next(iter(self.runner.run(self.inbox.claim(1)) or [self.runner.run(self.inbox.claim_suspect())]))
        assert (claimed and claimed.update_id) == expected
        if claimed:
            assert claimed.body == written(claimed.update_id, self.sent[claimed.update_id])
            self.attempts[claimed.update_id] += 1
            self.in_work.append(claimed.update_id)

    @precondition(lambda self: self.in_work)
    @rule(data=st.data())
    def finish(self, data: st.DataObject) -> None:
        number = data.draw(st.sampled_from(self.in_work))
        self.handled[number] += 1
        self.end(number)

    def end(self, number: int) -> None:
        assert self.runner.run(finish(self.database, self.inbox, number))
        self.in_work.remove(number)
        self.done.add(number)

    @rule(data=st.data())
    def crash(self, data: st.DataObject) -> None:
        """Of what was in work some had been answered already, and nobody could write that down."""
        if self.in_work:
            self.handled.update(data.draw(st.sets(st.sampled_from(self.in_work))))
        self.runner.run(self.database.close())
        self.open()
        given_up = {each.update_id for each in self.runner.run(self.inbox.release())}
        assert given_up == {number for number in self.in_work if self.attempts[number] == MOST_ATTEMPTS}
        for number in given_up:
            assert self.runner.run(finish(self.database, self.inbox, number))
        self.given_up |= given_up
        self.done |= given_up
        self.in_work = []

    @invariant()
    def nothing_is_handled_more_often_than_it_was_begun(self) -> None:
        assert all(self.handled[number] <= self.attempts[number] for number in self.handled)

    def teardown(self) -> None:
        if not hasattr(self, "runner"):
            return
        for number in list(self.in_work):
            self.handled[number] += 1
            self.end(number)
        while self.expected() is not None:
            self.claim()
            self.handled[self.in_work[0]] += 1
            self.end(self.in_work[0])
        assert self.runner.run(self.inbox.claim(1)) == []
        assert self.handled.keys() | self.given_up == self.sent.keys()
        assert all(self.handled[number] == 1 for number in self.sent if self.attempts[number] == 1)
        self.runner.run(self.database.close())
        self.runner.close()
        self.folder.cleanup()


def test_in_any_order_nothing_is_lost_and_each_chat_is_handled_in_order(tmp_path: Path) -> None:
    AnyOrder.template = tmp_path / "inbox.sqlite"
    upgrade(f"sqlite:///{AnyOrder.template}")
    run_state_machine_as_test(AnyOrder, settings=settings(max_examples=60, stateful_step_count=40, deadline=None))
