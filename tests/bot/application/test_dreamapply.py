"""With the real client of DreamApply, over HTTP: what is sent out is told once, what is not never, in any order."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import time_machine
from aiolimiter import AsyncLimiter
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test
from structlog.testing import capture_logs

from bot.application.copies import list_cases, open_copies
from bot.application.daytime import is_night
from bot.application.lookups import Lookups
from bot.application.watching import Watcher
from bot.application.webhook import Doorbell
from bot.conversation.person import Person
from bot.operations.web import build_pages, listen, serve
from integrations.application_status.case import Case, State
from integrations.application_status.dreamapply import DreamApply
from integrations.application_status.stand_in import KEY, StandIn
from integrations.application_status.stand_in.quota import Quota
from integrations.application_status.stand_in.records import OfferType
from integrations.database import Database, Session, join, utc_now
from tests.bot.application.office import VAULT, link, put_out, read_link
from tests.processes import Process

NOON = datetime(2026, 11, 24, 10, tzinfo=UTC)
SECRET = "Bearer of-the-tests"
SECONDS = 30  # after this a test has hung
ADA, BRUNO, LENA = 1001, 1002, 1003
NAMES = {ADA: "ada", BRUNO: "bruno", LENA: "lena"}
MEANINGS = {
    OfferType.ACCEPTED: State.ACCEPTED,
    OfferType.CONDITIONALLY_ACCEPTED: State.CONDITIONAL,
    OfferType.REJECTED: State.REJECTED,
    OfferType.WAITING_LIST: State.UNDER_REVIEW,
}


def say(person: Person, cases: Sequence[Case]) -> str:
    return ", ".join(each.state for each in cases)


@pytest.fixture(autouse=True)
def in_no_hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """We ask more often than a university allows."""
    monkeypatch.setattr("integrations.application_status.dreamapply.calls.AsyncLimiter", lambda *_: AsyncLimiter(1e6))


def patient() -> StandIn:
    """A DreamApply that allows it."""
    stand_in = StandIn(utc_now)
    stand_in.quota = Quota(1_000_000, 60)
    return stand_in


def offer_of(stand_in: StandIn, person: int) -> int:
    applicant = stand_in.records.applicant(f"{NAMES[person]}@example.org")
    return stand_in.records.applications_of(applicant.id)[0].offers[0].id


async def link_to(stand_in: StandIn, database: Database, person: int, *, tell_changes: bool = True) -> None:
    applicant = stand_in.records.applicant(f"{NAMES[person]}@example.org")
    await link(database, person, [("dreamapply", str(applicant.id))], tell_changes=tell_changes)


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(NOON, tick=False) as clock:
        yield clock


@asynccontextmanager
async def serving(database: Database, doorbell: Doorbell) -> AsyncIterator[str]:
    """Where DreamApply may ring."""
    stopping, listener = asyncio.Event(), listen("127.0.0.1", 0)
    listener.listen()
    task = asyncio.create_task(serve(build_pages(database, {}, [doorbell.route]), listener, stopping))
    yield f"http://127.0.0.1:{listener.getsockname()[1]}/dreamapply"
    stopping.set()
    await task


async def test_what_is_sent_out_is_told_as_soon_as_dreamapply_rings_and_what_is_prepared_is_not(
    database: Database, clock: time_machine.Traveller
) -> None:
    stand_in = patient()
    async with AsyncExitStack() as stack:
        provider = DreamApply(await stack.enter_async_context(stand_in.running()), KEY)
        stack.push_async_callback(provider.close)
        peers = await stack.enter_async_context(join(database))
        lookups = Lookups(database, VAULT, [provider])
        watcher = Watcher(database, peers, VAULT, [provider], lookups, say)
        await watcher.look()
        await link_to(stand_in, database, ADA)
        await lookups.look_up(ADA, why="linked")
        door = await stack.enter_async_context(serving(database, Doorbell(database, peers, SECRET)))
        webhook = await stack.enter_async_context(stand_in.telling(door, SECRET))
        stopping = asyncio.Event()
        following = asyncio.create_task(watcher.follow(stopping))
        offer = offer_of(stand_in, ADA)
        stand_in.office.save_offer(offer, OfferType.REJECTED, comments="not sent")
        async with asyncio.timeout(SECONDS):
            await webhook.idle.wait()
            assert await put_out(database) == []
            stand_in.office.save_offer(offer, OfferType.ACCEPTED)
            stand_in.office.confirm_offer(offer)
            await peers.bell("outbox").wait()
            await webhook.idle.wait()
        stopping.set()
        await following
        await watcher.look()
        assert webhook.given_up == []
    assert await put_out(database) == [(ADA, "accepted")]


# In any order


FOR_EVER = 1_000_000  # transactions


class Crash(BaseException):
    """The process dies here."""


class Frail(Database):
    """The database as a process has it that dies at the end of one of its next transactions, which is undone."""

    lives = FOR_EVER

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[Session]:
        async with super().begin() as session:
            yield session
            self.lives -= 1
            if not self.lives:
                raise Crash


class AnyOrder(RuleBasedStateMachine):
    """The office prepares, sends out and takes back; two processes look, die, and answer who asks; time passes."""

    template: Path

    @initialize()
    def begin(self) -> None:
        self.stack = ExitStack()
        self.logs = self.stack.enter_context(capture_logs())
        self.clock = self.stack.enter_context(time_machine.travel(NOON, tick=False))
        self.runner = self.stack.enter_context(asyncio.Runner())
        folder = self.stack.enter_context(tempfile.TemporaryDirectory())
        self.url = f"sqlite+aiosqlite:///{shutil.copy(self.template, folder)}"
        self.stand_in = patient()
        self.sent = {ADA: State.UNDER_REVIEW, BRUNO: State.UNDER_REVIEW, LENA: State.CONDITIONAL}
        self.prepared = {BRUNO: State.ACCEPTED, LENA: State.CONDITIONAL}
        self.shown = dict(self.sent)  # what each chat was told or shown last
        self.drafts: dict[int, str] = {}  # that nobody may see
        self.put = 0
        self.runner.run(self.open())

    async def open(self) -> None:
        self.outside = AsyncExitStack()
        address = await self.outside.enter_async_context(self.stand_in.running())
        self.provider = DreamApply(address, KEY)
        self.outside.push_async_callback(self.provider.close)
        self.databases = [Frail(self.url) for _ in range(2)]
        self.lookups = [Lookups(each, VAULT, [self.provider]) for each in self.databases]
        self.watchers = [
            Watcher(database, Process(set()), VAULT, [self.provider], lookups, say)
            for database, lookups in zip(self.databases, self.lookups, strict=True)
        ]
        await self.watchers[0].look()
        for person in NAMES:
            await link_to(self.stand_in, self.databases[0], person, tell_changes=person != LENA)
            await self.lookups[0].look_up(person, why="linked")

    def teardown(self) -> None:
        if hasattr(self, "outside"):
            self.look(0, None)
            self.runner.run(self.close())
            self.stack.close()

    async def close(self) -> None:
        await self.outside.aclose()
        for each in self.databases:
            await each.close()

    # Few rules, because hypothesis leaves some out of each run.

    @rule(
        person=st.sampled_from([*NAMES]),
        kind=st.sampled_from([*MEANINGS]),
        deed=st.sampled_from(["prepare", "send out", "prepare and send out", "take back"]),
    )
    def office(self, person: int, kind: OfferType, deed: str) -> None:
        office, offer = self.stand_in.office, offer_of(self.stand_in, person)
        if "prepare" in deed:
            self.drafts[person] = f"draft {len(self.stand_in.records.journal)}"
            self.prepared[person] = MEANINGS[kind]
            office.save_offer(offer, kind, comments=self.drafts[person])
        if "send out" in deed and person in self.prepared:
            self.drafts.pop(person, None)
            self.sent[person] = self.prepared[person]
            office.confirm_offer(offer)
        if deed == "take back":
            self.sent[person] = State.UNDER_REVIEW
            office.unconfirm_offer(offer)

    @rule(minutes=st.sampled_from([2, 720]))  # from noon to midnight and back
    def wait(self, minutes: int) -> None:
        self.clock.shift(timedelta(minutes=minutes))

    @rule(number=st.integers(0, 1), dies_after=st.none() | st.integers(1, 5))
    def look(self, number: int, dies_after: int | None) -> None:
        """By day, everybody who wants to knows what was sent out to them; or as soon as somebody looks to the end."""
        self.databases[number].lives = dies_after or FOR_EVER
        try:
            self.runner.run(self.watchers[number].look())
        except Crash:
            self.read_chats()
        else:
            self.read_chats()
            if not is_night(utc_now(), None):
                assert [self.shown[each] for each in (ADA, BRUNO)] == [self.sent[each] for each in (ADA, BRUNO)]
        self.databases[number].lives = FOR_EVER

    @rule(person=st.sampled_from([*NAMES]), number=st.integers(0, 1))
    def ask(self, person: int, number: int) -> None:
        looked = self.runner.run(self.lookups[number].look_up(person, why="asked"))
        [self.shown[person]] = [each.state for each in looked.cases]

    def read_chats(self) -> None:
        """Each message is by day, says what was sent out, and what its chat did not know."""
        messages = self.runner.run(put_out(self.databases[0]))[self.put :]
        self.put += len(messages)
        assert not messages or not is_night(utc_now(), None)
        for person, text in messages:
            assert person != LENA
            assert self.shown[person] != text == self.sent[person]
            self.shown[person] = State(text)
        self.runner.run(self.read_copies())

    async def read_copies(self) -> None:
        for person in NAMES:
            row = await read_link(self.databases[0], person)
            assert row
            remarks = {each.remark for each in list_cases(open_copies(VAULT, row))}
            assert self.drafts.get(person) not in remarks
        assert self.logs == []


def test_what_is_sent_out_is_told_once_in_any_order(migrated_sqlite: Path) -> None:
    machine = type("AnyOrder", (AnyOrder,), {"template": migrated_sqlite})
    how = settings(
        max_examples=12, stateful_step_count=40, deadline=None, phases=[Phase.generate]
    )  # to shrink takes long
    run_state_machine_as_test(machine, settings=how)
