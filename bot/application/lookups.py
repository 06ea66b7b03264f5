"""Where an applicant stands as all systems tell it: in time, by the last copy where one is down, and audited."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

import structlog
from sqlalchemy import delete, select

from bot.application.copies import Copies, Copy, list_cases, merge, open_copies, seal_copies
from bot.application.line import Line
from bot.application.linking import find_link, print_of_applicant, print_of_person
from bot.application.tables import Link, LinkedApplicant, LookUp
from bot.application.vault import Vault
from integrations.application_status.case import Case, Gone, Refused, StatusProvider, Unavailable
from integrations.database import Database, Session, utc_now

FRESH = timedelta(seconds=60)  # a copy of that age is good enough for who asks
PATIENCE = 2.5  # seconds for the systems while somebody waits, so that with the database it is less than 3
LONG_PATIENCE = 10.0  # while nobody does

Why = Literal["asked", "linked", "changed"]
log = structlog.get_logger()


@dataclass(frozen=True)
class Looked:
    """What there is to show.

    `stale` are the systems that did not answer and whose last copy is among the cases, with its `as_of`; `missing`
    are those that did not answer and of which there is no copy.
    """

    cases: tuple[Case, ...] = ()
    stale: frozenset[str] = frozenset()
    missing: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Answer:
    """What came of asking about one applicant; a copy where the system knows them."""

    provider: str
    result: Literal["found", "none", "gone", "unavailable", "refused"]
    copy: Copy | None = None


Answers = Mapping[str, Answer]  # by the applicant's print


class Lookups:
    """Asks the systems, and keeps what they said last."""

    def __init__(self, database: Database, vault: Vault, providers: Iterable[StatusProvider]) -> None:
        self._database, self._vault = database, vault
        self._lines = {each.name: Line(each) for each in providers}

    async def look_up(self, telegram_id: int, *, why: Why, only: str | None = None) -> Looked:
        """Ask all systems that know the person, or `only` one, and keep what they say.

        Whoever asked or has just linked is shown it: it counts as told. Nothing where there is no link. Raises
        DatabaseUnavailable, WrongKeys.
        """
        asked_at = utc_now()
        async with self._database.read() as session:
            link = await find_link(session, telegram_id)
            applicants = await _applicants(session, link) if link else []
        if link is None:
            return Looked()
        asked = [each for each in applicants if only in (None, each.provider)]
        copies = open_copies(self._vault, link)
        fresh = {each: copy for each, copy in copies.items() if why == "asked" and asked_at - copy.asked_at < FRESH}
        patience = LONG_PATIENCE if why == "changed" else PATIENCE
        answers = await asyncio.gather(
            *(self._ask(each, fresh.get(each.applicant_print), asked_at, patience) for each in asked)
        )
        by_print = {each.applicant_print: answer for each, answer in zip(asked, answers, strict=True)}
        async with self._database.begin() as session:
            return await self._keep(session, telegram_id, by_print, why)

    async def forget(self, provider: str, applicants: Collection[str]) -> None:
        """A system has deleted these: so do we. Raises DatabaseUnavailable, WrongKeys."""
        if not applicants:
            return
        prints = {print_of_applicant(self._vault, provider, each) for each in applicants}
        async with self._database.begin() as session:
            linked = await session.scalars(select(LinkedApplicant).filter_by(provider=provider))
            links = {each.link_id for each in linked if each.applicant_print in prints}
            locked = select(Link).where(Link.id.in_(links)).order_by(Link.id).with_for_update()
            for link in (await session.scalars(locked)).all():
                await self._drop(session, link, prints)

    async def _ask(self, applicant: LinkedApplicant, fresh: Copy | None, asked_at: datetime, patience: float) -> Answer:
        provider = applicant.provider
        if fresh:
            return Answer(provider, "found" if fresh.cases else "none", fresh)
        line = self._lines.get(provider)
        if line is None:  # not in the settings any more
            return Answer(provider, "unavailable")
        try:
            cases = await line.look_up(self._vault.open(applicant.applicant), patience)
        except Gone:
            return Answer(provider, "gone")
        except (Unavailable, Refused) as error:
            log.warning("not_looked_up", provider=provider, reason=str(error))
            return Answer(provider, "refused" if isinstance(error, Refused) else "unavailable")
        return Answer(provider, "found" if cases else "none", Copy(asked_at, cases))

    async def _keep(self, session: Session, telegram_id: int, answers: Answers, why: Why) -> Looked:
        session.add_all(self._audit(telegram_id, answers, why))
        link = await session.scalar(select(Link).filter_by(telegram_id=telegram_id).with_for_update())
        gone = {each for each, answer in answers.items() if answer.result == "gone"}
        if link is None or (gone and not await self._drop(session, link, gone)):
            return Looked()  # taken back meanwhile, or nobody knows them any more
        applicants = await _applicants(session, link)
        news = {each: answer.copy for each, answer in answers.items() if answer.copy}
        copies = merge(open_copies(self._vault, link), news)
        seal_copies(self._vault, link, copies, applicants)
        if why != "changed":
            link.told = link.stands
        return _shown(copies, applicants, answers)

    async def _drop(self, session: Session, link: Link, prints: Collection[str]) -> bool:
        """Delete these applicants and what is known of them, and a link with nobody left; whether somebody is.

        That less is known is no news to tell.
        """
        theirs = LinkedApplicant.link_id == link.id
        before = await _applicants(session, link)
        gone = [each.id for each in before if each.applicant_print in prints]
        await session.execute(delete(LinkedApplicant).where(theirs, LinkedApplicant.id.in_(gone)))
        left = [each for each in before if each.id not in gone]
        if not left:
            await session.execute(delete(Link).where(Link.id == link.id))
            return False
        was_told = link.told == link.stands
        seal_copies(self._vault, link, open_copies(self._vault, link), left)
        if was_told:
            link.told = link.stands
        return True

    def _audit(self, telegram_id: int, answers: Answers, why: Why) -> list[LookUp]:
        who, now = print_of_person(self._vault, telegram_id), utc_now()
        return [
            LookUp(
                at=now,
                who_print=who,
                provider=answer.provider,
                applicant_print=applicant,
                why=why,
                result=answer.result,
                cases=len(answer.copy.cases) if answer.copy else 0,
            )
            for applicant, answer in answers.items()
        ]


async def _applicants(session: Session, link: Link) -> Sequence[LinkedApplicant]:
    theirs = select(LinkedApplicant).filter_by(link_id=link.id).order_by(LinkedApplicant.id)
    return (await session.scalars(theirs)).all()


def _shown(copies: Copies, applicants: Sequence[LinkedApplicant], answers: Answers) -> Looked:
    """What of this is shown: of those only that are linked now."""
    prints = [each.applicant_print for each in applicants]
    silent = {each: answers[each].provider for each in prints if each in answers and answers[each].copy is None}
    return Looked(
        list_cases({each: copies[each] for each in prints if each in copies}),
        stale=frozenset(provider for each, provider in silent.items() if each in copies),
        missing=frozenset(provider for each, provider in silent.items() if each not in copies),
    )
