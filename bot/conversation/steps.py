"""What there is to read next for whom, by how a case stands: pure tables of the knowledge base's keys."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

from bot.conversation.person import Person
from integrations.application_status import Case, Kind, State

ENTRY = "entry"  # stands for how this person may come to Lithuania and stay
Steps = Mapping[State, tuple[str, ...]]

ANEW = ("admission.apply", "admission.intakes")
OTHERWISE = ("contact.office",)
APPLICATION: Steps = {
    State.DRAFT: ("admission.documents", "admission.deadlines", "admission.fee"),
    State.RECEIVED: ("admission.decision_time", "admission.interview", "recognition.process"),
    State.UNDER_REVIEW: ("admission.decision_time", "admission.interview", "recognition.process"),
    State.CONDITIONAL: ("recognition.provisional", "recognition.legalisation", "admission.offer"),
    State.ACCEPTED: ("admission.offer", ENTRY, "money.payment", "housing.apply"),
    State.CONFIRMED: (ENTRY, "housing.apply", "arrival.when", "arrival.first_steps"),
    State.ONGOING: ("arrival.first_steps", "studies.it_account", "studies.timetable"),
    State.FINISHED: ("permit.after_graduation",),
    State.DECLINED: ("admission.defer", *ANEW),
    State.REJECTED: ("admission.rejected", "admission.multiple", "admission.intakes"),
    State.WITHDRAWN: ANEW,
    State.CANCELLED: ANEW,
    State.CLOSED: ANEW,
}
COMING: Steps = {
    State.DRAFT: ("exchange_in.nomination", "exchange_in.deadlines"),
    State.RECEIVED: ("exchange_in.apply", "exchange_in.deadlines", "exchange_in.courses"),
    State.UNDER_REVIEW: ("exchange_in.apply", "exchange_in.deadlines", "exchange_in.courses"),
    State.NOMINATED: ("exchange_in.apply", "exchange_in.learning_agreement", "exchange_in.deadlines"),
    State.CONDITIONAL: ("exchange_in.apply", "exchange_in.learning_agreement"),
    State.ACCEPTED: ("exchange_in.learning_agreement", ENTRY, "housing.apply", "arrival.when"),
    State.CONFIRMED: ("exchange_in.learning_agreement", ENTRY, "housing.apply", "arrival.when"),
    State.ONGOING: ("exchange_in.confirmation", "exchange_in.learning_agreement", "exchange_in.extend"),
    State.FINISHED: ("exchange_in.transcript", "exchange_in.confirmation"),
    State.REJECTED: ("exchange_in.free_mover", "exchange_in.nomination"),
}
GOING: Steps = {
    State.DRAFT: ("exchange_out.apply", "exchange_out.deadlines"),
    State.RECEIVED: ("exchange_out.eligibility", "exchange_out.deadlines", "exchange_out.partners"),
    State.UNDER_REVIEW: ("exchange_out.eligibility", "exchange_out.deadlines", "exchange_out.partners"),
    State.NOMINATED: ("exchange_out.documents", "exchange_out.credit_transfer", "exchange_out.grant"),
    State.CONDITIONAL: ("exchange_out.eligibility", "exchange_out.documents"),
    State.ACCEPTED: ("exchange_out.documents", "exchange_out.grant", "exchange_out.top_ups"),
    State.CONFIRMED: ("exchange_out.documents", "exchange_out.grant", "exchange_out.top_ups"),
    State.ONGOING: ("exchange_out.documents", "exchange_out.credit_transfer", "exchange_out.cancel"),
    State.FINISHED: ("exchange_out.credit_transfer", "exchange_out.documents"),
    State.DECLINED: ("exchange_out.cancel", "exchange_out.deadlines"),
    State.REJECTED: ("exchange_out.deadlines", "exchange_out.partners"),
    State.WITHDRAWN: ("exchange_out.cancel", "exchange_out.deadlines"),
    State.CANCELLED: ("exchange_out.cancel", "exchange_out.deadlines"),
}
COMING_AGREEMENT = ("exchange_in.learning_agreement", "exchange_in.courses", "contact.coordinator")
GOING_AGREEMENT = ("exchange_out.documents", "exchange_out.credit_transfer", "contact.coordinator")
TASKS = {
    "passport": "admission.documents",
    "transcript": "recognition.legalisation",
    "diploma": "recognition.process",
    "english": "admission.english",
    "motivation": "admission.interview",
    "cv": "admission.documents",
    "photo": "admission.documents",
    "fee": "admission.fee",
    "recommendation": "admission.documents",
    "other": "admission.documents",
}
WAITING = {State.DRAFT, State.RECEIVED, State.UNDER_REVIEW, State.CONDITIONAL}  # for what is missing
OURS = re.compile(r"\bktu\b|\bkaunas\b|\bkauno\b", re.IGNORECASE)
ADMITTED = {State.CONDITIONAL, State.ACCEPTED, State.CONFIRMED}


def next_topics(case: Case, person: Person) -> tuple[str, ...]:
    """What to read next, the most useful first."""
    person = as_told_by(case, person)
    if case.kind is Kind.LEARNING_AGREEMENT:
        return GOING_AGREEMENT if person.direction == "outgoing" else COMING_AGREEMENT
    if case.kind is Kind.NOMINATION:
        found = (GOING if person.direction == "outgoing" else COMING).get(case.state, OTHERWISE)
    else:
        found = APPLICATION.get(case.state, OTHERWISE)
    missing = missing_topics(case) if case.state in WAITING else ()
    topics = [each for key in found for each in (entry_topics(person) if key == ENTRY else (key,))]
    return tuple(dict.fromkeys((*missing, *topics)))


def missing_topics(case: Case) -> tuple[str, ...]:
    """What explains the papers that an application still lacks; those of an exchange differ from place to place."""
    if case.kind is not Kind.APPLICATION:
        return ()
    return tuple(dict.fromkeys(TASKS.get(task.what, TASKS["other"]) for task in case.tasks))


def entry_topics(person: Person) -> tuple[str, ...]:
    match person.citizenship:
        case "eu":
            return ("permit.eu_certificate",)
        case "restricted":
            return ("visa.restricted",)
        case "visa_free" | "visa_required" if person.level in ("exchange", "trainee"):
            return ("visa.national_d", "visa.documents")
        case "visa_free" | "visa_required":
            return ("permit.apply", "visa.mediation_letter")
    return ("visa.need",)


def as_told_by(case: Case, person: Person) -> Person:
    """The person with what their case tells of them: how far they are, and for an exchange what they have not said."""
    if case.kind is Kind.APPLICATION:
        return replace(person, stage="admitted") if case.state in ADMITTED else person
    return replace(person, level=person.level or "exchange", direction=person.direction or _direction(case, person))


def _direction(case: Case, person: Person) -> str:
    """A case names the host university: whoever goes to ours comes."""
    if OURS.search(case.title):
        return "incoming"
    return "outgoing" if person.country == "LT" else "incoming"
