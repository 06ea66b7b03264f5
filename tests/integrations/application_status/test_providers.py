"""What every provider promises, whatever is behind it: one test over all of them.

A provider more is a `System` of its own here, and a line in SYSTEMS.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import pytest
import stamina
from structlog.testing import capture_logs

from integrations.application_status import Applicant, Gone, State, StatusProvider, Unavailable
from integrations.application_status.dreamapply import DreamApply, calls
from integrations.application_status.mobility import MobilityFiles
from integrations.application_status.stand_in import KEY, StandIn
from integrations.application_status.stand_in.faults import NEVER
from integrations.application_status.stand_in.records import OfferType
from tests.integrations.application_status.exports import HEADING, MEI, Exports

ADDRESS = "Ada.Lovelace+ktu@Example.org"
WORD = "Zaphod"  # which no system knows
OTHERS = (
    "",
    "nobody@example.org",
    "ada.lovelace@example.org",  # another mailbox than that with +ktu
    "adalovelace+ktu@example.org",
    "ada.lovelace+ktu@example.org ",
    "ada.lovelace+ktu@example.org\n",
    "ada.lovelace+ktu@example.org\0",
    "ada.lovelace+ktu@example.org,nobody@example.org",
    "nobody@example.org ada.lovelace+ktu@example.org",
    "аda.lovelace+ktu@example.org",  # the first letter is Cyrillic
    "áda.lovelace+ktu@example.org",
    "ａda.lovelace+ktu@example.org",  # a wide letter
    "\ud800@example.org",
    "%@example.org",
    "*",
)
PATIENCE = 15.0  # seconds: whoever waits longer has no time limit


class System(ABC):
    """A provider, and what happens in the system that it asks. It knows one person, with one case."""

    provider: StatusProvider

    @abstractmethod
    def know(self, address: str) -> State:
        """Somebody has this address; gives where their case stands."""

    @abstractmethod
    def move(self) -> State:
        """Their case comes to stand elsewhere, and they are told; gives where."""

    @abstractmethod
    def say(self, word: str) -> None:
        """The system calls where their case stands by a word of its own."""

    @abstractmethod
    def forget(self) -> None:
        """They are deleted, with everything of theirs."""

    @abstractmethod
    def fail(self) -> None:
        """From now on it does not answer."""


class DreamApplySystem(System):
    def __init__(self, stand_in: StandIn, provider: DreamApply) -> None:
        self.provider, self._stand_in = provider, stand_in
        self._person = stand_in.records.applicant("bruno@example.org").id
        self._application = stand_in.records.applications_of(self._person)[0]

    def know(self, address: str) -> State:
        self._stand_in.office.change_email(self._person, address)
        return State.UNDER_REVIEW

    def move(self) -> State:
        offer = self._application.offers[0].id
        self._stand_in.office.save_offer(offer, OfferType.CONDITIONALLY_ACCEPTED)
        self._stand_in.office.confirm_offer(offer)
        return State.CONDITIONAL

    def say(self, word: str) -> None:
        self._stand_in.office.change_status(self._application.id, word)

    def forget(self) -> None:
        self._stand_in.office.purge(self._person)

    def fail(self) -> None:
        self._stand_in.faults.always = NEVER


@asynccontextmanager
async def dreamapply(folder: Path) -> AsyncIterator[System]:
    stand_in = StandIn()
    with pytest.MonkeyPatch.context() as patch, stamina.set_testing(True, attempts=2):
        patch.setattr(calls, "SECONDS", 1.0)
        patch.setattr(calls, "SECONDS_EACH", 0.2)
        async with stand_in.running() as url:
            yield DreamApplySystem(stand_in, DreamApply(url, KEY))


class MobilitySystem(System):
    def __init__(self, folder: Path) -> None:
        self.provider, self._exports, self._address = MobilityFiles(folder), Exports(folder), ""

    def know(self, address: str) -> State:
        self._address = address
        return self._export("nominated", State.NOMINATED)

    def move(self) -> State:
        return self._export("accepted", State.ACCEPTED)

    def say(self, word: str) -> None:
        self._export(word, State.UNKNOWN)

    def forget(self) -> None:
        self._exports.table(MEI)

    def fail(self) -> None:
        # What was read once is kept, so it is a process that begins while a file is half written.
        self._exports.write("nominations.csv", HEADING[:9])
        self.provider = MobilityFiles(self._exports.folder)

    def _export(self, word: str, state: State) -> State:
        self._exports.table(MEI, f"1,{self._address},{word},Tartu,2026-11-02,2026-12-01,a form,")
        return state


@asynccontextmanager
async def mobility(folder: Path) -> AsyncIterator[System]:
    system = MobilitySystem(folder)
    begun = system.provider
    yield system
    await begun.close()


SYSTEMS: dict[str, Callable[[Path], AbstractAsyncContextManager[System]]] = {
    "dreamapply": dreamapply,
    "mobility": mobility,
}


@pytest.fixture(params=SYSTEMS)
async def system(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[System]:
    async with SYSTEMS[request.param](tmp_path) as system:
        yield system
        await system.provider.close()


async def find(system: System) -> Applicant:
    [found] = await system.provider.find(ADDRESS)
    return found


async def test_somebody_is_found_by_their_address_whatever_its_case(system: System) -> None:
    system.know(ADDRESS)
    found = [*await system.provider.find(ADDRESS.upper()), *await system.provider.find(ADDRESS.lower())]
    assert found == [Applicant(system.provider.name, found[0].id, ADDRESS)] * 2


async def test_another_address_finds_nobody(system: System) -> None:
    system.know(ADDRESS)
    found = {typed: [*await system.provider.find(typed)] for typed in OTHERS}
    assert found == {typed: [] for typed in OTHERS}


async def test_their_case_is_told_as_it_stands(system: System) -> None:
    state = system.know(ADDRESS)
    [case] = await system.provider.look_up((await find(system)).id)
    assert (case.provider, case.state) == (system.provider.name, state)
    assert case.id and case.title and case.as_of.tzinfo
    assert all(time.tzinfo for time in (case.since, case.deadline) if time)


async def test_without_a_cursor_nothing_has_changed(system: System) -> None:
    system.know(ADDRESS)
    begin = await system.provider.changes(None)
    again = await system.provider.changes(begin.cursor)
    assert (begin.applicants, begin.purged, again.applicants, again.purged) == (frozenset(),) * 4


async def test_a_change_is_seen_once(system: System) -> None:
    system.know(ADDRESS)
    ada = await find(system)
    begin = await system.provider.changes(None)
    state = system.move()
    first = await system.provider.changes(begin.cursor)
    second = await system.provider.changes(first.cursor)
    assert (first.applicants, first.purged) == ({ada.id}, frozenset())
    assert (second.applicants, second.purged) == (frozenset(), frozenset())
    assert [case.state for case in await system.provider.look_up(ada.id)] == [state]


async def test_a_cursor_that_was_not_kept_is_good_again(system: System) -> None:
    system.know(ADDRESS)
    begin = await system.provider.changes(None)
    system.move()
    assert await system.provider.changes(begin.cursor) == await system.provider.changes(begin.cursor)


async def test_who_was_deleted_is_gone(system: System) -> None:
    system.know(ADDRESS)
    ada = await find(system)
    begin = await system.provider.changes(None)
    system.forget()
    changes = await system.provider.changes(begin.cursor)
    assert (changes.applicants, changes.purged) == (frozenset(), {ada.id})
    assert [*await system.provider.find(ADDRESS)] == []
    with pytest.raises(Gone):
        await system.provider.look_up(ada.id)


async def test_an_unknown_word_is_not_guessed_at(system: System) -> None:
    system.know(ADDRESS)
    system.say(WORD)
    with capture_logs() as logs:
        ada = await find(system)
        [case] = await system.provider.look_up(ada.id)
    assert case.state is State.UNKNOWN
    assert any(WORD in line.values() for line in logs), logs
    assert not [line for line in logs if ADDRESS.casefold() in str(line).casefold()]


async def test_a_system_that_does_not_answer_is_unavailable_in_time(system: System) -> None:
    system.know(ADDRESS)
    ada, begin = await find(system), await system.provider.changes(None)
    assert await system.provider.is_ready()
    system.fail()
    async with asyncio.timeout(PATIENCE):
        for asking in (
            system.provider.find(ADDRESS),
            system.provider.look_up(ada.id),
            system.provider.changes(begin.cursor),
        ):
            with pytest.raises(Unavailable) as raised:
                await asking
            assert ADDRESS.casefold() not in repr(raised.value).casefold()
        assert not await system.provider.is_ready()
