"""The documents of Erasmus Without Paper, as the university's connector got them.

Outgoing mobilities (v2 and v3), their learning agreements (v1), and what a host says of those (update requests).
Elements are known by their names whatever their namespace, so that a new version is read as far as it is alike.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime

from integrations.application_status.case import Case, Kind, State
from integrations.application_status.mobility.elements import Element, read_elements
from integrations.application_status.mobility.records import (
    Agreement,
    Mobility,
    Problem,
    Reading,
    Record,
    Reply,
    Signed,
    Unreadable,
    Version,
    applicant_of,
    is_address,
)

# Only these are read: of a student nothing but the address, of a contact person and of the courses nothing at all.
# fmt: off
KEPT = frozenset(
    (
        "student-mobility", "student-mobility-for-studies", "status", "planned-arrival-date",
        "la", "first-version", "approved-changes", "changes-proposal",
        "omobility-id", "sending-hei", "receiving-hei", "hei-id", "student", "email",
        "student-signature", "sending-hei-signature", "receiving-hei-signature", "signature", "timestamp",
        "sending-hei-id", "approve-proposal-v1", "comment-proposal-v1", "changes-proposal-id", "comment",
    )
)
# fmt: on
STATES = {
    "nomination": State.NOMINATED,  # v2
    "live": State.ONGOING,
    "recognized": State.FINISHED,
    "cancelled": State.CANCELLED,  # v2 and v3
    "pending": State.NOMINATED,  # v3
    "approved": State.ACCEPTED,
    "rejected": State.REJECTED,
}
LONGEST = 2000  # signs of a host's comment


def read_ewp(content: bytes, name: str, as_of: datetime) -> Reading:
    """What one document says. Raises Unreadable."""
    root = read_elements(content, KEPT, name)
    document = _Document(name, as_of)
    readers: dict[str, Callable[[Element], None]] = {
        "omobilities-get-response": document.read_mobilities,
        "omobility-las-get-response": document.read_agreements,
        "omobility-las-update-request": document.read_request,
    }
    if root.name not in readers:
        raise Unreadable(Problem(name, root.line, "file", "none of the documents that are read"))
    readers[root.name](root)
    return document.finish()


@dataclass
class _Document:
    name: str
    as_of: datetime
    records: dict[str, Record] = field(default_factory=dict)
    agreements: dict[str, Agreement] = field(default_factory=dict)
    replies: list[Reply] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    spoilt: set[str] = field(default_factory=set)
    unknown: set[str] = field(default_factory=set)

    def read_mobilities(self, root: Element) -> None:
        for element in root.children:
            word = element.text_of("status")
            record = self._record(element, Kind.NOMINATION, STATES.get(word, State.UNKNOWN))
            if record is None:
                continue
            if word not in STATES:
                self._report(element.first("status") or element, "status", "a word that we do not know")
                self.unknown.add(word)
            self._note_double(element, record.case.id in self.records)
            self.records[record.case.id] = record

    def read_agreements(self, root: Element) -> None:
        for element in root.all("la"):
            record = self._record(element, Kind.LEARNING_AGREEMENT, State.UNKNOWN)
            if record is None:
                continue
            versions = [
                self._version(element.first(name)) for name in ("first-version", "approved-changes", "changes-proposal")
            ]
            if not any(versions):
                self._report(element, "la", "has no version: where it stands is not known")
            self._note_double(element, record.case.id in self.agreements)
            self.agreements[record.case.id] = Agreement(record, *versions)

    def read_request(self, root: Element) -> None:
        hei = root.text_of("sending-hei-id")
        for element in (*root.all("comment-proposal-v1"), *root.all("approve-proposal-v1")):
            mobility = Mobility(hei, element.text_of("omobility-id"))
            proposal = element.text_of("changes-proposal-id")
            if not (mobility.sending_hei and mobility.id and proposal):
                self._report(element, element.name, "does not say whose, or which proposal")
                continue
            asks = element.name == "comment-proposal-v1"
            comment = element.text_of("comment")[:LONGEST] if asks else None
            self.replies.append(Reply(mobility, proposal, comment, self._moment(element.first("signature"))))

    def finish(self) -> Reading:
        """What was collected. Raises Unreadable where nothing of it could be used."""
        if self.problems and not (self.records or self.agreements or self.replies):
            raise Unreadable(*self.problems)
        return Reading(
            self.name,
            self.as_of,
            tuple(self.records.values()),
            tuple(self.agreements.values()),
            tuple(self.replies),
            tuple(self.problems),
            frozenset(self.spoilt),
            frozenset(self.unknown),
        )

    def _record(self, element: Element, kind: Kind, state: State) -> Record | None:
        """The case of a mobility or an agreement, or None where it cannot be used, which is reported."""
        email = element.text_of("student", "email")
        mobility = Mobility(element.text_of("sending-hei", "hei-id"), element.text_of("omobility-id"))
        host = element.text_of("receiving-hei", "hei-id")
        wrong = [
            (field_, message)
            for field_, message, is_wrong in (
                ("omobility-id", "missing", not mobility.id),
                ("sending-hei", "has no hei-id", not mobility.sending_hei),
                ("receiving-hei", "has no hei-id", not host),
                ("email", "is no e-mail address", not (is_address(email) if email else _may_lack_address(kind))),
            )
            if is_wrong
        ]
        for field_, message in wrong:
            self._report(element, field_, message)
        if wrong:
            self.spoilt |= {applicant_of(email)} if is_address(email) else set()
            return None
        what = "agreement" if kind is Kind.LEARNING_AGREEMENT else "mobility"
        case = Case("mobility", f"{what}:{mobility.sending_hei}:{mobility.id}", kind, state, host, None, self.as_of)
        return Record(case, email, mobility, self._day(element.first("planned-arrival-date")), element.line)

    def _version(self, element: Element | None) -> Version | None:
        if element is None:
            return None
        return Version(
            element.attributes.get("id", ""),
            self._signed(element.first("student-signature")),
            self._signed(element.first("sending-hei-signature")),
            self._signed(element.first("receiving-hei-signature")),
        )

    def _signed(self, element: Element | None) -> Signed | None:
        return Signed(self._moment(element)) if element and element.text_of("timestamp") else None

    def _moment(self, signature: Element | None) -> datetime | None:
        text = signature.text_of("timestamp") if signature else ""
        try:
            moment = datetime.fromisoformat(text) if text else None
        except ValueError:
            moment = None
        if moment is None and signature and text:
            self._report(signature, "timestamp", "no date and time")
        return moment.replace(tzinfo=UTC) if moment and moment.tzinfo is None else moment

    def _day(self, element: Element | None) -> date | None:
        if element is None:
            return None
        try:
            return date.fromisoformat(element.text.strip()[:10])  # a zone may follow
        except ValueError:
            self._report(element, element.name, "no date")
            return None

    def _note_double(self, element: Element, is_there: bool) -> None:
        if is_there:
            self._report(element, "omobility-id", "stands here a second time: the later one counts")

    def _report(self, element: Element, field_: str, message: str) -> None:
        self.problems.append(Problem(self.name, element.line, field_, message))


def _may_lack_address(kind: Kind) -> bool:
    """An agreement may: that of its mobility is taken."""
    return kind is Kind.LEARNING_AGREEMENT
