"""What is told of an application, a nomination or a learning agreement, and what anything that knows it promises.

Only what the applicant may know crosses this line: a decision that is not confirmed and sent out is no decision here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol


class Kind(StrEnum):
    APPLICATION = "application"
    NOMINATION = "nomination"  # for an exchange
    LEARNING_AGREEMENT = "learning_agreement"


class State(StrEnum):
    """Where a case stands. Those of a learning agreement say whose turn it is."""

    DRAFT = "draft"  # begun and not sent yet
    RECEIVED = "received"
    UNDER_REVIEW = "under_review"
    CONDITIONAL = "conditional"  # accepted, once something more has come
    ACCEPTED = "accepted"
    CONFIRMED = "confirmed"  # accepted, and the applicant has taken the place
    DECLINED = "declined"  # by the applicant
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"
    CANCELLED = "cancelled"
    CLOSED = "closed"
    NOMINATED = "nominated"  # the host university has to decide
    ONGOING = "ongoing"
    FINISHED = "finished"
    STUDENT_SIGNS = "student_signs"
    HOME_SIGNS = "home_signs"
    HOST_SIGNS = "host_signs"
    CHANGES_ASKED = "changes_asked"  # by the host university
    AGREED = "agreed"
    CHANGES_WAIT = "changes_wait"  # agreed, and changes are not signed by all yet
    CHANGES_AGREED = "changes_agreed"
    UNKNOWN = "unknown"  # a word that we do not know: nothing is guessed

    @property
    def is_final(self) -> bool:
        """Whether nothing more is expected to happen."""
        return self in FINAL


FINAL = frozenset({State.DECLINED, State.REJECTED, State.WITHDRAWN, State.CANCELLED, State.CLOSED, State.FINISHED})


@dataclass(frozen=True)
class Task:
    """Something that the applicant still has to do.

    `what` is one of ours where we know the system's word for it ("passport", "transcript", "diploma", "english",
    "motivation", "cv", "photo", "fee", "recommendation"), otherwise "other". `note` is what staff wrote for the
    applicant, in their words; empty where they wrote nothing.
    """

    what: str
    note: str = ""


@dataclass(frozen=True)
class Case:
    """One application, nomination or learning agreement as its system tells it."""

    provider: str
    id: str  # within the provider's system; not for people
    kind: Kind
    state: State
    title: str  # the programme or the host university, in the system's words
    since: datetime | None  # when it came to where it stands
    as_of: datetime  # when the system was asked
    deadline: datetime | None = None  # by when the applicant has to act
    tasks: tuple[Task, ...] = ()
    remark: str = ""  # what was sent out with the decision
    url: str = ""  # where the applicant sees it


@dataclass(frozen=True)
class Applicant:
    """Who a provider knows under an e-mail address: `email` as it stands there, which is where a code is sent."""

    provider: str
    id: str
    email: str


@dataclass(frozen=True)
class Changes:
    """Whose cases may have changed since a cursor, and who was deleted; `cursor` is for the next time."""

    applicants: frozenset[str]
    purged: frozenset[str]
    cursor: str


class Unavailable(Exception):
    """The system does not answer, or not sensibly: asking later may help."""


class Refused(Exception):
    """The system will not answer us: a wrong key, a call that it does not allow. Somebody has to mend the settings."""


class Gone(Exception):
    """The system does not know the applicant any more."""


class StatusProvider(Protocol):
    """One system that knows where applicants stand. Everything raises Unavailable or Refused.

    A word of the system that we do not know becomes State.UNKNOWN and is logged, without anything personal.
    """

    name: str

    async def find(self, email: str) -> Sequence[Applicant]:
        """Who has exactly this address, letters' case set aside. Nobody is no error."""

    async def look_up(self, applicant: str) -> Sequence[Case]:
        """All cases of an applicant's id. Raises Gone."""

    async def changes(self, since: str | None) -> Changes:
        """What happened since a cursor; without one, nothing, and the cursor of now."""

    async def is_ready(self) -> bool:
        """Whether the system would answer now; raises nothing."""

    async def close(self) -> None: ...
