"""What the bot is told of: by asking (getUpdates) or at an address of its own (setWebhook), never both."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections import Counter
from collections.abc import Callable

from tests.telegram_server.rules import Params
from tests.telegram_server.webhook import Manner, Webhook


class Refused(Exception):
    """What Telegram does not do: an error code and a description."""

    def __init__(self, code: int, description: str) -> None:
        super().__init__(code, description)
        self.code, self.description = code, description


class Updates:
    """Each method is named as Telegram names it, behind an underscore."""

    def __init__(self) -> None:
        self.offset = 0
        self.told: dict[int, float] = {}  # update → when it happened, on the monotonic clock
        self.webhook: Webhook | None = None
        self.manner = Manner()  # of webhooks that are set from now on
        self.latency = 0.0  # seconds of a call's way to Telegram and back, and of a webhook's
        self._updates: dict[int, Params] = {}
        self._allowed: list[str] = []
        self._again: list[Params] = []  # sent once more, although confirmed
        self._numbers = Counter(update=700)
        self._changed = asyncio.Event()
        self._closing = False

    def number(self, what: str) -> int:
        self._numbers[what] += 1
        return self._numbers[what]

    def update(self, kind: str, content: object, number: int = 0) -> int:
        """Let the bot know of something; gives the update's number, the next one where none is given."""
        number = number or self.number("update")
        update = {"update_id": number, kind: json.loads(json.dumps(content))}
        self.told[number] = time.monotonic()
        self._updates[number] = update
        if self.webhook and self._is_wanted(update):
            self.webhook.tell(update)
        self._wake()
        return number

    def repeat(self, update: Params, times: int) -> None:
        """Let the bot know of the same again, whatever it has confirmed."""
        if self.webhook:
            for _ in range(times):
                self.webhook.tell(update)
        else:
            self._again += [update] * times
        self._wake()

    def has_confirmed(self, number: int) -> bool:
        """Whether the bot has taken an update, so that Telegram forgets it."""
        return number < self.offset if self.webhook is None else number not in self._updates

    async def until(self, happened: Callable[[], bool]) -> None:
        """Wait until a call has made this true."""
        while not happened():
            await self._changed.wait()

    def _wake(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()

    async def _travel(self) -> None:
        """One way."""
        if self.latency:
            await asyncio.sleep(self.latency / 2)

    async def _getUpdates(
        self,
        offset: int = 0,
        limit: int = 100,
        timeout: int = 0,  # noqa: ASYNC109  # Telegram's name
        allowed_updates: list[str] | None = None,
    ) -> list[Params]:
        if self.webhook:
            raise Refused(409, "Conflict: can't use getUpdates method while webhook is active")
        self._allowed = self._allowed if allowed_updates is None else allowed_updates
        poll = self.number("poll")
        self._wake()
        if offset < 0:
            self._updates = dict(list(self._updates.items())[offset:])
        ends = time.monotonic() + timeout
        while not (ready := self._ready(offset)) and not self._closing and time.monotonic() < ends:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._changed.wait(), ends - time.monotonic())
            if self.webhook:
                raise Refused(409, "Conflict: terminated by setWebhook request")
            if self._numbers["poll"] != poll:
                raise Refused(409, "Conflict: terminated by other getUpdates request")
        self._again = []
        return ready[:limit]

    def _ready(self, offset: int) -> list[Params]:
        self._updates = {
            number: update for number, update in self._updates.items() if number >= offset and self._is_wanted(update)
        }
        return self._again + list(self._updates.values())

    def _is_wanted(self, update: Params) -> bool:
        return not self._allowed or bool(update.keys() & set(self._allowed))

    async def _setWebhook(
        self,
        url: str,
        max_connections: int = 40,
        secret_token: str = "",
        allowed_updates: list[str] | None = None,
        drop_pending_updates: bool = False,
        **more: str,
    ) -> bool:
        await self._deleteWebhook(drop_pending_updates)
        self._allowed = self._allowed if allowed_updates is None else allowed_updates
        if url:
            self.webhook = Webhook(url, secret_token, max_connections, self.manner, self._travel, self._taken)
            for update in self._updates.values():
                if self._is_wanted(update):
                    self.webhook.tell(update)
        return True

    async def _deleteWebhook(self, drop_pending_updates: bool = False) -> bool:
        if self.webhook:
            webhook, self.webhook = self.webhook, None
            await webhook.close()
        if drop_pending_updates:
            self._updates.clear()
        return True

    def _getWebhookInfo(self) -> Params:
        info = {"has_custom_certificate": False, "pending_update_count": len(self._updates)}
        if self.webhook is None:
            return info | {"url": ""}
        error = {"last_error_message": self.webhook.last_error} if self.webhook.last_error else {}
        return info | {"url": self.webhook.url} | error

    def _taken(self, number: int) -> None:
        self._updates.pop(number, None)
        self._wake()
