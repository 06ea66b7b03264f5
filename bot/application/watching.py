"""Tells people once, and not by night, when something has changed in their application.

Following a system's changes brings our copies up to date; a chat is told where its copies say other than what it was
told last. So whatever is cut in the middle is found by the next look, and what changes several times before somebody
is told is told as it stands then.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from contextlib import AsyncExitStack
from datetime import timedelta

import structlog
from sqlalchemy import select, update

from bot.application.copies import list_cases, open_copies
from bot.application.daytime import is_night
from bot.application.linking import print_of_applicant
from bot.application.lookups import Lookups
from bot.application.tables import Link, LinkedApplicant, ProviderCursor
from bot.application.vault import Vault
from bot.conversation.person import Person
from bot.delivery.outbox import Outgoing, put
from bot.delivery.pace import WRITING
from bot.rendering import split_html
from bot.stopping import pause, unless
from bot.students import load_person
from integrations.application_status.case import Case, Refused, StatusProvider, Unavailable
from integrations.database import Database, DatabaseUnavailable, Peers, Session, insert_once, utc_now

BELL = "applications"  # rung by whoever knows that something has changed
URGENT = timedelta(hours=24)  # a deadline as near as that is told of by night
PATIENCE = 30.0  # seconds for a list of changes
PAUSE = 1.0  # seconds until the database is tried again
UNTOLD = Link.tell_changes & Link.stands.is_distinct_from(Link.told)

Say = Callable[[Person, Sequence[Case]], str]  # HTML, in the person's language
log = structlog.get_logger()


class Watcher:
    """Follows the systems' changes, and has people told of them."""

    def __init__(
        self,
        database: Database,
        peers: Peers,
        vault: Vault,
        providers: Iterable[StatusProvider],
        lookups: Lookups,
        say: Say,
        *,
        by_night: bool = False,  # for who sits at a terminal
    ) -> None:
        self._database, self._peers, self._vault = database, peers, vault
        self._providers, self._lookups, self._say = tuple(providers), lookups, say
        self._by_night = by_night

    async def follow(self, stopping: asyncio.Event) -> None:
        """Look whenever somebody rings, until told to stop. Of several processes one does, to ask no more than once."""
        while not stopping.is_set():
            try:
                async with AsyncExitStack() as stack:
                    if await unless(stopping, stack.enter_async_context(self._database.hold(BELL))):
                        await self._listen(stopping)
            except DatabaseUnavailable as error:
                log.error("applications_not_watched", reason=str(error), pause=PAUSE)
                await pause(stopping, PAUSE)

    async def look(self) -> None:
        """Follow what has changed in every system, and tell. Raises DatabaseUnavailable.

        Several may look at once: what is told is written together with that it is told.
        """
        # None waits for another, and none is left half done because another has failed.
        ended = await asyncio.gather(*map(self._look_at, self._providers), return_exceptions=True)
        for failure in filter(None, ended):
            raise failure

    async def _listen(self, stopping: asyncio.Event) -> None:
        bell = self._peers.bell(BELL)
        while not stopping.is_set():
            bell.clear()
            await unless(stopping, self.look())  # at first too: somebody may have rung while nobody listened
            await unless(stopping, bell.wait())

    async def _look_at(self, provider: StatusProvider) -> None:
        try:
            await self._follow(provider)
        except DatabaseUnavailable:
            raise
        except (Unavailable, Refused) as error:
            log.warning("changes_not_followed", provider=provider.name, reason=str(error))
        except Exception as error:  # noqa: BLE001 -- the cursor stays, and people are told what is known all the same
            log.error("changes_not_followed", provider=provider.name, reason=type(error).__name__)
        for telegram_id in await self._untold(provider):
            await self._tell(telegram_id)

    async def _follow(self, provider: StatusProvider) -> None:
        async with self._database.read() as session:
            row = await session.get(ProviderCursor, provider.name)
        cursor = self._vault.open(row.cursor) if row else None
        async with asyncio.timeout(PATIENCE):
            changes = await provider.changes(cursor)
        await self._lookups.forget(provider.name, changes.purged)
        # One after the other, so that who asks meanwhile need not wait for many.
        answered = [await self._refresh(each, provider) for each in await self._linked(provider, changes.applicants)]
        if not all(answered):
            log.warning("changes_left", provider=provider.name, count=answered.count(False))
        elif cursor != changes.cursor:
            await self._go_on(provider, self._vault.seal(changes.cursor))

    async def _linked(self, provider: StatusProvider, applicants: Iterable[str]) -> list[int]:
        """The persons who are these applicants."""
        prints = {print_of_applicant(self._vault, provider.name, each) for each in applicants}
        if not prints:
            return []
        linked = select(LinkedApplicant.applicant_print, Link.telegram_id).join(Link)
        async with self._database.read() as session:
            rows = await session.execute(linked.where(LinkedApplicant.provider == provider.name).order_by(Link.id))
        return [telegram_id for print_, telegram_id in rows if print_ in prints]

    async def _untold(self, provider: StatusProvider) -> Sequence[int]:
        """Who is still to be told: above all, in the morning, what changed by night."""
        theirs = select(LinkedApplicant.link_id).where(LinkedApplicant.provider == provider.name)
        async with self._database.read() as session:
            return (await session.scalars(select(Link.telegram_id).where(UNTOLD, Link.id.in_(theirs)))).all()

    async def _refresh(self, telegram_id: int, provider: StatusProvider) -> bool:
        """Look up what has changed, and tell it; whether the system answered."""
        looked = await self._lookups.look_up(telegram_id, why="changed", only=provider.name)
        await self._tell(telegram_id)
        return provider.name not in looked.stale | looked.missing

    async def _go_on(self, provider: StatusProvider, sealed: str) -> None:
        async with self._database.begin() as session:
            await session.execute(insert_once(session, ProviderCursor).values(provider=provider.name, cursor=sealed))
            ours = update(ProviderCursor).where(ProviderCursor.provider == provider.name)
            await session.execute(ours.values(cursor=sealed))

    async def _tell(self, telegram_id: int) -> None:
        """Tell a person how things stand if they do not know and want to, and if it is day or urgent."""
        try:
            await self._try_to_tell(telegram_id)
        except DatabaseUnavailable:
            raise
        except Exception as error:  # noqa: BLE001 -- what cannot be said to one keeps nobody else from being told
            log.error("change_not_told", reason=type(error).__name__)

    async def _try_to_tell(self, telegram_id: int) -> None:
        async with self._database.begin() as session:
            untold = select(Link).where(Link.telegram_id == telegram_id, UNTOLD).with_for_update()
            link = await session.scalar(untold)
            if link is None:
                return
            person = await load_person(session, telegram_id) or Person()
            cases = list_cases(open_copies(self._vault, link))
            if not self._by_night and is_night(utc_now(), person.country) and not _is_urgent(cases):
                return
            link.told = link.stands
            if cases:
                await self._put(session, link, person, cases)

    async def _put(self, session: Session, link: Link, person: Person, cases: Sequence[Case]) -> None:
        how = {"parse_mode": "HTML", "link_preview_options": {"is_disabled": True}}
        shown = [{"text": part, **how} for part in split_html(self._say(person, cases))]
        chat, who = link.chat_id, link.telegram_id
        await put(session, [Outgoing(chat, WRITING, each, kind="notice", telegram_id=who) for each in shown])
        await self._peers.ring(session, "outbox")


def _is_urgent(cases: Iterable[Case]) -> bool:
    now = utc_now()
    return any(case.deadline and now < case.deadline <= now + URGENT for case in cases)
