"""Who a chat's person is in the systems that know applicants: proved by a code that goes to the address known there.

Nothing here tells whether an address is known: that is found out by bot.application.postman, behind the reply. What a
person may ask for within an hour is remembered by keyed prints, also of those who had themselves forgotten: else they
could ask and guess without end.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from typing import Literal

from sqlalchemy import ColumnElement, delete, func, or_, select, update

from bot.application.address import mask, read_address
from bot.application.tables import CodeRequest, Link, LinkedApplicant, LookUp
from bot.application.vault import Vault
from bot.students import REMEMBERED, Student, load_person
from integrations.application_status.case import Applicant
from integrations.database import Session, take_turn, utc_now

CODE_LASTS = timedelta(minutes=10)  # since the letter was begun
MOST_TRIES = 5
MOST_CODES, HOUR = 3, timedelta(hours=1)  # that a chat may ask for, and that an address gets
REQUESTS_KEPT = timedelta(days=1)
FINAL_KEPT = timedelta(days=90)  # a link whose cases are all closed
AUDIT_KEPT = timedelta(days=396)
NO_PRINT = "-" * 64  # as long as one
TURN = "linking"  # one links at a time, so that an applicant never has two chats


class Asked(Enum):
    """What came of asking for a code. SENT says nothing of the address: there may be no letter."""

    SENT = "sent"
    TOO_MANY = "too_many"  # this chat has asked three times within the hour
    NO_ADDRESS = "no_address"  # what was typed is none


@dataclass(frozen=True)
class Displaced:
    """A chat that is not linked any more because another one proved to be the same applicant."""

    chat_id: int
    telegram_id: int
    language: str
    address: str  # where a letter tells it too


@dataclass(frozen=True)
class Proof:
    """What came of a code; a code that was used or is too old is no more than a wrong one."""

    outcome: Literal["linked", "wrong", "no_request"]
    displaced: tuple[Displaced, ...] = ()  # to be told, in the chat and by mail


@dataclass(frozen=True)
class Described:
    """What is stored of a link, as its person may see it."""

    address: str  # masked
    since: datetime
    tell_changes: bool
    look_ups: int  # that the audit holds


async def request_code(
    session: Session, vault: Vault, *, telegram_id: int, chat_id: int, language: str, address: str
) -> Asked:
    """Have a code sent to an address as somebody typed it, if a provider knows it."""
    typed = read_address(address)
    if typed is None:
        return Asked.NO_ADDRESS
    await take_turn(session, TURN)
    now, who = utc_now(), print_of_person(vault, telegram_id)
    asked = select(func.count()).where(CodeRequest.who_print == who, CodeRequest.asked_at > now - HOUR)
    if (await session.scalar(asked) or 0) >= MOST_CODES:
        return Asked.TOO_MANY
    request = CodeRequest(telegram_id=telegram_id, who_print=who, chat_id=chat_id, language=language, asked_at=now)
    request.address, request.address_print = vault.seal(typed), vault.print_of("address", typed.casefold())
    session.add(request)
    await session.flush()
    return Asked.SENT


async def prove(session: Session, vault: Vault, *, telegram_id: int, code: str) -> Proof:
    """Link the chat that asked last for a code, if this is it. Each call is one of five tries."""
    await take_turn(session, TURN)
    request = await _try(session, telegram_id)
    if request is None:
        return Proof("no_request")
    # Where no letter was sent it takes as long to find out, and as many tries.
    if not hmac.compare_digest(request.code_print or NO_PRINT, print_of_code(vault, request.id, code)):
        return Proof("wrong")
    request.used_at = utc_now()
    return Proof("linked", await _link(session, vault, request))


async def find_link(session: Session, telegram_id: int) -> Link | None:
    return await session.scalar(select(Link).filter_by(telegram_id=telegram_id))


async def unlink(session: Session, telegram_id: int) -> bool:
    """Delete the link with all that is stored of the applicant; False where there was none."""
    gone = delete(Link).filter_by(telegram_id=telegram_id).returning(Link.id)
    return (await session.scalars(gone)).first() is not None


async def set_tell_changes(session: Session, telegram_id: int, on: bool) -> None:
    await session.execute(update(Link).filter_by(telegram_id=telegram_id).values(tell_changes=on))


async def describe_link(session: Session, vault: Vault, telegram_id: int) -> Described | None:
    """What /privacy shows. Raises WrongKeys."""
    link = await find_link(session, telegram_id)
    if link is None:
        return None
    looked = select(func.count()).where(LookUp.who_print == print_of_person(vault, telegram_id))
    look_ups = await session.scalar(looked) or 0
    return Described(mask(vault.open(link.address)), link.linked_at, link.tell_changes, look_ups)


async def forget_applicant(session: Session, telegram_id: int) -> None:
    """Delete a person's link and requests; of these the prints stay for a day, by which asking is limited."""
    await unlink(session, telegram_id)
    now = utc_now()
    emptied = {"telegram_id": 0, "chat_id": 0, "language": "", "address": "", "applicants": None}
    theirs = update(CodeRequest).where(CodeRequest.telegram_id == telegram_id)
    await session.execute(theirs.values(**emptied, begun_at=func.coalesce(CodeRequest.begun_at, now), used_at=now))


