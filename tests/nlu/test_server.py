"""The tiny model is really served by a Rasa process of its own: one for all tests of this file, in their order."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import httpx2
import pytest

from nlu.client import NluClient, Unavailable
from nlu.server import RasaServer, environment
from nlu.understanding import judge
from tests.nlu.conftest import INTENTS, Tiny

pytestmark = pytest.mark.timeout(300)  # Rasa starts slowly on a busy machine


@pytest.fixture(scope="module")
async def server(tiny: Tiny) -> AsyncIterator[RasaServer]:
    running = RasaServer(tiny.model, tiny.var / "log/rasa.log")
    await running.start()
    assert await running.wait_ready()
    yield running
    await running.stop()


@pytest.fixture
async def http(server: RasaServer) -> AsyncIterator[httpx2.AsyncClient]:
    assert server._client
    async with httpx2.AsyncClient(base_url=f"http://{server._client.name}") as client:
        yield client


async def started(server: RasaServer) -> int:
    """The process that a server has begun to start."""
    await server.start()
    while server.pid is None:  # noqa: ASYNC110 – there is no event for it
        await asyncio.sleep(0.01)
    return server.pid


def is_alive(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("do I need a visa?", "visa.need"),
        ("ar man reikia vizos", "visa.need"),
        ("noriu kambario bendrabutyje", "housing.apply"),
        ("hello!", "talk.greet"),
    ],
)
async def test_a_question_is_understood(server: RasaServer, text: str, key: str) -> None:
    assert judge(await server.parse(text)).keys == (key,)


@pytest.mark.parametrize(
    "text", ["", "\0", "\ud800", "👋" * 5_000, "\u202e\u200f", '"}', "do I need\n\na visa " * 1_000]
)
async def test_odd_texts_get_a_whole_ranking(server: RasaServer, text: str) -> None:
    understanding = await server.parse(text)
    assert {guess.key for guess in understanding.ranking} == INTENTS
    assert sum(guess.confidence for guess in understanding.ranking) == pytest.approx(1, abs=1e-3)
    assert list(understanding.ranking) == sorted(understanding.ranking, key=lambda guess: -guess.confidence)


@pytest.mark.parametrize("token", [{}, {"token": ""}, {"token": "wrong"}])
async def test_a_wrong_token_is_refused(http: httpx2.AsyncClient, token: dict[str, str]) -> None:
    assert (await http.post("/model/parse", params=token, json={"text": "hello"})).status_code == 401
    assert (await http.get("/status", params=token)).status_code == 401


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("PUT", "/model"),
        ("DELETE", "/model"),
        ("PUT", "/model/"),
        ("POST", "/model/train"),
        ("POST", "/model/test/intents"),
        ("POST", "/webhooks/rest/webhook"),
        ("GET", "/version"),
        ("GET", "/domain"),
        ("GET", "/conversations/x/tracker"),
    ],
)
async def test_every_other_path_is_refused_even_with_the_token(
    server: RasaServer, http: httpx2.AsyncClient, method: str, path: str
) -> None:
    response = await http.request(method, path, params={"token": server._token}, content=b"{}")
    assert (response.status_code, response.text) == (404, "not served here")


def test_the_token_stands_in_no_process_list(server: RasaServer) -> None:
    command = Path(f"/proc/{server.pid}/cmdline").read_bytes().split(b"\0")
    assert command[1:3] == [b"-m", b"nlu.components.serve"]
    assert server._token.encode() not in b" ".join(command)


def test_our_settings_do_not_reach_rasa(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BICIULIS_TELEGRAM_TOKEN", "secret")
    monkeypatch.setenv("LANG", "lt_LT.UTF-8")
    monkeypatch.setenv("OMP_NUM_THREADS", "64")
    given = environment()
    assert "BICIULIS_TELEGRAM_TOKEN" not in given
    assert (given["LANG"], given["OMP_NUM_THREADS"]) == ("lt_LT.UTF-8", "1")
    assert given["RASA_TELEMETRY_ENABLED"] == "false"


async def test_a_killed_process_is_missed_and_comes_back_by_itself(server: RasaServer) -> None:
    killed = server.pid
    assert killed
    os.kill(killed, signal.SIGKILL)
    while server._ready.is_set():  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    with pytest.raises(Unavailable, match=r"^not running$"):
        await server.parse("hello")
    assert not await server.is_ready()
    assert await server.wait_ready()
    assert await server.is_ready()
    assert server.pid != killed
    assert judge(await server.parse("hello")).keys == ("talk.greet",)


async def test_stopping_ends_the_process(server: RasaServer) -> None:
    pid = server.pid
    assert pid
    assert is_alive(pid)
    await server.stop()
    assert not is_alive(pid)
    with pytest.raises(Unavailable, match=r"^not running$"):
        await server.parse("hello")
    await server.stop()  # a second time does no harm


async def test_a_process_that_dies_before_it_answers_is_started_again(tiny: Tiny, tmp_path: Path) -> None:
    server = RasaServer(tiny.model, tmp_path / "log/rasa.log")
    first = await started(server)
    os.kill(first, signal.SIGKILL)
    while server.pid == first:  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    assert not await server.wait_ready(0)
    with pytest.raises(Unavailable):
        await server.parse("hello")
    second = server.pid
    assert second
    await server.stop()
    assert not is_alive(second)


async def test_a_process_that_hangs_is_ended_all_the_same(tiny: Tiny, tmp_path: Path) -> None:
    server = RasaServer(tiny.model, tmp_path / "rasa.log")
    pid = await started(server)
    os.kill(pid, signal.SIGSTOP)
    await server.stop()
    assert not is_alive(pid)


async def test_a_server_that_was_never_started_can_be_stopped(tmp_path: Path) -> None:
    server = RasaServer(tmp_path / "model.tar.gz", tmp_path / "rasa.log")
    assert server.pid is None
    with pytest.raises(Unavailable, match=r"^not running$"):
        await server.parse("hello")
    await server.stop()
    assert not (tmp_path / "rasa.log").exists()


async def test_a_process_becomes_a_server_for_others_until_it_is_told_to_stop(tiny: Tiny) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.2", 0))
        port = probe.getsockname()[1]
    become = f"from pathlib import Path; from nlu.server import become_server; become_server(Path({str(tiny.model)!r}),"
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", f"{become} '127.0.0.2', {port}, '-token')"), stdin=asyncio.subprocess.DEVNULL
    )
    client = NluClient(f"http://127.0.0.2:{port}", "-token", seconds=60)
    try:
        while not await client.is_ready():
            assert process.returncode is None
            await asyncio.sleep(0.1)
        assert judge(await client.parse("hello")).keys == ("talk.greet",)
        process.terminate()
        assert await process.wait() in (0, -signal.SIGTERM)
    finally:
        await client.close()
        if process.returncode is None:
            process.kill()
