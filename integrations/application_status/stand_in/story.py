"""What happens next to an applicant: a small story, so that whoever tries the assistant sees it tell the news.

The papers come in one by one, the office saves an offer that nobody sees yet, sends it out, and the applicant takes
the place.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from integrations.application_status.stand_in.office import Clock, Office
from integrations.application_status.stand_in.records import Applicant, Application, Offer, OfferType, Records

TIME_TO_DECIDE = timedelta(days=14)
LETTER = "Congratulations! Please tell us whether you take the place."


@dataclass(frozen=True)
class Step:
    says: str
    play: Callable[[], None]


def next_step(records: Records, office: Office, clock: Clock, applicant: Applicant) -> Step | None:
    """None where the story has ended, or never began."""
    for application in records.applications_of(applicant.id):
        if application.status == "Submitted" and application.offers:
            return _step(office, clock, application, application.offers[0])
    return None


def _step(office: Office, clock: Clock, application: Application, offer: Offer) -> Step | None:
    if application.open_tasks and offer.type is OfferType.UNREPLIED:
        task = application.open_tasks[0]
        return Step(f"The task {task.kind} is resolved", lambda: office.resolve_task(application.id, task.id))
    if offer.type is OfferType.UNREPLIED:
        deadline = (clock() + TIME_TO_DECIDE).date()
        return Step(
            "The office saves the offer “Accepted”; the applicant is not told",
            lambda: office.save_offer(offer.id, OfferType.ACCEPTED, comments=LETTER, deadline=deadline),
        )
    if offer.confirmed is None or offer.type is not offer.type_confirmed:
        return Step(f"The offer “{offer.type.title}” is confirmed and sent out", lambda: office.confirm_offer(offer.id))
    if offer.type is OfferType.ACCEPTED and offer.decision == "None":
        return Step("The applicant takes the place: Final", lambda: office.decide(offer.id, "Final"))
    return None
