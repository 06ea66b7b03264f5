"""One call of the Bot API, and what became of it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from telegram import Bot
from telegram.error import BadRequest, ChatMigrated, Forbidden, InvalidToken, RetryAfter, TelegramError

from bot.delivery.outbox import Outgoing
from bot.operations import figures

CHANGING = "editMessageText"
QUOTED = re.compile(r"""(?<!\w)(["']).*\1""", re.DOTALL)  # Telegram cites what it does not like of a text


@dataclass(frozen=True)
class Sent:
    """Telegram took it; the message that shows it, where the call was about a message."""

    message_id: int | None


@dataclass(frozen=True)
class Later:
    """Not now: Telegram wants to be left alone for `seconds`, or (None) nobody knows whether it took it."""

    reason: str
    seconds: float | None


@dataclass(frozen=True)
class Moved:
    """The group has become a supergroup with this number."""

    chat_id: int


@dataclass(frozen=True)
class Gone:
    """The message that was to be changed cannot be any more."""


@dataclass(frozen=True)
class Refused:
    """It can never be delivered."""

    reason: str


Outcome = Sent | Later | Moved | Gone | Refused


async def call(bot: Bot, chat_id: int, method: str, parameters: Mapping[str, Any]) -> Outcome:
    """Make a call. Raises InvalidToken."""
    with figures.SEND.labels(method).time():
        outcome = await _try(bot, chat_id, method, parameters)
    match outcome:
        case Sent():
            figures.count_send(method, "sent")
        case Refused():
            figures.count_send(method, "refused")
        case _:
            figures.count_send(method, "retried")
    return outcome


async def _try(bot: Bot, chat_id: int, method: str, parameters: Mapping[str, Any]) -> Outcome:
    try:
        # python-telegram-bot's method for any call warns of those that have one of their own, and ours are rows.
        result: Any = await bot._post(method, {"chat_id": chat_id, **parameters})
    except RetryAfter as error:
        figures.FLOOD.inc()
        asked = error.retry_after  # whole seconds, or a duration in coming versions
        return Later("told to wait", asked.total_seconds() if isinstance(asked, timedelta) else float(asked))
    except ChatMigrated as error:
        return Moved(error.new_chat_id)
    except TelegramError as error:
        if error.__cause__:  # no answer, or one that is not Telegram's: a proxy's, a captive portal's
            return Later(type(error).__name__, None)
        if isinstance(error, InvalidToken):
            raise
        if "not modified" in error.message:  # it shows the same already
            return Sent(parameters.get("message_id"))
        if type(error) in (Forbidden, BadRequest):
            return Refused(QUOTED.sub("…", error.message))
        return Later(type(error).__name__, None)
    return Sent(result.get("message_id") if isinstance(result, dict) else None)


async def change(bot: Bot, chat_id: int, message_id: int, parameters: Mapping[str, Any]) -> Outcome:
    """Have a message that was sent before show this. Raises InvalidToken."""
    outcome = await call(bot, chat_id, CHANGING, {**parameters, "message_id": message_id})
    return Gone() if isinstance(outcome, Refused) else outcome


async def say_now(bot: Bot, message: Outgoing) -> Outcome:
    """Send without the outbox: in the terminal, and where the database is away. Raises InvalidToken."""
    outcome = await call(bot, message.chat_id, message.method, message.parameters)
    if isinstance(outcome, Refused) and message.otherwise:
        return await say_now(bot, message.otherwise)
    return outcome
