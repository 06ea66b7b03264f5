"""Looking up, on real databases: in time, from the last copy, audited."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
import time_machine
from sqlalchemy import delete, func, select, update
from structlog.testing import capture_logs

from bot.application.copies import COPIES, Copy
from bot.application.lookups import Looked, Lookups
from bot.application.tables import Link, LinkedApplicant, LookUp
from integrations.application_status.case import Case, Refused, State, Task, Unavailable
from integrations.database import Database, utc_now
from tests.bot.application.office import NOON, VAULT, Office, audit, case, link, read_link

ADA, BEA = 1001, 1002
BOTH = [("office", "60"), ("exchange", "7")]
MINUTE = timedelta(minutes=1)


@pytest.fixture
def office(clock: time_machine.Traveller) -> Office:
    office = Office()
    todo = (Task("passport", "a copy"), Task("fee"))
    office.decide("60", State.CONDITIONAL, tasks=todo, deadline=NOON + timedelta(days=3), remark="Well done")
    return office


def told(office: Office, applicant: str) -> Case:
    """What it tells, as of now."""
    [one] = office.applicants[applicant]
    return replace(one, as_of=utc_now())


async def test_who_asks_is_shown_all_cases_and_the_audit_says_so(
    database: Database, lookups: Lookups, office: Office, exchange: Office
) -> None:
    await link(database, ADA, BOTH)
    looked = await lookups.look_up(ADA, why="linked")
    assert looked == Looked((told(office, "60"), told(exchange, "7")))
    assert await audit(database) == [("office", "linked", "found", 1), ("exchange", "linked", "found", 1)]
    row = await read_link(database, ADA)
    assert row
    assert (row.told == row.stands, row.stands is not None, row.final_since) == (True, True, None)


async def test_what_is_kept_can_be_read_by_nobody(database: Database, lookups: Lookups) -> None:
    await link(database, ADA, BOTH)
    await lookups.look_up(ADA, why="asked")
    async with database.read() as session:
        rows = [*await session.scalars(select(Link)), *await session.scalars(select(LinkedApplicant))]
        rows += await session.scalars(select(LookUp))
    kept = " ".join(str(value) for row in rows for name, value in vars(row).items() if name != "_sa_instance_state")
    assert not [each for each in ("Marine", "conditional", "passport", "Well done", "ada@") if each in kept]
    audited = [vars(row) for row in rows if isinstance(row, LookUp)]
    assert {str(ADA), "60", "7"}.isdisjoint(str(value) for row in audited for value in row.values())


async def test_who_is_not_linked_is_shown_nothing(database: Database, lookups: Lookups) -> None:
    await link(database, ADA, BOTH)
    assert await lookups.look_up(BEA, why="asked") == Looked()
    assert await audit(database) == []


async def test_a_copy_of_a_minute_is_good_enough_for_who_asks(
    database: Database, lookups: Lookups, office: Office, clock: time_machine.Traveller
) -> None:
    await link(database, ADA, [("office", "60")])
    before = await lookups.look_up(ADA, why="linked")
    office.decide("60", State.ACCEPTED)
    clock.shift(MINUTE - timedelta(seconds=1))
    assert await lookups.look_up(ADA, why="asked") == before
    clock.shift(timedelta(seconds=1))
    assert await lookups.look_up(ADA, why="asked") == Looked((told(office, "60"),))
    assert office.asked == ["60", "60"]
    assert await audit(database) == [("office", why, "found", 1) for why in ("linked", "asked", "asked")]


@pytest.mark.parametrize("why", ["linked", "changed"])
async def test_it_is_not_good_enough_otherwise(database: Database, lookups: Lookups, office: Office, why: str) -> None:
    await link(database, ADA, [("office", "60")])
    await lookups.look_up(ADA, why="linked")
    office.decide("60", State.ACCEPTED)
    assert await lookups.look_up(ADA, why=why) == Looked((told(office, "60"),))  # type: ignore[arg-type]


@pytest.mark.parametrize(("trouble", "result"), [(Unavailable(), "unavailable"), (Refused(), "refused")])
async def test_of_a_system_that_is_down_the_last_copy_is_shown_or_it_is_named(
    database: Database,
    lookups: Lookups,
    office: Office,
    exchange: Office,
    clock: time_machine.Traveller,
    trouble: Exception,
    result: str,
) -> None:
    await link(database, ADA, BOTH)
    office.trouble = trouble
    assert await lookups.look_up(ADA, why="linked") == Looked((told(exchange, "7"),), missing=frozenset({"office"}))
    office.trouble = None
    clock.shift(MINUTE)
    before = (await lookups.look_up(ADA, why="asked")).cases
    office.trouble = trouble
    clock.shift(MINUTE)
    shown = await lookups.look_up(ADA, why="asked")
    assert shown == Looked((before[0], told(exchange, "7")), stale=frozenset({"office"}))
    assert shown.cases[0].as_of == NOON + MINUTE
    results = [row[2] for row in await audit(database) if row[0] == "office"]
    assert results == [result, "found", result]


async def test_who_does_not_answer_holds_nobody_up(
    database: Database, lookups: Lookups, office: Office, exchange: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.application.lookups.PATIENCE", 0.05)
    office.may_answer.clear()
    await link(database, ADA, BOTH)
    assert await lookups.look_up(ADA, why="asked") == Looked((told(exchange, "7"),), missing=frozenset({"office"}))


async def test_one_systems_fault_is_not_the_others_and_its_words_are_in_no_log(
    database: Database, lookups: Lookups, office: Office, exchange: Office
) -> None:
    office.trouble = KeyError("type=Accepted")
    await link(database, ADA, BOTH)
    with capture_logs() as logs:
        looked = await lookups.look_up(ADA, why="asked")
    assert looked == Looked((told(exchange, "7"),), missing=frozenset({"office"}))
    assert logs == [
        {"event": "not_looked_up", "log_level": "warning", "provider": "office", "reason": "broken: KeyError"}
    ]


async def test_a_system_that_keeps_failing_is_left_alone_for_a_while_and_then_asked_again(
    database: Database, lookups: Lookups, office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = time.monotonic()
    monkeypatch.setattr("circuitbreaker.monotonic", lambda: now)
    await link(database, ADA, [("office", "60")])
    office.trouble = Unavailable()
    for _ in range(8):
        assert await lookups.look_up(ADA, why="asked") == Looked(missing=frozenset({"office"}))
    assert len(office.asked) == 5
    now += 31
    await lookups.look_up(ADA, why="asked")  # one try, in vain
    await lookups.look_up(ADA, why="asked")
    assert len(office.asked) == 6
    office.trouble = None
    now += 31
    for _ in range(2):
        assert await lookups.look_up(ADA, why="linked") == Looked((told(office, "60"),))
    assert len(office.asked) == 8


async def test_who_is_gone_is_forgotten_and_the_link_with_the_last(
    database: Database, lookups: Lookups, office: Office, exchange: Office
) -> None:
    await link(database, ADA, BOTH)
    await lookups.look_up(ADA, why="linked")
    office.delete("60")
    assert await lookups.look_up(ADA, why="changed") == Looked((told(exchange, "7"),))
    row = await read_link(database, ADA)
    assert row
    assert row.told == row.stands  # that less is known is no news
    exchange.delete("7")
    assert await lookups.look_up(ADA, why="changed") == Looked()
    async with database.read() as session:
        assert [await session.scalar(select(func.count()).select_from(each)) for each in (Link, LinkedApplicant)] == [
            0,
            0,
        ]
    assert [row[2] for row in await audit(database)][2:] == ["gone", "found", "gone"]


async def test_an_applicant_without_cases_is_none(database: Database, lookups: Lookups, office: Office) -> None:
    office.applicants["60"] = ()
    await link(database, ADA, [("office", "60")])
    for _ in range(2):
        assert await lookups.look_up(ADA, why="asked") == Looked()
    assert await audit(database) == [("office", "asked", "none", 0)] * 2


async def test_only_one_system_is_asked_where_only_it_has_news(
    database: Database, lookups: Lookups, office: Office, exchange: Office
) -> None:
    await link(database, ADA, BOTH)
    both = await lookups.look_up(ADA, why="linked")
    assert await lookups.look_up(ADA, why="changed", only="exchange") == both
    assert (len(office.asked), len(exchange.asked)) == (1, 2)


async def test_a_system_that_is_not_in_the_settings_any_more_is_not_there(database: Database, office: Office) -> None:
    await link(database, ADA, BOTH)
    looked = await Lookups(database, VAULT, [office]).look_up(ADA, why="asked")
    assert looked == Looked((told(office, "60"),), missing=frozenset({"exchange"}))


async def test_what_an_earlier_version_kept_is_asked_for_again(
    database: Database, lookups: Lookups, office: Office
) -> None:
    await link(database, ADA, [("office", "60")])
    async with database.begin() as session:
        await session.execute(update(Link).values(cases=VAULT.seal({"60": ["accepted"]})))
    assert await lookups.look_up(ADA, why="asked") == Looked((told(office, "60"),))


async def test_since_when_all_is_over_is_remembered(
    database: Database, lookups: Lookups, office: Office, exchange: Office, clock: time_machine.Traveller
) -> None:
    async def final_since() -> datetime | None:
        await lookups.look_up(ADA, why="changed")
        row = await read_link(database, ADA)
        assert row
        return row.final_since

    await link(database, ADA, BOTH)
    office.decide("60", State.REJECTED)
    assert await final_since() is None
    exchange.trouble = Unavailable()
    exchange.decide("7", State.FINISHED)
    assert await final_since() is None
    exchange.trouble = None
    assert await final_since() == NOON
    clock.shift(timedelta(days=5))
    assert await final_since() == NOON
    office.decide("60", State.UNDER_REVIEW)
    assert await final_since() is None


# Two at once


async def test_of_two_look_ups_the_copy_of_the_one_that_began_later_stays(
    database: Database, lookups: Lookups, office: Office, clock: time_machine.Traveller
) -> None:
    await link(database, ADA, [("office", "60")])
    office.may_answer.clear()
    slow = asyncio.create_task(lookups.look_up(ADA, why="changed"))
    await office.reached.wait()
    clock.shift(timedelta(seconds=1))
    office.decide("60", State.ACCEPTED)
    quick = asyncio.create_task(Lookups(database, VAULT, [_sighted(office)]).look_up(ADA, why="asked"))
    shown = await quick
    office.may_answer.set()
    assert await slow == shown == Looked((told(office, "60"),))
    row = await read_link(database, ADA)
    assert row
    assert row.told == row.stands


def _sighted(office: Office) -> Office:
    """The same system, which answers at once."""
    other = Office()
    other.applicants = office.applicants
    return other


async def test_who_takes_the_link_back_meanwhile_is_shown_nothing_and_nothing_is_kept(
    database: Database, lookups: Lookups, office: Office
) -> None:
    await link(database, ADA, [("office", "60")])
    office.may_answer.clear()
    looking = asyncio.create_task(lookups.look_up(ADA, why="asked"))
    await office.reached.wait()
    async with database.begin() as session:
        await session.execute(delete(Link))
    await link(database, ADA, [("office", "61")])
    office.may_answer.set()
    assert await looking == Looked()
    row = await read_link(database, ADA)
    assert row
    assert VAULT.open(row.cases or "") == {}
    assert await audit(database) == [("office", "asked", "found", 1)]


def test_a_case_comes_out_as_it_went_in(office: Office) -> None:
    [one] = office.applicants["60"]
    other = replace(case(State.UNKNOWN), since=NOON, url="https://apply.example.org/60")
    copies = {"a": Copy(NOON, (one, other)), "b": Copy(NOON, ())}
    assert COPIES.validate_python(VAULT.open(VAULT.seal(COPIES.dump_python(copies, mode="json")))) == copies
