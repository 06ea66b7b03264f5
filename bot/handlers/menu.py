"""/menu and every button of the conversation."""

from __future__ import annotations

from telegram import Update
from telegram.ext import CallbackQueryHandler, CommandHandler

from bot.answering import answer, change_menu, confirm_press
from bot.context import App, Context
from bot.wishes import carry_out


def register(app: App) -> None:
    app.add_handler(CommandHandler("menu", show_menu))
    app.add_handler(CallbackQueryHandler(press))


async def show_menu(update: Update, context: Context) -> None:
    await answer(update, context, context.services.dialogue.press("menu", await context.person(update)))


async def press(update: Update, context: Context) -> None:
    query = update.callback_query
    assert query
    await confirm_press(update)
    data = query.data or ""
    turn = context.services.dialogue.press(data, await context.person(update))
    in_place = data == "menu" or data.startswith(("area:", "lang:"))
    await (change_menu if in_place else carry_out)(update, context, turn)
