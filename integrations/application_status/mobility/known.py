"""What all files together say, by person, and what is different from what they said before."""

from __future__ import annotations

import base64
import hashlib
import struct
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from functools import cached_property

from integrations.application_status.case import Applicant, Case, Changes, State
from integrations.application_status.mobility.agreements import settle
from integrations.application_status.mobility.records import Problem, Reading, Record, applicant_of

FORM = "1."  # what a cursor begins with; another one is none of ours
ALWAYS = datetime.min.replace(tzinfo=UTC)
ENTRY = struct.Struct("16s 4s")  # an applicant's id, the print of their cases


@dataclass(frozen=True)
class Known:
    """Everybody's cases by applicant's id; `problems` are those that no file shows by itself."""

    applicants: Mapping[str, Applicant]
    cases: Mapping[str, tuple[Case, ...]]
    spoilt: frozenset[str]
    problems: tuple[Problem, ...]

    @cached_property
    def prints(self) -> Mapping[str, bytes]:
        return {applicant: _print_of(cases) for applicant, cases in self.cases.items()}

    def compare(self, since: str | None, *, is_whole: bool) -> Changes:
        """What is different from a cursor. Only where all is known to be whole is anybody taken for deleted.

        The cursor is 20 bytes for each person, 1.4 MB for 50,000. Whoever has it can find out whether an address
        that they know is in it: it is to be kept like personal data.
        """
        if since is None:
            return Changes(frozenset(), frozenset(), _write_cursor(self.prints))
        before = _read_cursor(since)
        vanished = before.keys() - self.prints.keys()
        held = vanished & self.spoilt if is_whole else vanished
        cursor = _write_cursor({**self.prints, **{applicant: before[applicant] for applicant in held}})
        changed = {applicant for applicant, print_ in self.prints.items() if before.get(applicant) != print_}
        return Changes(frozenset(changed), frozenset(vanished - held), cursor)


def merge(readings: Iterable[Reading], today: date) -> Known:
    """All readings as one: where two tell of the same case, the newer one counts."""
    ordered = sorted(readings, key=lambda reading: (reading.as_of, reading.name))
    records = _settled(ordered, today)
    addresses = {record.mobility: record.email for _, record in records.values() if record.mobility and record.email}
    cases: dict[str, list[Case]] = defaultdict(list)
    applicants: dict[str, Applicant] = {}
    problems = []
    for name, record in records.values():
        email = record.email or (addresses.get(record.mobility, "") if record.mobility else "")
        if not email:
            problems.append(Problem(name, record.line, "email", "missing, and no mobility of this id has one"))
            continue
        applicant = applicant_of(email)
        applicants[applicant] = Applicant("mobility", applicant, email)
        cases[applicant].append(record.case)
    by_id = {applicant: tuple(sorted(each, key=lambda case: case.id)) for applicant, each in cases.items()}
    return Known(applicants, by_id, frozenset().union(*(each.spoilt for each in ordered)), tuple(problems))


def _settled(readings: Iterable[Reading], today: date) -> dict[str, tuple[str, Record]]:
    """Case id → the file's name and the record, with its state where others have a say in it."""
    readings = tuple(readings)
    replies = defaultdict(list)
    for reading in readings:
        for reply in reading.replies:
            replies[reply.mobility].append(reply)
    records: dict[str, tuple[str, Record]] = {}
    for reading in readings:
        for record in reading.records:
            records[record.case.id] = (reading.name, _not_before_arrival(record, today))
        for agreement in reading.agreements:
            case = settle(agreement, replies[agreement.record.mobility] if agreement.record.mobility else ())
            records[case.id] = (reading.name, replace(agreement.record, case=case))
    return records


def _not_before_arrival(record: Record, today: date) -> Record:
    """A mobility is called "live" from the first agreement on, which may be months before anybody travels."""
    if record.case.state is State.ONGOING and record.arrival and today < record.arrival:
        return replace(record, case=replace(record.case, state=State.ACCEPTED))
    return record


def _print_of(cases: Iterable[Case]) -> bytes:
    """By which a change is noticed. Without the time of the export: it is new each time."""
    told = [replace(case, as_of=ALWAYS) for case in cases]
    return hashlib.sha256(repr(told).encode("utf-8", "backslashreplace")).digest()[:4]


def _write_cursor(prints: Mapping[str, bytes]) -> str:
    entries = (ENTRY.pack(bytes.fromhex(applicant), print_) for applicant, print_ in sorted(prints.items()))
    return FORM + base64.b64encode(b"".join(entries)).decode()


def _read_cursor(cursor: str) -> Mapping[str, bytes]:
    """Applicant's id → print; nobody where it is none of ours, so that everybody is looked at anew."""
    try:
        entries = base64.b64decode(cursor.removeprefix(FORM), validate=True) if cursor.startswith(FORM) else b""
        return {applicant.hex(): print_ for applicant, print_ in ENTRY.iter_unpack(entries)}
    except (ValueError, struct.error):
        return {}
