"""👍 and 👎 under an answer."""

from __future__ import annotations

from contextlib import suppress

from telegram import InlineKeyboardMarkup, Message, Update
from telegram.error import BadRequest
from telegram.ext import CallbackQueryHandler

from bot.answering import confirm_press
from bot.context import App, Context, telegram_id
from bot.journal import rate
from integrations.database import DatabaseUnavailable


def register(app: App) -> None:
    app.add_handler(CallbackQueryHandler(store_rating, pattern=r"^rate:-?1:\d{1,18}$"))


async def store_rating(update: Update, context: Context) -> None:
    _ = await context.translate(update)
    query = update.callback_query
    assert query and query.data
    __, value, exchange = query.data.split(":")
    try:
        async with context.services.database.begin() as session:
            stored = await rate(session, int(exchange), int(value), by=telegram_id(update))
    except DatabaseUnavailable:
        await confirm_press(update)  # or the button would wait for ever
        raise
    await confirm_press(
        update,
        _("Thank you! Your rating helps us to improve the answers.")
        if stored
        else _("Only the person who asked can rate this answer."),
    )
    if stored and isinstance(query.message, Message) and query.message.reply_markup:
        rows = query.message.reply_markup.inline_keyboard
        left = [row for row in rows if not str(row[0].callback_data).startswith("rate:")]
        with suppress(BadRequest):  # pressed twice: the buttons are gone already
            await query.edit_message_reply_markup(InlineKeyboardMarkup(left))
