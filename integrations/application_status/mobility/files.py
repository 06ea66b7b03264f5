"""Nominations and learning agreements from a folder of exports, as a StatusProvider."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import httpx2
import structlog

from integrations.application_status.case import Applicant, Case, Changes, Gone, Refused, Unavailable
from integrations.application_status.mobility.folder import Place, list_places
from integrations.application_status.mobility.known import Known, merge
from integrations.application_status.mobility.profile import read_profile
from integrations.application_status.mobility.records import Problem, Reading, Unreadable, applicant_of
from integrations.application_status.mobility.sources import FileSource, HttpSource, Source, read_file

PATIENCE = 1.0  # seconds that a look-up waits for news; then it is told what was known
WORDS = 20  # of one file that are logged; where there are more, it is another column
VILNIUS = ZoneInfo("Europe/Vilnius")

log = structlog.get_logger()


@dataclass
class _Shelf:
    """The last good content of one place, and what came in the way of a newer one."""

    place: Place
    source: Source
    reading: Reading | None = None
    trouble: Exception | None = None

    async def refresh(self, *, afresh: bool) -> bool:
        """Read what is new; whether there was any."""
        try:
            content = await self.source.read(afresh=afresh)
            if content is None:
                return False
            reading = await asyncio.to_thread(self.place.parse, content)
        except (Unreadable, Unavailable, Refused) as error:
            if repr(error) != repr(self.trouble):
                _log_trouble(self.place.name, error)
            self.trouble = error
            return False
        self.reading, self.trouble = reading, None
        cases = len(reading.records) + len(reading.agreements)
        for word in sorted(reading.unknown)[:WORDS]:
            if "@" not in word:  # else the columns are not what they are called
                log.warning("mobility_unknown_word", file=self.place.name, word=word[:60])
        log.info("mobility_read", file=self.place.name, cases=cases, problems=len(reading.problems))
        return True


class MobilityFiles:
    """All exports of one folder. They are read anew when they changed; what cannot be read stays as it was.

    Nothing is answered before each of them was read once: half of the cases would look like all.
    """

    name = "mobility"

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._http = httpx2.AsyncClient(timeout=None)  # a connector has its time in all, not for each step
        self._shelves: dict[Place, _Shelf] = {}
        self._known: Known | None = None
        self._day: date | None = None
        self._trouble: Exception | None = None
        self._one_at_a_time = asyncio.Lock()
        self._reading: asyncio.Task[None] | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def find(self, email: str) -> Sequence[Applicant]:
        known = await self._look()
        found = known.applicants.get(applicant_of(email))
        return [found] if found else []

    async def look_up(self, applicant: str) -> Sequence[Case]:
        known = await self._look(patience=PATIENCE)
        if applicant not in known.cases:
            # Another process may have read something newer: nobody is gone before we have looked, too.
            known = await self._look(afresh=True)
            if not self._is_whole or applicant in known.spoilt:
                raise Unavailable("not all of the files can be read")
        if applicant not in known.cases:
            raise Gone
        return known.cases[applicant]

    async def changes(self, since: str | None) -> Changes:
        known = await self._look()
        changes = await asyncio.to_thread(known.compare, since, is_whole=True)
        if changes.purged:
            known = await self._look(afresh=True)
            changes = await asyncio.to_thread(known.compare, since, is_whole=self._is_whole)
        return changes

    async def is_ready(self) -> bool:
        try:
            await self._look()
        except (Unavailable, Refused):
            return False
        return True

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._http.aclose()

    @property
    def _is_whole(self) -> bool:
        """Whether everything that there is could be read when we last looked."""
        return self._trouble is None and all(shelf.trouble is None for shelf in self._shelves.values())

    async def _look(self, *, afresh: bool = False, patience: float | None = None) -> Known:
        """What is known after a look at the folder. Raises Unavailable, Refused."""
        if afresh or self._reading is None or self._reading.done():
            self._reading = asyncio.create_task(self._read(afresh=afresh))
            self._tasks.add(self._reading)
            self._reading.add_done_callback(self._tasks.discard)
        reading = self._reading
        # Whoever gives up waiting does not end the reading: others may wait for it.
        await asyncio.wait({reading}, timeout=patience if self._known else None)
        if reading.done():
            reading.result()
        if self._known is None:
            raise self._why_not()
        return self._known

    async def _read(self, *, afresh: bool) -> None:
        async with self._one_at_a_time:
            shelves = await self._find_shelves()
            news = await asyncio.gather(*(shelf.refresh(afresh=afresh) for shelf in shelves.values()))
            today = datetime.now(VILNIUS).date()
            is_new = any(news) or shelves.keys() != self._shelves.keys() or today != self._day
            self._shelves = shelves
            readings = [shelf.reading for shelf in shelves.values() if shelf.reading]
            if shelves and len(readings) == len(shelves) and is_new:
                self._known, self._day = await asyncio.to_thread(merge, readings, today), today

    async def _find_shelves(self) -> dict[Place, _Shelf]:
        """Those of everything that is in the folder now; those of before where that cannot be told."""
        try:
            places = await asyncio.to_thread(list_places, self._folder)
        except Unreadable as error:
            if repr(error) != repr(self._trouble):
                _log_trouble(self._folder.name, error)
            self._trouble = error
            return self._shelves
        self._trouble = None
        return {place: self._shelves.get(place) or _Shelf(place, self._source(place)) for place in places}

    def _source(self, place: Place) -> Source:
        if place.url:
            return HttpSource(place.name, place.url, place.path, self._http)
        return FileSource(place.path, place.profile)

    def _why_not(self) -> Exception:
        """Why nothing is known: the worst of what came in the way."""
        troubles = [self._trouble, *(shelf.trouble for shelf in self._shelves.values())]
        refused = next((trouble for trouble in troubles if isinstance(trouble, Refused)), None)
        reason = refused or next((trouble for trouble in troubles if trouble), None)
        return Refused(str(refused)) if refused else Unavailable(str(reason))


def check(folder: Path) -> list[Problem]:
    """Everything that is wrong with a folder's files and settings. Connectors are not asked."""
    try:
        places = list_places(folder)
    except Unreadable as error:
        return list(error.problems)
    readings: list[Reading] = []
    problems: list[Problem] = []
    for place in places:
        try:
            content = read_file(place.path)
            if not place.url:
                readings.append(place.parse(content))
            elif place.profile:
                read_profile(place.profile)
        except Unreadable as error:
            problems += error.problems
    merged = merge(readings, datetime.now(VILNIUS).date())
    return sorted([*problems, *merged.problems, *(problem for reading in readings for problem in reading.problems)])


def _log_trouble(name: str, error: Exception) -> None:
    first = error.problems[0] if isinstance(error, Unreadable) else None
    log.warning(
        "mobility_not_read",
        file=first.file if first else name,
        line=first.line if first else None,
        field=first.field if first else None,
        reason=first.message if first else str(error),
        problems=len(error.problems) if isinstance(error, Unreadable) else 1,
    )