async def forget_old_links(session: Session) -> None:
    """Delete what has been kept long enough: requests, links whose cases are closed or whose person is gone, audit."""
    now = utc_now()
    await session.execute(delete(CodeRequest).where(CodeRequest.asked_at < now - REQUESTS_KEPT))
    abandoned = (Link.linked_at < now - REMEMBERED) & Link.telegram_id.not_in(select(Student.telegram_id))
    await session.execute(delete(Link).where(or_(Link.final_since < now - FINAL_KEPT, abandoned)))
    await session.execute(delete(LookUp).where(LookUp.at < now - AUDIT_KEPT))


def print_of_person(vault: Vault, telegram_id: int) -> str:
    """As in LookUp.who_print and CodeRequest.who_print."""
    return vault.print_of("person", telegram_id)


def print_of_applicant(vault: Vault, provider: str, applicant: str) -> str:
    """As in LinkedApplicant.applicant_print and LookUp.applicant_print."""
    return vault.print_of("applicant", provider, applicant)


def print_of_code(vault: Vault, request: int, code: str) -> str:
    """A code counts for the request that it was made for, and so for one chat."""
    return vault.print_of("code", request, code)


def is_live(now: datetime) -> ColumnElement[bool]:
    """Whether a request's code may still be tried."""
    begun = func.coalesce(CodeRequest.begun_at, CodeRequest.asked_at)
    return CodeRequest.used_at.is_(None) & (begun > now - CODE_LASTS)


async def _try(session: Session, telegram_id: int) -> CodeRequest | None:
    """The person's newest request if one more code may be tried on it, which is counted in the same statement."""
    newest = select(func.max(CodeRequest.id)).filter_by(telegram_id=telegram_id).scalar_subquery()
    tried = update(CodeRequest).where(CodeRequest.id == newest, is_live(utc_now()), CodeRequest.tries < MOST_TRIES)
    tried = tried.values(tries=CodeRequest.tries + 1).execution_options(synchronize_session=False)
    return (await session.scalars(tried.returning(CodeRequest))).one_or_none()


async def _link(session: Session, vault: Vault, request: CodeRequest) -> tuple[Displaced, ...]:
    """Put the link in the place of this chat's earlier one and of those of other chats to the same applicants."""
    proved = [Applicant(*each) for each in vault.open(request.applicants or "")]
    prints = {print_of_applicant(vault, each.provider, each.id): each for each in proved}
    same = select(LinkedApplicant.link_id).where(LinkedApplicant.applicant_print.in_(prints))
    of_chat = Link.telegram_id == request.telegram_id
    before = (await session.scalars(select(Link).where(or_(of_chat, Link.id.in_(same))))).all()
    others = [each for each in before if each.telegram_id != request.telegram_id]
    displaced = [await _displaced(session, vault, each) for each in others]
    await session.execute(delete(Link).where(Link.id.in_([each.id for each in before])))
    link = Link(telegram_id=request.telegram_id, chat_id=request.chat_id, linked_at=utc_now())
    link.address = vault.seal(proved[0].email)
    session.add(link)
    await session.flush()
    for print_, each in prints.items():
        row = LinkedApplicant(link_id=link.id, provider=each.provider, applicant_print=print_)
        row.applicant = vault.seal(each.id)
        session.add(row)
    await session.flush()
    return tuple(displaced)


async def _displaced(session: Session, vault: Vault, link: Link) -> Displaced:
    person = await load_person(session, link.telegram_id)
    return Displaced(link.chat_id, link.telegram_id, person.language if person else "en", vault.open(link.address))
