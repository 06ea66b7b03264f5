"""Asks Telegram for updates, and confirms them only when they are kept.

Telegram forgets an update when we ask for those behind it: we do that after the commit.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import structlog
from telegram import Bot, Update
from telegram.error import BadRequest, Conflict, InvalidToken, RetryAfter, TelegramError

from bot.intake.inbox import Inbox
from bot.stopping import pause, unless
from integrations.database import DatabaseUnavailable

HANDLED = [Update.MESSAGE, Update.EDITED_MESSAGE, Update.CALLBACK_QUERY]
LONG_POLL = 10  # seconds that Telegram waits for news before it says that there is none
ON_THE_WAY = 5.0  # seconds more, and the answer is lost
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 60.0  # seconds between two attempts after failures

log = structlog.get_logger()


class Garbage(Exception):
    """An answer of Telegram's that is no list of updates."""


class Poller:
    """Long polling."""

    def __init__(self, bot: Bot, inbox: Inbox) -> None:
        self._bot, self._inbox = bot, inbox
        self._offset = 0  # the first update that we have not kept; 0: Telegram knows

    async def follow(self, stopping: asyncio.Event) -> None:
        """Keep what Telegram sends until told to stop. Raises InvalidToken.

        A webhook is taken away once, at the start: where it is set again, the operator has to say which of the two
        it shall be, and neither fights.
        """

        async def take_over() -> None:
            await self._bot.delete_webhook()  # Telegram gives updates on one way only; what waits there, stays

        async def step() -> None:
            await self._fetch(stopping)

        if await persist(stopping, take_over):
            while await persist(stopping, step):
                pass

    async def _fetch(self, stopping: asyncio.Event) -> None:
        updates = await unless(stopping, self._ask())
        if not updates:
            return
        await self._inbox.keep(updates)  # not cut short by a stop: a commit ends in order
        # After a week of silence Telegram numbers anew, perhaps lower: the last one counts, not the highest ever.
        self._offset = updates[-1]["update_id"] + 1

    async def _ask(self) -> list[dict[str, Any]]:
        """The updates as Telegram sent them.

        Not with `get_updates`: of a batch with one update that it cannot read it gives none, for ever, and logs
        what people wrote.
        """
        asked = {"offset": self._offset, "timeout": LONG_POLL, "allowed_updates": HANDLED}
        updates: Any = await self._bot._post("getUpdates", asked, read_timeout=LONG_POLL + ON_THE_WAY)
        if not isinstance(updates, list) or not all(map(_is_numbered, updates)):
            raise Garbage
        return updates


async def persist(stopping: asyncio.Event, step: Callable[[], Awaitable[None]]) -> bool:
    """Take a step, with growing pauses until it succeeds; False when told to stop before. Raises InvalidToken."""
    length = FIRST_PAUSE
    while not stopping.is_set():
        try:
            await step()
            return True
        except InvalidToken:
            raise
        except Exception as error:  # noqa: BLE001 -- whatever comes instead of an answer, we ask again
            length = max(length, _asked_to_wait(error))
            _report(error, length)
        await pause(stopping, length)
        length = min(2 * length, LONGEST_PAUSE)
    return False


def _report(error: Exception, length: float) -> None:
    reason = type(error).__name__
    match error:
        case DatabaseUnavailable():
            log.error("updates_not_kept", reason=str(error), pause=length)
        case Conflict() if "webhook" in str(error):
            log.error("another_process_receives", pause=length)
        case Conflict():
            log.error("another_process_polls", pause=length)
        case BadRequest():
            log.error("telegram_refused", reason=error.message, pause=length)
        case TelegramError():
            log.error("telegram_unreachable", reason=reason, pause=length)
        case _:
            log.error("telegram_not_understood", reason=reason, pause=length, exc_info=error)


def _asked_to_wait(error: Exception) -> float:
    """The seconds that Telegram wants to be left alone."""
    if not isinstance(error, RetryAfter):
        return 0
    asked = error.retry_after  # whole seconds, or a duration in coming versions
    return asked.total_seconds() if isinstance(asked, timedelta) else asked


def _is_numbered(update: Any) -> bool:
    return isinstance(update, dict) and type(update.get("update_id")) is int
