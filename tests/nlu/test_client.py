"""What the client makes of answers, right and wrong, of a real server on loopback."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from nlu.client import LONGEST, NluClient, Unavailable
from nlu.understanding import Guess, Understanding
from tests.nlu.conftest import serving

RIGHT = {"intent_ranking": [{"name": "visa.need", "confidence": 0.9}, {"name": "talk.greet", "confidence": 0.1}]}
UNDERSTOOD = Understanding((Guess("visa.need", 0.9), Guess("talk.greet", 0.1)))

Answer = Callable[[], Awaitable[Response]]


@dataclass
class RasaLike:
    """Gives the answers that a test prepared, one after the other and the last again and again."""

    url: str = ""
    answers: list[Answer] = field(default_factory=list)
    status: int = 200
    texts: list[Any] = field(default_factory=list)
    tokens: list[str | None] = field(default_factory=list)

    async def parse(self, request: Request) -> Response:
        self.tokens.append(request.query_params.get("token"))
        self.texts.append((await request.json())["text"])
        return await (self.answers.pop(0) if len(self.answers) > 1 else self.answers[0])()

    async def tell_status(self, request: Request) -> Response:
        return Response(status_code=self.status)


def answer(content: Any = RIGHT, status: int = 200) -> Answer:
    async def give() -> Response:
        return JSONResponse(content, status)

    return give


def raw(body: bytes, **headers: str) -> Answer:
    async def give() -> Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return Response(body, headers=named, media_type="application/json")

    return give


async def give_late() -> Response:
    await asyncio.sleep(0.5)
    return JSONResponse(RIGHT)


@pytest.fixture
async def rasa() -> AsyncIterator[RasaLike]:
    like = RasaLike()
    routes = [Route("/model/parse", like.parse, methods=["POST"]), Route("/status", like.tell_status)]
    async with serving(*routes) as like.url:
        yield like


@pytest.fixture
async def client(rasa: RasaLike) -> AsyncIterator[NluClient]:
    asking = NluClient(rasa.url, "secret")
    yield asking
    await asking.close()


async def test_a_right_answer_is_understood(rasa: RasaLike, client: NluClient) -> None:
    rasa.answers = [answer()]
    assert await client.parse("do I need a visa") == UNDERSTOOD
    assert (rasa.texts, rasa.tokens) == (["do I need a visa"], ["secret"])


async def test_numbers_that_come_as_text_are_numbers(rasa: RasaLike, client: NluClient) -> None:
    rasa.answers = [answer({"intent_ranking": [{"name": "visa.need", "confidence": "0.5", "id": 7}]})]
    assert await client.parse("?") == Understanding((Guess("visa.need", 0.5),))


async def test_an_answer_without_meanings_is_an_empty_ranking(rasa: RasaLike, client: NluClient) -> None:
    rasa.answers = [answer({"intent_ranking": []})]
    assert await client.parse("?") == Understanding(())


@pytest.mark.parametrize("status", [401, 404, 500, 503])
async def test_a_failure_is_unavailable(rasa: RasaLike, client: NluClient, status: int) -> None:
    rasa.answers = [answer(status=status), answer()]
    with pytest.raises(Unavailable, match=r"^HTTPStatusError$"):
        await client.parse("?")
    assert rasa.texts == ["?"]


async def test_a_slow_server_is_given_up(rasa: RasaLike) -> None:
    rasa.answers = [give_late]
    client = NluClient(rasa.url, "secret", seconds=0.1)
    with pytest.raises(Unavailable, match=r"^ReadTimeout$"):
        await client.parse("?")
    await client.close()
    assert rasa.texts == ["?"]


@pytest.mark.parametrize(
    "garbage",
    [
        raw(b""),
        raw(b"<html>no</html>"),
        raw(b'{"intent_ranking": ['),
        raw(b"\xff\xfe\x00"),
        raw(b"not gzip", content_encoding="gzip"),
        answer([]),
        answer(None),
        answer("text"),
        answer({}),
        answer({"intent_ranking": None}),
        answer({"intent_ranking": 5}),
        answer({"intent_ranking": ["visa.need"]}),
        answer({"intent_ranking": [None]}),
        answer({"intent_ranking": [{"name": "visa.need"}]}),
        answer({"intent_ranking": [{"confidence": 0.5}]}),
        answer({"intent_ranking": [{"name": "visa.need", "confidence": None}]}),
        answer({"intent_ranking": [{"name": "visa.need", "confidence": "much"}]}),
        answer({"intent_ranking": [{"name": "visa.need", "confidence": [0.5]}]}),
    ],
)
async def test_nonsense_is_unavailable(rasa: RasaLike, client: NluClient, garbage: Answer) -> None:
    rasa.answers = [garbage, answer()]
    with pytest.raises(Unavailable):
        await client.parse("?")
    assert rasa.texts == ["?"]


async def test_a_closed_connection_is_unavailable() -> None:
    connections = []

    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.append(await reader.readuntil(b"\r\n"))
        writer.close()
        await writer.wait_closed()

    server = await asyncio.start_server(hang_up, "127.0.0.1", 0)
    async with server:
        client = NluClient(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", "secret")
        with pytest.raises(Unavailable):
            await client.parse("?")
        assert not await client.is_ready()
        await client.close()
    assert [line.split()[0] for line in connections] == [b"POST", b"GET"]


async def test_nobody_listening_is_unavailable() -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    client = NluClient(f"http://127.0.0.1:{port}", "secret")
    with pytest.raises(Unavailable, match=r"^ConnectError$"):
        await client.parse("?")
    assert not await client.is_ready()
    await client.close()


@pytest.mark.parametrize(
    ("text", "sent"),
    [
        ("", ""),
        ("half \ud83d an emoji \udc4b", "half  an emoji "),
        ("\ud800", ""),
        ("whole 👋🏽", "whole 👋🏽"),
        ("NUL \0 and “quotes”", "NUL \0 and “quotes”"),
        ("ą" * (LONGEST + 1), "ą" * LONGEST),
        ("\ud800" + "ą" * LONGEST, "ą" * LONGEST),
    ],
)
async def test_a_text_is_sent_whole_but_for_what_cannot_be_sent(
    rasa: RasaLike, client: NluClient, text: str, sent: str
) -> None:
    rasa.answers = [answer()]
    assert await client.parse(text) == UNDERSTOOD
    assert rasa.texts == [sent]


@pytest.mark.parametrize(("status", "ready"), [(200, True), (401, False), (409, False), (500, False)])
async def test_a_server_is_ready_when_it_says_so(rasa: RasaLike, client: NluClient, status: int, ready: bool) -> None:
    rasa.status = status
    assert await client.is_ready() is ready


async def test_a_message_that_fails_is_not_logged(rasa: RasaLike, capsys: pytest.CaptureFixture[str]) -> None:
    rasa.answers = [answer(status=503)]
    client = NluClient(rasa.url, "secret")
    with pytest.raises(Unavailable):
        await client.parse("my passport is AB1234567")
    await client.close()
    shown = capsys.readouterr()
    assert "AB1234567" not in shown.out + shown.err


async def test_a_server_is_named_without_what_is_secret() -> None:
    client = NluClient("http://bot:secret@10.0.0.1:5005/", "token")
    await client.close()
    assert client.name == "10.0.0.1:5005"
