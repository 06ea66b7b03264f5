"""What the admissions office and the applicants do: each deed changes the records and is written into the journal."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime

from integrations.application_status.stand_in.records import Entry, Offer, OfferType, Purged, Records, Task

Clock = Callable[[], datetime]

OFFER_EDITED = "Offer was edited: ?"
OFFER_CONFIRMED = "Offer was confirmed"
TASK_CREATED = "Task was created"
TASK_RESOLVED = "Task was resolved"
APPLICANT_DELETED = "Applicant was deleted"
EMAIL_CHANGED = "Applicant e-mail was changed"
STATUS_EVENTS = {
    "Submitted": "Application was submitted",
    "Reopened": "Application was reopened",
    "Withdrawn": "Application was withdrawn",
    "Closed": "Application was closed",
}
OTHER_STATUS = "Application was edited: ?"
EVENTS = (
    OFFER_EDITED,
    OFFER_CONFIRMED,
    TASK_CREATED,
    TASK_RESOLVED,
    APPLICANT_DELETED,
    EMAIL_CHANGED,
    OTHER_STATUS,
    *STATUS_EVENTS.values(),
)


class Office:
    """Whoever listens is called after each line of the journal."""

    def __init__(self, records: Records, clock: Clock) -> None:
        self.listeners: list[Callable[[], None]] = []
        self._records, self._clock = records, clock

    def save_offer(
        self, number: int, kind: OfferType, *, comments: str | None = None, deadline: date | None = None
    ) -> None:
        """Prepare a reply that the applicant does not see before it is confirmed."""
        application, offer = self._records.offer(number)
        offer.type, offer.comments, offer.saved = kind, comments, self._clock()
        offer.decision_deadline, offer.decision_policy = deadline, "Required" if deadline else "None"
        self._note(OFFER_EDITED, application.applicant, application.id, offer.id, kind.title)

    def confirm_offer(self, number: int) -> None:
        """Send the reply out as it is saved. Raises ValueError where there is none yet, as the real one refuses."""
        application, offer = self._records.offer(number)
        if offer.type is OfferType.UNREPLIED:
            raise ValueError("the offer has no type yet")
        offer.type_confirmed, offer.comments_confirmed, offer.confirmed = offer.type, offer.comments, self._clock()
        self._note(OFFER_CONFIRMED, application.applicant, application.id, offer.id)

    def unconfirm_offer(self, number: int) -> None:
        """Take a reply back. What was confirmed stays in its fields, and is none any more."""
        application, offer = self._records.offer(number)
        offer.confirmed, offer.saved = None, self._clock()
        self._note(OFFER_EDITED, application.applicant, application.id, offer.id, offer.type.title)

    def decide(self, number: int, decision: str) -> None:
        """The applicant takes the place (Final) or does not (Declined)."""
        application, offer = self._records.offer(number)
        offer.decision, offer.decided = decision, self._clock()
        self._note(OFFER_EDITED, application.applicant, application.id, offer.id, f"decision {decision}")

    def add_task(self, application: int, kind: str, note: str = "") -> Task:
        record = self._records.applications[application]
        number = 1 + max((task.id for each in self._records.applications.values() for task in each.tasks), default=0)
        task = Task(number, kind, self._clock(), note)
        record.tasks.append(task)
        self._note(TASK_CREATED, record.applicant, application)
        return task

    def resolve_task(self, application: int, number: int) -> None:
        task = self._records.task(application, number)
        task.resolved = task.committed = self._clock()
        task.status = "The document is fine"
        self._note(TASK_RESOLVED, self._records.applications[application].applicant, application)

    def change_status(self, application: int, status: str) -> None:
        """Any word: the real one has met others than it lists.

        A submission brings an unreplied offer for each course, a withdrawal declines them.
        """
        record, now = self._records.applications[application], self._clock()
        record.status = status
        if status == "Submitted":
            record.submitted = now
            record.offers = record.offers or [
                Offer(application * 10 + place, course, now, now) for place, course in enumerate(record.courses, 1)
            ]
        if status == "Withdrawn":
            for offer in record.offers:
                offer.decision, offer.decided = "Declined", now
        if status in STATUS_EVENTS:
            self._note(STATUS_EVENTS[status], record.applicant, application)
        else:
            self._note(OTHER_STATUS, record.applicant, application, None, status)

    def change_email(self, applicant: int, email: str) -> None:
        self._records.applicants[applicant].email = email
        self._note(EMAIL_CHANGED, applicant)

    def purge(self, applicant: int) -> None:
        """Delete somebody with everything of theirs: only the numbers remain."""
        del self._records.applicants[applicant]
        applications = [each.id for each in self._records.applications_of(applicant)]
        for number in applications:
            del self._records.applications[number]
        for kind, number in (("Applicant", applicant), *(("Application", each) for each in applications)):
            self._records.purged.append(Purged(len(self._records.purged) + 1, kind, number, self._clock()))
        self._note(APPLICANT_DELETED, applicant)

    def _note(
        self, event: str, applicant: int, application: int | None = None, offer: int | None = None, *bind: str
    ) -> None:
        number = self._records.journal[-1].id + 1 if self._records.journal else 1
        self._records.journal.append(Entry(number, self._clock(), event, bind, applicant, application, offer))
        for listener in self.listeners:
            listener()
