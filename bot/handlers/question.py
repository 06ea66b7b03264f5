"""A written question, new or edited, in a private chat or addressed to us in a group."""

from __future__ import annotations

import re
from html import escape

import structlog
from telegram import Message, Update
from telegram.constants import ChatAction, ParseMode
from telegram.error import TelegramError
from telegram.ext import MessageHandler, filters

from bot.answering import answer
from bot.context import App, Context
from bot.conversation.reply import Turn

log = structlog.get_logger()


def register(app: App) -> None:
    app.add_handler(MessageHandler(filters.TEXT & ~filters.COMMAND & ~filters.UpdateType.CHANNEL_POSTS, hear))


async def hear(update: Update, context: Context) -> None:
    message = update.effective_message
    text = addressed_text(message, context.bot.username, context.bot.id) if message else None
    if text is None or update.effective_chat is None:
        return
    await show_typing(update)
    turn = await context.services.dialogue.hear(text, await context.person(update))
    if turn.reply.pass_on:
        turn = await pass_on(update, context, turn)
    await answer(update, context, turn, heard=text)


def addressed_text(message: Message, username: str, bot_id: int) -> str | None:
    """The text without our name, or None where a group talks about something else."""
    text = message.text or ""
    if message.chat.type == "private":
        return text
    mention = re.search(rf"@{re.escape(username)}(?!\w)", text, re.IGNORECASE)
    replied_to = message.reply_to_message and message.reply_to_message.from_user
    if mention or (replied_to and replied_to.id == bot_id):
        return (text[: mention.start()] + text[mention.end() :] if mention else text).strip() or None
    return None


async def show_typing(update: Update) -> None:
    assert update.effective_chat
    try:
        await update.effective_chat.send_action(ChatAction.TYPING)
    except TelegramError as error:  # only a courtesy: the answer matters
        log.info("typing_not_shown", update=update.update_id, reason=type(error).__name__)


async def pass_on(update: Update, context: Context, turn: Turn) -> Turn:
    """Send the question to the staff's chat; where that fails, the person is told where to write instead."""
    user, chat = update.effective_user, context.services.staff_chat
    try:
        assert chat and user and turn.reply.pass_on
        who = f'<a href="tg://user?id={user.id}">{escape(user.full_name)}</a>'
        text = f"✉️ {who} ({turn.person.language}):\n{escape(turn.reply.pass_on[:3500], quote=False)}"
        await context.bot.send_message(chat, text, ParseMode.HTML)
    except TelegramError as error:
        log.error("question_not_passed_on", update=update.update_id, reason=type(error).__name__)
        return context.services.dialogue.speaker(turn.person).not_passed_on()
    return turn
