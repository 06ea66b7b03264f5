"""Stickers, photos, voice and whatever else is no text: a friendly sentence."""

from __future__ import annotations

from telegram import Update
from telegram.ext import MessageHandler, filters

from bot.answering import answer
from bot.context import App, Context


def register(app: App) -> None:
    private = filters.ChatType.PRIVATE & ~filters.StatusUpdate.ALL
    app.add_handler(MessageHandler(private & ~filters.TEXT, ask_for_words))
    app.add_handler(MessageHandler(private & filters.COMMAND, explain_commands))


async def ask_for_words(update: Update, context: Context) -> None:
    person = await context.person(update)
    await answer(update, context, context.services.dialogue.speaker(person).ask_for_words())


async def explain_commands(update: Update, context: Context) -> None:
    person = await context.person(update)
    await answer(update, context, context.services.dialogue.speaker(person).unknown_command())
