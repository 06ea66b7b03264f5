"""Handles what waits in the inbox: several chats at once, each in order.

However old an update is, it is handled as any other. Today's answer to yesterday's question is true today and may
still be needed, and Telegram itself drops what waits longer than a day with it; a button pressed long ago is
carried out although Telegram does not show that any more.
"""

from __future__ import annotations

import asyncio

import structlog
from telegram import Update

from bot.context import App
from bot.intake.inbox import MOST_ATTEMPTS, Claimed, Inbox
from bot.intake.stopping import pause, unless
from integrations.database import DatabaseUnavailable

CHATS_AT_ONCE = 16
LONGEST_FAREWELL = 8.0  # seconds for what is in work when we are told to stop
PAUSE = 1.0  # seconds until the database is tried again

log = structlog.get_logger()


class GivenUp(Exception):
    """The process died of an update too often."""


class Worker:
    """Hands updates to the application; `wake` tells that there are new ones."""

    def __init__(self, app: App, inbox: Inbox) -> None:
        self._app, self._inbox = app, inbox
        self._in_work: set[asyncio.Task[None]] = set()
        self._news = asyncio.Event()

    def wake(self) -> None:
        self._news.set()

    async def follow(self, stopping: asyncio.Event) -> None:
        """Handle what is there and what comes until told to stop; then what is in work is ended, the rest waits."""
        await self._begin_again(stopping)
        while not stopping.is_set():
            self._news.clear()
            try:
                await self._fill(stopping)
            except DatabaseUnavailable as error:
                log.error("inbox_not_read", reason=str(error), pause=PAUSE)
                await pause(stopping, PAUSE)
                continue
            await unless(stopping, self._news.wait())
        await self._end()

    async def _begin_again(self, stopping: asyncio.Event) -> None:
        """After a process that died: give up what it died of too often; what is suspected is handled alone."""
        while not stopping.is_set():
            try:
                for each in await self._inbox.release():
                    await self._give_up(each)
                while not stopping.is_set() and (suspect := await self._inbox.claim(suspected=True)):
                    await unless(stopping, asyncio.wait([self._begin(suspect)]))
                return
            except DatabaseUnavailable as error:
                log.error("inbox_not_read", reason=str(error), pause=PAUSE)
                await pause(stopping, PAUSE)

    async def _fill(self, stopping: asyncio.Event) -> None:
        while len(self._in_work) < CHATS_AT_ONCE and not stopping.is_set():
            claimed = await self._inbox.claim()
            if claimed is None:
                return
            self._begin(claimed)

    def _begin(self, claimed: Claimed) -> asyncio.Task[None]:
        task = asyncio.create_task(self._handle(claimed))
        self._in_work.add(task)
        task.add_done_callback(self._put_down)
        return task

    def _put_down(self, task: asyncio.Task[None]) -> None:
        self._in_work.discard(task)
        self.wake()

    async def _handle(self, claimed: Claimed) -> None:
        try:
            await self._app.process_update(Update.de_json(dict(claimed.body), self._app.bot))
        except Exception as error:  # noqa: BLE001 -- an update that nobody can read must not end the others
            log.error("update_not_read", update=claimed.update_id, reason=type(error).__name__)
        await self._finish(claimed)

    async def _finish(self, claimed: Claimed) -> None:
        """Until the database takes it: whoever asked has their answer and must not get it again."""
        while True:
            try:
                await self._inbox.finish(claimed.update_id)
                return
            except DatabaseUnavailable as error:
                log.error("update_not_finished", update=claimed.update_id, reason=str(error), pause=PAUSE)
            await asyncio.sleep(PAUSE)

    async def _give_up(self, claimed: Claimed) -> None:
        log.error("update_given_up", update=claimed.update_id, attempts=MOST_ATTEMPTS)
        try:
            update = Update.de_json(dict(claimed.body), self._app.bot)
            await self._app.process_error(update, GivenUp(f"{MOST_ATTEMPTS} attempts"))
        except Exception as error:  # noqa: BLE001 -- an update that nobody can read must not end the others
            log.error("update_not_read", update=claimed.update_id, reason=type(error).__name__)

    async def _end(self) -> None:
        """Let what is in work end; what takes too long is begun anew at the next start."""
        if not self._in_work:
            return
        __, late = await asyncio.wait(self._in_work, timeout=LONGEST_FAREWELL)
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)
        if late:
            log.warning("updates_not_finished", count=len(late))
