"""What one writes with python-telegram-bot first: `python -m tests.load.plain_bot ADDRESS RASA`.

It polls, handles one update after another, asks the same Rasa about questions and shows a fixed menu with the same
two calls for a press as ours: the press is answered, and the message changed. The token of Rasa is read from
standard input.
"""

from __future__ import annotations

import sys
from typing import Any

from telegram import InlineKeyboardButton, InlineKeyboardMarkup, Update
from telegram.ext import ApplicationBuilder, CallbackQueryHandler, CommandHandler, ContextTypes, MessageHandler, filters

from nlu.client import NluClient
from tests.telegram_server.server import TOKEN

AREAS = ("Admission", "Money", "Visa", "Housing", "Studies", "Life")


def keyboard(*buttons: tuple[str, str]) -> InlineKeyboardMarkup:
    return InlineKeyboardMarkup([[InlineKeyboardButton(text, callback_data=data)] for text, data in buttons])


MENU = ("What is it about?", keyboard(*((area, f"area:{area}") for area in AREAS)))


def main(address: str, rasa: str, token: str) -> None:
    nlu = NluClient(rasa, token)

    async def show_menu(update: Update, context: Any) -> None:
        await update.message.reply_text(MENU[0], reply_markup=MENU[1])

    async def press(update: Update, context: Any) -> None:
        query = update.callback_query
        await query.answer()
        text, markup = MENU if query.data == "menu" else (f"About {query.data[5:]}:", keyboard(("Back", "menu")))
        await query.edit_message_text(text, reply_markup=markup)

    async def answer(update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
        understood = await nlu.parse(update.message.text)
        await update.message.reply_text(f"Here is what we know about {understood.ranking[0].key}.")

    app = ApplicationBuilder().token(TOKEN).base_url(f"{address}/bot").build()
    app.add_handler(CommandHandler("menu", show_menu))
    app.add_handler(CallbackQueryHandler(press))
    app.add_handler(MessageHandler(filters.TEXT, answer))
    app.run_polling()


if __name__ == "__main__":
    main(*sys.argv[1:3], token=sys.stdin.readline().strip())
