"""How much waits in the outbox, since when, and what could not be delivered."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from bot.delivery.outbox import Parcel
from integrations.database import utc_now


@dataclass(frozen=True)
class Unsent:
    """What waits to be sent, the age of the oldest of it in seconds, and what was given up in the last week."""

    waiting: int
    oldest: float  # 0 where there is none
    undeliverable: int


async def read_unsent(session: AsyncSession) -> Unsent:
    waiting = select(func.count(), func.min(Parcel.put_at)).where(Parcel.failed_at.is_(None))
    count, since = (await session.execute(waiting)).one()
    age = (utc_now() - since).total_seconds() if since else 0.0
    failed = await session.scalar(select(func.count()).where(Parcel.failed_at.is_not(None)))
    return Unsent(count, max(age, 0.0), failed or 0)  # the clocks of two machines may differ
