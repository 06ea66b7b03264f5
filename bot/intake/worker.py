"""Handles what waits in the inbox: several chats at once, each in order.

However old an update is, it is handled as any other. Today's answer to yesterday's question is true today and may
still be needed, and Telegram itself drops what waits longer than a day with it; a button pressed long ago is
carried out although Telegram does not show that any more.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress

import structlog
from sqlalchemy.ext.asyncio import AsyncSession
from telegram import Update

from bot.context import App
from bot.delivery.outbox import Outgoing
from bot.intake.inbox import MOST_ATTEMPTS, Claimed, Inbox
from bot.intake.settling import Settling
from bot.operations import figures
from bot.stopping import pause, unless
from integrations.database import DatabaseUnavailable

CHATS_AT_ONCE = 16
LONGEST_FAREWELL = 8.0  # seconds for what is in work when we are told to stop
PAUSE = 1.0  # seconds until the database is tried again
BETWEEN_LOOKS = 2.0  # seconds between two looks for what dead processes had in work

log = structlog.get_logger()


class GivenUp(Exception):
    """The process died of an update too often."""


class Worker:
    """Hands updates to the application."""

    def __init__(self, app: App, inbox: Inbox, settling: Settling) -> None:
        self._app, self._inbox, self._settling = app, inbox, settling
        self._in_work: set[asyncio.Task[None]] = set()
        self.ended = asyncio.Event()
        self._suspects = False  # whether there may be updates that processes died of

    async def follow(self, stopping: asyncio.Event) -> None:
        """Handle what is there and what comes until told to stop; then what is in work is ended, the rest waits."""
        try:
            await self._follow(stopping)
            await self._end()
        finally:
            self.ended.set()

    async def _follow(self, stopping: asyncio.Event) -> None:
        look = 0.0
        while not stopping.is_set():
            self._inbox.news.clear()
            try:
                if look <= time.monotonic():
                    await self._take_over()
                    look = time.monotonic() + BETWEEN_LOOKS
                await self._fill(stopping)
            except DatabaseUnavailable as error:
                log.error("inbox_not_read", reason=str(error), pause=PAUSE)
                await pause(stopping, PAUSE)
                continue
            with suppress(TimeoutError):
                async with asyncio.timeout(look - time.monotonic()):
                    await unless(stopping, self._inbox.news.wait())

    async def _take_over(self) -> None:
        """What dead processes had in work waits again, and what too many died of is given up."""
        for each in await self._inbox.release():
            await self._give_up(each)
        self._suspects = await self._inbox.has_suspect()

    async def _fill(self, stopping: asyncio.Event) -> None:
        """Begin as much as may be in work at once; a suspect is in work alone."""
        if self._suspects and self._in_work:
            return
        if self._suspects:
            while not stopping.is_set() and (suspect := await self._inbox.claim_suspect()):
                await unless(stopping, asyncio.wait([self._begin(suspect)]))
            self._suspects = False
        while (free := CHATS_AT_ONCE - len(self._in_work)) > 0 and not stopping.is_set():
            claimed = await self._inbox.claim(free)
            for each in claimed:
                self._begin(each)
            if not claimed:
                return

    def _begin(self, claimed: Claimed) -> asyncio.Task[None]:
        figures.INBOX_WAIT.observe(claimed.waited)
        task = asyncio.create_task(self._handle(claimed))
        self._in_work.add(task)
        task.add_done_callback(self._put_down)
        return task

    def _put_down(self, task: asyncio.Task[None]) -> None:
        self._in_work.discard(task)
        self._inbox.news.set()

    async def _handle(self, claimed: Claimed) -> None:
        with figures.HANDLING.time():
            try:
                await self._app.process_update(Update.de_json(dict(claimed.body), self._app.bot))
            except Exception as error:  # noqa: BLE001 -- an update that nobody can read must not end the others
                log.error("update_not_read", update=claimed.update_id, reason=type(error).__name__)
            await self._settle(claimed)

    async def _settle(self, claimed: Claimed) -> None:
        """What no handler has settled, until the database takes it: an answer must not be given again."""
        while not self._settling.take(claimed.update_id):
            try:
                await self._settling.settle(claimed.update_id, _nothing)
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
        await self._settle(claimed)

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


async def _nothing(_: AsyncSession) -> list[Outgoing]:
    return []
