"""The last resort: an error in a handler is logged, and the person is told in one kind sentence."""

from __future__ import annotations

import structlog
from telegram import Update
from telegram.constants import ParseMode
from telegram.error import TelegramError

from bot.context import App, Context
from integrations.database import DatabaseUnavailable

log = structlog.get_logger()


def register(app: App) -> None:
    app.add_error_handler(report)


async def report(update: object, context: Context) -> None:
    error = context.error
    known = isinstance(error, TelegramError | DatabaseUnavailable)
    number = update.update_id if isinstance(update, Update) else None
    log.error(
        "update_failed", update=number, reason=f"{type(error).__name__}: {error}", exc_info=None if known else error
    )
    if not isinstance(update, Update) or update.effective_chat is None:
        return
    turn = context.services.dialogue.speaker(await context.person(update)).went_wrong()
    try:
        await update.effective_chat.send_message(turn.reply.text, ParseMode.HTML)
    except TelegramError as again:
        log.error("excuse_not_sent", update=number, reason=type(again).__name__)
