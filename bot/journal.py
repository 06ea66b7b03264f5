"""The record of what was asked and answered: topics and outcomes; texts only of those who agreed."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import JSON, BigInteger, ForeignKey, UniqueConstraint, delete, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from bot.application.linking import forget_applicant, forget_old_links
from bot.conversation.reply import Reply
from bot.delivery.outbox import forget_outgoing
from bot.intake.inbox import forget_waiting
from bot.students import Student, forget_unseen
from integrations.database import Base, utc_now

TEXTS_KEPT = timedelta(days=90)
EXCHANGES_KEPT = timedelta(days=396)  # thirteen months: a month can be compared with the same one a year before

# What could tell who wrote a text: addresses, telephone and document numbers, links, user names.
PERSONAL = re.compile(r"\S+@\S+|(?:https?://|www\.)\S+|@\w{4,}|\+?\d[\d\s()-]{4,}\d|\b[A-Z]{1,3}\d{5,}\b")

UNSTORABLE = re.compile(r"[\x00\ud800-\udfff]")  # halves of characters no database takes, and PostgreSQL no zero


class Exchange(Base):
    """One message of a student and what they got for it."""

    __tablename__ = "exchange"
    __table_args__ = (UniqueConstraint("chat_id", "message_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    telegram_id: Mapped[int] = mapped_column(BigInteger, index=True)
    chat_id: Mapped[int] = mapped_column(BigInteger)
    message_id: Mapped[int | None] = mapped_column(BigInteger)  # None where a button was pressed
    at: Mapped[datetime] = mapped_column(index=True)
    language: Mapped[str]
    outcome: Mapped[str]
    key: Mapped[str | None]
    ranking: Mapped[list[Any]] = mapped_column(JSON)
    text: Mapped[str | None]  # masked, and only with consent
    replies: Mapped[list[int]] = mapped_column(
        JSON, default=list
    )  # message ids of what we sent; 0: not to be changed any more


class Rating(Base):
    """Whether an answer helped: 1 or -1."""

    __tablename__ = "rating"

    exchange_id: Mapped[int] = mapped_column(ForeignKey("exchange.id", ondelete="CASCADE"), primary_key=True)
    value: Mapped[int]
    at: Mapped[datetime]


class UnansweredQuestion(Base):
    """A message that we had no answer for, waiting for a member of staff to look at the topic."""

    __tablename__ = "unanswered_question"

    exchange_id: Mapped[int] = mapped_column(ForeignKey("exchange.id", ondelete="CASCADE"), primary_key=True)
    nearest: Mapped[list[str]] = mapped_column(JSON)
    seen_by_staff: Mapped[bool] = mapped_column(default=False)


async def record(
    session: AsyncSession, *, telegram_id: int, chat_id: int, message_id: int | None, text: str | None, reply: Reply
) -> int:
    """Record an exchange; that of an edited message is written anew. Gives the exchange's id."""
    exchange = await find(session, chat_id, message_id) if message_id else None
    if exchange is None:
        exchange = Exchange(chat_id=chat_id, message_id=message_id, replies=[])
        session.add(exchange)
    else:  # what was thought of the earlier answer says nothing about this one
        for table in (Rating, UnansweredQuestion):
            await session.execute(delete(table).filter_by(exchange_id=exchange.id))
    ranking = reply.understanding.ranking[:5] if reply.understanding else ()
    exchange.telegram_id, exchange.at = telegram_id, utc_now()
    exchange.language, exchange.outcome, exchange.key = reply.language, reply.outcome, reply.key
    exchange.ranking = [[guess.key, round(guess.confidence, 3)] for guess in ranking]
    exchange.text = mask(text) if text else None
    await session.flush()
    if reply.outcome == "fallback":
        session.add(UnansweredQuestion(exchange_id=exchange.id, nearest=list(reply.keys)))
    return exchange.id


async def find(session: AsyncSession, chat_id: int, message_id: int) -> Exchange | None:
    """The exchange that a message began."""
    found = await session.scalars(select(Exchange).filter_by(chat_id=chat_id, message_id=message_id))
    return found.one_or_none()


async def replies(session: AsyncSession, exchanges: Collection[int]) -> dict[int, list[int]]:
    """Which messages have answered these exchanges so far."""
    if not exchanges:
        return {}
    found = await session.execute(select(Exchange.id, Exchange.replies).where(Exchange.id.in_(exchanges)))
    return {number: messages for number, messages in found if messages}


async def note_replies(session: AsyncSession, shown: Mapping[tuple[int, int], int]) -> None:
    """Remember which message shows which part of the answer to an exchange: an edited question is answered in place.

    0 is for a message that cannot be changed any more.
    """
    if not shown:
        return
    found = await session.scalars(select(Exchange).where(Exchange.id.in_({number for number, _ in shown})))
    exchanges = {each.id: each for each in found}
    for (number, part), message_id in sorted(shown.items()):
        if exchange := exchanges.get(number):
            before = [*exchange.replies, *[0] * (part - len(exchange.replies))]  # an earlier part may have been refused
            exchange.replies = [*before[:part], message_id, *before[part + 1 :]]


async def rate(session: AsyncSession, exchange_id: int, value: int, *, by: int) -> bool:
    """Store whether an answer helped; the last word counts. False where the exchange is not this person's."""
    exchange = await session.get(Exchange, exchange_id)
    if exchange is None or exchange.telegram_id != by:
        return False
    await session.merge(Rating(exchange_id=exchange_id, value=value, at=utc_now()))
    return True


async def forget(session: AsyncSession, telegram_id: int) -> None:
    """Delete everything stored about a person, with what waits to be handled and what waits to be sent."""
    await forget_waiting(session, telegram_id)
    await forget_outgoing(session, telegram_id)
    await forget_applicant(session, telegram_id)
    await session.execute(delete(Exchange).filter_by(telegram_id=telegram_id))
    await session.execute(delete(Student).filter_by(telegram_id=telegram_id))


async def forget_texts(session: AsyncSession, telegram_id: int) -> None:
    """Delete the texts of a person's messages, keeping the bare record."""
    await session.execute(update(Exchange).filter_by(telegram_id=telegram_id).values(text=None))


async def forget_old(session: AsyncSession) -> None:
    """Delete what is kept long enough: texts, exchanges with their ratings, links, people who have not come back."""
    now = utc_now()
    await session.execute(delete(Exchange).where(Exchange.at < now - EXCHANGES_KEPT))
    with_text = update(Exchange).where(Exchange.at < now - TEXTS_KEPT, Exchange.text.is_not(None))
    await session.execute(with_text.values(text=None))
    await forget_unseen(session)
    await forget_old_links(session)


async def describe(session: AsyncSession, telegram_id: int) -> tuple[int, int]:
    """How many exchanges are recorded of a person, and how many of them with a text."""
    texts = list(await session.scalars(select(Exchange.text).filter_by(telegram_id=telegram_id)))
    return len(texts), sum(text is not None for text in texts)


def mask(text: str) -> str:
    """The text without what could tell who wrote it, and without what cannot be stored."""
    return PERSONAL.sub("…", UNSTORABLE.sub("�", text))
