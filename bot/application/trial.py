"""Applications in a terminal: invented ones where no system is connected, and the news of them while one watches."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace

import structlog
from sqlalchemy import delete, exists

from bot.application.postman import Postman
from bot.application.tables import Link, LinkedApplicant, ProviderCursor
from bot.application.watching import Watcher
from bot.delivery.outbox import Outgoing, heads, withdraw
from bot.stopping import pause
from integrations.application_status import Case
from integrations.application_status.dreamapply import DreamApply
from integrations.application_status.stand_in import KEY, StandIn
from integrations.database import Database, DatabaseUnavailable

SECONDS_BETWEEN_LOOKS = 5.0
MOST = 100

Show = Callable[[Outgoing], Awaitable[None]]
log = structlog.get_logger()


class Invented(DreamApply):
    """Under a name of its own: nobody who linked an invented applicant is taken for a real one of the same number."""

    name = "stand_in"

    async def look_up(self, applicant: str) -> Sequence[Case]:
        return [replace(case, provider=self.name) for case in await super().look_up(applicant)]


@asynccontextmanager
async def invent() -> AsyncIterator[tuple[Invented, str]]:
    """Invented applicants, and the address of the system that has them."""
    async with StandIn().running() as url:
        provider = Invented(url, KEY)
        try:
            yield provider, url
        finally:
            await provider.close()


async def forget_invented(database: Database) -> None:
    """They begin anew each time: nobody is linked to one of them, and nothing of what happens to them is known."""
    invented = exists().where(LinkedApplicant.link_id == Link.id, LinkedApplicant.provider == Invented.name)
    async with database.begin() as session:
        await session.execute(delete(Link).where(invented))
        await session.execute(delete(ProviderCursor).where(ProviderCursor.provider == Invented.name))


async def watch(
    database: Database, postman: Postman, watcher: Watcher, chat: int, show: Show, stopping: asyncio.Event
) -> None:
    """Send codes, look for changes and show what this chat is told of them, until told to stop."""
    posting = asyncio.create_task(postman.follow(stopping))
    while not stopping.is_set():
        try:
            await watcher.look()
            for message in await _take_out(database, chat):
                await show(message)
        except DatabaseUnavailable as error:
            log.warning("applications_not_watched", reason=str(error))
        await pause(stopping, SECONDS_BETWEEN_LOOKS)
    await posting


async def _take_out(database: Database, chat: int) -> list[Outgoing]:
    """What waits to be sent to the chat, in order: here nobody else sends."""
    taken = []
    async with database.begin() as session:
        while found := [each for each in await heads(session, (), MOST) if each.chat_id == chat]:
            taken += [Outgoing(each.chat_id, each.method, each.parameters) for each in found]
            await withdraw(session, [each.id for each in found])
    return taken
