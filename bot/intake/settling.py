"""The end of handling an update: what it changed, what is said, and that it is done, in one transaction."""

from __future__ import annotations

from collections.abc import Sequence

import structlog
from stamina import retry_context

from bot.context import Write
from bot.delivery import outbox
from bot.intake.inbox import Inbox
from bot.operations import figures
from integrations.database import Database, DatabaseUnavailable, Peers, Session

PATIENCE = 8.0  # seconds; a database that is started anew is back before

log = structlog.get_logger()


class Settling:
    """Settles updates that this process has claimed."""

    def __init__(self, database: Database, peers: Peers, inbox: Inbox) -> None:
        self._database, self._peers, self._inbox = database, peers, inbox
        self._settled: set[int] = set()

    async def settle(self, update_id: int, write: Write) -> None:
        """Carry out `write` once, whatever is repeated or killed. Raises DatabaseUnavailable after some patience."""
        async for attempt in retry_context(
            on=DatabaseUnavailable, attempts=None, timeout=PATIENCE, wait_initial=0.1, wait_max=1.0
        ):
            with attempt, figures.TRANSACTION.time():
                await self._try(update_id, write)
        self._settled.add(update_id)

    async def add(self, write: Write) -> None:
        """Keep what else there is to say, behind an update that is settled. Raises DatabaseUnavailable."""
        async with self._database.begin() as session:
            await self._keep(session, await write(session))

    async def ring(self, session: Session, name: str) -> None:
        await self._peers.ring(session, name)

    def take(self, update_id: int) -> bool:
        """Whether it has been settled, asked once."""
        settled = update_id in self._settled
        self._settled.discard(update_id)
        return settled

    async def _try(self, update_id: int, write: Write) -> None:
        async with self._database.begin() as session:
            if not await self._inbox.finish(session, update_id):
                log.info("settled_before", update=update_id)
                return
            await self._keep(session, await write(session))

    async def _keep(self, session: Session, messages: Sequence[outbox.Outgoing]) -> None:
        if messages:
            await outbox.put(session, messages)
            await self._peers.ring(session, "outbox")
