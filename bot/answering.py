"""Ends a turn of the conversation: what it changed is stored, and its reply is kept to be sent, both or neither."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from html import escape

import structlog
from sqlalchemy.ext.asyncio import AsyncSession
from telegram import Bot, InlineKeyboardButton, InlineKeyboardMarkup, Update
from telegram.constants import ChatAction
from telegram.error import TelegramError

from bot import journal
from bot.context import Context, telegram_id
from bot.conversation.reply import Choice, Reply, Turn
from bot.delivery.calls import CHANGING, say_now
from bot.delivery.outbox import Outgoing
from bot.delivery.pace import WRITING
from bot.operations.figures import count_reply
from bot.rendering import split_html
from bot.students import save_person
from integrations.database import DatabaseUnavailable
from locales import translator

WIDE = 18  # characters of a label that needs a row of its own
LONGEST_LABEL = 64
A_MOMENT = 0.5  # seconds

log = structlog.get_logger()


async def answer(
    update: Update,
    context: Context,
    turn: Turn,
    heard: str | None = None,
    *,
    first: Callable[[AsyncSession], Awaitable[None]] | None = None,
    beside: Sequence[Outgoing] = (),
) -> None:
    """Store the turn and have its reply sent.

    `first` is done in the same transaction; `beside` is what others are told. Where the database is away, the reply
    is sent at once and says that nothing can be remembered.
    """

    async def write(session: AsyncSession) -> list[Outgoing]:
        if first:
            await first(session)
        return [*await keep(session, update, turn, heard), *beside]

    try:
        await context.settle(update, write)
        count_reply(turn.reply)
    except DatabaseUnavailable as error:
        log.error("turn_not_stored", update=update.update_id, reason=str(error))
        await answer_now(context.bot, [*_reply(update, _with_excuse(turn.reply), None), *beside])


async def keep(session: AsyncSession, update: Update, turn: Turn, heard: str | None = None) -> list[Outgoing]:
    """Store the turn; gives the messages of its reply."""
    await save_person(session, telegram_id(update), turn.person)
    return _reply(update, turn.reply, await _record(session, update, turn, heard))


async def change_menu(update: Update, context: Context, turn: Turn) -> None:
    """Show the reply in place of the message whose button was pressed."""
    message = update.effective_message
    assert message
    anew = text_message(update, turn.reply.text, _keyboard(turn.reply, None))
    changing = {**anew.parameters, "message_id": message.message_id}
    changed = replace(anew, method=CHANGING, parameters=changing, otherwise=anew)

    async def write(session: AsyncSession) -> list[Outgoing]:
        await save_person(session, telegram_id(update), turn.person)
        return [changed]

    try:
        await context.settle(update, write)
    except DatabaseUnavailable as error:
        log.error("turn_not_stored", update=update.update_id, reason=str(error))
        await answer_now(context.bot, [changed])


async def answer_now(bot: Bot, messages: Sequence[Outgoing]) -> None:
    """Send without the outbox, because the database is away."""
    for message in messages:
        outcome = await say_now(bot, message)
        log.info("said_at_once", outcome=type(outcome).__name__)


async def confirm_press(update: Update, text: str | None = None) -> None:
    """End the waiting sign on a pressed button. Telegram forgets a press soon; it is carried out all the same."""
    assert update.callback_query
    try:
        await update.callback_query.answer(text)
    except TelegramError as error:
        log.info("press_not_confirmed", update=update.update_id, reason=type(error).__name__)


@asynccontextmanager
async def typing(update: Update) -> AsyncIterator[None]:
    """Show that we are at it, where it takes a moment; for less the sign would only flicker."""

    async def show() -> None:
        await asyncio.sleep(A_MOMENT)
        assert update.effective_chat
        try:
            await update.effective_chat.send_action(ChatAction.TYPING)
        except TelegramError as error:  # only a courtesy: the answer matters
            log.info("typing_not_shown", update=update.update_id, reason=type(error).__name__)

    showing = asyncio.create_task(show())
    try:
        yield
    finally:
        showing.cancel()
        await asyncio.gather(showing, return_exceptions=True)


def text_message(update: Update, html: str, keyboard: InlineKeyboardMarkup | None = None) -> Outgoing:
    """A text for the chat that an update came from."""
    assert update.effective_chat
    shown = {"text": html, "parse_mode": "HTML", "link_preview_options": {"is_disabled": True}}
    markup = {"reply_markup": keyboard.to_dict()} if keyboard else {}
    return Outgoing(update.effective_chat.id, WRITING, shown | markup, telegram_id=telegram_id(update))


async def _record(session: AsyncSession, update: Update, turn: Turn, heard: str | None) -> int | None:
    """Gives the id of the recorded exchange, where there is a message that it belongs to."""
    message, chat = update.effective_message, update.effective_chat
    if message is None or chat is None:
        return None
    return await journal.record(
        session,
        telegram_id=telegram_id(update),
        chat_id=chat.id,
        message_id=message.message_id if heard is not None else None,
        text=heard if turn.person.consent else None,
        reply=turn.reply,
    )


def _reply(update: Update, reply: Reply, exchange: int | None) -> list[Outgoing]:
    """The messages of a reply, the last with its buttons."""
    parts = split_html(reply.text)
    last = len(parts) - 1
    messages = [
        text_message(update, part, _keyboard(reply, exchange) if number == last else None)
        for number, part in enumerate(parts)
    ]
    return [replace(message, exchange=exchange, part=number) for number, message in enumerate(messages)]


def _keyboard(reply: Reply, exchange: int | None) -> InlineKeyboardMarkup | None:
    rows: list[list[InlineKeyboardButton]] = []
    for choice in reply.choices:
        button = InlineKeyboardButton(_label(choice), callback_data=choice.data)
        if len(choice.label) <= WIDE and rows and len(rows[-1]) == 1 and len(rows[-1][0].text) <= WIDE:
            rows[-1].append(button)
        else:
            rows.append([button])
    if reply.can_be_rated and exchange is not None:
        rows.append(
            [
                InlineKeyboardButton(sign, callback_data=f"rate:{value}:{exchange}")
                for sign, value in (("👍", 1), ("👎", -1))
            ]
        )
    return InlineKeyboardMarkup(rows) if rows else None


def _label(choice: Choice) -> str:
    return choice.label if len(choice.label) <= LONGEST_LABEL else choice.label[: LONGEST_LABEL - 1] + "…"


def _with_excuse(reply: Reply) -> Reply:
    _ = translator(reply.language)
    excuse = _("I cannot remember things right now, so I may ask you the same again.")
    return replace(reply, text=f"{reply.text}\n\n<i>{escape(excuse, quote=False)}</i>")
