"""A connector of the university in the place of a file: asked over HTTP, with a token, within a time limit."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from integrations.application_status.case import Refused, State, Unavailable
from integrations.application_status.mobility import MobilityFiles, sources
from integrations.application_status.mobility.records import applicant_of
from tests.integrations.application_status.exports import ADA, HEADING, MEI, Exports, states, told
from tests.integrations.application_status.test_mobility_ewp import (
    mobilities,
    mobility,
)
from tests.telegram_server.server import QuietServer

A, M = applicant_of("ada@example.org"), applicant_of("mei@example.org")
NOBODY: frozenset[str] = frozenset()


class University:
    """A connector: answers with `document` to whoever has the token."""

    def __init__(self) -> None:
        self.document, self.status, self.asked = mobilities(mobility("nomination")), 200, 0
        self.speaks = asyncio.Event()
        self.speaks.set()

    async def answer(self, request: Request) -> Response:
        self.asked += 1
        await self.speaks.wait()
        if request.headers.get("authorization") != "Bearer s3cret":
            return Response(status_code=401)
        return Response(self.document, self.status, media_type="text/xml")

    @asynccontextmanager
    async def running(self) -> AsyncIterator[str]:
        with socket.socket(proto=socket.IPPROTO_TCP) as listener:
            listener.bind(("127.0.0.1", 0))
            listener.listen()
            app = Starlette(routes=[Route("/omobilities", self.answer)])
            server = QuietServer(uvicorn.Config(app, log_config=None, lifespan="off", ws="none", http="h11"))
            serving = asyncio.create_task(server.serve(sockets=[listener]))
            yield f"http://127.0.0.1:{listener.getsockname()[1]}/omobilities"
            self.speaks.set()
            server.should_exit = True
            await serving


@pytest.fixture
async def university(exports: Exports, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[University]:
    """A connector that is asked each time, and is in the folder's list."""
    monkeypatch.setattr(sources, "EVERY", 0.0)
    monkeypatch.setattr(sources, "AGAIN", 0.0)
    university = University()
    async with university.running() as url:
        exports.write("token", "s3cret\n")
        exports.write("connectors.yaml", f"- {{name: ewp, url: '{url}', token_file: token, kind: ewp}}\n")
        yield university


async def test_a_connector_is_read_like_a_file(files: MobilityFiles, university: University) -> None:
    begin = await files.changes(None)
    university.document = mobilities(mobility("live"))
    assert told(await files.changes(begin.cursor)) == ({A}, NOBODY)
    university.document = mobilities()
    assert told(await files.changes(begin.cursor)) == (NOBODY, {A})


async def test_a_connector_with_a_table(exports: Exports, files: MobilityFiles, university: University) -> None:
    exports.table(MEI)
    (exports.folder / "nominations.yaml").rename(exports.folder / "ewp.yaml")
    exports.remove("nominations.csv")
    listed = (exports.folder / "connectors.yaml").read_text(encoding="utf-8")
    exports.write("connectors.yaml", listed.replace("kind: ewp", "kind: csv"))
    university.document = f"{HEADING}\n{ADA}\n"
    assert await states(files, A) == {"ewp:1": State.NOMINATED}


@pytest.mark.parametrize("status", [404, 500, 302])
async def test_a_connector_in_trouble_leaves_everything_as_it_was(
    files: MobilityFiles, university: University, status: int
) -> None:
    begin = await files.changes(None)
    university.status, university.document = status, mobilities()
    assert await files.changes(begin.cursor) == begin
    assert list((await states(files, A)).values()) == [State.NOMINATED]


async def test_a_connector_that_was_never_read(
    exports: Exports, files: MobilityFiles, university: University, monkeypatch: pytest.MonkeyPatch
) -> None:
    university.status = 503
    with pytest.raises(Unavailable):
        await files.find("ada@example.org")
    exports.write("token", "wrong")
    with pytest.raises(Refused):
        await files.find("ada@example.org")
    exports.write("token", "s3cret")
    university.status = 200
    university.speaks.clear()
    monkeypatch.setattr(sources, "SECONDS", 0.05)
    with pytest.raises(Unavailable):
        await files.find("ada@example.org")
    university.speaks.set()
    monkeypatch.setattr(sources, "SECONDS", 20.0)
    monkeypatch.setattr(sources, "LARGEST", 100)
    with pytest.raises(Unavailable, match="too large"):
        await files.find("ada@example.org")


async def test_a_connector_is_not_asked_at_every_look_but_before_anybody_is_called_gone(
    files: MobilityFiles, university: University, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sources, "EVERY", 300.0)
    begin = await files.changes(None)
    for _ in range(3):
        await files.look_up(A)
    assert university.asked == 1
    university.document = mobilities(mobility("live", email="<email>mei@example.org</email>"))
    assert told(await files.changes(begin.cursor)) == (NOBODY, NOBODY)
    assert list((await states(files, M)).values()) == [State.ONGOING]
    university.status = 500
    with pytest.raises(Unavailable):
        await files.look_up(A)


async def test_a_silent_connector_does_not_keep_a_look_up_waiting(
    files: MobilityFiles, university: University, monkeypatch: pytest.MonkeyPatch
) -> None:
    await files.look_up(A)
    monkeypatch.setattr("integrations.application_status.mobility.files.PATIENCE", 0.0)
    monkeypatch.setattr(sources, "SECONDS", 1000.0)
    university.speaks.clear()
    async with asyncio.timeout(15):
        assert list((await states(files, A)).values()) == [State.NOMINATED]
