"""The stand-in with a few chats, and a bot's side of HTTP."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx2
import pytest

from tests.telegram_server.server import TOKEN, StandIn


@pytest.fixture
async def server() -> AsyncIterator[StandIn]:
    server = StandIn()
    for chat in (1, 2, -5):
        server.chats[chat] = {"id": chat, "type": "private" if chat > 0 else "supergroup"}
    await server.start()
    yield server
    await server.stop()


@pytest.fixture
async def bot(server: StandIn) -> AsyncIterator[httpx2.AsyncClient]:
    """A bot's side of HTTP."""
    async with httpx2.AsyncClient(base_url=f"{server.url}/bot{TOKEN}/", timeout=0.5) as http:
        yield http
