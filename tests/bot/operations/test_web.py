"""The pages of a process over real HTTP."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import httpx2
import pytest
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import text, update
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from bot.conversation.dialogue import Dialogue
from bot.conversation.person import Person
from bot.intake.inbox import Arrival, Inbox
from bot.operations.figures import TimedNlu, count_reply, count_send
from bot.operations.web import build_pages, listen, serve
from integrations.database import Database, utc_now
from nlu.client import Unavailable
from tests.conftest import ScriptedNlu

OPERATOR = Path(__file__).parents[3] / "docs/operator.md"


class Part:
    """Something that a process needs."""

    is_fine = True

    async def check(self) -> bool:
        if not self.is_fine:
            await asyncio.Event().wait()  # the worst way not to be ready: it never says so
        return True


@pytest.fixture
def part() -> Part:
    return Part()


@pytest.fixture
async def pages(database: Database, part: Part) -> AsyncIterator[httpx2.AsyncClient]:
    stopping, listener = asyncio.Event(), listen("127.0.0.1", 0)
    listener.listen()
    serving = asyncio.create_task(serve(build_pages(database, {"nlu": part.check}), listener, stopping))
    async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{listener.getsockname()[1]}") as client:
        yield client
    stopping.set()
    await serving


async def read(pages: httpx2.AsyncClient) -> dict[tuple[str, str], float]:
    """Every figure by its name and its labels."""
    families = text_string_to_metric_families((await pages.get("/metrics")).text)
    samples = [sample for family in families for sample in family.samples]
    return {(each.name, ",".join(each.labels.values())): each.value for each in samples}


async def test_a_process_that_answers_lives(pages: httpx2.AsyncClient, part: Part) -> None:
    part.is_fine = False
    assert (await pages.get("/healthz")).status_code == 200


async def test_a_process_is_ready_when_all_its_parts_are(
    pages: httpx2.AsyncClient, part: Part, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = await pages.get("/readyz")
    assert (answer.status_code, answer.json()) == (200, {"database": True, "nlu": True})
    monkeypatch.setattr("bot.operations.web.LONGEST_CHECK", 0.5)
    part.is_fine = False
    answer = await pages.get("/readyz")
    assert (answer.status_code, answer.json()) == (503, {"database": True, "nlu": False})


async def test_without_its_database_a_process_is_not_ready() -> None:
    nowhere = Database("sqlite+aiosqlite:///no/such/folder/test.sqlite")
    async with httpx2.AsyncClient(
        transport=httpx2.ASGITransport(build_pages(nowhere, {})), base_url="http://bot"
    ) as pages:
        answer = await pages.get("/readyz")
        assert (answer.status_code, answer.json()) == (503, {"database": False})
        assert (await pages.get("/healthz")).status_code == 200
    await nowhere.close()


async def test_what_is_being_answered_when_the_process_is_told_to_stop_is_answered(database: Database) -> None:
    asked, may_answer, stopping, listener = asyncio.Event(), asyncio.Event(), asyncio.Event(), listen("127.0.0.1", 0)

    async def think(request: Request) -> Response:
        asked.set()
        await may_answer.wait()
        return Response("thought")

    serving = asyncio.create_task(serve(build_pages(database, {}, [Route("/", think)]), listener, stopping))
    listener.listen()
    address = f"http://127.0.0.1:{listener.getsockname()[1]}"
    async with httpx2.AsyncClient() as client:
        answer = asyncio.create_task(client.get(address))
        await asked.wait()
        stopping.set()
        while listener.fileno() != -1:  # noqa: ASYNC110 -- the server tells nobody that it has closed the door
            await asyncio.sleep(0.01)
        with pytest.raises(httpx2.ConnectError):
            await client.get(address)
        may_answer.set()
        assert (await answer).text == "thought"
    await serving


async def test_an_address_that_is_taken_is_named() -> None:
    with listen("127.0.0.1", 0) as taken:
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(OSError, match=f"nobody can listen on 127.0.0.1:{port}: Address already in use"):
            listen("127.0.0.1", port)


async def test_what_waits_is_counted_when_it_is_asked_for(
    pages: httpx2.AsyncClient, database: Database, inbox: Inbox
) -> None:
    assert (await read(pages))["biciulis_inbox_oldest_seconds", ""] == 0
    await inbox.keep([{"update_id": number, "message": {"chat": {"id": number}}} for number in (5, 6, 7)])
    await inbox.claim(1)
    async with database.begin() as session:
        await session.execute(update(Arrival).values(received_at=utc_now() - timedelta(minutes=6)))
    figures = await read(pages)
    assert figures["biciulis_inbox_waiting", ""] + figures["biciulis_inbox_in_work", ""] == 3
    assert figures["biciulis_inbox_in_work", ""] == 1
    assert 360 <= figures["biciulis_inbox_oldest_seconds", ""] < 480
    async with database.begin() as session:
        await session.execute(text("DROP TABLE inbox"))
    figures = await read(pages)
    assert figures["biciulis_database_up", ""] == 0
    assert ("biciulis_inbox_waiting", "") not in figures


async def test_what_a_process_does_is_counted(pages: httpx2.AsyncClient, dialogue: Dialogue, nlu: ScriptedNlu) -> None:
    before = await read(pages)
    timed = TimedNlu(nlu)
    await timed.parse("How much is it?")
    nlu.away = True
    with pytest.raises(Unavailable):
        await timed.parse("How much is it?")
    count_reply(dialogue.press("ask:money.refund", Person(language="lt")).reply)
    count_reply(dialogue.press("menu", Person(language="en")).reply)
    count_send("sendMessage", "sent")
    after = await read(pages)
    more = {name: value - before.get(name, 0) for name, value in after.items() if name[0].startswith("biciulis_")}
    assert {name: count for name, count in more.items() if name[0].endswith(("_total", "_count")) and count} == {
        ("biciulis_nlu_seconds_count", ""): 2,
        ("biciulis_nlu_failures_total", ""): 1,
        ("biciulis_replies_total", "money.refund,lt,answer"): 1,
        ("biciulis_replies_total", ",en,action"): 1,
        ("biciulis_sends_total", "sendMessage,sent"): 1,
    }


async def test_every_figure_is_described_to_the_operator_and_nothing_else(pages: httpx2.AsyncClient) -> None:
    documented = re.findall(r"^\| `(biciulis_[a-z0-9_]+)`", OPERATOR.read_text(encoding="utf-8"), re.MULTILINE)
    shown = re.findall(r"^# TYPE (biciulis_\w+)", (await pages.get("/metrics")).text, re.MULTILINE)
    assert sorted(documented) == sorted(shown)


async def test_the_process_itself_is_measured(pages: httpx2.AsyncClient) -> None:
    assert (await read(pages))["process_resident_memory_bytes", ""] > 1_000_000
