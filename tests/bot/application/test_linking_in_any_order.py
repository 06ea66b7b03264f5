"""Chats that ask, guess, link, leave and wait, in any order: what a model of the rules says is what happens."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import select

from bot.application import postman
from bot.application.linking import CODE_LASTS, HOUR, MOST_CODES, MOST_TRIES, Asked, Proof, forget_applicant, unlink
from bot.application.tables import Link, LinkedApplicant
from bot.application.vault import open_vault
from integrations.database import Database, utc_now
from tests.bot.application.people import ADA, ANNA, BEN, EVE, KATE, Town, code_in, wrong

KNOWN = {each.email: each.id for each in (ADA, KATE)}
PEOPLE = st.sampled_from([ANNA, BEN, EVE])
ADDRESSES = st.sampled_from([*KNOWN, "nobody@example.org"])


@dataclass
class Request:
    """What the rules know of one."""

    who: int
    address: str
    asked: datetime
    begun: datetime | None = None
    code: str | None = None  # as a letter says it
    tries: int = 0
    over: bool = False  # used, or its person had themselves forgotten
    forgotten: bool = False

    def is_live(self, now: datetime) -> bool:
        return not self.over and self.tries < MOST_TRIES and (self.begun or self.asked) > now - CODE_LASTS


class AnyOrder(RuleBasedStateMachine):
    template: Path

    @initialize()
    def begin(self) -> None:
        self.runner = asyncio.Runner()
        self.folder = tempfile.TemporaryDirectory()
        path = shutil.copy(self.template, self.folder.name)
        self.town = Town(Database(f"sqlite:///{path}"), open_vault(Path(self.folder.name) / "keys"))
        self.travel = time_machine.travel(datetime(2026, 11, 24, 12, tzinfo=UTC), tick=False)
        self.clock = self.travel.start()
        self.requests: list[Request] = []
        self.links: dict[int, str] = {}

    @rule(who=PEOPLE, address=ADDRESSES)
    def ask(self, who: int, address: str) -> None:
        now = utc_now()
        had = sum(each.who == who and each.asked > now - HOUR for each in self.requests)
        expected = Asked.SENT if had < MOST_CODES else Asked.TOO_MANY
        assert self.runner.run(self.town.ask(who, address)) == expected
        if expected == Asked.SENT:
            self.requests.append(Request(who, address, now))

    @rule()
    def deliver(self) -> None:
        now, before = utc_now(), len(self.town.box.letters)
        self.runner.run(self.town.deliver())
        letters = iter(self.town.box.letters[before:])
        for request in self.requests:
            if request.begun is None and not request.over:
                request.begun = now
                if self.gets_a_code(request, now):
                    letter = next(letters)
                    assert letter.to == request.address
                    request.code = code_in(letter)
        assert list(letters) == []

    def gets_a_code(self, request: Request, now: datetime) -> bool:
        same = [each for each in self.requests if each.address == request.address and each.code]
        had = sum(each.begun is not None and each.begun > now - HOUR for each in same)
        return request.address in KNOWN and request.asked > now - CODE_LASTS and had < MOST_CODES

    @precondition(lambda self: self.codes())
    @rule(who=PEOPLE, data=st.data())
    def guess(self, who: int, data: st.DataObject) -> None:
        """A code of one's own or of somebody else's, an old one, or one that nobody got; perhaps several at once."""
        codes = data.draw(st.lists(st.sampled_from([*self.codes(), wrong(self.codes()[0])]), min_size=1, max_size=7))
        expected = Counter(self.expect(who, code) for code in codes)
        found = self.runner.run(self.at_once(who, codes))
        assert (
            Counter((each.outcome, tuple(other.telegram_id for other in each.displaced)) for each in found) == expected
        )

    async def at_once(self, who: int, codes: list[str]) -> list[Proof]:
        return await asyncio.gather(*(self.town.prove(code, who) for code in codes))

    def expect(self, who: int, code: str) -> tuple[str, tuple[int, ...]]:
        newest = next((each for each in reversed(self.requests) if each.who == who and not each.forgotten), None)
        if newest is None or not newest.is_live(utc_now()):
            return "no_request", ()
        newest.tries += 1
        if code != newest.code:
            return "wrong", ()
        newest.over = True
        displaced = tuple(each for each, address in self.links.items() if address == newest.address and each != who)
        self.links = {each: address for each, address in self.links.items() if each not in (who, *displaced)}
        self.links[who] = newest.address
        return "linked", displaced

    def codes(self) -> list[str]:
        return [each.code for each in self.requests if each.code]

    @rule(minutes=st.sampled_from([1, 5, 9, 10, 60]))
    def wait(self, minutes: int) -> None:
        self.clock.shift(timedelta(minutes=minutes))

    @rule(who=PEOPLE)
    def leave(self, who: int) -> None:
        assert self.run(unlink, who) == (self.links.pop(who, None) is not None)

    @rule(who=PEOPLE)
    def forget(self, who: int) -> None:
        self.run(forget_applicant, who)
        self.links.pop(who, None)
        for request in self.requests:
            if request.who == who:
                request.over = request.forgotten = True

    @invariant()
    def links_are_as_they_should_be(self) -> None:
        if hasattr(self, "links"):
            expected = {who: KNOWN[address] for who, address in self.links.items()}
            assert self.runner.run(linked(self.town)) == expected

    def run(self, verb: Callable[..., Awaitable[Any]], who: int) -> Any:
        async def carry_out() -> Any:
            async with self.town.database.begin() as session:
                return await verb(session, who)

        return self.runner.run(carry_out())

    def teardown(self) -> None:
        if not hasattr(self, "runner"):
            return
        self.travel.stop()
        self.runner.run(self.town.database.close())
        self.runner.close()
        self.folder.cleanup()


async def linked(town: Town) -> dict[int, str]:
    """To which applicant each person is linked."""
    joined = select(Link.telegram_id, LinkedApplicant.applicant).join(LinkedApplicant)
    async with town.database.read() as session:
        return {who: town.vault.open(applicant) for who, applicant in await session.execute(joined)}


def test_in_any_order_only_who_proves_it_is_linked(migrated_sqlite: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postman, "AT_ONCE", 1)  # letters come in the order of the requests
    AnyOrder.template = migrated_sqlite
    run_state_machine_as_test(AnyOrder, settings=settings(max_examples=20, stateful_step_count=25, deadline=None))
