"""Telling what changes, on real databases: once, by day, to who wants it, whatever fails."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest
import time_machine
from sqlalchemy import select, text
from structlog.testing import capture_logs

from bot.application.linking import set_tell_changes
from bot.application.lookups import Looked, Lookups
from bot.application.tables import ProviderCursor
from bot.application.watching import BELL, Watcher
from bot.conversation.person import Person
from bot.delivery.outbox import Parcel
from integrations.application_status.case import Case, State, Task, Unavailable
from integrations.database import Database, Session, join
from tests.bot.application.office import NOON, VAULT, Office, audit, link, put_out, read_link
from tests.processes import Process

LATE, EIGHT = NOON + timedelta(hours=12), NOON + timedelta(hours=20)
ADA, BEA = 1001, 1002
SECONDS = 30  # after this a test has hung


class Crash(BaseException):
    """The process dies here."""


class Mortal(Process):
    """A process that may die at the end of a transaction that puts something out."""

    dies_soon = False

    async def ring(self, session: Session, name: str) -> None:
        if self.dies_soon:
            raise Crash
        await super().ring(session, name)


def say(person: Person, cases: Sequence[Case]) -> str:
    return f"{person.language}: {', '.join(each.state for each in cases)}"


@pytest.fixture
def office(clock: time_machine.Traveller) -> Office:
    office = Office()
    for number in ("60", "61"):
        office.decide(number, State.UNDER_REVIEW)
    return office


@pytest.fixture
def process() -> Mortal:
    return Mortal(set())


@pytest.fixture
async def watcher(database: Database, process: Mortal, lookups: Lookups, office: Office, exchange: Office) -> Watcher:
    watcher = Watcher(database, process, VAULT, [office, exchange], lookups, say)
    await watcher.look()  # what was before is no news
    return watcher


async def has_linked(
    database: Database, lookups: Lookups, person: int, *applicants: tuple[str, str], country: str | None = None
) -> None:
    """A person who was shown where they stand and wants to be told what changes."""
    await link(database, person, applicants, country=country)
    await lookups.look_up(person, why="linked")


async def cursors(database: Database) -> dict[str, str]:
    async with database.read() as session:
        return {each.provider: VAULT.open(each.cursor) for each in await session.scalars(select(ProviderCursor))}


async def test_a_change_is_told_once_in_the_persons_language(
    database: Database, watcher: Watcher, lookups: Lookups, office: Office, process: Mortal
) -> None:
    await has_linked(database, lookups, ADA, ("office", "60"))
    await has_linked(database, lookups, BEA, ("office", "61"))
    process.bell("outbox").clear()
    for _ in range(2):
        await watcher.look()
    assert (await put_out(database), process.bell("outbox").is_set()) == ([], False)
    office.decide("60", State.ACCEPTED)
    for _ in range(3):
        await watcher.look()
    assert await put_out(database) == [(ADA, "lt: accepted")]
    assert process.bell("outbox").is_set()
    async with database.read() as session:
        [row] = await session.scalars(select(Parcel))
    assert (row.kind, row.telegram_id, row.method) == ("notice", ADA, "sendMessage")
    assert {each: row.parameters[each] for each in row.parameters if each != "text"} == {
        "parse_mode": "HTML",
        "link_preview_options": {"is_disabled": True},
    }
    assert office.asked == ["60", "61", "60"]
    assert (await audit(database))[2:] == [("office", "changed", "found", 1)]
    assert await cursors(database) == {"office": "3", "exchange": "1"}


@pytest.mark.parametrize(
    "change",
    [{"deadline": NOON + timedelta(days=9)}, {"tasks": (Task("fee"),)}, {"tasks": (Task("fee", "100 € are missing"),)}],
)
async def test_deadlines_and_what_is_to_be_done_are_told_too(
    database: Database, watcher: Watcher, lookups: Lookups, office: Office, change: dict[str, object]
) -> None:
    await has_linked(database, lookups, ADA, ("office", "60"))
    office.decide("60", State.UNDER_REVIEW, **change)
    await watcher.look()
    assert await put_out(database) == [(ADA, "lt: under_review")]


async def test_what_nobody_would_notice_is_not_told(
    database: Database, watcher: Watcher, lookups: Lookups, office: Office
) -> None:
    await has_linked(database, lookups, ADA, ("office", "60"))
    office.decide("60", State.UNDER_REVIEW, url="https://apply.example.org/moved")
    await watcher.look()
    assert await put_out(database) == []


async def test_who_does_not_want_to_be_told_is_not_and_learns_it_when_they_do(
    database: Database, watcher: Watcher, lookups: Lookups, office: Office
) -> None:
    await link(database, ADA, [("office", "60")], tell_changes=False)
    await lookups.look_up(ADA, why="linked")
    office.decide("60", State.ACCEPTED)
    await watcher.look()
    assert await put_out(database) == []
    async with database.begin() as session:
        await set_tell_changes(session, ADA, True)
    await watcher.look()
    assert await put_out(database) == [(ADA, "lt: accepted")]


async def test_who_has_asked_before_is_not_told_what_they_were_shown(
    database: Database, watcher: Watcher, lookups: Lookups, office: Office, clock: time_machine.Traveller
) -> None:
    await has_linked(database, lookups, ADA, ("office", "60"))
    office.decide("60", State.ACCEPTED)
    clock.shift(timedelta(minutes=2))
    await lookups.look_up(ADA, why="asked")
    await watcher.look()
    assert await put_out(database) == []


# By night


async def test_what_changes_by_night_is_told_in_the_morning_as_it_then_stands(
    database: Database, watcher: Watcher, lookups: Lookups, office: Office, clock: time_machine.Traveller
) -> None:
    await has_linked(database, lookups, ADA, ("office", "60"))
    await has_linked(database, lookups, BEA, ("office", "61"))
    clock.move_to(LATE)
    for state in (State.CONDITIONAL, State.REJECTED, State.ACCEPTED):
        for number in ("60", "61"):
            office.decide(number, state)
        await watcher.look()
        clock.shift(timedelta(hours=1))
    office.decide("61", State.UNDER_REVIEW)  # as it was
    clock.move_to(EIGHT - timedelta(seconds=1))
    await watcher.look()
    assert await put_out(database) == []
    clock.move_to(EIGHT)
    for _ in range(2):
        await watcher.look()
    assert await put_out(database) == [(ADA, "lt: accepted")]


async def test_it_is_night_where_the_person_is(
    database: Database, watcher: Watcher, lookups: Lookups, office: Office, clock: time_machine.Traveller
) -> None:
    await has_linked(database, lookups, ADA, ("office", "60"), country="IN")
    await has_linked(database, lookups, BEA, ("office", "61"), country="US")
    clock.move_to(LATE)  # 00:00 in Lithuania, 03:30 in India, 17:00 in New York
    for number in ("60", "61"):
        office.decide(number, State.ACCEPTED)
    await watcher.look()
    assert await put_out(database) == [(BEA, "lt: accepted")]


@pytest.mark.parametrize(("hours", "told"), [(24, True), (25, False), (-1, False)])
async def test_what_has_to_be_done_within_a_day_is_told_by_night(
    database: Database,
    watcher: Watcher,
    lookups: Lookups,
    office: Office,
    clock: time_machine.Traveller,
    hours: int,
    told: bool,
) -> None:
    await has_linked(database, lookups, ADA, ("office", "60"))
    clock.move_to(LATE)
    office.decide("60", State.CONDITIONAL, deadline=LATE + timedelta(hours=hours))
    await watcher.look()
    assert await put_out(database) == ([(ADA, "lt: conditional")] if told else [])


async def test_what_changes_in_the_last_minute_of_the_night_is_told_with_the_rest(
    database: Database, watcher: Watcher, lookups: Lookups, office: Office, clock: time_machine.Traveller
) -> None:
    await has_linked(database, lookups, ADA, ("office", "60"))
    clock.move_to(LATE)
    office.decide("60", State.CONDITIONAL)
    await watcher.look()
    clock.move_to(EIGHT)
    office.decide("60", State.ACCEPTED)
    await watcher.look()
    assert await put_out(database) == [(ADA, "lt: accepted")]


async def test_in_the_morning_no_system_that_hangs_is_waited_for(
    database: Database,
    watcher: Watcher,
    lookups: Lookups,
    office: Office,
    exchange: Office,
    process: Mortal,
    clock: time_machine.Traveller,
) -> None:
    await has_linked(database, lookups, ADA, ("exchange", "7"), ("office", "60"))
    clock.move_to(LATE)
    office.decide("60", State.ACCEPTED)
    await watcher.look()
    clock.move_to(EIGHT)
    exchange.may_answer.clear()
    looking = asyncio.create_task(watcher.look())
    async with asyncio.timeout(SECONDS):
        while not (told := await put_out(database)):  # noqa: ASYNC110 -- the bell rings before the transaction ends
            await asyncio.sleep(0.01)
    assert told == [(ADA, "lt: nominated, accepted")]
    exchange.may_answer.set()
    await looking


# Trouble


async def test_a_system_that_is_down_keeps_no_other_back_and_loses_nothing(
    database: Database, watcher: Watcher, lookups: Lookups, office: Office, exchange: Office
) -> None:
    await has_linked(database, lookups, ADA, ("office", "60"), ("exchange", "7"))
    office.decide("60", State.ACCEPTED)
    exchange.decide("7", State.ACCEPTED)
    for trouble in (Unavailable("503"), KeyError("type=Rejected")):
        office.trouble = trouble
        with capture_logs() as logs:
            await watcher.look()
        assert [(each["event"], each["provider"]) for each in logs] == [("changes_not_followed", "office")]
        assert "Rejected" not in str(logs)
    assert await put_out(database) == [(ADA, "lt: under_review, accepted")]
    assert await cursors(database) == {"office": "2", "exchange": "2"}
    office.trouble = None
    await watcher.look()
    assert (await put_out(database))[1:] == [(ADA, "lt: accepted, accepted")]
    assert await cursors(database) == {"office": "3", "exchange": "2"}


async def test_a_system_that_hangs_keeps_no_other_back(
    database: Database,
    watcher: Watcher,
    lookups: Lookups,
    office: Office,
    exchange: Office,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("bot.application.watching.PATIENCE", 0.05)
    await has_linked(database, lookups, ADA, ("exchange", "7"), ("office", "60"))
    office.may_answer.clear()
    exchange.decide("7", State.ACCEPTED)
    await watcher.look()
    assert await put_out(database) == [(ADA, "lt: accepted, under_review")]


async def test_one_applicant_who_cannot_be_looked_up_keeps_no_other_back_and_is_told_later(
    database: Database, watcher: Watcher, lookups: Lookups, office: Office
) -> None:
    await has_linked(database, lookups, ADA, ("office", "60"))
    await has_linked(database, lookups, BEA, ("office", "61"))
    for number in ("60", "61"):
        office.decide(number, State.ACCEPTED)
    office.troubles["60"] = Unavailable("500")
    with capture_logs() as logs:
        await watcher.look()
    assert [each["event"] for each in logs] == ["not_looked_up", "changes_left"]
    assert (await put_out(database), (await cursors(database))["office"]) == ([(BEA, "lt: accepted")], "2")
    del office.troubles["60"]
    await watcher.look()
    assert (await put_out(database))[1:] == [(ADA, "lt: accepted")]
    assert (await cursors(database))["office"] == "4"


async def test_what_cannot_be_worded_for_one_is_told_to_the_others(
    database: Database, process: Mortal, lookups: Lookups, watcher: Watcher, office: Office
) -> None:
    def stumble(person: Person, cases: Sequence[Case]) -> str:
        if cases[0].state is State.UNKNOWN:
            raise KeyError(cases[0].title)
        return say(person, cases)

    await has_linked(database, lookups, ADA, ("office", "60"))
    await has_linked(database, lookups, BEA, ("office", "61"))
    office.decide("60", State.UNKNOWN)
    office.decide("61", State.ACCEPTED)
    with capture_logs() as logs:
        await Watcher(database, process, VAULT, [office], lookups, stumble).look()
    trouble = {"event": "change_not_told", "log_level": "error", "reason": "KeyError"}
    assert logs == [trouble, trouble]  # when it came, and with all that is still to be told
    assert await put_out(database) == [(BEA, "lt: accepted")]


async def test_killed_in_the_middle_it_is_told_once_by_the_next_look(
    database: Database, watcher: Watcher, lookups: Lookups, office: Office, process: Mortal
) -> None:
    await has_linked(database, lookups, ADA, ("office", "60"))
    office.decide("60", State.ACCEPTED)
    process.dies_soon = True
    with pytest.raises(Crash):
        await watcher.look()
    assert await put_out(database) == []
    process.dies_soon = False
    for _ in range(2):
        await watcher.look()
    assert await put_out(database) == [(ADA, "lt: accepted")]


async def test_two_processes_that_look_at_once_tell_once(
    database: Database, watcher: Watcher, lookups: Lookups, office: Office, exchange: Office
) -> None:
    other = Database(database.url.render_as_string(hide_password=False))
    theirs = Lookups(other, VAULT, [office, exchange])
    watchers = [watcher, Watcher(other, Process(set()), VAULT, [office, exchange], theirs, say)]
    for person, number in enumerate(("60", "61"), ADA):
        await has_linked(database, lookups, person, ("office", number))
    expected = []
    for state in (State.CONDITIONAL, State.ACCEPTED, State.CONFIRMED):
        for person, number in enumerate(("60", "61"), ADA):
            office.decide(number, state)
            expected.append((person, f"lt: {state}"))
        await asyncio.gather(*(each.look() for each in watchers))
        assert sorted(await put_out(database)) == sorted(expected)
    await other.close()


# Who is deleted


async def test_who_is_deleted_there_is_deleted_here(
    database: Database, watcher: Watcher, lookups: Lookups, office: Office
) -> None:
    await has_linked(database, lookups, ADA, ("office", "60"), ("exchange", "7"))
    await has_linked(database, lookups, BEA, ("office", "61"))
    for number in ("60", "61"):
        office.delete(number)
    await watcher.look()
    assert (await put_out(database), await read_link(database, BEA)) == ([], None)
    assert [each.provider for each in (await lookups.look_up(ADA, why="asked")).cases] == ["exchange"]
    assert await lookups.look_up(BEA, why="asked") == Looked()


async def test_a_change_that_waits_for_the_morning_is_told_though_another_system_has_deleted_the_person(
    database: Database,
    watcher: Watcher,
    lookups: Lookups,
    office: Office,
    exchange: Office,
    clock: time_machine.Traveller,
) -> None:
    await has_linked(database, lookups, ADA, ("office", "60"), ("exchange", "7"))
    clock.move_to(LATE)
    office.decide("60", State.ACCEPTED)
    await watcher.look()
    exchange.delete("7")
    await watcher.look()
    clock.move_to(EIGHT)
    await watcher.look()
    assert await put_out(database) == [(ADA, "lt: accepted")]


# The bell


@asynccontextmanager
async def following(watcher: Watcher) -> AsyncIterator[None]:
    stopping = asyncio.Event()
    task = asyncio.create_task(watcher.follow(stopping))
    yield
    stopping.set()
    async with asyncio.timeout(SECONDS):
        await task


async def test_when_somebody_rings_what_has_changed_is_told_at_once(
    database: Database, lookups: Lookups, office: Office, exchange: Office
) -> None:
    async with join(database) as peers:
        watcher = Watcher(database, peers, VAULT, [office, exchange], lookups, say)
        await watcher.look()
        await has_linked(database, lookups, ADA, ("office", "60"))
        async with following(watcher):
            for state in (State.CONDITIONAL, State.ACCEPTED):
                office.decide("60", state)
                peers.bell("outbox").clear()
                async with database.begin() as session:
                    await peers.ring(session, BELL)
                async with asyncio.timeout(SECONDS):
                    await peers.bell("outbox").wait()
    assert await put_out(database) == [(ADA, "lt: conditional"), (ADA, "lt: accepted")]


async def test_of_two_processes_one_listens_and_the_other_takes_over(
    on_postgres: Database, office: Office, exchange: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("integrations.database.engine.SECONDS_BETWEEN_TRIES", 0.01)
    async with join(on_postgres) as peers, asyncio.timeout(SECONDS):
        one, two = (
            Watcher(on_postgres, peers, VAULT, [each], Lookups(on_postgres, VAULT, [each]), say)
            for each in (office, exchange)
        )
        async with following(one):
            await office.reached.wait()
            async with following(two):
                office.reached.clear()
                peers.bell(BELL).set()
                await office.reached.wait()
                assert not exchange.reached.is_set()
        async with following(two):
            await exchange.reached.wait()


async def test_what_was_rung_while_the_database_was_away_is_looked_at_when_it_is_back(
    database: Database,
    watcher: Watcher,
    lookups: Lookups,
    office: Office,
    process: Mortal,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("bot.application.watching.PAUSE", 0.01)

    async def change(statement: str) -> None:
        async with database.begin() as session:
            await session.execute(text(statement))

    await has_linked(database, lookups, ADA, ("office", "60"))
    process.bell("outbox").clear()
    await change("ALTER TABLE link RENAME TO elsewhere")
    with capture_logs() as logs:
        async with following(watcher), asyncio.timeout(SECONDS):
            office.decide("60", State.ACCEPTED)
            process.bell(BELL).set()
            while not logs:  # noqa: ASYNC110 -- it tells nobody else
                await asyncio.sleep(0.01)
            await change("ALTER TABLE elsewhere RENAME TO link")
            await process.bell("outbox").wait()
    assert {each["event"] for each in logs} == {"applications_not_watched"}
    assert await put_out(database) == [(ADA, "lt: accepted")]
