"""Which state DreamApply's words come to, without a server: what the interface tells, and the case of it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from structlog.testing import capture_logs

from integrations.application_status import Case, State
from integrations.application_status.dreamapply.cases import Instance, tell_cases
from integrations.application_status.dreamapply.shapes import APPLICATIONS, OFFER_TYPES

CREATED, SUBMITTED, CONFIRMED, DECIDED, NOW = (datetime(2026, month, 1, 9, tzinfo=UTC) for month in range(7, 12))
TITLES = {
    "Unreplied": "Pending",
    "Waiting list": "Pending",
    "Accepted": "In quota",
    "  conditionally  ACCEPTED ": "In quota",
    "Enrolled": "In quota",
    "Rejected": "Eliminated",
    "Cancelled": "Eliminated",
    "Accepted elsewhere": "Eliminated",
    "Grandfathered": "In quota",
    "accepted": "Eliminated",  # a title alone proves nothing
    "Rejected ": None,
}
INSTANCE = Instance(
    "https://apply.example.org/",
    {1: "Robotics", 2: "Artificial Intelligence"},
    OFFER_TYPES.validate_python(
        {number: {"title": title, "ranking": ranking} for number, (title, ranking) in enumerate(TITLES.items(), 1)}
    ),
)


def reply(title: str, decision: str = "None", **more: Any) -> dict[str, Any]:
    """An offer as it is told once it was sent out."""
    number = [*TITLES].index(title) + 1 if title in TITLES else 99
    return {
        "priority": 1,
        "saved": CONFIRMED.isoformat(),
        "confirmed": CONFIRMED.isoformat(),
        "course": "/api/v9/courses/1",
        "type": "/api/v9/applications/offers/types/1",
        "type-confirmed": f"/api/v9/applications/offers/types/{number}",
        "comments-confirmed": None,
        "decision": decision,
        "decision-deadline": None,
        "decided": DECIDED.isoformat() if decision != "None" else None,
        **more,
    }


def tell(status: str, *offers: dict[str, Any], **more: Any) -> list[Case]:
    application = {
        "status": status,
        "created": CREATED.isoformat(),
        "submitted": SUBMITTED.isoformat(),
        "courses": {"1": {"priority": 2, "course": "/api/v9/courses/1"}, "2": {"priority": 1, "course": {"id": 2}}},
        "offers": {str(number): offer for number, offer in enumerate(offers, 11)},
        "tasks": [],
        **more,
    }
    [application_read] = APPLICATIONS.validate_python({"5": application}).values()
    return [*tell_cases(5, application_read, INSTANCE, NOW)]


@pytest.mark.parametrize(
    ("status", "offers", "expected"),
    [
        ("Blank", [], (State.DRAFT, CREATED)),
        ("Draft", [], (State.DRAFT, CREATED)),
        ("Prepare", [], (State.DRAFT, CREATED)),
        ("Reopened", [reply("Accepted", confirmed=None)], (State.DRAFT, CREATED)),
        ("Reopened", [reply("  conditionally  ACCEPTED ")], (State.CONDITIONAL, CONFIRMED)),
        ("Submitted", [], (State.RECEIVED, SUBMITTED)),
        ("Submitted", [reply("Accepted", confirmed=None)], (State.UNDER_REVIEW, SUBMITTED)),
        ("Submitted", [reply("Accepted", "Final", confirmed=None)], (State.UNDER_REVIEW, SUBMITTED)),
        ("Resubmitted", [reply("Unreplied")], (State.UNDER_REVIEW, CONFIRMED)),
        ("Completed", [reply("Waiting list")], (State.UNDER_REVIEW, CONFIRMED)),
        ("Submitted", [reply("Accepted")], (State.ACCEPTED, CONFIRMED)),
        ("Submitted", [reply("Accepted", "Final")], (State.CONFIRMED, DECIDED)),
        ("Submitted", [reply("Accepted", "Declined")], (State.DECLINED, DECIDED)),
        ("Submitted", [reply("  conditionally  ACCEPTED ", "Final")], (State.CONDITIONAL, CONFIRMED)),
        ("Submitted", [reply("Enrolled", "Final")], (State.CONFIRMED, CONFIRMED)),
        ("Submitted", [reply("Rejected")], (State.REJECTED, CONFIRMED)),
        ("Submitted", [reply("Cancelled")], (State.CANCELLED, CONFIRMED)),
        ("Withdrawn", [reply("Accepted", "Declined")], (State.WITHDRAWN, None)),
        ("Closed", [], (State.CLOSED, None)),
        ("Closed", [reply("Accepted", "Final")], (State.CLOSED, None)),
        ("Closed", [reply("Rejected", confirmed=None)], (State.CLOSED, None)),
        ("Expired", [reply("Rejected")], (State.REJECTED, CONFIRMED)),
    ],
)
def test_words_and_the_states_they_come_to(
    status: str, offers: list[dict[str, Any]], expected: tuple[State, datetime | None]
) -> None:
    with capture_logs() as logs:
        assert [(case.state, case.since) for case in tell(status, *offers)] == [expected]
    assert logs == []


@pytest.mark.parametrize(
    ("status", "offer", "what", "word"),
    [
        ("Archived 2", reply("Accepted"), "status", "Archived 2"),
        ("submitted", reply("Accepted"), "status", "submitted"),
        ("Submitted", reply("Grandfathered"), "reply", "Grandfathered"),
        ("Submitted", reply("Accepted elsewhere"), "reply", "Accepted elsewhere"),
        ("Submitted", reply("accepted"), "reply", "accepted"),
        ("Submitted", reply("Rejected "), "reply", "Rejected "),
        ("Submitted", reply("a type that is in no list"), "reply", ""),
        ("Submitted", reply("Accepted", "Perhaps"), "decision", "Perhaps"),
    ],
)
def test_nothing_is_guessed_of_an_unknown_word(status: str, offer: dict[str, Any], what: str, word: str) -> None:
    with capture_logs() as logs:
        assert [case.state for case in tell(status, offer)] == [State.UNKNOWN]
    assert logs == [
        {"event": "unknown_word", "log_level": "warning", "provider": "dreamapply", "what": what, "word": word}
    ]


def test_each_reply_is_a_case_and_the_first_choice_comes_first() -> None:
    second = reply("Rejected", priority=2)
    first = reply("Accepted", priority=1, course="/api/v9/courses/2")
    cases = tell("Submitted", second, first)
    assert [(case.id, case.title, case.state) for case in cases] == [
        ("5/12", "Artificial Intelligence", State.ACCEPTED),
        ("5/11", "Robotics", State.REJECTED),
    ]


def test_without_replies_an_application_is_one_case_with_all_its_courses() -> None:
    [case] = tell("Draft")
    assert (case.id, case.title) == ("5", "Artificial Intelligence, Robotics")


@pytest.mark.parametrize(
    ("told", "more", "deadline"),
    [
        ("2026-12-08", {}, "2026-12-08T23:59:59+02:00"),  # all day, where the university is
        ("2026-07-08", {}, "2026-07-08T23:59:59+03:00"),
        ("2026-12-08T12:00:00+00:00", {}, "2026-12-08T12:00:00+00:00"),
        (None, {}, None),
        ("2026-12-08", {"decision": "Final"}, None),  # decided
        ("2026-12-08", {"saved": NOW.isoformat()}, None),  # saved after it was sent: of what nobody has sent
    ],
)
def test_the_deadline_is_for_who_has_to_decide(told: str | None, more: dict[str, Any], deadline: str | None) -> None:
    [case] = tell("Submitted", reply("Accepted") | {"decision-deadline": told} | more)
    assert (case.deadline.isoformat() if case.deadline else None) == deadline


def test_who_has_no_place_has_no_deadline_and_nothing_to_do() -> None:
    task = {"class": "checklist-passport", "resolved": None, "notes": {"applicant": None, "administrator": "slow"}}
    [case] = tell("Submitted", reply("Rejected") | {"decision-deadline": "2026-12-08"}, tasks={"1": task})
    assert (case.deadline, case.tasks) == (None, ())
