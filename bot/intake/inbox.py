"""The table of what Telegram has sent us: an update is answered once, and none is lost when the process dies.

One process works on it. Where several do one day, `claim` selects `with_for_update(skip_locked=True)`, and
`release` needs to know whose claims are whose.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import JSON, BigInteger, Integer, delete, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column
from telegram import Update

from integrations.database import Base, Database, utc_now

MOST_ATTEMPTS = 3
REMEMBERED = timedelta(days=1)  # as long as Telegram may send an update again

# What is left of an update that is done with: its number and the time, nothing about anybody.
EMPTIED: Mapping[str, Any] = {"chat_id": 0, "telegram_id": 0, "body": None, "claimed_at": None}


class Arrival(Base):
    """An update: it waits, is in work since `claimed_at`, or is done with since `done_at` and emptied."""

    __tablename__ = "inbox"

    # SQLite keeps rows in the order of a primary key of this very type: the oldest is found without sorting.
    update_id: Mapped[int] = mapped_column(
        BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=False
    )
    chat_id: Mapped[int] = mapped_column(BigInteger)  # the person's id where there is no chat, 0 where there is neither
    telegram_id: Mapped[int] = mapped_column(BigInteger)  # whose it is, to be forgotten; 0 where nobody is named
    body: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))  # as Telegram sent it
    received_at: Mapped[datetime]
    claimed_at: Mapped[datetime | None]
    done_at: Mapped[datetime | None] = mapped_column(index=True)
    attempts: Mapped[int]  # begun, including the one in work

    def claimed(self) -> Claimed:
        return Claimed(self.update_id, self.body or {})


@dataclass(frozen=True)
class Claimed:
    """An update that is ours to handle, as Telegram sent it."""

    update_id: int
    body: Mapping[str, Any]


class Inbox:
    """Each verb is a transaction of its own, and raises DatabaseUnavailable where it was not carried out."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def keep(self, updates: Iterable[Mapping[str, Any]]) -> None:
        """Keep what has not been kept before, however often Telegram sends it; forget what was done with long ago."""
        sent = {each["update_id"]: each for each in updates}
        now = utc_now()
        async with self._database.begin() as session:
            await session.execute(delete(Arrival).where(Arrival.done_at < now - REMEMBERED))
            known = await session.scalars(select(Arrival.update_id).where(Arrival.update_id.in_(sent)))
            session.add_all(_arrival(sent[number], now) for number in sent.keys() - set(known))

    async def claim(self, *, suspected: bool = False) -> Claimed | None:
        """Take the oldest update of all chats that have none in work, or None.

        A suspected one has one attempt left. Whoever handles it handles nothing else meanwhile: so a process
        that dies of one update does not drag those into it that were in work beside it.
        """
        busy = select(Arrival.chat_id).where(Arrival.done_at.is_(None), Arrival.claimed_at.is_not(None))
        waiting = select(Arrival).where(Arrival.done_at.is_(None), Arrival.claimed_at.is_(None))
        waiting = waiting.where(Arrival.chat_id.not_in(busy))
        if suspected:
            waiting = waiting.where(Arrival.attempts == MOST_ATTEMPTS - 1)
        async with self._database.begin() as session:
            oldest = await session.scalar(waiting.order_by(Arrival.update_id).limit(1))
            if oldest is None:
                return None
            oldest.claimed_at, oldest.attempts = utc_now(), oldest.attempts + 1
            return oldest.claimed()

    async def finish(self, update_id: int) -> None:
        """Nothing is left to do about an update: it is emptied, and its number remembered for a day."""
        async with self._database.begin() as session:
            await _empty(session, [update_id])

    async def release(self) -> Sequence[Claimed]:
        """At a start: what a dead process had in work waits again, and what too many died of is given up.

        Gives what was given up. It is marked before anybody is told, so that telling cannot be what kills us.
        """
        async with self._database.begin() as session:
            in_work = select(Arrival).where(Arrival.done_at.is_(None), Arrival.claimed_at.is_not(None))
            lost = list(await session.scalars(in_work.order_by(Arrival.update_id)))
            given_up = [each.claimed() for each in lost if each.attempts >= MOST_ATTEMPTS]
            for each in lost:
                each.claimed_at = None
            await session.flush()
            await _empty(session, [each.update_id for each in given_up])
        return given_up


async def forget_waiting(session: AsyncSession, telegram_id: int) -> None:
    """Empty what a person has sent and nobody has begun to handle."""
    waiting = select(Arrival.update_id).where(Arrival.done_at.is_(None), Arrival.claimed_at.is_(None))
    theirs = await session.scalars(waiting.where(Arrival.telegram_id == telegram_id))
    await _empty(session, list(theirs))


async def _empty(session: AsyncSession, numbers: Sequence[int]) -> None:
    await session.execute(update(Arrival).where(Arrival.update_id.in_(numbers)).values(**EMPTIED, done_at=utc_now()))


def _arrival(body: Mapping[str, Any], now: datetime) -> Arrival:
    chat, person = _sender(body)
    return Arrival(
        update_id=body["update_id"], chat_id=chat, telegram_id=person, body=dict(body), received_at=now, attempts=0
    )


def _sender(body: Mapping[str, Any]) -> tuple[int, int]:
    """The ids of chat and person; one that is missing has the other's, and 0 where there is neither."""
    try:
        read = Update.de_json(dict(body), None)
    except Exception:  # noqa: BLE001 -- what nobody can read is kept too: it must not keep the others out
        return 0, 0
    chat = read.effective_chat.id if read.effective_chat else 0
    person = read.effective_user.id if read.effective_user else 0
    return chat or person, person or chat
