"""/language: choose the language of the buttons and of answers to short messages."""

from __future__ import annotations

from telegram import Update
from telegram.ext import CommandHandler

from bot.answering import answer
from bot.context import App, Context
from bot.conversation.speaker import LANGUAGE


def register(app: App) -> None:
    app.add_handler(CommandHandler("language", choose_language))


async def choose_language(update: Update, context: Context) -> None:
    person = await context.person(update)
    await answer(update, context, context.services.dialogue.speaker(person).act(LANGUAGE))
