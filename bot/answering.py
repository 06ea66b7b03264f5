"""Stores what a turn of the conversation changed, and sends its reply."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from html import escape

import structlog
from telegram import InlineKeyboardButton, InlineKeyboardMarkup, LinkPreviewOptions, Update
from telegram.constants import ParseMode
from telegram.error import BadRequest, TelegramError

from bot import journal
from bot.context import Context, telegram_id
from bot.conversation.reply import Choice, Reply, Turn
from bot.rendering import split_html
from bot.students import save_person
from integrations.database import DatabaseUnavailable
from locales import translator

WIDE = 18  # characters of a label that needs a row of its own
LONGEST_LABEL = 64
NO_PREVIEW = LinkPreviewOptions(is_disabled=True)

log = structlog.get_logger()


async def answer(update: Update, context: Context, turn: Turn, heard: str | None = None) -> None:
    """Store the turn and send its reply; where the database is away, answer all the same and say so."""
    exchange: int | None = None
    earlier: list[int] = []
    try:
        exchange, earlier = await _store(update, context, turn, heard)
    except DatabaseUnavailable as error:
        log.error("turn_not_stored", update=update.update_id, reason=str(error))
        turn = replace(turn, reply=_with_excuse(turn.reply))
    sent = await _send(update, turn.reply, _keyboard(turn.reply, exchange), earlier)
    if exchange is not None:
        await _note_replies(context, exchange, sent)


async def _store(update: Update, context: Context, turn: Turn, heard: str | None) -> tuple[int | None, list[int]]:
    """Gives the id of the recorded exchange and the messages that answered its earlier version."""
    async with context.services.database.begin() as session:
        who = telegram_id(update)
        await save_person(session, who, turn.person)
        message = update.effective_message
        if message is None or update.effective_chat is None:
            return None, []
        chat, heard_in = update.effective_chat.id, message.message_id if heard is not None else None
        earlier = await journal.find(session, chat, heard_in) if heard_in else None
        replies = list(earlier.replies) if earlier else []
        kept = heard if turn.person.consent else None
        exchange = await journal.record(
            session, telegram_id=who, chat_id=chat, message_id=heard_in, text=kept, reply=turn.reply
        )
        return exchange, replies


async def _send(
    update: Update, reply: Reply, keyboard: InlineKeyboardMarkup | None, earlier: Sequence[int]
) -> list[int]:
    """Send the reply, or change the messages that answered the question before it was edited; gives their ids."""
    parts = split_html(reply.text)
    sent = []
    for index, part in enumerate(parts):
        markup = keyboard if index == len(parts) - 1 else None
        if index < len(earlier) and await _change(update, earlier[index], part, markup):
            sent.append(earlier[index])
            continue
        assert update.effective_chat
        message = await update.effective_chat.send_message(
            part, ParseMode.HTML, reply_markup=markup, link_preview_options=NO_PREVIEW
        )
        sent.append(message.message_id)
    return sent


async def _change(update: Update, message_id: int, text: str, markup: InlineKeyboardMarkup | None) -> bool:
    """Whether the message now shows this; False where it can no longer be changed."""
    assert update.effective_chat
    try:
        await update.get_bot().edit_message_text(
            text,
            update.effective_chat.id,
            message_id,
            parse_mode=ParseMode.HTML,
            reply_markup=markup,
            link_preview_options=NO_PREVIEW,
        )
    except BadRequest as error:
        if "not modified" in error.message:  # it shows the same already
            return True
        log.info("message_not_changed", update=update.update_id, reason=error.message)
        return False
    return True


async def confirm_press(update: Update, text: str | None = None) -> None:
    """End the waiting sign on a pressed button. Telegram forgets a press soon; it is carried out all the same."""
    assert update.callback_query
    try:
        await update.callback_query.answer(text)
    except TelegramError as error:
        log.info("press_not_confirmed", update=update.update_id, reason=type(error).__name__)


async def change_menu(update: Update, context: Context, turn: Turn) -> None:
    """Show the reply in place of the message whose button was pressed."""
    message = update.effective_message
    assert message
    changed = await _change(update, message.message_id, turn.reply.text, _keyboard(turn.reply, None))
    if not changed:
        await _send(update, turn.reply, _keyboard(turn.reply, None), [])
    try:
        async with context.services.database.begin() as session:
            await save_person(session, telegram_id(update), turn.person)
    except DatabaseUnavailable as error:
        log.error("turn_not_stored", update=update.update_id, reason=str(error))


async def _note_replies(context: Context, exchange: int, message_ids: list[int]) -> None:
    try:
        async with context.services.database.begin() as session:
            await journal.note_replies(session, exchange, message_ids)
    except DatabaseUnavailable as error:
        log.error("replies_not_noted", exchange=exchange, reason=str(error))


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
