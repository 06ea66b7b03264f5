"""What one process does: its parts, all at once, until it is told to stop or one of them fails."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Coroutine
from typing import Any

import structlog

Part = Callable[[asyncio.Event], Coroutine[Any, Any, None]]  # works until told to stop

log = structlog.get_logger()


class Process:
    """Starts parts and ends them together. SIGINT and SIGTERM set `stopping`, and so does any part that ends."""

    def __init__(self) -> None:
        self.stopping = asyncio.Event()
        self._parts: dict[str, asyncio.Task[None]] = {}

    async def __aenter__(self) -> Process:
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, self.stopping.set)
        return self

    async def __aexit__(self, *_: object) -> None:
        self.stopping.set()
        await self.end()

    def start(self, name: str, part: Part) -> None:
        task = asyncio.create_task(part(self.stopping))
        task.add_done_callback(lambda _: self.stopping.set())
        self._parts[name] = task

    async def is_alive(self, name: str) -> bool:
        """Whether a part has begun and not ended."""
        return name in self._parts and not self._parts[name].done()

    async def end(self) -> None:
        """Wait until told to stop, and for the parts to end. Raises what the first of them failed of."""
        await self.stopping.wait()
        log.info("stopping")
        parts, self._parts = self._parts, {}
        await asyncio.gather(*parts.values(), return_exceptions=True)
        for task in parts.values():
            task.result()
