"""Where an application stands, from what DreamApply tells of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import structlog

from integrations.application_status.case import Case, Kind, State, Task
from integrations.application_status.dreamapply.shapes import Application, Offer, OfferType, Sent
from integrations.application_status.dreamapply.shapes import Task as Demand

PROVIDER = "dreamapply"

BEGUN = {"Blank", "Draft", "Inactive", "Reopened", "Prepare"}  # the last one is from earlier versions
SUBMITTED = {"Submitted", "Completed", "Resubmitted"}  # the last two are from earlier versions
OVER = {"Closed", "Expired"}

# A university names the kinds of its replies itself. A title counts only under the ranking that fits it, so that an
# "Accepted elsewhere" or a "Not accepted" is never taken for a place. What is pending is under review, however named.
REPLIES = {
    "in quota": {
        "accepted": State.ACCEPTED,
        "admitted": State.ACCEPTED,
        "offer": State.ACCEPTED,
        "unconditional offer": State.ACCEPTED,
        "conditional": State.CONDITIONAL,
        "conditional acceptance": State.CONDITIONAL,
        "conditional offer": State.CONDITIONAL,
        "conditionally accepted": State.CONDITIONAL,
        "accepted conditionally": State.CONDITIONAL,
        "enrolled": State.CONFIRMED,
    },
    "eliminated": {
        "rejected": State.REJECTED,
        "not accepted": State.REJECTED,
        "not admitted": State.REJECTED,
        "unsuccessful": State.REJECTED,
        "cancelled": State.CANCELLED,
    },
}

TASKS = {
    "passport": "passport",
    "transcript": "transcript",
    "transcripts": "transcript",
    "diploma": "diploma",
    "english": "english",
    "language-english": "english",
    "motivation": "motivation",
    "motivation-letter": "motivation",
    "cv": "cv",
    "photo": "photo",
    "fee": "fee",
    "application-fee": "fee",
    "recommendation": "recommendation",
    "recommendation-letter": "recommendation",
}

log = structlog.get_logger()


@dataclass(frozen=True)
class Instance:
    """What one university's DreamApply calls its courses and its kinds of replies, and where applicants see it."""

    url: str
    courses: Mapping[int, str]
    types: Mapping[int, OfferType]


def tell_cases(number: int, application: Application, instance: Instance, as_of: datetime) -> Sequence[Case]:
    """A case for each course that there is a reply for or will be, the first choice first; otherwise one for all."""
    offers = sorted(application.offers.items(), key=lambda item: item[1].priority)
    places: list[tuple[str, Sequence[int], Offer | None]] = [
        (f"{number}/{id_}", (offer.course,), offer) for id_, offer in offers
    ]
    chosen = [choice.course for choice in sorted(application.courses.values(), key=lambda choice: choice.priority)]
    cases = []
    for id_, courses, offer in places or [(str(number), chosen, None)]:
        sent = offer.sent if offer else None
        state, since = _stand(application, sent, instance.types)
        cases.append(
            Case(
                provider=PROVIDER,
                id=id_,
                kind=Kind.APPLICATION,
                state=state,
                title=", ".join(filter(None, (instance.courses.get(course, "") for course in courses))),
                since=since,
                as_of=as_of,
                deadline=_deadline(state, sent),
                tasks=() if state.is_final else _tell_tasks(application.tasks.values()),
                remark=((sent and sent.comments) or "").strip(),
                url=instance.url,
            )
        )
    return cases


def _stand(
    application: Application, sent: Sent | None, types: Mapping[int, OfferType]
) -> tuple[State, datetime | None]:
    """Where it stands, and since when. What the university does before it sends a reply does not change it."""
    status = application.status
    if status == "Withdrawn":
        return State.WITHDRAWN, None
    if status in OVER:
        state, since = _reply(sent, types) if sent else (State.CLOSED, None)
        return (state, since) if state.is_final else (State.CLOSED, None)
    if status not in BEGUN | SUBMITTED:
        return _unknown("status", status), None
    if sent:
        return _reply(sent, types)
    if status in BEGUN:
        return State.DRAFT, application.created
    return (State.UNDER_REVIEW if application.offers else State.RECEIVED), application.submitted


def _reply(sent: Sent, types: Mapping[int, OfferType]) -> tuple[State, datetime | None]:
    state = _read_type(types.get(sent.type))
    match state, sent.decision:
        case State.ACCEPTED, "Final":
            return State.CONFIRMED, sent.decided
        case State.ACCEPTED | State.CONDITIONAL | State.CONFIRMED, "Declined":
            return State.DECLINED, sent.decided
        case _, "None" | "Final" | "Declined":
            return state, sent.confirmed
        case _, word:
            return _unknown("decision", word), sent.decided


def _read_type(kind: OfferType | None) -> State:
    if kind is None:
        return _unknown("reply", "")
    ranking, title = (kind.ranking or "").strip().casefold(), " ".join(kind.title.split()).casefold()
    if ranking == "pending":
        return State.UNDER_REVIEW
    return REPLIES.get(ranking, {}).get(title) or _unknown("reply", kind.title)


def _unknown(what: str, word: str) -> State:
    log.warning("unknown_word", provider=PROVIDER, what=what, word=word)
    return State.UNKNOWN


def _deadline(state: State, sent: Sent | None) -> datetime | None:
    waits = sent and sent.decision == "None" and state in (State.ACCEPTED, State.CONDITIONAL)
    return sent.deadline if sent and waits else None


def _tell_tasks(demands: Iterable[Demand]) -> tuple[Task, ...]:
    return tuple(
        Task(
            TASKS.get(demand.kind.removeprefix("checklist-"), "other"), (demand.notes and demand.notes.applicant) or ""
        )
        for demand in demands
        if demand.resolved is None
    )
