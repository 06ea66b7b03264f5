"""How much waits in the inbox, and since when."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from bot.intake.inbox import Arrival
from integrations.database import utc_now

TOO_OLD = 300.0  # seconds: nobody should wait this long


@dataclass(frozen=True)
class Backlog:
    """What is not done with: how many wait, how many are in work, and the age of the oldest of all in seconds."""

    waiting: int
    in_work: int
    oldest: float  # 0 where there is none

    @property
    def is_too_old(self) -> bool:
        return self.oldest > TOO_OLD


async def read_backlog(session: AsyncSession) -> Backlog:
    counted = select(func.count(), func.count(Arrival.claimed_by), func.min(Arrival.received_at))
    undone, in_work, since = (await session.execute(counted.where(Arrival.done_at.is_(None)))).one()
    age = (utc_now() - since).total_seconds() if since else 0.0
    return Backlog(undone - in_work, in_work, max(age, 0.0))  # the clocks of two machines may differ
