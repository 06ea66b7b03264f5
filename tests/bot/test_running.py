"""The commands that work on an inbox: which parts a process has, and that they end together."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest
from structlog.testing import capture_logs

from bot.__main__ import main
from bot.app import build_application, open_services
from bot.intake.inbox import Inbox
from bot.process import Process
from bot.running import answer, poll, receive
from bot.settings import Settings
from integrations.database import Database, join
from tests.conftest import ScriptedNlu
from tests.telegram_server.running import UNLIMITED
from tests.telegram_server.server import TOKEN, StandIn

SECRET = "s3cret"
SECONDS = 60


@pytest.fixture
def settings(server: StandIn, folder: Path) -> Settings:
    return Settings(
        _env_file=None,
        data_dir=folder,
        telegram_base_url=server.url,
        telegram_token=TOKEN,
        webhook_url="https://bot.example/telegram",
        webhook_secret=SECRET,
        http_address="127.0.0.1:0",
    )


@pytest.fixture(autouse=True)
async def signals() -> AsyncIterator[None]:
    yield
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().remove_signal_handler(number)


@pytest.fixture
def logs() -> Iterator[list[Any]]:
    with capture_logs() as logs:
        yield logs


@asynccontextmanager
async def started(work: Awaitable[None], logs: list[Any]) -> AsyncIterator[httpx2.AsyncClient]:
    """Something that runs, by its pages; it is told to stop in the end, and does."""
    task = asyncio.ensure_future(work)
    async with asyncio.timeout(SECONDS):
        while not {"serving", "working"} <= {each["event"] for each in logs} and not task.done():  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        assert not task.done(), task
        address = next(each["address"] for each in logs if each["event"] == "serving")
        async with httpx2.AsyncClient(base_url=f"http://{address}") as pages:
            yield pages
        signal.raise_signal(signal.SIGTERM)
        await task


def question(server: StandIn, text: str) -> dict[str, Any]:
    server.chats.setdefault(1001, {"id": 1001, "type": "private", "first_name": "Asha"})
    sender = {"id": 1001, "is_bot": False, "first_name": "Asha", "language_code": "en"}
    return {"update_id": 5, "message": server.post(1001, sender, text=text)}


async def bring(pages: httpx2.AsyncClient, update: dict[str, Any]) -> int:
    headers = {"X-Telegram-Bot-Api-Secret-Token": SECRET}
    return (await pages.post("/telegram", json=update, headers=headers)).status_code


async def test_where_a_webhook_is_set_the_bot_answers_what_is_brought(
    settings: Settings, server: StandIn, nlu: ScriptedNlu, logs: list[Any]
) -> None:
    async with open_services(settings, nlu) as services:
        app = build_application(TOKEN, settings, services)
        async with started(answer(settings, app, services, nlu, UNLIMITED, fetches=True), logs) as pages:
            assert await bring(pages, question(server, "/menu")) == 200
            await server.until(lambda: bool(server.called("sendMessage")))
            assert (await pages.get("/readyz")).json() == dict.fromkeys(
                ["database", "worker", "sender", "texts", "jobs", "nlu", "webhook"], True
            )
            nlu.away = True
            assert (await pages.get("/readyz")).status_code == 503
    assert [call.params["url"] for call in server.called("setWebhook")] == ["https://bot.example/telegram"]
    assert server.called("getUpdates", "deleteWebhook") == []


async def test_a_receiver_keeps_what_is_brought_for_others_to_answer(
    settings: Settings, server: StandIn, logs: list[Any]
) -> None:
    async with started(receive(settings), logs) as pages:
        assert await bring(pages, question(server, "/menu")) == 200
    database = Database(settings.database)
    async with join(database) as peers:
        claimed = await Inbox(database, peers).claim(1)
    await database.close()
    assert [each.update_id for each in claimed] == [5]
    assert server.called("sendMessage") == []


async def test_a_poller_takes_the_webhook_away_once_and_then_fights_nobody(
    settings: Settings, server: StandIn, logs: list[Any]
) -> None:
    async def set_webhook() -> None:
        async with httpx2.AsyncClient() as other:
            await other.post(f"{server.url}/bot{TOKEN}/setWebhook", json={"url": "https://bot.example/telegram"})

    await set_webhook()
    async with started(poll(settings), logs) as pages:
        await server.until(lambda: bool(server.called("getUpdates")))
        assert (await pages.get("/readyz")).json() == {"database": True, "poller": True}
        assert await bring(pages, question(server, "/menu")) == 404
        assert [each["log_level"] for each in logs if each["log_level"] == "error"] == []
        await set_webhook()
        async with asyncio.timeout(SECONDS):
            while not any(each["event"] == "another_process_receives" for each in logs):  # noqa: ASYNC110
                await asyncio.sleep(0.01)
    assert [call.params for call in server.called("deleteWebhook")] == [{}]


@pytest.mark.usefixtures("logs_of_its_own")
@pytest.mark.parametrize("command", ["receive", "run"])
def test_a_webhook_without_a_secret_is_said_in_a_sentence(
    command: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setenv("BICIULIS_WEBHOOK_URL", "https://bot.ktu.lt/telegram")
    monkeypatch.setenv("BICIULIS_TELEGRAM_TOKEN", TOKEN)
    monkeypatch.setenv("BICIULIS_DATA_DIR", str(tmp_path))
    monkeypatch.setattr(sys, "argv", ["bot", command])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    assert "BICIULIS_WEBHOOK_SECRET" in capsys.readouterr().err
    assert not any(tmp_path.iterdir())


async def test_parts_end_together_and_the_failure_of_one_is_raised() -> None:
    ended = []

    async def patient(stopping: asyncio.Event) -> None:
        await stopping.wait()
        ended.append("patient")

    async def broken(stopping: asyncio.Event) -> None:
        raise RuntimeError("broken")

    async with Process() as process:
        process.start("patient", patient)
        assert await process.is_alive("patient")
        assert not await process.is_alive("broken")
        process.start("broken", broken)
        with pytest.raises(RuntimeError, match="broken"):
            await process.end()
    assert ended == ["patient"]
