"""A written question, new or edited, in a private chat or addressed to us in a group."""

from __future__ import annotations

import re
from dataclasses import replace
from html import escape

from telegram import Message, Update
from telegram.ext import MessageHandler, filters

from bot.answering import text_message, typing
from bot.context import App, Context
from bot.conversation.reply import Turn
from bot.delivery.outbox import Outgoing
from bot.wishes import carry_out


def register(app: App) -> None:
    app.add_handler(MessageHandler(filters.TEXT & ~filters.COMMAND & ~filters.UpdateType.CHANNEL_POSTS, hear))


async def hear(update: Update, context: Context) -> None:
    message = update.effective_message
    text = addressed_text(message, context.bot.username, context.bot.id) if message else None
    if text is None or update.effective_chat is None:
        return
    async with typing(update):
        turn = await context.services.dialogue.hear(text, await context.person(update))
    passed_on = [_for_staff(update, context, turn)] if turn.reply.pass_on else []
    await carry_out(update, context, turn, heard=text, beside=passed_on)


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


def _for_staff(update: Update, context: Context, turn: Turn) -> Outgoing:
    """The question for the staff's chat; where that cannot be reached, the person is told where to write instead."""
    user, chat = update.effective_user, context.services.staff_chat
    assert chat and user and turn.reply.pass_on
    who = f'<a href="tg://user?id={user.id}">{escape(user.full_name)}</a>'
    text = f"✉️ {who} ({turn.person.language}):\n{escape(turn.reply.pass_on[:3500], quote=False)}"
    instead = context.services.dialogue.speaker(turn.person).not_passed_on().reply
    return replace(text_message(update, text), chat_id=chat, otherwise=text_message(update, instead.text))
