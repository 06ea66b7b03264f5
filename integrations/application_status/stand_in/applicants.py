"""The invented applicants: one for each way in which an application can stand.

They come about by the same deeds that the office does later, on days before today.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta
from itertools import count

from integrations.application_status.stand_in.office import Clock, Office
from integrations.application_status.stand_in.records import Applicant, Application, Course, OfferType, Records

MARKER = "must-not-leak"
"""Is in everything that must not get any further: passport, birth, grades, notes, scores, letters not sent."""

AI, ROBOTICS, BUSINESS = 1, 2, 3
TERMS = {6: 2025, 7: 2026}
DRAFT = f"A letter that nobody has sent, {MARKER}"


def invent(clock: Clock) -> Records:
    """Everybody as they stand when the server starts; what happened before is in the journal."""
    past = _Past(clock())
    _invent_waiting(past)
    _invent_answered(past)
    _invent_gone(past)
    in_order = sorted(past.records.journal, key=lambda entry: entry.logged)
    past.records.journal = [replace(entry, id=number) for number, entry in enumerate(in_order, 1)]
    return past.records


def _invent_waiting(past: _Past) -> None:
    office = past.office(days_ago=6)
    ada = past.apply("ada", "Ada", "Raman", "IN")
    office.add_task(ada.id, "checklist-passport", "The scan of the photo page is cut off at the right.")
    office.add_task(ada.id, "checklist-english", "IELTS, TOEFL or a letter from your university.")
    office.resolve_task(ada.id, office.add_task(ada.id, "checklist-diploma").id)
    bruno = past.apply("bruno", "Bruno", "Costa", "PT")
    office.save_offer(bruno.offers[0].id, OfferType.ACCEPTED, comments=DRAFT, deadline=past.day(14))
    elif_ = past.apply("elif", "Elif", "Demir", "TR")
    office.change_status(elif_.id, "Archived 2")
    past.register("ines", "Inès", "Moreau", "FR")


def _invent_answered(past: _Past) -> None:
    office = past.office(days_ago=4)
    chloe = past.apply("chloe", "Chloé", "Martin", "CM").offers[0].id
    letter = "Congratulations! Please tell us whether you take the place."
    office.save_offer(chloe, OfferType.ACCEPTED, comments=letter, deadline=past.day(10))
    office.confirm_offer(chloe)
    deniz = past.apply("deniz", "Deniz", "Kaya", "TR").offers[0].id
    office.save_offer(deniz, OfferType.REJECTED, comments="All places of this year are taken.")
    office.confirm_offer(deniz)
    jonas = past.apply("jonas", "Jonas", "Weber", "DE").offers[0].id
    office.save_offer(jonas, OfferType.ACCEPTED, deadline=past.day(-1))
    office.confirm_offer(jonas)
    office.decide(jonas, "Final")
    kira = past.apply("kira", "Kira", "Bondar", "UA").offers[0].id
    office.save_offer(kira, OfferType.WAITING_LIST, comments="You are on the waiting list.")
    office.confirm_offer(kira)
    office.save_offer(kira, OfferType.REJECTED, comments=DRAFT)  # of which nobody has told her
    lena = past.apply("lena", "Lena", "Novak", "CZ").offers[0].id
    office.save_offer(lena, OfferType.CONDITIONALLY_ACCEPTED, comments="Accepted once we have your diploma.")
    office.confirm_offer(lena)


def _invent_gone(past: _Past) -> None:
    farid = past.apply("farid", "Farid", "Hasanov", "AZ")
    past.office(days_ago=3).change_status(farid.id, "Withdrawn")
    greta = past.apply("greta", "Greta", "Lind", "SE", AI, BUSINESS).applicant
    past.begin(greta, 7, ROBOTICS, days_ago=3)
    earlier = past.begin(greta, 6, ROBOTICS, days_ago=320)
    past.office(days_ago=300).change_status(earlier.id, "Submitted")
    past.office(days_ago=200).change_status(earlier.id, "Closed")
    hugo = past.apply("hugo", "Hugo", "Silva", "BR").applicant
    past.office(days_ago=1).purge(hugo)


class _Past:
    """The weeks before the server starts."""

    def __init__(self, now: datetime) -> None:
        self._now, self._people, self._applications = now, count(101), count(501)
        courses = (
            Course(AI, "Artificial Intelligence", "PG"),
            Course(ROBOTICS, "Robotics", "UG"),
            Course(BUSINESS, "Innovation and Entrepreneurship", "PG"),
        )
        self.records = Records(courses={course.id: course for course in courses})

    def office(self, *, days_ago: int) -> Office:
        return Office(self.records, lambda: self._now - timedelta(days=days_ago))

    def day(self, ahead: int) -> date:
        return (self._now + timedelta(days=ahead)).date()

    def register(self, name: str, given: str, family: str, citizenship: str) -> int:
        number, registered = next(self._people), self._now - timedelta(days=30)
        applicant = Applicant(number, given, family, f"{name}@example.org", citizenship, registered)
        self.records.applicants[number] = applicant
        return number

    def begin(self, applicant: int, term: int, *courses: int, days_ago: int) -> Application:
        number, created = next(self._applications), self._now - timedelta(days=days_ago)
        application = Application(number, applicant, "Draft", created, None, term, TERMS[term], courses)
        self.records.applications[number] = application
        return application

    def apply(self, name: str, given: str, family: str, citizenship: str, *courses: int) -> Application:
        """Register and send an application, three weeks ago."""
        applicant = self.register(name, given, family, citizenship)
        application = self.begin(applicant, 7, *(courses or (AI,)), days_ago=25)
        self.office(days_ago=20).change_status(application.id, "Submitted")
        return application
