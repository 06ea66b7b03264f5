"""DreamApply as a provider, against the stand-in: what is asked, what is told, and what happens when it goes wrong."""

from __future__ import annotations

import asyncio
import contextlib
import json
import selectors
import traceback
from collections.abc import Awaitable, Callable
from datetime import datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import time_machine

from integrations.application_status import Applicant, Case, Kind, Refused, State, Task, Unavailable
from integrations.application_status.dreamapply import DreamApply, calls
from integrations.application_status.dreamapply.shapes import PEOPLE
from integrations.application_status.stand_in import KEY, StandIn
from integrations.application_status.stand_in.applicants import MARKER
from integrations.application_status.stand_in.faults import CLOSED, GARBAGE, NEVER, SERVER_ERROR, Fault
from integrations.application_status.stand_in.records import Course, OfferType

AI, ROBOTICS, BUSINESS = "Artificial Intelligence", "Robotics", "Innovation and Entrepreneurship"
BUSY = Fault(429, b"Too many calls")


LookUp = Callable[[str], Awaitable[list[Case]]]


@pytest.fixture
def look_up(dreamapply: DreamApply, stand_in: StandIn) -> LookUp:
    """The cases of an invented applicant, by name."""

    async def look_up(name: str) -> list[Case]:
        return [*await dreamapply.look_up(str(stand_in.records.applicant(f"{name}@example.org").id))]

    return look_up


async def test_each_invented_applicant_stands_where_the_office_put_them(look_up: LookUp) -> None:
    stands = {}
    for name in ["ada", "bruno", "elif", "ines", "chloe", "deniz", "jonas", "kira", "lena", "farid", "greta"]:
        cases = await look_up(name)
        stands[name] = [(case.title, case.state, case.remark) for case in cases]
    assert stands == {
        "ada": [(AI, State.UNDER_REVIEW, "")],
        "bruno": [(AI, State.UNDER_REVIEW, "")],  # an acceptance is prepared
        "elif": [(AI, State.UNKNOWN, "")],
        "ines": [],
        "chloe": [(AI, State.ACCEPTED, "Congratulations! Please tell us whether you take the place.")],
        "deniz": [(AI, State.REJECTED, "All places of this year are taken.")],
        "jonas": [(AI, State.CONFIRMED, "")],
        "kira": [(AI, State.UNDER_REVIEW, "You are on the waiting list.")],  # a rejection is prepared
        "lena": [(AI, State.CONDITIONAL, "Accepted once we have your diploma.")],
        "farid": [(AI, State.WITHDRAWN, "")],
        "greta": [
            (AI, State.UNDER_REVIEW, ""),
            (BUSINESS, State.UNDER_REVIEW, ""),
            (ROBOTICS, State.DRAFT, ""),
            (ROBOTICS, State.CLOSED, ""),
        ],
    }


async def test_a_whole_case(look_up: LookUp, stand_in: StandIn, url: str, now: datetime) -> None:
    chloe = stand_in.records.applicant("chloe@example.org")
    [application] = stand_in.records.applications_of(chloe.id)
    stand_in.office.add_task(application.id, "checklist-language-english", "IELTS or TOEFL.")
    stand_in.office.add_task(application.id, "checklist-dance")
    with time_machine.travel(now, tick=False):
        [case] = await look_up("chloe")
    assert case == Case(
        provider="dreamapply",
        id=f"{application.id}/{application.offers[0].id}",
        kind=Kind.APPLICATION,
        state=State.ACCEPTED,
        title=AI,
        since=now - timedelta(days=4),
        as_of=now,
        deadline=datetime.combine((now + timedelta(days=10)).date(), time(23, 59, 59), ZoneInfo("Europe/Vilnius")),
        tasks=(Task("english", "IELTS or TOEFL."), Task("other")),
        remark="Congratulations! Please tell us whether you take the place.",
        url=f"{url}/",
    )


async def test_what_is_to_do_is_what_is_not_resolved(look_up: LookUp) -> None:
    [case] = await look_up("ada")
    assert case.tasks == (
        Task("passport", "The scan of the photo page is cut off at the right."),
        Task("english", "IELTS, TOEFL or a letter from your university."),
    )


