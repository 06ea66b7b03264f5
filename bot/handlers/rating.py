"""👍 and 👎 under an answer."""

from __future__ import annotations

from telegram import InlineKeyboardMarkup, Message, Update
from telegram.ext import CallbackQueryHandler

from bot.answering import confirm_press
from bot.context import App, Context, telegram_id
from bot.delivery.outbox import Outgoing
from bot.journal import rate
from integrations.database import DatabaseUnavailable, Session


def register(app: App) -> None:
    app.add_handler(CallbackQueryHandler(store_rating, pattern=r"^rate:-?1:\d{1,18}$"))


async def store_rating(update: Update, context: Context) -> None:
    _ = await context.translate(update)
    query = update.callback_query
    assert query and query.data
    value, exchange = map(int, query.data.split(":")[1:])
    stored = False

    async def write(session: Session) -> list[Outgoing]:
        nonlocal stored
        stored = await rate(session, exchange, value, by=telegram_id(update))
        return [_without_signs(query.message)] if stored and isinstance(query.message, Message) else []

    try:
        await context.settle(update, write)
    except DatabaseUnavailable:
        await confirm_press(update)  # or the button would wait for ever
        raise
    thanks = _("Thank you! Your rating helps us to improve the answers.")
    await confirm_press(update, thanks if stored else _("Only the person who asked can rate this answer."))


def _without_signs(message: Message) -> Outgoing:
    """The answer's other buttons stay."""
    rows = message.reply_markup.inline_keyboard if message.reply_markup else ()
    left = [row for row in rows if not str(row[0].callback_data).startswith("rate:")]
    shown = {"message_id": message.message_id, "reply_markup": InlineKeyboardMarkup(left).to_dict()}
    return Outgoing(message.chat.id, "editMessageReplyMarkup", shown)
