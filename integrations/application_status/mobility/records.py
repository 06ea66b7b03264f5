"""What is read from a file or a connector, before it is sorted by person."""

from __future__ import annotations

import hashlib
import unicodedata
from dataclasses import dataclass, field
from datetime import date, datetime

from integrations.application_status.case import Case


@dataclass(frozen=True, order=True)
class Problem:
    """One mistake: where, and what is wrong. Never what stands there: that may be personal."""

    file: str
    line: int
    field: str
    message: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.field}: {self.message}"


class Unreadable(Exception):
    """A file or an answer that cannot be used as a whole."""

    def __init__(self, *problems: Problem) -> None:
        self.problems = problems
        super().__init__("\n".join(map(str, problems)))


@dataclass(frozen=True)
class Mobility:
    """By what a nomination, its learning agreement and what the host says of it know each other."""

    sending_hei: str
    id: str


@dataclass(frozen=True)
class Record:
    """A case and whose it is: under which address, or whose mobility it belongs to where no address is given."""

    case: Case
    email: str = ""
    mobility: Mobility | None = None
    arrival: date | None = None  # planned
    line: int = 1  # where it begins


@dataclass(frozen=True)
class Signed:
    """A signature; `at` is None where its time cannot be read."""

    at: datetime | None


@dataclass(frozen=True)
class Version:
    """What was signed of one version of a learning agreement, and by whom."""

    id: str = ""  # of a proposal
    student: Signed | None = None
    sending: Signed | None = None
    receiving: Signed | None = None


@dataclass(frozen=True)
class Agreement:
    """A learning agreement: `record` has the case without its state."""

    record: Record
    first: Version | None
    changes: Version | None  # the newest that all have signed
    proposal: Version | None


@dataclass(frozen=True)
class Reply:
    """What the host university said of a proposal: `comment` is None where it signed."""

    mobility: Mobility
    proposal: str
    comment: str | None
    at: datetime | None


@dataclass(frozen=True)
class Reading:
    """The content of one file or answer. `spoilt`: whose lines are wrong, so that nobody takes them for deleted."""

    name: str
    as_of: datetime
    records: tuple[Record, ...] = ()
    agreements: tuple[Agreement, ...] = ()
    replies: tuple[Reply, ...] = ()
    problems: tuple[Problem, ...] = ()
    spoilt: frozenset[str] = field(default=frozenset(), repr=False)
    unknown: frozenset[str] = frozenset()  # words for states that nobody told us the meaning of


def applicant_of(email: str) -> str:
    """The id of whoever has an address: the same in every file, whatever the case of its letters.

    Not `casefold`: it makes one person of straße@ and strasse@, who are two.
    """
    return hashlib.sha256(unicodedata.normalize("NFC", email).lower().encode("utf-8", "replace")).hexdigest()[:32]


def is_address(text: str) -> bool:
    """Whether the text is one e-mail address and nothing else."""
    name, at, host = text.partition("@")
    plain = text.isprintable() and not any(sign.isspace() or sign in '@,;:<>"()[]\\' for sign in name + host)
    return bool(name and at and host) and plain and len(text) <= 254
