"""What is stored about students: the person as the conversation knows them, kept by Telegram id."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import JSON, BigInteger, delete, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from bot.conversation.person import Person
from integrations.database import Base, utc_now

CONTEXT_LASTS = timedelta(hours=2)  # "and for master's?" after lunch still leans on the morning's question
REMEMBERED = timedelta(days=730)  # behind the last message


class Student(Base):
    """One Telegram user: no name, only the id and what they told us about themselves."""

    __tablename__ = "student"

    telegram_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    person: Mapped[dict[str, Any]] = mapped_column(JSON)
    first_seen: Mapped[datetime]
    last_seen: Mapped[datetime] = mapped_column(index=True)


async def load_person(session: AsyncSession, telegram_id: int) -> Person | None:
    """The person as last known, without the context of a conversation that is long over."""
    student = await session.get(Student, telegram_id)
    if student is None:
        return None
    person = Person.from_dict(student.person)
    return person if utc_now() - student.last_seen < CONTEXT_LASTS else person.forget_context()


async def save_person(session: AsyncSession, telegram_id: int, person: Person) -> None:
    """Store what is known now."""
    now = utc_now()
    known = update(Student).where(Student.telegram_id == telegram_id).values(person=person.as_dict(), last_seen=now)
    if (await session.execute(known.returning(Student.telegram_id))).first() is None:
        session.add(Student(telegram_id=telegram_id, person=person.as_dict(), first_seen=now, last_seen=now))


async def forget_unseen(session: AsyncSession) -> None:
    """Delete who has not written for two years."""
    await session.execute(delete(Student).where(Student.last_seen < utc_now() - REMEMBERED))
