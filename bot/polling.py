"""The bot in Telegram: long polling until it is told to stop."""

from __future__ import annotations

import asyncio
import signal

import structlog
from telegram import Update
from telegram.error import InvalidToken, NetworkError

from bot.context import App
from bot.notices import Notices
from bot.telegram_texts import introduce

LONGEST_PAUSE = 60.0  # seconds between two attempts to reach Telegram
LONGEST_GOODBYE = 3.0  # seconds for the texts of the language that is being set

log = structlog.get_logger()


class TokenRefused(Exception):
    """Telegram does not know the token."""


async def poll(app: App, notices: Notices) -> None:
    """Answer, and tell staff what is due, until SIGINT or SIGTERM.

    Waits for Telegram where it is down; raises TokenRefused.
    """
    stopping = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    if not await _initialize(app, stopping):
        return
    assert app.updater
    await app.updater.start_polling(allowed_updates=[Update.MESSAGE, Update.EDITED_MESSAGE, Update.CALLBACK_QUERY])
    await app.start()
    log.info("polling", bot=app.bot.username)
    introducing = asyncio.create_task(introduce(app.bot, stopping))
    telling = asyncio.create_task(notices.follow())
    await stopping.wait()
    log.info("stopping")
    await asyncio.wait([introducing], timeout=LONGEST_GOODBYE)  # a call cut in half is carried out or not
    for task in (introducing, telling):
        task.cancel()
    await asyncio.gather(introducing, telling, return_exceptions=True)
    await app.updater.stop()
    await app.stop()
    await app.shutdown()


async def _initialize(app: App, stopping: asyncio.Event) -> bool:
    """Reach Telegram for the first time, trying again until it answers; False when told to stop before."""
    pause = 1.0
    while not stopping.is_set():
        try:
            await app.initialize()
            return True
        except InvalidToken:
            raise TokenRefused from None
        except NetworkError as error:
            log.error("telegram_unreachable", reason=type(error).__name__, pause=pause)
        try:
            await asyncio.wait_for(stopping.wait(), pause)
        except TimeoutError:
            pause = min(2 * pause, LONGEST_PAUSE)
    return False
