"""The parameters by which a collection is asked for.

The values of one filter, between commas or spaces, are alternatives; different filters must all hold. Whatever makes
no sense is Wrong, and so is a filter's name that does not exist: the real one may be more lenient.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import TypeVar

from integrations.application_status.stand_in.records import Applicant, Application, Entry, Records

Record = TypeVar("Record")
Values = frozenset[str]
Holds = Callable[[Record, Values], bool]

MOST, MOST_EXPANDED, MOST_ENTRIES = 32768, 8192, 1024


class Wrong(Exception):
    """A parameter that is missing or makes no sense: answered with 400."""


def split(text: str, separators: str = ", ") -> list[str]:
    for separator in separators:
        text = text.replace(separator, "\n")
    return [part.strip() for part in text.split("\n") if part.strip()]


def select(records: Iterable[Record], query: Mapping[str, str], filters: Mapping[str, Holds[Record]]) -> list[Record]:
    """Those for which every filter of the query holds; one without a value is as if it were not there."""
    asked = {name: frozenset(split(text)) for name, text in query.items() if name.startswith("by")}
    if unknown := sorted(asked.keys() - filters.keys()):
        raise Wrong(f"there is no filter {unknown[0]}")
    return [
        record for record in records if all(filters[name](record, values) for name, values in asked.items() if values)
    ]


def limit(query: Mapping[str, str], most: int) -> int:
    """How many are wanted: more than the most is capped without a word."""
    wanted = query.get("limit", str(most))
    if not wanted.isdecimal() or int(wanted) < 1:
        raise Wrong("limit is no number from 1 on")
    return min(int(wanted), most)


def expansions(query: Mapping[str, str], possible: Iterable[str]) -> list[str]:
    asked = split(query.get("expand", ""))
    if unknown := sorted(set(asked) - set(possible)):
        raise Wrong(f"{unknown[0]} cannot be expanded")
    return asked


def read_time(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise Wrong("neither a time nor a number") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def is_since(number: int, when: datetime, bound: str) -> bool:
    """Both bounds of a period are part of it, and are times or numbers."""
    return number >= int(bound) if bound.isdecimal() else when >= read_time(bound)


def is_until(number: int, when: datetime, bound: str) -> bool:
    return number <= int(bound) if bound.isdecimal() else when <= read_time(bound)


APPLICANTS: Mapping[str, Holds[Applicant]] = {
    "bySince": lambda each, values: is_since(each.id, each.registered, _only(values)),
    "byUntil": lambda each, values: is_until(each.id, each.registered, _only(values)),
    "byCitizenships": lambda each, values: each.citizenship in values,
    "byEmails": lambda each, values: each.email.casefold() in {value.casefold() for value in values},
    "byTrackerIDs": lambda each, values: False,  # nobody has one
    "byTrackerCodes": lambda each, values: False,
}

TERM_FILTERS = ("byAcademicTermID", "byAcademicYear", "byAcademicYears", "byCommenceYear")
APPLICATIONS: Mapping[str, Holds[Application]] = {
    "byAcademicTermID": lambda each, values: str(each.term) in values,
    **dict.fromkeys(TERM_FILTERS[1:], lambda each, values: str(each.year) in values),
    "byApplicantIDs": lambda each, values: str(each.applicant) in values,
    "byStatuses": lambda each, values: each.status in values,
    "byCreatedSince": lambda each, values: each.created >= read_time(_only(values)),
    "byRevisedSince": lambda each, values: (each.submitted or each.created) >= read_time(_only(values)),
    "bySubmittedSince": lambda each, values: bool(each.submitted and each.submitted >= read_time(_only(values))),
    "byCourseIDs": lambda each, values: any(str(course) in values for course in each.courses),
    "byOfferTypes": lambda each, values: any(str(offer.type.value) in values for offer in each.offers),
    "byOfferDecisions": lambda each, values: any(offer.decision in values for offer in each.offers),
}


def select_entries(records: Records, query: Mapping[str, str], oldest: datetime) -> Sequence[Entry]:
    """The journal's entries of the named events, between commas only: their names have spaces. None before `oldest`."""
    events = frozenset(split(query.get("byEvents", ""), ","))
    if not events:
        raise Wrong("byEvents is required")
    terms = {name: value for name, value in query.items() if name in TERM_FILTERS and value}
    wanted = {each.id for each in select(records.applications.values(), terms, APPLICATIONS)}
    found = [
        entry
        for entry in records.journal
        if entry.event in events
        and entry.logged >= oldest
        and is_since(entry.id, entry.logged, query.get("bySince") or "0")
        and is_until(entry.id, entry.logged, query.get("byUntil") or str(entry.id))
        and (not terms or entry.application in wanted)
    ]
    return found[::-1] if query.get("order") == "newest-first" else found


def _only(values: Values) -> str:
    if len(values) != 1:
        raise Wrong("one time or number is expected")
    return next(iter(values))
