"""The table of what Telegram has sent us: an update is answered once, and none is lost when the process dies.

Any number of processes work on it. A claim holds as long as the process that has it is up. Finishing asks whether
the claim still stands, so that of two processes which both believe they have an update only one answers.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import JSON, BigInteger, ColumnElement, Index, Integer, delete, exists, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, aliased, mapped_column
from telegram import Update

from integrations.database import Base, Database, Peers, insert_once, utc_now

MOST_ATTEMPTS = 3
REMEMBERED = timedelta(days=1)  # as long as Telegram may send an update again

# What is left of an update that is done with: its number and the time, nothing about anybody.
EMPTIED: Mapping[str, Any] = {"chat_id": 0, "telegram_id": 0, "body": None, "claimed_by": None}


class Arrival(Base):
    """An update: it waits, is in work in the process `claimed_by`, or is done with since `done_at` and emptied."""

    __tablename__ = "inbox"

    # SQLite keeps rows in the order of a primary key of this very type: the oldest is found without sorting.
    update_id: Mapped[int] = mapped_column(
        BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=False
    )
    chat_id: Mapped[int] = mapped_column(BigInteger)  # the person's id where there is no chat, 0 where there is neither
    telegram_id: Mapped[int] = mapped_column(BigInteger)  # whose it is, to be forgotten; 0 where nobody is named
    body: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))  # as Telegram sent it
    received_at: Mapped[datetime]
    claimed_by: Mapped[int | None] = mapped_column(BigInteger)
    done_at: Mapped[datetime | None] = mapped_column(index=True)
    attempts: Mapped[int]  # begun, including the one in work

    def claimed(self) -> Claimed:
        return Claimed(self.update_id, self.body or {}, (utc_now() - self.received_at).total_seconds())


WAITING = Arrival.done_at.is_(None) & Arrival.claimed_by.is_(None)
SUSPECT = Arrival.attempts == MOST_ATTEMPTS - 1

# The head of each chat is looked for: its oldest update that is not done with.
Index(
    "ix_inbox_heads",
    *(Arrival.chat_id, Arrival.update_id),
    sqlite_where=Arrival.done_at.is_(None),
    postgresql_where=Arrival.done_at.is_(None),
)


@dataclass(frozen=True)
class Claimed:
    """An update that is ours to handle, as Telegram sent it."""

    update_id: int
    body: Mapping[str, Any]
    waited: float = field(default=0.0, compare=False)  # seconds until it was claimed


class Inbox:
    """The inbox as one process sees it. Verbs that open a transaction raise DatabaseUnavailable where it failed."""

    def __init__(self, database: Database, peers: Peers) -> None:
        self._database, self._peers = database, peers
        self.news = peers.bell("inbox")  # set when something was kept

    async def keep(self, updates: Iterable[Mapping[str, Any]]) -> None:
        """Keep what has not been kept before, however often Telegram sends it; forget what was done with long ago."""
        now = utc_now()
        rows = [_row(each, now) for each in {each["update_id"]: each for each in updates}.values()]
        async with self._database.begin() as session:
            await session.execute(delete(Arrival).where(Arrival.done_at < now - REMEMBERED))
            if rows:
                await session.execute(insert_once(session, Arrival), rows)
                await self._peers.ring(session, "inbox")

    async def claim(self, most: int) -> list[Claimed]:
        """Take the oldest update of each chat that has none in work, the oldest of all first."""
        return await self._claim(~SUSPECT, most)

    async def has_suspect(self) -> bool:
        """Whether there is anything for `claim_suspect`."""
        async with self._database.read() as session:
            return bool(await session.scalar(select(exists().where(WAITING, SUSPECT))))

    async def claim_suspect(self) -> Claimed | None:
        """One that processes died of twice, perhaps only because they had it in work; it has one attempt left.

        Whoever handles it handles nothing else meanwhile: so a process that dies of one update does not drag those
        into it that were in work beside it.
        """
        return next(iter(await self._claim(SUSPECT, 1)), None)

    async def finish(self, session: AsyncSession, update_id: int) -> bool:
        """Nothing is left to do about an update of ours: it is emptied, and its number remembered for a day.

        False where it is not ours any more, and whatever else the transaction holds must not be done.
        """
        ours = update(Arrival).where(Arrival.update_id == update_id, Arrival.claimed_by == self._peers.number)
        done = await session.execute(ours.values(**EMPTIED, done_at=utc_now()).returning(Arrival.update_id))
        return done.first() is not None

    async def release(self) -> list[Claimed]:
        """What dead processes had in work waits again. What too many died of is ours now, to be given up.

        It counts as begun again, so that one which cannot even be given up is dropped the next time.
        """
        async with self._database.begin() as session:
            in_work = select(Arrival).where(Arrival.done_at.is_(None), Arrival.claimed_by.is_not(None))
            alive = await self._peers.alive(session)
            lost = await session.scalars(
                in_work.where(Arrival.claimed_by.not_in(alive))
                .order_by(Arrival.update_id)
                .with_for_update(skip_locked=True)
            )
            given_up = []
            for each in lost:
                each.claimed_by = None
                if each.attempts >= MOST_ATTEMPTS:
                    each.claimed_by, each.attempts = self._peers.number, each.attempts + 1
                    given_up.append(each)
            await session.flush()
            await _empty(session, [each.update_id for each in given_up if each.attempts > MOST_ATTEMPTS + 1])
            await self._peers.ring(session, "inbox")
            return [each.claimed() for each in given_up if each.attempts == MOST_ATTEMPTS + 1]

    async def _claim(self, condition: ColumnElement[bool], most: int) -> list[Claimed]:
        other = aliased(Arrival)
        first = (other.update_id < Arrival.update_id) | other.claimed_by.is_not(None)
        behind = exists().where(other.chat_id == Arrival.chat_id, other.done_at.is_(None), first)
        heads = select(Arrival).where(WAITING, condition, ~behind)
        # Locked by another process means claimed by it in a moment.
        heads = heads.order_by(Arrival.update_id).limit(most).with_for_update(skip_locked=True)
        async with self._database.begin() as session:
            taken = (await session.scalars(heads)).all()
            for each in taken:
                each.claimed_by, each.attempts = self._peers.number, each.attempts + 1
            return [each.claimed() for each in taken]


async def forget_waiting(session: AsyncSession, telegram_id: int) -> None:
    """Empty what a person has sent and nobody has begun to handle."""
    theirs = await session.scalars(select(Arrival.update_id).where(WAITING, Arrival.telegram_id == telegram_id))
    await _empty(session, list(theirs))


async def _empty(session: AsyncSession, numbers: Sequence[int]) -> None:
    await session.execute(update(Arrival).where(Arrival.update_id.in_(numbers)).values(**EMPTIED, done_at=utc_now()))


def _row(body: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    chat, person = _sender(body)
    number = body["update_id"]
    return {
        "update_id": number,
        "chat_id": chat,
        "telegram_id": person,
        "body": body,
        "received_at": now,
        "attempts": 0,
    }


def _sender(body: Mapping[str, Any]) -> tuple[int, int]:
    """The ids of chat and person; one that is missing has the other's, and 0 where there is neither."""
    try:
        read = Update.de_json(dict(body), None)
    except Exception:  # noqa: BLE001 -- what nobody can read is kept too: it must not keep the others out
        return 0, 0
    chat = read.effective_chat.id if read.effective_chat else 0
    person = read.effective_user.id if read.effective_user else 0
    return chat or person, person or chat
