"""Carries out what a turn wishes beyond words: to show a person their applications, or to prove that they are theirs.

It happens in private chats only. The address and the code that a person sends are in no record.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import structlog
from telegram import Update

from bot.answering import answer, keep, typing
from bot.application.letters import displaced_letter
from bot.application.linking import Asked, Displaced, find_link, prove, request_code
from bot.application.lookups import Looked
from bot.context import Applications, Context, telegram_id
from bot.conversation.person import Person
from bot.conversation.registrar import Registrar
from bot.conversation.reply import Turn, Wish
from bot.delivery.outbox import Outgoing
from bot.delivery.pace import WRITING
from integrations.database import Session
from integrations.mail import Refused, Unavailable

# What is said of cases, and whether the person wants to be told of changes.
Say = Callable[[Registrar, Looked, bool], Turn]
log = structlog.get_logger()


async def carry_out(
    update: Update, context: Context, turn: Turn, heard: str | None = None, beside: Sequence[Outgoing] = ()
) -> None:
    """Answer, once the turn's wish is fulfilled where it has one."""
    wish, applications = turn.reply.wish, context.services.applications
    if wish is None or applications is None:
        await answer(update, context, turn, heard, beside=beside)
    elif not is_private(update):
        await answer(update, context, ask_to_come_in_private(context, turn.person))
    elif wish.what == "status":
        await show_cases(update, context, turn.person, show, heard)
    elif wish.what == "address":
        await _send_code(update, context, applications, turn.person, wish)
    else:
        await _try_code(update, context, applications, turn.person, wish)


def is_private(update: Update) -> bool:
    return update.effective_chat is not None and update.effective_chat.type == "private"


def ask_to_come_in_private(context: Context, person: Person) -> Turn:
    address = f"https://t.me/{context.bot.username}?start=admission-status"
    return context.services.dialogue.registrar(person).ask_to_come_in_private(address)


def show(registrar: Registrar, looked: Looked, tells_changes: bool) -> Turn:
    return registrar.show(looked.cases, looked.stale, looked.missing, tells_changes)


async def show_cases(
    update: Update, context: Context, person: Person, say: Say = show, heard: str | None = None
) -> None:
    """Say something of how the person's cases stand now, or offer to link where they are not known."""
    services, applications = context.services, context.services.applications
    assert applications
    async with services.database.read() as session:
        link = await find_link(session, telegram_id(update))
    if link is None:
        await answer(update, context, services.dialogue.speaker(person).offer_link(), heard)
        return
    async with typing(update):
        looked = await applications.lookups.look_up(telegram_id(update), why="asked")
    await answer(update, context, say(services.dialogue.registrar(person), looked, link.tell_changes), heard)


async def _send_code(update: Update, context: Context, applications: Applications, person: Person, wish: Wish) -> None:
    """Have a code sent to the address, if it is known: the reply does not tell."""
    registrar = context.services.dialogue.registrar(person)
    replies = {
        Asked.SENT: registrar.ask_code,
        Asked.TOO_MANY: registrar.refuse_more_codes,
        Asked.NO_ADDRESS: registrar.ask_address_again,
    }

    async def write(session: Session) -> list[Outgoing]:
        assert update.effective_chat
        asked = await request_code(
            session,
            applications.vault,
            telegram_id=telegram_id(update),
            chat_id=update.effective_chat.id,
            language=person.language,
            address=wish.typed,
        )
        await context.settles.ring(session, "letters")
        return await keep(session, update, replies[asked]())

    await context.settle(update, write)


async def _try_code(update: Update, context: Context, applications: Applications, person: Person, wish: Wish) -> None:
    """Link the chat if the code is right; then look up what it may see, and tell those who may not any more."""
    registrar = context.services.dialogue.registrar(person)
    displaced: tuple[Displaced, ...] = ()
    linked = False

    async def write(session: Session) -> list[Outgoing]:
        nonlocal displaced, linked
        proof = await prove(session, applications.vault, telegram_id=telegram_id(update), code=wish.typed)
        displaced, linked = proof.displaced, proof.outcome == "linked"
        turn = registrar.confirm_link() if linked else registrar.refuse_code()
        told = [_tell_displaced(context, each) for each in displaced]
        return [*await keep(session, update, turn), *told]

    await context.settle(update, write)
    if linked:
        await _show_linked(update, context, applications, registrar)
    for each in displaced:
        await _write_to(context, each)


async def _show_linked(update: Update, context: Context, applications: Applications, registrar: Registrar) -> None:
    async with typing(update):
        looked = await applications.lookups.look_up(telegram_id(update), why="linked")

    async def write(session: Session) -> list[Outgoing]:
        return await keep(session, update, show(registrar, looked, False))

    await context.settles.add(write)


def _tell_displaced(context: Context, displaced: Displaced) -> Outgoing:
    registrar = context.services.dialogue.registrar(Person(language=displaced.language))
    shown = {"text": registrar.say_displaced(), "parse_mode": "HTML"}
    return Outgoing(displaced.chat_id, WRITING, shown, kind="notice", telegram_id=displaced.telegram_id)


async def _write_to(context: Context, displaced: Displaced) -> None:
    try:
        await context.services.mail.send(displaced_letter(displaced.address, displaced.language))
    except (Unavailable, Refused) as error:
        log.error("displaced_letter_not_sent", reason=type(error).__name__)  # its words may name the address
