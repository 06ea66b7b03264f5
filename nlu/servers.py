"""Several Rasa servers behind one `parse`.

A Rasa server parses one text after another, so what is sent to it while it parses waits there, with its
time limit running. Here each server has only a few texts at once and all others wait in one line, without
a limit, in order of arrival.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, nullcontext, suppress
from typing import Protocol, Self

import structlog

from nlu.client import Unavailable
from nlu.understanding import Understanding

AT_ONCE = 2  # texts at a server: one is parsed, the next is there when it is done
MOST_ASKED = 3  # a text that failed at so many servers may be the reason
PAUSE = 0.5  # seconds until those that are away are asked again whether they are back

log = structlog.get_logger()


class Server(Protocol):
    @property
    def name(self) -> str:
        """How the log calls it."""

    async def parse(self, text: str) -> Understanding:
        """The meanings of a text. Raises Unavailable."""

    async def is_ready(self) -> bool:
        """Whether it would answer."""


class Servers:
    """Asks the server that has the least to do; leaves out those that are away until they are back."""

    def __init__(self, servers: Sequence[Server]) -> None:
        self._texts = dict.fromkeys(servers, 0)  # how many each has
        self._up: set[Server] = set()
        self._line = asyncio.Lock()  # lets in whoever waits longest
        self._news = asyncio.Event()  # a server has room, is away or is back

    async def __aenter__(self) -> Self:
        await self._look_for_missing()
        self._looking = asyncio.create_task(self._keep_looking())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._looking.cancel()
        with suppress(asyncio.CancelledError):
            await self._looking

    async def wait_ready(self, seconds: float) -> bool:
        """Whether one of them came up in time."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while not self._up:
                    await self._wait_for_news()
        return bool(self._up)

    async def is_ready(self) -> bool:
        """Whether any of them would answer."""
        return bool(self._up)

    async def parse(self, text: str) -> Understanding:
        """The meanings of a text, from another server where one fails. Raises Unavailable if none answers."""
        failure = Unavailable()
        for attempt in range(MOST_ASKED):
            async with self._room(waited=attempt > 0) as server:
                try:
                    return await server.parse(text)
                except Unavailable as error:
                    failure = error
                    await self._leave_out_if_away(server)
        raise failure

    @asynccontextmanager
    async def _room(self, *, waited: bool) -> AsyncIterator[Server]:
        """The server to ask, once one has room. Who has `waited` before does not queue again."""
        async with nullcontext() if waited else self._line:
            server = await self._choose()
            self._texts[server] += 1
        try:
            yield server
        finally:
            self._texts[server] -= 1
            self._news.set()

    async def _choose(self) -> Server:
        while self._up:
            server = min(self._up, key=self._texts.__getitem__)
            if self._texts[server] < AT_ONCE:
                return server
            await self._wait_for_news()
        raise Unavailable("no server answers")

    async def _wait_for_news(self) -> None:
        self._news.clear()
        await self._news.wait()

    async def _leave_out_if_away(self, server: Server) -> None:
        if not await server.is_ready() and server in self._up:
            self._up.remove(server)
            self._news.set()
            log.warning("nlu_away", server=server.name, left=len(self._up))

    async def _keep_looking(self) -> None:
        while True:
            await asyncio.sleep(PAUSE)
            for server in await self._look_for_missing():
                log.info("nlu_back", server=server.name, up=len(self._up))

    async def _look_for_missing(self) -> list[Server]:
        """Those that are there again; from now on they are asked."""
        missing = [server for server in self._texts if server not in self._up]
        ready = await asyncio.gather(*(server.is_ready() for server in missing))
        found = [server for server, is_ready in zip(missing, ready, strict=True) if is_ready]
        if found:
            self._up.update(found)
            self._news.set()
        return found
