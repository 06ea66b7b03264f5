"""Tells a bot's own address of updates, as Telegram's server does.

Several connections at once, but one chat's updates strictly one after another: the next only when the one before
was taken with a status of 2xx. Whatever else comes, or nothing, it is tried again after growing pauses.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import httpx2

Update = dict[str, Any]
SECRET_HEADER = "X-Telegram-Bot-Api-Secret-Token"


@dataclass(frozen=True)
class Delivery:
    """One attempt: its status, 0 where no answer came, and its begin and end on the monotonic clock."""

    update: int
    chat: int
    status: int
    began: float
    ended: float


@dataclass(frozen=True)
class Manner:
    """How Telegram tells. In seconds; Telegram's own pauses begin at one and end at sixty."""

    first_pause: float = 0.02
    longest_pause: float = 0.5
    patience: float = 10.0


class Webhook:
    """The address that was set, until it is taken away. `taken` is called with the number of what was taken."""

    def __init__(
        self,
        url: str,
        secret: str,
        connections: int,
        manner: Manner,
        travel: Callable[[], Awaitable[None]],
        taken: Callable[[int], None],
    ) -> None:
        self.url = url
        self.deliveries: list[Delivery] = []
        self.last_error = ""
        self._headers = {SECRET_HEADER: secret} if secret else {}
        self._manner, self._travel, self._taken = manner, travel, taken
        self._free = asyncio.Semaphore(connections)
        self._http = httpx2.AsyncClient(
            timeout=manner.patience, limits=httpx2.Limits(max_connections=connections), trust_env=False
        )
        self._waiting: dict[int, deque[Update]] = {}
        self._telling: set[asyncio.Task[None]] = set()

    def tell(self, update: Update) -> None:
        chat = place(update)
        if chat in self._waiting:
            self._waiting[chat].append(update)
            return
        self._waiting[chat] = deque([update])
        task = asyncio.create_task(self._tell_in_order(chat))
        self._telling.add(task)
        task.add_done_callback(self._telling.discard)

    async def close(self) -> None:
        for task in self._telling:
            task.cancel()
        await asyncio.gather(*self._telling, return_exceptions=True)
        await self._http.aclose()

    async def _tell_in_order(self, chat: int) -> None:
        waiting = self._waiting[chat]
        while waiting:
            await self._until_taken(chat, waiting[0])
            self._taken(waiting.popleft()["update_id"])
        del self._waiting[chat]

    async def _until_taken(self, chat: int, update: Update) -> None:
        pause = self._manner.first_pause
        while (asked := await self._post(chat, update)) is not None:
            await asyncio.sleep(min(max(pause, asked), self._manner.longest_pause))
            pause *= 2

    async def _post(self, chat: int, update: Update) -> float | None:
        """None where it was taken, else the seconds that the bot asks to be left alone."""
        began, status, asked = time.monotonic(), 0, 0.0
        async with self._free:
            await self._travel()
            try:
                answer = await self._http.post(self.url, json=update, headers=self._headers)
                status, asked = answer.status_code, float(answer.headers.get("Retry-After", 0))
            except httpx2.HTTPError as error:
                self.last_error = type(error).__name__
            await self._travel()
        self.deliveries.append(Delivery(update["update_id"], chat, status, began, time.monotonic()))
        if 200 <= status < 300:
            return None
        if status:
            self.last_error = f"Wrong response from the webhook: {status}"
        return asked


def place(update: Update) -> int:
    """The chat of an update, the person where there is none, 0 where there is neither."""
    content = next((value for name, value in update.items() if name != "update_id"), {})
    content = content.get("message", content)  # of a pressed button
    found = content.get("chat", content.get("from", {}))
    return found.get("id", 0) if isinstance(found, dict) else 0
