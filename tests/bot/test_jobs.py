"""Periodic work: when it is due, on a real database, with processes that race, fail and die."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Literal

import pytest
import time_machine
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from structlog.testing import capture_logs

from bot.jobs import FIRST_PAUSE, LONGEST_PAUSE, VILNIUS, Job, Periodic, Runner, next_due
from bot.students import Student
from integrations.database import Database, Peers, utc_now
from integrations.database.schema import upgrade

DAILY = "0 8 * * *"
NOON = datetime(2026, 11, 24, 12, tzinfo=VILNIUS)
EIGHT = datetime(2026, 11, 25, 8, tzinfo=VILNIUS)
DAY = timedelta(days=1)
NUMBERS = count(1)


def at(text: str) -> datetime:
    """A moment by Lithuanian clocks; with a star, the second pass of the hour that autumn has twice."""
    return datetime.fromisoformat(text.rstrip("*")).replace(tzinfo=VILNIUS, fold=text.endswith("*")).astimezone(UTC)


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(NOON, tick=False) as clock:
        yield clock


async def only_first(_: AsyncSession) -> set[int]:
    return {1}


async def nothing(_: AsyncSession) -> None:
    pass


class Ledger:
    """A job that writes a row for each time it is done, and fails where it is told to."""

    def __init__(self) -> None:
        self.trouble: BaseException | None = None

    async def write(self, session: AsyncSession) -> None:
        await write(session)
        if self.trouble:
            raise self.trouble


async def write(session: AsyncSession) -> None:
    """Note the time that it is; with a person, because the table is at hand."""
    moment = utc_now()
    session.add(Student(telegram_id=next(NUMBERS), person={}, first_seen=moment, last_seen=moment))
    await session.flush()


async def written(database: Database) -> list[datetime]:
    async with database.begin() as session:
        return list(await session.scalars(select(Student.first_seen).order_by(Student.telegram_id)))


async def row(database: Database) -> Job:
    async with database.begin() as session:
        return (await session.scalars(select(Job))).one()


class Known(Peers):
    """A process with a number, which knows who is up."""

    def __init__(self, number: int, alive: Callable[[AsyncSession], Awaitable[set[int]]]) -> None:
        super().__init__()
        self.number, self._alive = number, alive

    async def alive(self, session: AsyncSession) -> set[int]:
        return await self._alive(session)

    async def ring(self, session: AsyncSession, name: str) -> None: ...


def runner(
    database: Database,
    work: Callable[[AsyncSession], Awaitable[None]],
    recurrence: str = DAILY,
    number: int = 1,
    alive: Callable[[AsyncSession], Awaitable[set[int]]] = only_first,
) -> Runner:
    return Runner(database, [Periodic("ledger", recurrence, work)], Known(number, alive))


@pytest.fixture
async def other(database: Database) -> AsyncIterator[Database]:
    """The same database as another process has it open."""
    other = Database(database.url.render_as_string(hide_password=False))
    yield other
    await other.close()


# When


@pytest.mark.parametrize(
    ("recurrence", "after", "due"),
    [
        ("0 8 * * *", "2026-11-24 07:59", ["2026-11-24 08:00", "2026-11-25 08:00"]),
        ("0 8 * * *", "2026-11-24 08:00", ["2026-11-25 08:00"]),
        ("0 8 * * *", "2027-03-27 08:00", ["2027-03-28 08:00", "2027-03-29 08:00"]),
        ("0 8 * * *", "2027-10-30 08:00", ["2027-10-31 08:00", "2027-11-01 08:00"]),
        ("30 3 * * *", "2027-03-27 03:30", ["2027-03-28 04:00", "2027-03-29 03:30"]),  # 03:00 is followed by 04:00
        ("30 3 * * *", "2027-10-30 03:30", ["2027-10-31 03:30", "2027-11-01 03:30"]),  # 04:00 is followed by 03:00
        ("30 3 * * *", "2027-10-31 03:45", ["2027-11-01 03:30"]),
        ("30 3 * * *", "2027-10-31 03:15*", ["2027-11-01 03:30"]),  # done late, in the second pass
        ("15 3 1 * *", "2026-11-24 12:00", ["2026-12-01 03:15", "2027-01-01 03:15"]),
    ],
)
def test_a_job_is_due_by_lithuanian_clocks(recurrence: str, after: str, due: list[str]) -> None:
    moment, found = at(after), []
    for _ in due:
        moment = next_due(recurrence, moment)
        found.append(moment)
    assert found == [at(each) for each in due]


def test_eight_by_the_clock_is_another_hour_in_summer() -> None:
    assert [next_due(DAILY, datetime(2027, month, 1, tzinfo=UTC)).hour for month in (1, 7)] == [6, 5]


@pytest.mark.parametrize(
    ("day", "done"),
    [("2027-03-28", ["2027-03-28 04:00"]), ("2027-10-31", ["2027-10-31 03:30"])],
    ids=["the hour is left out", "the hour comes twice"],
)
async def test_on_the_day_when_clocks_change_a_job_of_the_night_is_done_once(
    database: Database, day: str, done: list[str]
) -> None:
    with time_machine.travel(at(day), tick=False) as clock:
        ledger = runner(database, write, "30 3 * * *")
        await ledger.declare()
        for _ in range(24 * 4):
            await ledger.look()
            clock.shift(timedelta(minutes=15))
    assert await written(database) == [at(each) for each in done]


# The rows


async def test_a_new_job_waits_for_its_time_and_a_restart_changes_nothing(
    database: Database, clock: time_machine.Traveller
) -> None:
    for _ in range(2):
        await runner(database, write).declare()
        job = await row(database)
        assert (job.name, job.recurrence, job.due_at, job.claimed_by, job.attempts) == ("ledger", DAILY, EIGHT, None, 0)
        clock.shift(timedelta(hours=1))


async def test_a_job_that_the_code_has_no_more_is_deleted(database: Database) -> None:
    await Runner(database, [Periodic("old", DAILY, nothing)], Known(1, only_first)).declare()
    await runner(database, write).declare()
    assert (await row(database)).name == "ledger"


async def test_a_job_of_newer_code_is_left_to_it(database: Database, clock: time_machine.Traveller) -> None:
    await runner(database, write).declare()
    clock.move_to(EIGHT)
    await Runner(database, [Periodic("old", DAILY, nothing)], Known(1, only_first)).look()
    assert (await row(database)).due_at == EIGHT


async def test_a_changed_time_counts_from_when_the_job_was_last_done(
    database: Database, clock: time_machine.Traveller
) -> None:
    await runner(database, write).declare()
    await runner(database, write, "0 13 * * *").declare()
    assert (await row(database)).due_at == NOON + timedelta(hours=1)
    clock.shift(timedelta(hours=2))
    await runner(database, write, "0 13 * * *").look()
    await runner(database, write, "30 13 * * *").declare()
    assert (await row(database)).due_at == NOON + timedelta(days=1, hours=1, minutes=30)
    clock.shift(3 * DAY)  # a downtime, and the time is changed after it
    changed = runner(database, write, "0 7 * * *")
    await changed.declare()
    assert (await row(database)).due_at == datetime(2026, 11, 25, 7, tzinfo=VILNIUS)
    await changed.look()
    assert (await row(database)).due_at == datetime(2026, 11, 28, 7, tzinfo=VILNIUS)


async def test_who_does_a_job_while_its_time_is_changed_does_not_set_the_next(
    database: Database, other: Database, clock: time_machine.Traveller
) -> None:
    async def change(session: AsyncSession) -> None:
        await runner(other, write, "0 13 * * *").declare()
        await write(session)

    await runner(database, change).declare()
    clock.move_to(EIGHT)
    with capture_logs() as logs:
        await runner(database, change).look()
    assert [each["event"] for each in logs] == ["job_taken_over"]
    assert await written(database) == []
    job = await row(database)
    assert (job.due_at, job.claimed_by) == (EIGHT + timedelta(hours=5), None)


# Doing


async def test_a_job_is_done_once_at_its_time(database: Database, clock: time_machine.Traveller) -> None:
    ledger = runner(database, write)
    await ledger.declare()
    for moment in (NOON, EIGHT - timedelta(seconds=1), EIGHT, EIGHT + timedelta(seconds=5), EIGHT + DAY):
        clock.move_to(moment)
        await ledger.look()
    assert await written(database) == [EIGHT, EIGHT + DAY]
    job = await row(database)
    assert (job.due_at, job.claimed_by, job.attempts, job.last_done_at) == (EIGHT + 2 * DAY, None, 0, EIGHT + DAY)


async def test_after_a_downtime_a_job_is_done_once(database: Database, clock: time_machine.Traveller) -> None:
    await runner(database, write).declare()
    clock.shift(5 * DAY)
    again = runner(database, write)
    await again.declare()
    await again.look()
    assert await written(database) == [NOON + 5 * DAY]
    assert (await row(database)).due_at == EIGHT + 5 * DAY


async def test_a_clock_that_is_set_back_does_not_bring_the_same_time_again(
    database: Database, clock: time_machine.Traveller
) -> None:
    async def set_back(session: AsyncSession) -> None:
        await write(session)
        clock.shift(-timedelta(seconds=1))

    ledger = runner(database, set_back)
    await ledger.declare()
    clock.move_to(EIGHT)
    await ledger.look()
    assert (await row(database)).due_at == EIGHT + DAY


async def test_two_processes_do_a_job_once(database: Database, other: Database, clock: time_machine.Traveller) -> None:
    async def both(_: AsyncSession) -> set[int]:
        return {1, 2}

    runners = [runner(each, write, number=number, alive=both) for number, each in enumerate((database, other), 1)]
    await asyncio.gather(*(each.declare() for each in runners))
    for day in range(10):
        clock.move_to(EIGHT + day * DAY)
        await asyncio.gather(*(each.look() for each in runners))
    assert await written(database) == [EIGHT + day * DAY for day in range(10)]


async def test_a_job_that_fails_is_tried_again_with_growing_pauses_and_keeps_no_other_back(
    database: Database, clock: time_machine.Traveller
) -> None:
    ledger, told = Ledger(), asyncio.Event()
    ledger.trouble = KeyError("fee")

    async def tell(_: AsyncSession) -> None:
        told.set()

    both = Runner(database, [Periodic("ledger", DAILY, ledger.write), Periodic("z", DAILY, tell)], Known(1, only_first))
    await both.declare()
    clock.move_to(EIGHT)
    with capture_logs() as logs:
        await both.look()
    assert [(each["event"], each["job"]) for each in logs] == [("job_failed", "ledger"), ("job_done", "z")]
    assert (logs[0]["reason"], logs[0]["again_at"]) == ("KeyError: 'fee'", "2026-11-25T06:01:00+00:00")
    assert told.is_set()
    for minutes in (1, 2, 4, 8, 16, 32, 60, 60):
        clock.shift(timedelta(minutes=minutes, seconds=-1))
        with capture_logs() as logs:
            await both.look()
        assert logs == []
        clock.shift(timedelta(seconds=1))
        with capture_logs() as logs:
            await both.look()
        assert [each["event"] for each in logs] == ["job_failed"]
    assert await written(database) == []
    ledger.trouble = None
    clock.shift(LONGEST_PAUSE)
    await both.look()
    assert await written(database) == [utc_now()]
    async with database.begin() as session:
        job = await session.get(Job, "ledger")
        assert job
        assert (job.due_at, job.attempts) == (EIGHT + DAY, 0)


async def test_the_pause_begins_when_a_job_has_failed_however_long_that_took(
    database: Database, clock: time_machine.Traveller
) -> None:
    async def wait_long(_: AsyncSession) -> None:
        clock.shift(timedelta(minutes=5))
        raise TimeoutError

    ledger = runner(database, wait_long)
    await ledger.declare()
    clock.move_to(EIGHT)
    with capture_logs() as logs:
        await ledger.look()
    assert [each["event"] for each in logs] == ["job_failed"]
    job = await row(database)
    assert (job.due_at, job.claimed_by) == (EIGHT + timedelta(minutes=6), None)


async def test_what_a_process_was_doing_when_it_was_stopped_is_undone_and_done_a_minute_later(
    database: Database, clock: time_machine.Traveller
) -> None:
    ledger = Ledger()
    ledger.trouble = asyncio.CancelledError()
    await runner(database, ledger.write).declare()
    clock.move_to(EIGHT)
    with pytest.raises(asyncio.CancelledError):
        await runner(database, ledger.write).look()
    assert (await row(database)).claimed_by == 1
    again = runner(database, write)
    await again.look()
    assert await written(database) == []
    clock.shift(FIRST_PAUSE)
    await again.look()
    assert await written(database) == [EIGHT + FIRST_PAUSE]


async def test_what_somebody_alive_is_doing_is_left_to_them_however_long_it_takes(
    database: Database, clock: time_machine.Traveller
) -> None:
    alive = {1, 2}

    async def peers(_: AsyncSession) -> set[int]:
        return alive

    first, second = (runner(database, write, number=number, alive=peers) for number in (1, 2))
    await first.declare()
    clock.move_to(EIGHT)
    assert await first._claim()  # and works on it
    clock.shift(timedelta(hours=3))
    await second.look()
    assert await written(database) == []
    alive.remove(1)
    await second.look()
    assert await written(database) == [EIGHT + timedelta(hours=3)]


async def test_the_runner_goes_on_after_a_database_that_is_away(
    database: Database, clock: time_machine.Traveller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.jobs.SECONDS_BETWEEN_LOOKS", 0)
    stopping, asked = asyncio.Event(), 0

    async def peers(_: AsyncSession) -> set[int]:
        nonlocal asked
        asked += 1
        if asked == 1:
            raise OSError("no route to the database")
        return {1}

    async def stop(session: AsyncSession) -> None:
        await write(session)
        stopping.set()

    await runner(database, stop).declare()
    clock.move_to(EIGHT)
    with capture_logs() as logs:
        await runner(database, stop, alive=peers).follow(stopping)
    assert [each["event"] for each in logs] == ["jobs_declared", "jobs_not_read", "job_done"]
    assert await written(database) == [EIGHT]


# In any order

Outcome = Literal["done", "fails", "dies"]


@dataclass
class Process:
    """One that works on the database, and what it is doing; its number says when it was started."""

    number: int
    database: Database
    gate: asyncio.Future[Outcome]
    looking: asyncio.Task[None] | None = None
    claim: datetime | None = None  # when it took the job


class AnyOrder(RuleBasedStateMachine):
    """Processes that take the job, end it, fail, die or are only thought dead, at any time.

    Beside them a model of what has to happen: when the job is due, when it may be tried again, whose it is.
    """

    template: Path

    @initialize()
    def begin(self) -> None:
        self.stack = ExitStack()
        self.stack.enter_context(capture_logs())
        self.clock = self.stack.enter_context(time_machine.travel(NOON, tick=False))
        self.runner = self.stack.enter_context(asyncio.Runner())
        folder = self.stack.enter_context(tempfile.TemporaryDirectory())
        self.url = f"sqlite+aiosqlite:///{shutil.copy(self.template, folder)}"
        self.reader = Database(self.url)
        self.processes: dict[int, Process] = {}
        self.alive: set[int] = set()
        self.started, self.failures, self.pause = 0, 0, FIRST_PAUSE
        self.holder: tuple[int, datetime] | None = None  # whose claim counts, and since when
        self.due = self.begin_at = next_due(DAILY, utc_now())
        self.done: list[datetime] = []
        self.start()
        self.runner.run(self.runner_of(self.processes[1]).declare())

    def runner_of(self, process: Process) -> Runner:
        async def alive(_: AsyncSession) -> set[int]:
            return self.alive

        async def work(session: AsyncSession) -> None:
            process.claim = utc_now()
            outcome = await process.gate
            await write(session)
            if outcome == "fails":
                raise RuntimeError
            if outcome == "dies":
                raise asyncio.CancelledError

        return runner(process.database, work, number=process.number, alive=alive)

    @precondition(lambda self: len(self.processes) < 4)
    @rule()
    def start(self) -> None:
        self.started += 1
        gate: asyncio.Future[Outcome] = self.runner.get_loop().create_future()
        self.processes[self.started] = Process(self.started, Database(self.url), gate)
        self.alive.add(self.started)

    @rule(data=st.data())
    def look(self, data: st.DataObject) -> None:
        """Whoever looks takes the job exactly when it is due and nobody alive has it."""
        idle = [each for each in self.processes.values() if not each.looking and each.number in self.alive]
        if idle:
            self.take(data.draw(st.sampled_from(idle)))

    def take(self, process: Process) -> None:
        process.looking = self.runner.get_loop().create_task(self.runner_of(process).look())
        self.go_on(process)

    def go_on(self, process: Process) -> None:
        """Until it waits in the midst of the job, or has looked and found nothing."""
        free = self.holder is None or self.holder[0] == process.number or self.holder[0] not in self.alive
        expected = self.begin_at <= utc_now() and free
        self.runner.run(self.until_work(process))
        assert (process.claim is not None) == expected
        if expected:
            self.holder = process.number, utc_now()
            self.pause = min(FIRST_PAUSE * 2**self.failures, LONGEST_PAUSE)
            self.begin_at = utc_now() + self.pause
            self.failures += 1

    async def until_work(self, process: Process) -> None:
        assert process.looking
        while not process.looking.done() and process.claim is None:  # noqa: ASYNC110 -- the database tells nobody
            await asyncio.sleep(0)
        if process.looking.done():
            process.looking = None

    @rule(data=st.data(), outcome=st.sampled_from(["done", "done", "fails", "dies"]))
    def end(self, data: st.DataObject, outcome: Outcome) -> None:
        busy = [each for each in self.processes.values() if each.looking]
        if busy:
            self.finish(data.draw(st.sampled_from(busy)), outcome)

    def finish(self, process: Process, outcome: Outcome) -> None:
        """It writes, and that counts only with a claim that still is its own, together with the next due time."""
        if self.holder == (process.number, process.claim):
            self.end_claim(outcome)
        gate, process.gate = process.gate, self.runner.get_loop().create_future()
        process.claim = None
        gate.set_result(outcome)
        if outcome == "dies":
            self.runner.run(self.until_work(process))
            self.bury(process)
        else:
            self.go_on(process)  # it looks again at once
        assert self.runner.run(written(self.reader)) == self.done

    def end_claim(self, outcome: Outcome) -> None:
        if outcome != "dies":
            self.holder = None
        if outcome == "fails":
            self.begin_at = utc_now() + self.pause
        if outcome == "done":
            assert utc_now() >= self.due
            self.done.append(utc_now())
            self.due = self.begin_at = next_due(DAILY, utc_now())
            self.failures = 0

    def bury(self, process: Process) -> None:
        self.alive.discard(process.number)
        del self.processes[process.number]
        self.runner.run(process.database.close())

    @rule(data=st.data())
    def lose(self, data: st.DataObject) -> None:
        """A process is thought dead, as its connection broke, and works on."""
        busy = [each.number for each in self.processes.values() if each.looking]
        if busy:
            self.alive.discard(data.draw(st.sampled_from(busy)))

    @rule(data=st.data())
    def come_back(self, data: st.DataObject) -> None:
        lost = sorted(self.processes.keys() - self.alive)
        if lost:
            self.alive.add(data.draw(st.sampled_from(lost)))

    @rule(passed=st.sampled_from([timedelta(minutes=1), timedelta(minutes=7), timedelta(hours=9), DAY, 3 * DAY]))
    def wait(self, passed: timedelta) -> None:
        self.clock.shift(passed)

    def teardown(self) -> None:
        """In the end all others die, and the last one does what is left."""
        if not hasattr(self, "stack"):
            return
        for process in list(self.processes.values()):
            if process.looking:
                self.finish(process, "dies")
        self.start()
        self.clock.shift(DAY + LONGEST_PAUSE)
        last = self.processes[self.started]
        self.take(last)
        self.finish(last, "done")
        assert self.done[-1] == utc_now()
        for earlier, later in zip(self.done, self.done[1:], strict=False):
            assert next_due(DAILY, earlier) <= later
        for process in list(self.processes.values()):
            self.bury(process)
        self.runner.run(self.reader.close())
        self.stack.close()


def test_in_any_order_each_time_is_worked_off_once(tmp_path: Path) -> None:
    AnyOrder.template = tmp_path / "jobs.sqlite"
    upgrade(f"sqlite:///{AnyOrder.template}")
    run_state_machine_as_test(AnyOrder, settings=settings(max_examples=30, stateful_step_count=30, deadline=None))
