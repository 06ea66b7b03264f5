"""/privacy: what is stored, consent to keep texts, show and delete everything."""

from __future__ import annotations

from dataclasses import replace

from telegram import Update
from telegram.ext import CallbackQueryHandler, CommandHandler

from bot.answering import answer, confirm_press, text_message
from bot.application.linking import describe_link
from bot.context import App, Context, telegram_id
from bot.conversation.speaker import PRIVACY
from bot.delivery.outbox import Outgoing
from bot.journal import describe, forget, forget_texts
from bot.wishes import is_private
from integrations.database import Session


def register(app: App) -> None:
    app.add_handler(CommandHandler("privacy", show_privacy))
    app.add_handler(CallbackQueryHandler(keep_texts, pattern="^privacy:keep$"))
    app.add_handler(CallbackQueryHandler(stop_keeping_texts, pattern="^privacy:stop$"))
    app.add_handler(CallbackQueryHandler(show_data, pattern="^privacy:show$"))
    app.add_handler(CallbackQueryHandler(ask_to_delete, pattern="^privacy:delete$"))
    app.add_handler(CallbackQueryHandler(delete_data, pattern="^privacy:delete:yes$"))


async def show_privacy(update: Update, context: Context) -> None:
    person = await context.person(update)
    await answer(update, context, context.services.dialogue.speaker(person).act(PRIVACY))


async def keep_texts(update: Update, context: Context) -> None:
    await confirm_press(update)
    person = replace(await context.person(update), consent=True)
    await answer(update, context, context.services.dialogue.speaker(person).consented())


async def stop_keeping_texts(update: Update, context: Context) -> None:
    await confirm_press(update)
    person = replace(await context.person(update), consent=False)
    turn = context.services.dialogue.speaker(person).withdrew_consent()

    async def forget_texts_of_person(session: Session) -> None:
        await forget_texts(session, telegram_id(update))

    await answer(update, context, turn, first=forget_texts_of_person)


async def show_data(update: Update, context: Context) -> None:
    await confirm_press(update)
    dialogue, person = context.services.dialogue, await context.person(update)
    more: list[str] = []
    async with context.services.database.read() as session:
        exchanges, texts = await describe(session, telegram_id(update))
        if (applications := context.services.applications) and is_private(update):
            link = await describe_link(session, applications.vault, telegram_id(update))
            more = dialogue.registrar(person).describe_link(link) if link else []
    await answer(update, context, dialogue.speaker(person).show_data(exchanges, texts, more))


async def ask_to_delete(update: Update, context: Context) -> None:
    await confirm_press(update)
    person = await context.person(update)
    await answer(update, context, context.services.dialogue.speaker(person).ask_to_delete())


async def delete_data(update: Update, context: Context) -> None:
    await confirm_press(update)
    turn = context.services.dialogue.speaker(await context.person(update)).deleted()

    async def write(session: Session) -> list[Outgoing]:
        await forget(session, telegram_id(update))
        return [text_message(update, turn.reply.text)]  # not recorded: nothing is kept

    await context.settle(update, write)
