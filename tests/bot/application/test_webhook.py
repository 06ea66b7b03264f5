"""DreamApply's webhook over real HTTP: with the secret it rings, and nothing of what it brings is believed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import httpx2
import pytest

from bot.application.watching import BELL
from bot.application.webhook import LONGEST, Doorbell
from bot.operations.web import build_pages, listen, serve
from integrations.database import Database, Peers, join

SECRET = 'Basic "of the tests"'
EVENT = {"id": 7, "event": "Offer was confirmed", "applicant": "/api/v9/applicants/60"}
SECONDS = 30


@pytest.fixture
async def peers(database: Database) -> AsyncIterator[Peers]:
    """Who waits for the bell: on PostgreSQL as another process than the one that rings."""
    async with join(database) as peers:
        yield peers


@pytest.fixture
async def dreamapply(database: Database, peers: Peers) -> AsyncIterator[httpx2.AsyncClient]:
    """Who knocks with the right secret."""
    stopping, listener = asyncio.Event(), listen("127.0.0.1", 0)
    listener.listen()
    pages = build_pages(database, {}, [Doorbell(database, peers, SECRET).route])
    serving = asyncio.create_task(serve(pages, listener, stopping))
    address = f"http://127.0.0.1:{listener.getsockname()[1]}"
    async with httpx2.AsyncClient(base_url=address, headers={"Authorization": SECRET}) as client:
        yield client
    stopping.set()
    await serving


async def is_rung(peers: Peers) -> bool:
    """Whether it has rung until now; what was committed before has been heard once this is."""
    async with asyncio.timeout(SECONDS):
        await peers.bell("afterwards").wait()
    return peers.bell(BELL).is_set()


@pytest.mark.parametrize("body", [EVENT, [EVENT, EVENT], {"whatever": None}])
async def test_who_knows_the_secret_rings(dreamapply: httpx2.AsyncClient, peers: Peers, body: object) -> None:
    answer = await dreamapply.post("/dreamapply", json=body)
    assert (answer.status_code, answer.content) == (204, b"")
    async with asyncio.timeout(SECONDS):
        await peers.bell(BELL).wait()


async def test_who_does_not_is_not_heard(dreamapply: httpx2.AsyncClient, database: Database, peers: Peers) -> None:
    for secret in ("", SECRET[:-1], SECRET + "x", SECRET.upper(), "ąž"):
        shown = {"Authorization": secret.encode()}
        answer = await dreamapply.post("/dreamapply", json=EVENT, headers=shown)
        assert (answer.status_code, answer.content) == (401, b"")
    assert (await dreamapply.get("/dreamapply")).status_code == 405
    assert (await dreamapply.post("/dreamapply", content=b" " * (LONGEST + 1))).status_code == 413
    async with database.begin() as session:
        await peers.ring(session, "afterwards")
    assert not await is_rung(peers)


async def test_what_has_no_end_is_not_read_to_its_end(dreamapply: httpx2.AsyncClient) -> None:
    async def endless() -> AsyncIterator[bytes]:
        while True:
            yield b" " * 100_000

    try:
        assert (await dreamapply.post("/dreamapply", content=endless())).status_code == 413
    except httpx2.TransportError:
        """The connection was closed while we wrote."""


async def test_while_the_database_is_away_dreamapply_is_to_come_again(on_postgres: Database) -> None:
    nowhere = Database("postgresql+psycopg://nobody@/nothing?host=/no/such/folder")
    async with join(on_postgres) as peers:
        pages = build_pages(nowhere, {}, [Doorbell(nowhere, peers, SECRET).route])
        async with httpx2.AsyncClient(transport=httpx2.ASGITransport(pages), base_url="http://bot") as client:
            answer = await client.post("/dreamapply", json=EVENT, headers={"Authorization": SECRET})
    assert answer.status_code == 503
    await nowhere.close()
