"""Who an applicant is in DreamApply and where their applications stand."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from integrations.application_status.case import Applicant, Case, Changes, Gone, Refused, Unavailable
from integrations.application_status.dreamapply.calls import Calls, Missing, in_time
from integrations.application_status.dreamapply.cases import PROVIDER, Instance, tell_cases
from integrations.application_status.dreamapply.journal import read_changes
from integrations.application_status.dreamapply.shapes import (
    APPLICATIONS,
    COURSE,
    OFFER_TYPES,
    PEOPLE,
    STATUSES,
    Application,
    OfferType,
)

SECONDS_TO_SAY_READY = 2.0
KNOWN = timedelta(hours=1)  # what courses and kinds of replies are called changes seldom


class DreamApply:
    """A StatusProvider: one instance, by its address and its key. A key that may read is enough."""

    name = PROVIDER

    def __init__(self, url: str, key: str) -> None:
        self._calls = Calls(url, key)
        self._url = f"{url.rstrip('/')}/"
        self._courses: dict[int, str] = {}
        self._types: dict[int, OfferType] = {}
        self._known_until = datetime.min.replace(tzinfo=UTC)

    async def find(self, email: str) -> Sequence[Applicant]:
        """Who has exactly this address, letters' case set aside. Raises Unavailable, Refused."""
        if not email.isprintable() or {",", " "} & set(email):
            return ()  # no address, and to the filter a list of several
        async with in_time():
            people = await self._calls.get("applicants", PEOPLE, byEmails=email)
        # What DreamApply takes for the same may be more than case: é and e, for example.
        same = {
            person.id: person.email
            for person in people.values()
            if person.email and person.email.casefold() == email.casefold()
        }
        if len(set(same.values())) > 1:  # ß and ss have one case-folded form and two owners
            same = {id_: address for id_, address in same.items() if address == email}
        return [Applicant(self.name, str(id_), address) for id_, address in same.items()]

    async def look_up(self, applicant: str) -> Sequence[Case]:
        """All applications with all their courses. Raises Gone, Unavailable, Refused."""
        as_of = datetime.now(UTC)
        async with in_time():
            applications = await self._read_applications(applicant)
            instance = await self._read_instance(list(applications.values()), as_of)
        return [
            case
            for number, application in applications.items()
            for case in tell_cases(number, application, instance, as_of)
        ]

    async def changes(self, since: str | None) -> Changes:
        """What the journal and the list of the deleted tell. Raises Unavailable, Refused."""
        async with in_time():
            return await read_changes(self._calls, since)

    async def is_ready(self) -> bool:
        try:
            async with asyncio.timeout(SECONDS_TO_SAY_READY):
                return bool(await self._calls.get("applications/statuses", STATUSES))
        except (TimeoutError, Unavailable, Refused):
            return False

    async def close(self) -> None:
        await self._calls.close()

    async def _read_applications(self, applicant: str) -> dict[int, Application]:
        """From the list: an application's own record has passport, birth and grades, and is never asked for."""
        path = f"applicants/{int(applicant)}/applications"
        try:
            return await self._calls.get(path, APPLICATIONS, expand="courses,offers,tasks")
        except Missing:
            raise Gone from None

    async def _read_instance(self, applications: Sequence[Application], now: datetime) -> Instance:
        """What the courses and replies of these applications are called; asked for only what is not known."""
        if now > self._known_until:
            self._courses, self._types, self._known_until = {}, {}, now + KNOWN
        courses, types = self._courses, self._types  # whoever looks up meanwhile may begin new ones
        offers = [offer for each in applications for offer in each.offers.values()]
        if not {offer.sent.type for offer in offers if offer.sent} <= types.keys():
            types = self._types = await self._calls.get("applications/offers/types", OFFER_TYPES)
        chosen = {choice.course for each in applications for choice in each.courses.values()}
        for course in chosen.union(offer.course for offer in offers) - courses.keys():
            courses[course] = await self._name_course(course)
        return Instance(self._url, courses, types)

    async def _name_course(self, course: int) -> str:
        try:
            return (await self._calls.get(f"courses/{course}", COURSE)).name
        except Missing:
            return ""
