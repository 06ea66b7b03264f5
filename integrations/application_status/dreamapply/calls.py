"""How DreamApply is asked: with the key, not too often, again when it was busy, and never for longer than a while."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import TypeVar

import httpx2
from aiolimiter import AsyncLimiter
from pydantic import TypeAdapter, ValidationError
from stamina import retry_context

from integrations.application_status.case import Refused, Unavailable

SECONDS = 10.0  # for all that is asked at once, with what is waited and tried again
SECONDS_EACH = 4.0  # for one attempt
ATTEMPTS = 4
BURST, BURST_SECONDS = 20, 12.0
"""Of the 180 a minute that are allowed: 20 at once and 100 a minute, so never more than 120 in any minute."""
TOO_MANY_REQUESTS, NOT_FOUND, SERVER_ERROR = 429, 404, 500

Answer = TypeVar("Answer")


class Missing(Refused):
    """There is nothing at this address."""


class _Later(Unavailable):
    """Another attempt may help at once."""


@asynccontextmanager
async def in_time() -> AsyncIterator[None]:
    """What is asked within ends in time, or with Unavailable."""
    try:
        async with asyncio.timeout(SECONDS):
            yield
    except TimeoutError:
        raise Unavailable("no answer in time") from None


class Calls:
    """One instance of DreamApply. No error of ours holds, or is caused by one that holds, an address or an answer."""

    def __init__(self, url: str, key: str) -> None:
        self._http = httpx2.AsyncClient(
            base_url=f"{url.rstrip('/')}/api/v9/",
            headers={"Authorization": f'DREAM apikey="{key}"'},
            timeout=SECONDS_EACH,
        )
        self._pace = AsyncLimiter(BURST, BURST_SECONDS)

    async def get(self, path: str, shape: TypeAdapter[Answer], **query: str) -> Answer:
        """What is at a path below /api/v9/. Raises Unavailable, Refused; Missing where there is nothing."""
        return _read(await self._ask(path, query), shape)

    async def close(self) -> None:
        await self._http.aclose()

    async def _ask(self, path: str, query: dict[str, str]) -> bytes:
        body = b""
        async for attempt in retry_context(
            _Later, attempts=ATTEMPTS, timeout=None, wait_initial=0.2, wait_max=2.0, wait_jitter=0.2
        ):
            with attempt:
                async with self._pace:
                    body = await self._ask_once(path, query)
        return body

    async def _ask_once(self, path: str, query: dict[str, str]) -> bytes:
        try:
            response = await self._http.get(path, params=query)
        except httpx2.HTTPError as error:
            problem = type(error).__name__
        else:
            return _check(response.status_code, response.content)
        raise _Later(problem)  # out here, or it would carry the other error, and that one the address


def _check(status: int, body: bytes) -> bytes:
    if status == TOO_MANY_REQUESTS or status >= SERVER_ERROR:
        raise _Later(f"status {status}")
    if status == NOT_FOUND:
        raise Missing(f"status {status}")
    if status != httpx2.codes.OK:
        raise Refused(f"status {status}")
    return body


def _read(body: bytes, shape: TypeAdapter[Answer]) -> Answer:
    with suppress(ValidationError):
        return shape.validate_json(body)
    raise Unavailable("an answer that makes no sense")  # out here, or it would carry what is wrong with which value
