"""The webhook over real HTTP: what it keeps, what it refuses, and what it says to whom."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest
from sqlalchemy import select, text, update
from structlog.testing import capture_logs
from telegram import Bot
from telegram.error import InvalidToken

from bot.intake import webhook as module
from bot.intake.inbox import Arrival, Inbox
from bot.intake.webhook import LONGEST, Webhook, WebhookAddress
from bot.operations.web import build_pages, listen, serve
from integrations.database import Database, utc_now
from tests.telegram_server.server import TOKEN, StandIn

ROOT = Path(__file__).parents[3]
SECRET = "s3cret_of-the-tests"
HEADERS = {"X-Telegram-Bot-Api-Secret-Token": SECRET}
URL = "https://bot.example/telegram"


def written(number: Any, chat: int = 1001) -> dict[str, Any]:
    message = {"message_id": 1, "date": 1_795_000_000, "chat": {"id": chat, "type": "private"}, "text": "my secret"}
    return {"update_id": number, "message": message}


async def kept(database: Database) -> Sequence[int]:
    async with database.begin() as session:
        return (await session.scalars(select(Arrival.update_id).order_by(Arrival.update_id))).all()


@pytest.fixture
async def webhook(
    database: Database, inbox: Inbox, server: StandIn, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Webhook]:
    monkeypatch.setattr(module, "LOOK_AGAIN", 0)
    async with Bot(TOKEN, base_url=f"{server.url}/bot") as bot:
        yield Webhook(bot, WebhookAddress(URL, SECRET), database, inbox)


@pytest.fixture
async def telegram(database: Database, webhook: Webhook) -> AsyncIterator[httpx2.AsyncClient]:
    """Who knocks with the right secret."""
    stopping, listener = asyncio.Event(), listen("127.0.0.1", 0)
    listener.listen()
    serving = asyncio.create_task(serve(build_pages(database, {}, [webhook.route]), listener, stopping))
    address = f"http://127.0.0.1:{listener.getsockname()[1]}"
    async with httpx2.AsyncClient(base_url=address, headers=HEADERS) as client:
        yield client
    stopping.set()
    await serving


async def test_an_update_is_confirmed_when_it_is_kept(
    telegram: httpx2.AsyncClient, database: Database, inbox: Inbox
) -> None:
    answer = await telegram.post("/telegram", json=written(5))
    assert (answer.status_code, answer.content) == (200, b"")
    await inbox.news.wait()
    assert len(await inbox.claim(1)) == 1
    assert await kept(database) == [5]


async def test_an_update_that_is_brought_ten_times_is_kept_once(
    telegram: httpx2.AsyncClient, database: Database
) -> None:
    for _ in range(10):
        assert (await telegram.post("/telegram", json=written(5))).status_code == 200
    assert await kept(database) == [5]


async def test_a_burst_is_kept_whole(telegram: httpx2.AsyncClient, database: Database) -> None:
    numbers = range(40)
    answers = await asyncio.gather(*(telegram.post("/telegram", json=written(number, number)) for number in numbers))
    assert [each.status_code for each in answers] == [200] * len(numbers)
    assert await kept(database) == [*numbers]


async def test_without_the_secret_nobody_is_heard(telegram: httpx2.AsyncClient, database: Database) -> None:
    for secret in ("", SECRET[:-1], SECRET + "x", SECRET.upper(), "ąž"):
        shown = {"X-Telegram-Bot-Api-Secret-Token": secret.encode()}
        answer = await telegram.post("/telegram", json=written(5), headers=shown)
        assert (answer.status_code, answer.content) == (401, b"")
    assert await kept(database) == []


async def test_what_is_no_update_is_refused(telegram: httpx2.AsyncClient, database: Database) -> None:
    bodies = [b"", b"my secret", b'{"update_id": 5', b"[5]", b"5", b"\xff", b"[" * 100_000]
    bodies += [json.dumps(written(number)).encode() for number in (None, "5", True, 5.0, -1, 2**63)]
    answers = [(await telegram.post("/telegram", content=body)).status_code for body in bodies]
    assert answers == [400] * len(bodies)
    assert await kept(database) == []


async def test_what_is_too_long_is_refused(telegram: httpx2.AsyncClient, database: Database) -> None:
    assert (await telegram.post("/telegram", content=b" " * (LONGEST + 1))).status_code == 413
    assert await kept(database) == []


@pytest.mark.parametrize(("secret", "status"), [(SECRET, 413), ("none", 401)])
async def test_what_has_no_end_is_not_read_to_its_end(telegram: httpx2.AsyncClient, secret: str, status: int) -> None:
    async def endless() -> AsyncIterator[bytes]:
        while True:
            yield b" " * 100_000

    shown = {"X-Telegram-Bot-Api-Secret-Token": secret}
    try:
        assert (await telegram.post("/telegram", content=endless(), headers=shown)).status_code == status
    except httpx2.TransportError:
        """The connection was closed while we wrote."""


async def test_only_what_is_brought_is_taken(telegram: httpx2.AsyncClient) -> None:
    assert (await telegram.get("/telegram")).status_code == 405
    assert (await telegram.post("/", json=written(5))).status_code == 404


async def test_while_the_database_is_away_telegram_keeps_the_update(
    telegram: httpx2.AsyncClient, database: Database, inbox: Inbox
) -> None:
    async def change(statement: str) -> None:
        async with database.begin() as session:
            await session.execute(text(statement))

    await change("ALTER TABLE inbox RENAME TO elsewhere")
    with capture_logs() as logs:
        assert (await telegram.post("/telegram", json=written(5))).status_code == 503
    assert ([each["event"] for each in logs], inbox.news.is_set()) == (["updates_not_kept"], False)
    await change("ALTER TABLE elsewhere RENAME TO inbox")
    assert (await telegram.post("/telegram", json=written(5))).status_code == 200
    assert await kept(database) == [5]


async def wait_since_six_minutes(database: Database) -> None:
    async with database.begin() as session:
        await session.execute(update(Arrival).values(received_at=utc_now() - timedelta(minutes=6)))


async def test_while_people_wait_too_long_telegram_keeps_what_is_new(
    telegram: httpx2.AsyncClient, database: Database, inbox: Inbox
) -> None:
    await inbox.keep([written(5)])
    await wait_since_six_minutes(database)
    answer = await telegram.post("/telegram", json=written(6))
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "30")
    assert await kept(database) == [5]
    async with database.begin() as session:
        await session.execute(update(Arrival).values(done_at=utc_now()))
    assert (await telegram.post("/telegram", json=written(6))).status_code == 200


async def test_the_age_is_not_asked_for_at_each_update(
    telegram: httpx2.AsyncClient, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert (await telegram.post("/telegram", json=written(5))).status_code == 200
    await wait_since_six_minutes(database)
    monkeypatch.setattr(module, "LOOK_AGAIN", 1000)
    assert (await telegram.post("/telegram", json=written(6))).status_code == 200
    monkeypatch.setattr(module, "LOOK_AGAIN", 0)
    assert (await telegram.post("/telegram", json=written(7))).status_code == 429


@asynccontextmanager
async def process(database: Database, *how: str) -> AsyncIterator[tuple[asyncio.subprocess.Process, str]]:
    """A receiver of its own, and where it listens."""
    url = database.url.render_as_string(hide_password=False)
    command = (sys.executable, "-m", "tests.bot.intake.webhook_process", url, SECRET, *how)
    started = await asyncio.create_subprocess_exec(*command, cwd=ROOT, stdout=asyncio.subprocess.PIPE)
    assert started.stdout
    port = int(await started.stdout.readline())
    yield started, f"http://127.0.0.1:{port}/telegram"
    if started.returncode is None:
        started.terminate()
    await started.wait()


async def test_killed_between_the_commit_and_the_answer_the_update_is_brought_again_and_kept_once(
    database: Database,
) -> None:
    async with process(database, "dies") as (receiver, address), httpx2.AsyncClient(headers=HEADERS) as client:
        with pytest.raises(httpx2.TransportError):
            await client.post(address, json=written(5))
        assert await receiver.wait() == -9
    assert await kept(database) == [5]
    async with process(database) as (receiver, address), httpx2.AsyncClient(headers=HEADERS) as client:
        assert (await client.post(address, json=written(5))).status_code == 200
        assert (await client.post(address, json=written(6))).status_code == 200
    assert (receiver.returncode, await kept(database)) == (0, [5, 6])


# Telegram is told where we are


@asynccontextmanager
async def following(webhook: Webhook) -> AsyncIterator[None]:
    stopping = asyncio.Event()
    task = asyncio.create_task(webhook.follow(stopping))
    yield
    stopping.set()
    await task


async def test_telegram_is_told_where_to_bring_updates(webhook: Webhook, server: StandIn) -> None:
    async with following(webhook):
        await server.until(lambda: bool(server.called("setWebhook")))
    [call] = server.called("setWebhook")
    assert call.params == {
        "url": URL,
        "secret_token": SECRET,
        "max_connections": 20,
        "allowed_updates": ["message", "edited_message", "callback_query"],
    }


async def test_where_telegram_does_not_take_the_address_the_log_says_why_and_we_try_again(
    webhook: Webhook, server: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.intake.poller.FIRST_PAUSE", 0.01)
    server.fail("setWebhook", 400, 500)
    with capture_logs() as logs:
        async with following(webhook):
            assert not await webhook.is_registered()
            await server.until(lambda: len(server.called("setWebhook")) == 3)
    assert await webhook.is_registered()
    assert [each["event"] for each in logs] == ["telegram_refused", "telegram_unreachable", "webhook_set"]


async def test_a_token_that_telegram_does_not_know_ends_the_receiver(
    database: Database, inbox: Inbox, server: StandIn
) -> None:
    bot = Bot(TOKEN[:-4] + "1111", base_url=f"{server.url}/bot")
    webhook = Webhook(bot, WebhookAddress(URL, SECRET), database, inbox)
    with pytest.raises(InvalidToken):
        await webhook.follow(asyncio.Event())
    await bot.request.shutdown()
