"""A local DreamApply of the ninth version, in memory: real HTTP, invented applicants."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Mount
from starlette.types import Receive, Scope, Send

from integrations.application_status.stand_in.applicants import invent
from integrations.application_status.stand_in.calls import build_calls
from integrations.application_status.stand_in.faults import Fault, Faults
from integrations.application_status.stand_in.filters import Wrong
from integrations.application_status.stand_in.office import EVENTS, Clock, Office
from integrations.application_status.stand_in.pages import build_pages
from integrations.application_status.stand_in.quota import Quota
from integrations.application_status.stand_in.serving import Server, serving
from integrations.application_status.stand_in.webhook import Webhook

KEY = "stand-in-key"


def now() -> datetime:
    return datetime.now(UTC)


class StandIn:
    """The server with its records. Everything may be changed while it runs: `office` does what the real one's does."""

    def __init__(self, clock: Clock = now) -> None:
        self.records = invent(clock)
        self.office = Office(self.records, clock)
        self.faults = Faults()
        self.quota = Quota(calls=180, seconds=60.0)
        self.empty: dict[str, str] | list[str] = {}  # what an empty collection looks like: nobody says which
        self.calls: list[str] = []  # what was asked for with a valid key: the method and the address
        self._calls = build_calls(self.records, clock, lambda: self.empty)
        self.app = Starlette(
            routes=[Mount("/api", self._guarded), *build_pages(self.records, self.office, clock)],
            exception_handlers={Wrong: _refuse_wrong},
        )
        self._closing = asyncio.Event()
        self._server: Server | None = None

    @asynccontextmanager
    async def running(self, port: int = 0) -> AsyncIterator[str]:
        """Serve in this event loop, on a free port where none is given; gives the instance's address."""
        async with serving(self.app, port) as (url, self._server):
            try:
                yield url
            finally:
                self._closing.set()
        self._closing.clear()

    @asynccontextmanager
    async def telling(
        self, url: str, authorization: str, *, events: tuple[str, ...] = EVENTS, pause: float = 60.0
    ) -> AsyncIterator[Webhook]:
        """Tell an address what is written into the journal from now on; `pause` is in seconds, between attempts."""
        webhook = Webhook(self.records, url, authorization, events, pause)
        self.office.listeners.append(webhook.wake)
        following = asyncio.create_task(webhook.follow())
        try:
            yield webhook
        finally:
            self.office.listeners.remove(webhook.wake)
            following.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await following

    async def _guarded(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The interface behind its checks: version, key, how often one may ask; and what we were told to spoil."""
        request = Request(scope, receive)
        refusal = self._refuse(request)
        if refusal:
            return await refusal(scope, receive, send)
        self.calls.append(f"{request.method} {request.url.path}{'?' if request.url.query else ''}{request.url.query}")
        fault = self.faults.take()
        if fault:
            return await self._spoil(fault, scope, receive, send)
        await self._calls(scope, receive, send)

    def _refuse(self, request: Request) -> Response | None:
        if not request.url.path.startswith("/api/v9/"):
            return PlainTextResponse("There is only version 9 here", 404)
        key = request.headers.get("Authorization", "")
        if not secrets.compare_digest(key.encode(), f'DREAM apikey="{KEY}"'.encode()):
            return PlainTextResponse("The key is missing or wrong", 401)
        if not self.quota.take():
            return PlainTextResponse("Too many calls: this one was not processed", 429)
        return None

    async def _spoil(self, fault: Fault, scope: Scope, receive: Receive, send: Send) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._closing.wait(), fault.seconds)
        match fault.ending:
            case "late":
                return await self._calls(scope, receive, send)
            case "says":
                return await Response(fault.body, fault.status)(scope, receive, send)
            case "never":
                await self._until_given_up(receive)
        assert self._server
        self._server.cut_off(scope)
        await receive()  # until the connection is gone, or it would be an answer that was forgotten

    async def _until_given_up(self, receive: Receive) -> None:
        """Until whoever called goes away, or we are stopped."""
        waiting = [asyncio.ensure_future(each) for each in (_until_gone(receive), self._closing.wait())]
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        for task in waiting:
            task.cancel()


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _refuse_wrong(request: Request, error: Exception) -> Response:
    return PlainTextResponse(f"Bad request: {error}", 400)
