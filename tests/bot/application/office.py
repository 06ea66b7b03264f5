"""A system whose office is the test, and people who are linked to applicants in it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import select

from bot.application.linking import print_of_applicant
from bot.application.tables import Link, LinkedApplicant, LookUp
from bot.application.vault import Keys, Vault
from bot.conversation.person import Person
from bot.delivery.outbox import Parcel
from bot.students import save_person
from integrations.application_status.case import Applicant, Case, Changes, Gone, Kind, State
from integrations.database import Database, utc_now


class KnownVault(Vault):
    """One whose keys everybody knows, without a file."""

    _keys = Keys("0" * 43 + "=", ("1" * 42 + "0=",))


VAULT = KnownVault(Path())
NOON = datetime(2026, 11, 24, 10, tzinfo=UTC)


def case(state: State, provider: str = "office", number: str = "1", **more: Any) -> Case:
    return Case(provider, number, Kind.APPLICATION, state, "Marine Biology", None, utc_now(), **more)


class Office:
    """Stands in for a system: what it tells of an applicant, and the journal of what happened."""

    def __init__(self, name: str = "office") -> None:
        self.name = name
        self.applicants: dict[str, tuple[Case, ...]] = {}
        self.journal: list[tuple[str, bool]] = []  # whom it was about, and whether they were deleted
        self.trouble: BaseException | None = None  # with everything
        self.troubles: dict[str, BaseException] = {}  # with one applicant
        self.asked: list[str] = []
        self.reached = asyncio.Event()  # somebody asks
        self.may_answer = asyncio.Event()
        self.may_answer.set()

    def decide(self, applicant: str, state: State, **more: Any) -> None:
        self.applicants[applicant] = (case(state, self.name, **more),)
        self.journal.append((applicant, False))

    def delete(self, applicant: str) -> None:
        del self.applicants[applicant]
        self.journal.append((applicant, True))

    async def find(self, email: str) -> Sequence[Applicant]:
        raise AssertionError("nobody is looked for here")

    async def look_up(self, applicant: str) -> Sequence[Case]:
        self.asked.append(applicant)
        told = self.applicants.get(applicant)
        await self._answer(self.troubles.get(applicant))
        if told is None:
            raise Gone
        return [replace(each, as_of=utc_now()) for each in told]

    async def changes(self, since: str | None) -> Changes:
        await self._answer(None)
        news = self.journal[int(since or len(self.journal)) :]
        changed, purged = ({who for who, deleted in news if deleted is each} for each in (False, True))
        return Changes(frozenset(changed), frozenset(purged), str(len(self.journal)))

    async def is_ready(self) -> bool:
        return self.trouble is None

    async def close(self) -> None: ...

    async def _answer(self, trouble: BaseException | None) -> None:
        self.reached.set()
        await self.may_answer.wait()
        if problem := trouble or self.trouble:
            raise problem


async def link(
    database: Database,
    person: int,
    applicants: Iterable[tuple[str, str]],
    *,
    tell_changes: bool = True,
    country: str | None = None,
) -> None:
    """Link a person's chat, which has their number, to applicants: (system, id)."""
    async with database.begin() as session:
        await save_person(session, person, Person(language="lt", country=country))
        row = Link(telegram_id=person, chat_id=person, address=VAULT.seal("ada@example.org"), linked_at=utc_now())
        row.tell_changes = tell_changes
        session.add(row)
        await session.flush()
        for provider, number in applicants:
            print_ = print_of_applicant(VAULT, provider, number)
            sealed = VAULT.seal(number)
            session.add(LinkedApplicant(link_id=row.id, provider=provider, applicant=sealed, applicant_print=print_))


async def read_link(database: Database, person: int) -> Link | None:
    async with database.read() as session:
        return await session.scalar(select(Link).filter_by(telegram_id=person))


async def audit(database: Database) -> list[tuple[str, str, str, int]]:
    """System, why, what came of it and how many cases, the oldest first."""
    async with database.read() as session:
        rows = await session.scalars(select(LookUp).order_by(LookUp.id))
        return [(each.provider, each.why, each.result, each.cases) for each in rows]


async def put_out(database: Database) -> list[tuple[int, str]]:
    """What is to be sent: chat and text."""
    async with database.read() as session:
        rows = await session.scalars(select(Parcel).order_by(Parcel.id))
        return [(each.chat_id, each.parameters["text"]) for each in rows]


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)
