"""What is stored of applicants. Everything personal is sealed (bot.application.vault) or only a keyed print of it.

Numbers of rows are not given again: who has waited for a provider must not write what it told into the row of somebody
else that has taken the place.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from integrations.database import Base


class CodeRequest(Base):
    """Somebody in a chat said that an address is theirs. Whether it is known is found out when the letter is written.

    The code itself is stored nowhere: it is made when the letter is sent, and only its keyed print is kept.
    """

    __tablename__ = "code_request"
    __table_args__ = {"sqlite_autoincrement": True}  # noqa: RUF012 -- SQLAlchemy prescribes the form

    id: Mapped[int] = mapped_column(primary_key=True)
    telegram_id: Mapped[int] = mapped_column(BigInteger, index=True)  # 0 once the person had themselves forgotten
    who_print: Mapped[str] = mapped_column(index=True)  # of the Telegram id
    chat_id: Mapped[int] = mapped_column(BigInteger)
    language: Mapped[str]
    address: Mapped[str]  # sealed: as it was typed
    address_print: Mapped[str] = mapped_column(index=True)
    asked_at: Mapped[datetime] = mapped_column(index=True)
    begun_at: Mapped[datetime | None]  # somebody began to send: never again
    code_print: Mapped[str | None]  # None until a letter is sent, and for ever where the address is not known
    applicants: Mapped[str | None]  # sealed: [[provider, id, email], …] whom the code proves
    tries: Mapped[int] = mapped_column(default=0)
    used_at: Mapped[datetime | None]


class Link(Base):
    """One chat's person and the applicant that they proved to be."""

    __tablename__ = "link"
    __table_args__ = {"sqlite_autoincrement": True}  # noqa: RUF012 -- SQLAlchemy prescribes the form

    id: Mapped[int] = mapped_column(primary_key=True)
    telegram_id: Mapped[int] = mapped_column(BigInteger, unique=True)
    chat_id: Mapped[int] = mapped_column(BigInteger)
    address: Mapped[str]  # sealed: the address that the code went to
    linked_at: Mapped[datetime]
    tell_changes: Mapped[bool] = mapped_column(default=False)
    cases: Mapped[str | None]  # sealed: the last good copy, per applicant, with its time
    stands: Mapped[str | None]  # the keyed print of what the copy says: states, deadlines, what is to be done
    told: Mapped[str | None]  # as much of what the chat was last told
    final_since: Mapped[datetime | None]  # since when all cases are closed


class LinkedApplicant(Base):
    """Who a link's person is in one provider's system; an applicant is linked to one chat."""

    __tablename__ = "linked_applicant"
    __table_args__ = (UniqueConstraint("provider", "applicant_print"), {"sqlite_autoincrement": True})

    id: Mapped[int] = mapped_column(primary_key=True)
    link_id: Mapped[int] = mapped_column(ForeignKey("link.id", ondelete="CASCADE"), index=True)
    provider: Mapped[str]
    applicant: Mapped[str]  # sealed: the id in the provider's system
    applicant_print: Mapped[str]


class LookUp(Base):
    """The audit: who looked at which applicant's cases, when, why, and what came of it; no contents."""

    __tablename__ = "look_up"

    id: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime] = mapped_column(index=True)
    who_print: Mapped[str] = mapped_column(index=True)  # of the Telegram id
    provider: Mapped[str]
    applicant_print: Mapped[str] = mapped_column(index=True)
    why: Mapped[str]  # "asked", "changed", "linked"
    result: Mapped[str]  # "found", "none", "gone", "unavailable", "refused"
    cases: Mapped[int]


class ProviderCursor(Base):
    """How far a provider's changes were followed."""

    __tablename__ = "provider_cursor"

    provider: Mapped[str] = mapped_column(primary_key=True)
    cursor: Mapped[str]  # sealed: that of files holds a print of everybody in them