async def test_only_lists_are_asked_for_and_names_only_once(dreamapply: DreamApply, stand_in: StandIn) -> None:
    [chloe] = await dreamapply.find("chloe@example.org")
    for _ in range(2):
        await dreamapply.look_up(chloe.id)
    person = f"/api/v9/applicants/{chloe.id}/applications?expand=courses%2Coffers%2Ctasks"
    assert stand_in.calls == [
        "GET /api/v9/applicants?byEmails=chloe%40example.org",
        f"GET {person}",
        "GET /api/v9/applications/offers/types",
        "GET /api/v9/courses/1",
        f"GET {person}",
    ]


async def test_a_new_name_of_a_course_is_seen_within_the_hour(
    look_up: LookUp, stand_in: StandIn, now: datetime
) -> None:
    titles = []
    for minutes in (0, 59, 61):
        with time_machine.travel(now + timedelta(minutes=minutes), tick=False):
            titles.append((await look_up("ada"))[0].title)
        stand_in.records.courses[1] = Course(1, "Thinking Machines", "PG")
    assert titles == [AI, AI, "Thinking Machines"]


async def test_a_course_that_is_gone_has_no_name(look_up: LookUp, stand_in: StandIn) -> None:
    del stand_in.records.courses[1]
    assert [case.title for case in await look_up("ada")] == [""]


@pytest.mark.parametrize("empty", [{}, []])
async def test_an_empty_collection_looks_either_way(
    dreamapply: DreamApply, look_up: LookUp, stand_in: StandIn, empty: dict[str, str] | list[str]
) -> None:
    stand_in.empty = empty
    assert [*await dreamapply.find("nobody@example.org")] == []
    assert [case.tasks for case in await look_up("bruno")] == [()]
    begin = await dreamapply.changes(None)
    assert await dreamapply.changes(begin.cursor) == begin


async def test_a_system_that_takes_more_for_the_same_finds_only_the_address(
    dreamapply: DreamApply, stand_in: StandIn
) -> None:
    """As a database does that compares é with e."""
    emails = (None, "adá@example.org", "ADA@example.org", "ada+ktu@example.org", "аda@example.org")
    people = {number: {"id": number, "email": email} for number, email in enumerate(emails, 1)}
    stand_in.faults.next(Fault(200, json.dumps(people).encode()))
    assert [*await dreamapply.find("ada@example.org")] == [Applicant("dreamapply", "3", "ADA@example.org")]


async def test_two_people_whose_addresses_fold_to_one_stay_two(dreamapply: DreamApply, stand_in: StandIn) -> None:
    people = stand_in.records
    ada, bruno = people.applicant("ada@example.org").id, people.applicant("bruno@example.org").id
    stand_in.office.change_email(ada, "strasse@example.org")
    stand_in.office.change_email(bruno, "straße@example.org")
    typed = ("strasse@example.org", "straße@example.org", "STRASSE@example.org")
    assert [[*await dreamapply.find(each)] for each in typed] == [
        [Applicant("dreamapply", str(ada), "strasse@example.org")],
        [Applicant("dreamapply", str(bruno), "straße@example.org")],
        [],  # either's: nobody's
    ]


@pytest.mark.parametrize("faults", [[BUSY], [SERVER_ERROR, BUSY, SERVER_ERROR], [CLOSED], [Fault(503), CLOSED]])
async def test_a_system_that_is_busy_is_asked_again(
    dreamapply: DreamApply, stand_in: StandIn, faults: list[Fault]
) -> None:
    stand_in.faults.next(*faults)
    assert [each.email for each in await dreamapply.find("ada@example.org")] == ["ada@example.org"]
    assert len(stand_in.calls) == len(faults) + 1


async def test_it_is_not_asked_for_ever(dreamapply: DreamApply, stand_in: StandIn) -> None:
    stand_in.faults.always = SERVER_ERROR
    with pytest.raises(Unavailable, match="status 500"):
        await dreamapply.find("ada@example.org")
    assert len(stand_in.calls) == calls.ATTEMPTS


