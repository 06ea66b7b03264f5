"""The last resort: an error in a handler is logged, and the person is told in one kind sentence."""

from __future__ import annotations

import structlog
from telegram import Update
from telegram.error import TelegramError

from bot.answering import answer_now, text_message
from bot.context import App, Context
from bot.delivery.outbox import Outgoing
from integrations.database import DatabaseUnavailable, Session

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
    excuse = text_message(update, turn.reply.text)

    async def write(_: Session) -> list[Outgoing]:
        return [excuse]

    try:
        await context.settle(update, write)
    except DatabaseUnavailable:
        await answer_now(context.bot, [excuse])
