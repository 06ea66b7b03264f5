"""/start, with or without the topic that a link named; /help."""

from __future__ import annotations

from telegram import Update
from telegram.ext import CommandHandler

from bot.answering import answer
from bot.context import App, Context
from bot.conversation.speaker import GREETING, HELP
from bot.wishes import carry_out


def register(app: App) -> None:
    app.add_handler(CommandHandler("start", start))
    app.add_handler(CommandHandler("help", show_help))


async def start(update: Update, context: Context) -> None:
    dialogue, person = context.services.dialogue, (await context.person(update)).forget_context()
    named = dialogue.open(context.args[0], person) if context.args else None
    await carry_out(update, context, named or dialogue.speaker(person).act(GREETING))


async def show_help(update: Update, context: Context) -> None:
    person = await context.person(update)
    await answer(update, context, context.services.dialogue.speaker(person).act(HELP))
