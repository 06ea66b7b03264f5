"""What the stand-in knows: plain data, in memory. Times are in UTC."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from enum import IntEnum


class OfferType(IntEnum):
    """The kinds of replies of this invented university: a real one has its own ids and titles."""

    UNREPLIED = 1
    NOMINATED = 2
    WAITING_LIST = 3
    ACCEPTED = 4
    CONDITIONALLY_ACCEPTED = 5
    REJECTED = 6
    FEEDBACK = 7

    @property
    def title(self) -> str:
        return self.name.replace("_", " ").capitalize()

    @property
    def ranking(self) -> str:
        if self in (OfferType.ACCEPTED, OfferType.CONDITIONALLY_ACCEPTED):
            return "In quota"
        return "Eliminated" if self is OfferType.REJECTED else "Pending"


@dataclass
class Applicant:
    id: int
    given: str
    family: str
    email: str
    citizenship: str  # ISO 3166, two letters
    registered: datetime


@dataclass
class Course:
    id: int
    name: str
    type: str  # UG or PG


@dataclass
class Offer:
    """What is replied for one course. Nothing of it is for the applicant before it is confirmed."""

    id: int
    course: int
    inserted: datetime
    saved: datetime
    type: OfferType = OfferType.UNREPLIED
    comments: str | None = None
    decision_policy: str = "None"  # None, Advisory, Required
    decision_deadline: date | None = None
    confirmed: datetime | None = None
    type_confirmed: OfferType = OfferType.UNREPLIED
    comments_confirmed: str | None = None
    decision: str = "None"  # the applicant's: None, Final, Declined
    decided: datetime | None = None


@dataclass
class Task:
    """Something that the applicant has to do; done once it is resolved."""

    id: int
    kind: str  # for example checklist-passport
    created: datetime
    note: str = ""  # for the applicant
    status: str = "I have NOT yet attached the document"
    committed: datetime | None = None
    resolved: datetime | None = None


@dataclass
class Application:
    id: int
    applicant: int
    status: str
    created: datetime
    submitted: datetime | None
    term: int
    year: int
    courses: tuple[int, ...]  # the applicant's first choice first
    offers: list[Offer] = field(default_factory=list)  # one for each course, from the submission on
    tasks: list[Task] = field(default_factory=list)

    @property
    def open_tasks(self) -> list[Task]:
        return [task for task in self.tasks if task.resolved is None]


@dataclass(frozen=True)
class Entry:
    """One line of the journal, of the applicant, application and offer that it is about."""

    id: int
    logged: datetime
    event: str
    bind: tuple[str, ...]
    applicant: int
    application: int | None = None
    offer: int | None = None


@dataclass(frozen=True)
class Purged:
    """What remains of an applicant or an application that was deleted."""

    number: int
    kind: str  # Applicant or Application
    id: int
    at: datetime


@dataclass
class Records:
    applicants: dict[int, Applicant] = field(default_factory=dict)
    applications: dict[int, Application] = field(default_factory=dict)
    courses: dict[int, Course] = field(default_factory=dict)
    journal: list[Entry] = field(default_factory=list)  # oldest first
    purged: list[Purged] = field(default_factory=list)

    def applicant(self, email: str) -> Applicant:
        """Raises KeyError where nobody has this address."""
        found = [each for each in self.applicants.values() if each.email.casefold() == email.casefold()]
        if not found:
            raise KeyError("no applicant has this address")
        return found[0]

    def applications_of(self, applicant: int) -> list[Application]:
        return [each for each in self.applications.values() if each.applicant == applicant]

    def offer(self, number: int) -> tuple[Application, Offer]:
        """An offer and whose it is. Raises KeyError."""
        for application in self.applications.values():
            for offer in application.offers:
                if offer.id == number:
                    return application, offer
        raise KeyError(number)

    def task(self, application: int, number: int) -> Task:
        return {task.id: task for task in self.applications[application].tasks}[number]
