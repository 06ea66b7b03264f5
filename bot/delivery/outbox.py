"""The table of what is to be sent: written in the transaction that decided on it, so neither happens alone.

A row is deleted once Telegram has taken it. What can never be delivered stays for a week without its contents,
so that the operator sees it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from sqlalchemy import JSON, BigInteger, Index, Integer, Select, delete, exists, insert, null, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, aliased, mapped_column

from integrations.database import Base, utc_now

Kind = Literal["reply", "notice", "code"]  # a code, good for one use, is rather lost than sent twice
SHOWN = timedelta(days=7)  # how long the operator can see what could not be delivered

# What is left of a row that cannot be delivered: when, where and why, nothing of what it said.
EMPTIED: Mapping[str, Any] = {"telegram_id": 0, "parameters": {}, "otherwise": None}


@dataclass(frozen=True)
class Outgoing:
    """A call of the Bot API that shows something in a chat; `parameters` without the chat.

    `otherwise` is sent in its place where it cannot be delivered. One that answers an exchange changes the message
    that did so before, where there is one: a question that was edited is answered in place.
    """

    chat_id: int
    method: str
    parameters: Mapping[str, Any]
    kind: Kind = "reply"
    telegram_id: int = 0  # whose it is, to be forgotten; 0 where nobody is named
    exchange: int | None = None
    part: int = 0  # of the answer to the exchange
    otherwise: Outgoing | None = None


class Parcel(Base):
    """An outgoing call: it waits, or could not be delivered since `failed_at`."""

    __tablename__ = "outbox"
    # Else the number of a row that is forgotten while its call is on its way would be given to another message.
    __table_args__ = {"sqlite_autoincrement": True}  # noqa: RUF012 -- SQLAlchemy prescribes the form

    # SQLite keeps rows in the order of a primary key of this very type: the oldest is found without sorting.
    id: Mapped[int] = mapped_column(BigInteger().with_variant(Integer, "sqlite"), primary_key=True)
    chat_id: Mapped[int] = mapped_column(BigInteger)
    telegram_id: Mapped[int] = mapped_column(BigInteger)
    kind: Mapped[str]
    rank: Mapped[int]  # 0 goes before 1: whoever asked is answered before many are told
    method: Mapped[str]
    parameters: Mapped[dict[str, Any]] = mapped_column(JSON)
    exchange_id: Mapped[int | None]
    part: Mapped[int]
    otherwise: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    put_at: Mapped[datetime]
    begun_at: Mapped[datetime | None]  # of a code: somebody began to send it
    failed_at: Mapped[datetime | None]
    failure: Mapped[str | None]


# The head of each chat is looked for: its first row that has not failed.
Index(
    "ix_outbox_heads",
    *(Parcel.chat_id, Parcel.rank, Parcel.id),
    sqlite_where=Parcel.failed_at.is_(None),
    postgresql_where=Parcel.failed_at.is_(None),
)
# They are sent in this order: with ten thousand notices waiting the next few are found without sorting all.
Index(
    "ix_outbox_order",
    *(Parcel.rank, Parcel.id),
    sqlite_where=Parcel.failed_at.is_(None),
    postgresql_where=Parcel.failed_at.is_(None),
)
# Only of those that failed, or SQLite takes this one to look for those that have not.
Index(
    "ix_outbox_failed_at",
    Parcel.failed_at,
    sqlite_where=Parcel.failed_at.is_not(None),
    postgresql_where=Parcel.failed_at.is_not(None),
)


async def put(session: AsyncSession, messages: Iterable[Outgoing]) -> None:
    """Have these sent, in this order, once the transaction is committed."""
    if rows := [_row(each) for each in messages]:
        await session.execute(insert(Parcel), rows)


async def heads(session: AsyncSession, busy: Collection[int], most: int) -> Sequence[Parcel]:
    """What may be sent next: the first of each chat that is not busy, replies first."""
    return (await session.scalars(heads_query(busy, most))).all()


def heads_query(busy: Collection[int], most: int) -> Select[Parcel]:
    before = aliased(Parcel)
    earlier = or_(before.rank < Parcel.rank, (before.rank == Parcel.rank) & (before.id < Parcel.id))
    blocked = exists().where(before.chat_id == Parcel.chat_id, before.failed_at.is_(None), earlier)
    waiting = select(Parcel).where(Parcel.failed_at.is_(None), ~blocked, Parcel.chat_id.not_in(busy))
    return waiting.order_by(Parcel.rank, Parcel.id).limit(most)


async def begin(session: AsyncSession, codes: Collection[int]) -> None:
    """Note that somebody is about to send these, which must not be sent twice."""
    if codes:
        await session.execute(update(Parcel).where(Parcel.id.in_(codes)).values(begun_at=utc_now()))


async def unbegin(session: AsyncSession, code: int) -> None:
    """Telegram did not take it: it can be sent after all."""
    await session.execute(update(Parcel).where(Parcel.id == code, Parcel.begun_at.is_not(None)).values(begun_at=None))


async def withdraw(session: AsyncSession, numbers: Collection[int]) -> None:
    """Delete what has been sent."""
    if numbers:
        await session.execute(delete(Parcel).where(Parcel.id.in_(numbers)))


async def replace(session: AsyncSession, parcel: Parcel) -> None:
    """Send what was to be sent otherwise, as far in front as what could not be delivered."""
    instead = update(Parcel).where(Parcel.id == parcel.id).values(**(parcel.otherwise or {}))
    await session.execute(instead.values(otherwise=null(), begun_at=None))


async def move(session: AsyncSession, old_chat: int, new_chat: int) -> None:
    """A group has become a supergroup: everything for it goes to its new number."""
    await session.execute(update(Parcel).where(Parcel.chat_id == old_chat).values(chat_id=new_chat))


async def fail(session: AsyncSession, numbers: Collection[int], failure: str) -> None:
    """Give these up; forget what was given up long ago."""
    await session.execute(delete(Parcel).where(Parcel.failed_at < utc_now() - SHOWN))
    emptied = update(Parcel).where(Parcel.id.in_(numbers))
    await session.execute(emptied.values(**EMPTIED, failed_at=utc_now(), failure=failure))


async def give_up_begun(session: AsyncSession) -> int:
    """At a start: codes that a dead process was about to send may have arrived; gives how many are given up."""
    begun = list(
        await session.scalars(select(Parcel.id).where(Parcel.begun_at.is_not(None), Parcel.failed_at.is_(None)))
    )
    if begun:
        await fail(session, begun, "unknown whether sent")
    return len(begun)


async def forget_outgoing(session: AsyncSession, telegram_id: int) -> None:
    """Delete what is to be sent to a person, and that something could not be; their chat has their number."""
    await session.execute(delete(Parcel).where(or_(Parcel.telegram_id == telegram_id, Parcel.chat_id == telegram_id)))


def _row(message: Outgoing) -> dict[str, Any]:
    return {
        "chat_id": message.chat_id,
        "telegram_id": message.telegram_id,
        "kind": message.kind,
        "rank": int(message.kind == "notice"),
        "method": message.method,
        "parameters": dict(message.parameters),
        "exchange_id": message.exchange,
        "part": message.part,
        "otherwise": _as_dict(message.otherwise) if message.otherwise else None,
        "put_at": utc_now(),
    }


def _as_dict(message: Outgoing) -> dict[str, Any]:
    """What is needed to send it in the place of another."""
    fields = ("chat_id", "method", "parameters", "telegram_id")
    return {name: getattr(message, name) for name in fields}