async def test_all_that_a_look_up_asks_is_within_one_time_limit(
    dreamapply: DreamApply, stand_in: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    [chloe] = await dreamapply.find("chloe@example.org")
    monkeypatch.setattr(calls, "SECONDS", 0.2)
    stand_in.faults.always = NEVER
    with pytest.raises(Unavailable, match="no answer in time"):
        await dreamapply.look_up(chloe.id)


async def test_wrong_settings_are_refused(dreamapply: DreamApply, stand_in: StandIn, url: str) -> None:
    refusals = {}
    for what, at, key in (("key", url, "another"), ("address", f"{url}/somewhere", KEY)):
        provider = DreamApply(at, key)
        with pytest.raises(Refused) as raised:
            await provider.find("ada@example.org")
        refusals[what] = (str(raised.value), await provider.is_ready())
        await provider.close()
    stand_in.faults.next(Fault(403, b"This key may not"), Fault(302, b""))
    for what in ("call", "elsewhere"):
        with pytest.raises(Refused) as raised:
            await dreamapply.changes(None)
        refusals[what] = (str(raised.value), await dreamapply.is_ready())
        stand_in.faults.next(Fault(302, b""))
    assert refusals == {
        "key": ("status 401", False),
        "address": ("status 404", False),
        "call": ("status 403", False),
        "elsewhere": ("status 302", True),
    }


BROKEN = [
    GARBAGE,
    Fault(200, b""),
    Fault(200, b"null"),
    Fault(200, b'"ada@example.org"'),
    Fault(200, b'{"101": {"id": "no number", "email": "ada@example.org", "passport": "Pmust-not-leak"}}'),
    Fault(200, b'{"101": {"id": 101, "email": ["ada@example.org"]}}'),
    Fault(200, b'{"101": {"id": 101, "email": "ada@example.org", "birth": "must-not-leak-02-03"'),
    Fault(
        200, b'{"501": {"status": "Submitted", "offers": {"1": {"type": "Accepted must-not-leak", "confirmed": 7}}}}'
    ),
    Fault(200, b'{"pages": must-not-leak, "1": {"id": "ada@example.org"}}'),
    Fault(200, b'\xff\xfe"ada@example.org"'),
    Fault(500, b"ada@example.org must-not-leak"),
    Fault(403, b"ada@example.org must-not-leak"),
]


@pytest.mark.parametrize("broken", BROKEN, ids=lambda fault: repr(fault.body)[:40])
async def test_an_error_says_nothing_of_the_answer_or_the_address(
    dreamapply: DreamApply, stand_in: StandIn, broken: Fault
) -> None:
    stand_in.faults.always = broken
    asked: list[Any] = [dreamapply.find("ada@example.org"), dreamapply.look_up("101"), dreamapply.changes(None)]
    for asking in asked:
        with pytest.raises((Unavailable, Refused)) as raised:
            await asking
        told = "".join(traceback.format_exception(raised.value)) + repr(_chain(raised.value))
        assert "example.org" not in told
        assert MARKER not in told


def _chain(error: BaseException | None) -> list[dict[str, Any]]:
    """All that an error carries along, printed or not."""
    errors = []
    while error:
        errors.append({"args": error.args, **vars(error)})
        error = error.__cause__ or error.__context__
    return errors


async def test_a_reply_of_a_kind_that_is_new_is_asked_for(look_up: LookUp, stand_in: StandIn) -> None:
    await look_up("chloe")
    offer = stand_in.records.applications_of(stand_in.records.applicant("ada@example.org").id)[0].offers[0]
    stand_in.office.save_offer(offer.id, OfferType.REJECTED)
    stand_in.office.confirm_offer(offer.id)
    assert [case.state for case in await look_up("ada")] == [State.REJECTED]
    assert stand_in.calls.count("GET /api/v9/applications/offers/types") == 1


class Leap(selectors.DefaultSelector):
    """Waits by setting the clock forward, and a bit more: what is due in less than a clock can tell would never be."""

    now = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        self.now += (timeout or 0.0) + 1e-6
        return super().select(0)


def test_never_more_than_120_calls_in_any_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    leap = Leap()
    loop = asyncio.SelectorEventLoop(leap)
    monkeypatch.setattr(loop, "time", lambda: leap.now)
    times = []

    async def note_the_time(*_: object) -> bytes:
        times.append(loop.time())
        return b"{}"

    async def ask_as_fast_as_possible() -> None:
        asked = calls.Calls("http://apply.example.org", KEY)
        await asyncio.gather(*(asked.get("applicants", PEOPLE) for _ in range(400)))
        await asked.close()

    monkeypatch.setattr(calls.Calls, "_ask_once", note_the_time)
    with contextlib.closing(loop):
        loop.run_until_complete(ask_as_fast_as_possible())
    busiest = max(sum(begin <= each < begin + 60 for each in times) for begin in times)
    assert len(times) == 400
    assert 100 < busiest <= 120
