"""How the ninth version of the interface tells the records: links for what belongs to them, hyphens in the offers.

Whoever reads an application's record is told everything, as by the real one: not to read it is the client's part.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from integrations.application_status.stand_in.applicants import MARKER
from integrations.application_status.stand_in.records import (
    Applicant,
    Application,
    Course,
    Entry,
    Offer,
    OfferType,
    Purged,
    Task,
)

View = dict[str, Any]
ROOT = "/api/v9"

APPLICANT_PARTS = ("trackers", "documents", "consents", "invoices", "wishes")  # all empty here
STATUSES = {
    "Blank": "The application was begun",
    "Draft": "The application is being filled in",
    "Inactive": "The application is not worked on",
    "Reopened": "The application was opened again for changes",
    "Submitted": "The application was sent",
    "Withdrawn": "The applicant took the application back",
    "Closed": "The application was closed",
}


def tell_applicant(applicant: Applicant) -> View:
    name = f"{applicant.given} {applicant.family}"
    link = f"{ROOT}/applicants/{applicant.id}"
    return {
        "id": applicant.id,
        "type": "Natural",
        "registered": _time(applicant.registered),
        "name": {"full": name, "given": applicant.given, "middle": None, "family": applicant.family},
        "email": applicant.email,
        "phone": f"+370 600 00000 {MARKER}",
        "reference": f"KTU-{applicant.id}",
        "matriculation": None,
        "citizenship": applicant.citizenship,
        "notes": f"A note among colleagues, {MARKER}",
        "applications": f"{link}/applications",
        "photo": f"{link}/photo",
        **{part: f"{link}/{part}" for part in APPLICANT_PARTS},
    }


def tell_application(application: Application) -> View:
    """As it stands in a list."""
    link = f"{ROOT}/applications/{application.id}"
    return {
        "created": _time(application.created),
        "revised": _time(application.submitted or application.created),
        "submitted": _time(application.submitted),
        "status": application.status,
        "commence_year": str(application.year),
        "academic_term": f"{ROOT}/academic-terms/{application.term}",
        "applicant": f"{ROOT}/applicants/{application.applicant}",
        **{part: f"{link}/{part}" for part in ("flags", "courses", "offers", "exports", "documents")},
    }


def tell_application_record(application: Application, applicant: Applicant) -> View:
    """Everything that the applicant has filled in."""
    return tell_application(application) | {
        "profile": {
            "name": {"given": applicant.given, "family": applicant.family},
            "idcode": f"id-{MARKER}",
            "passport": {"number": f"P{MARKER}", "issue": "2020-08-15", "expiry": f"2030-08-14 {MARKER}"},
            "birth": {"date": f"1901-02-03 {MARKER}", "place": f"Birthplace {MARKER}"},
            "nationality": applicant.citizenship,
            "citizenship": applicant.citizenship,
            "gender": f"gender-{MARKER}",
            "marital": f"marital-{MARKER}",
        },
        "contact": {"address": {"street": f"Street {MARKER}"}, "telephone": f"+370 600 00000 {MARKER}"},
        "education": [{"school": f"School {MARKER}"}],
        "grades": [{"subject": "Mathematics", "grade": f"grade-{MARKER}"}],
        "motivation": f"Motivation {MARKER}",
        "visa": {"number": f"V{MARKER}"},
        "scores": f"{ROOT}/applications/{application.id}/scores",
        "tasks": f"{ROOT}/applications/{application.id}/tasks",
    }


def tell_offer(offer: Offer) -> View:
    return {
        "id": offer.id,
        "priority": offer.id % 10,
        "inserted": _time(offer.inserted),
        "saved": _time(offer.saved),
        "confirmed": _time(offer.confirmed),
        "course": f"{ROOT}/courses/{offer.course}",
        "intake": f"{ROOT}/intakes/1",
        "type": _type(offer.type),
        "type-confirmed": _type(offer.type_confirmed),
        "subject": f"Subject {MARKER}",
        "comments": offer.comments,
        "comments-confirmed": offer.comments_confirmed,
        "reason": None,
        "decision": offer.decision,
        "decision-policy": offer.decision_policy,
        "decision-deadline": offer.decision_deadline.isoformat() if offer.decision_deadline else None,
        "decided": _time(offer.decided),
        "score": {"auto": f"87.00 {MARKER}", "extra": None},
        "scored": _time(offer.inserted),
        "notes": f"A note about the offer, {MARKER}",
        "explanation": f"How the score came about, {MARKER}",
    }


def tell_offer_type(kind: OfferType) -> View:
    nothing = dict.fromkeys(("freeze", "decide", "decline", "reopen", "silence"))
    return {
        "id": kind.value,
        "status": "Online",
        "title": kind.title,
        "colour": "#FFD21F",
        "ranking": kind.ranking,
        "bcc": [],
        "confirm": 1,
        **nothing,
        "subject": f"Reply {kind.title}",
        "comments": "Dear %applicant-Name%, …",
        "reasons": None,
    }


def tell_task(task: Task) -> View:
    return {
        "created": _time(task.created),
        "reminded": None,
        "committed": _time(task.committed),
        "resolved": _time(task.resolved),
        "class": task.kind,
        "status": task.status,
        "notes": {"applicant": task.note, "administrator": f"A note among colleagues, {MARKER}"},
    }


def tell_course(course: Course) -> View:
    return {
        "id": course.id,
        "status": "Online",
        "type": course.type,
        "name": course.name,
        "mode": "FT",
        "language": "en",
        "country": "LT",
        "location": "Kaunas",
        "institution": f"{ROOT}/institutions/1",
    }


def tell_choice(application: Application, course: int) -> View:
    """A course as the applicant has chosen it."""
    return {
        "priority": application.courses.index(course) + 1,
        "submitted": _time(application.submitted),
        "modifier": None,
        "course": f"{ROOT}/courses/{course}",
        "intake": f"{ROOT}/intakes/1",
    }


def tell_entry(entry: Entry) -> View:
    nothing = dict.fromkeys(("course", "institution", "invoice", "document", "flag", "tracker"))
    application = f"{ROOT}/applications/{entry.application}" if entry.application else None
    return {
        "id": entry.id,
        "logged": _time(entry.logged),
        "event": entry.event,
        "bind": list(entry.bind),
        "administrator": f"{ROOT}/administrators/1",
        "applicant": f"{ROOT}/applicants/{entry.applicant}",
        "application": application,
        "offer": f"{application}/offers/{entry.offer}" if entry.offer else None,
        **nothing,
    }


def tell_purged(purged: Purged) -> View:
    return {
        "id": purged.id,
        "type": purged.kind,
        "created": _time(purged.at),
        "request_to_be_forgotten": None,
        "marked": {"at": _time(purged.at)},
        "purged": {"at": _time(purged.at)},
    }


APPLICATION_PARTS: dict[str, Callable[[Application], dict[int, View]]] = {
    "courses": lambda application: {each: tell_choice(application, each) for each in application.courses},
    "offers": lambda application: {each.id: tell_offer(each) for each in application.offers},
    "tasks": lambda application: {each.id: tell_task(each) for each in application.tasks},
    **dict.fromkeys(("flags", "documents", "exports", "scores", "references"), lambda application: {}),
}


def _type(kind: OfferType) -> str:
    return f"{ROOT}/applications/offers/types/{kind.value}"


def _time(moment: datetime | None) -> str | None:
    return moment.isoformat(timespec="seconds") if moment else None
