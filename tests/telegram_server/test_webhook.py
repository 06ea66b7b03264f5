"""The stand-in tells a bot's own address of updates as Telegram's server does."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from itertools import pairwise
from typing import Any

import httpx2
import pytest
import uvicorn
from starlette.requests import Request
from starlette.responses import Response

from tests.telegram_server.server import QuietServer, StandIn
from tests.telegram_server.webhook import SECRET_HEADER, Manner


class Receiver:
    """A bot's own address. It answers with `answers`, one after another, then with 200; while not `open` not at all."""

    def __init__(self) -> None:
        self.answers: list[tuple[int, dict[str, str]]] = []
        self.got: list[tuple[int, str | None]] = []  # update and secret
        self.open = asyncio.Event()
        self.open.set()
        self.now, self.most_at_once = 0, 0

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        request = Request(scope, receive)
        update = (await request.json())["update_id"]
        self.got.append((update, request.headers.get(SECRET_HEADER)))
        self.now += 1
        self.most_at_once = max(self.now, self.most_at_once)
        await self.open.wait()
        self.now -= 1
        status, headers = self.answers.pop(0) if self.answers else (200, {})
        await Response(status_code=status, headers=headers)(scope, receive, send)


@pytest.fixture
async def receiver() -> AsyncIterator[tuple[Receiver, str]]:
    """A bot that listens, and its address."""
    receiver, plug = Receiver(), socket.socket(proto=socket.IPPROTO_TCP)
    plug.bind(("127.0.0.1", 0))
    server = QuietServer(uvicorn.Config(receiver, http="h11", ws="none", lifespan="off", log_config=None))
    serving = asyncio.create_task(server.serve([plug]))
    yield receiver, f"http://127.0.0.1:{plug.getsockname()[1]}/telegram"
    receiver.open.set()
    server.should_exit = True
    await serving


def write(server: StandIn, *chats: int) -> list[int]:
    return [server.update("message", {"chat": {"id": chat}, "text": "Hello"}) for chat in chats]


async def until_taken(server: StandIn, numbers: list[int]) -> None:
    async with asyncio.timeout(20):
        await server.until(lambda: all(map(server.has_confirmed, numbers)))


async def test_a_webhook_is_told_what_waits_and_what_comes_with_its_secret(
    server: StandIn, bot: httpx2.AsyncClient, receiver: tuple[Receiver, str]
) -> None:
    listener, url = receiver
    numbers = write(server, 1, 2)
    params = {"url": url, "secret_token": "s3cret", "allowed_updates": ["message"]}
    assert (await bot.post("setWebhook", json=params)).json()["result"] is True
    numbers += write(server, 1)
    server.update("poll", {"id": "1"})
    await until_taken(server, numbers)
    assert sorted(listener.got) == [(number, "s3cret") for number in numbers]
    info = {"url": url, "has_custom_certificate": False, "pending_update_count": 1}
    assert (await bot.post("getWebhookInfo")).json()["result"] == info


async def test_polling_and_a_webhook_exclude_each_other(
    server: StandIn, bot: httpx2.AsyncClient, receiver: tuple[Receiver, str]
) -> None:
    asking = asyncio.create_task(bot.post("getUpdates", json={"timeout": 20}, timeout=20))
    await server.until(lambda: bool(server.called("getUpdates")))
    await bot.post("setWebhook", json={"url": receiver[1]})
    assert (await asking).status_code == 409
    assert (await bot.post("getUpdates")).status_code == 409
    await bot.post("deleteWebhook")
    [number] = write(server, 1)
    assert [update["update_id"] for update in (await bot.post("getUpdates")).json()["result"]] == [number]
    assert receiver[0].got == []


async def test_chats_are_told_beside_each_other_on_so_many_connections_but_each_one_after_another(
    server: StandIn, bot: httpx2.AsyncClient, receiver: tuple[Receiver, str]
) -> None:
    listener, url = receiver
    listener.open.clear()
    await bot.post("setWebhook", json={"url": url, "max_connections": 3})
    numbers = write(server, 1, 1, 1, 2, 2, 2, 3, 4, 5)
    async with asyncio.timeout(20):
        while listener.now < 3:  # noqa: ASYNC110 -- the listener tells nobody
            await asyncio.sleep(0.01)
    assert [number for number, _ in listener.got] == [numbers[0], numbers[3], numbers[6]]
    listener.open.set()
    await until_taken(server, numbers)
    assert listener.most_at_once == 3
    assert server.webhook
    for chat in (1, 2):
        told = [delivery for delivery in server.webhook.deliveries if delivery.chat == chat]
        assert [delivery.update for delivery in told] == [n for n in numbers if n in {each.update for each in told}]
        assert all(one.ended <= other.began for one, other in pairwise(told))


async def test_what_is_not_taken_is_told_again_until_it_is_and_holds_up_its_own_chat_only(
    server: StandIn, bot: httpx2.AsyncClient, receiver: tuple[Receiver, str]
) -> None:
    listener, url = receiver
    listener.answers = [(500, {}), (302, {"Location": "/"}), (429, {"Retry-After": "1"})]
    server.manner = Manner(first_pause=0.01, longest_pause=0.1)
    await bot.post("setWebhook", json={"url": url})
    first, second = write(server, 1, 1)
    await until_taken(server, [first, second])
    assert [number for number, _ in listener.got] == [first] * 4 + [second]
    assert server.webhook and [each.status for each in server.webhook.deliveries] == [500, 302, 429, 200, 200]
    *_, before, after, _ = server.webhook.deliveries
    assert after.began - before.ended >= 0.1  # it asked for a second; a tenth is the most here
    error = (await bot.post("getWebhookInfo")).json()["result"]["last_error_message"]
    assert error == "Wrong response from the webhook: 429"


async def test_where_nobody_listens_or_answers_it_is_tried_again(
    server: StandIn, bot: httpx2.AsyncClient, receiver: tuple[Receiver, str]
) -> None:
    listener, url = receiver
    server.manner = Manner(first_pause=0.01, longest_pause=0.05, patience=0.1)
    listener.open.clear()
    await bot.post("setWebhook", json={"url": "http://127.0.0.1:9/nobody"})
    [number] = write(server, 1)
    assert server.webhook
    refused = server.webhook
    async with asyncio.timeout(20):
        while len(refused.deliveries) < 3:  # noqa: ASYNC110 -- the webhook tells nobody
            await asyncio.sleep(0.01)
    await bot.post("setWebhook", json={"url": url})
    async with asyncio.timeout(20):
        while len(listener.got) < 2:  # noqa: ASYNC110 -- the listener tells nobody
            await asyncio.sleep(0.01)
    listener.open.set()
    await until_taken(server, [number])
    assert {delivery.status for delivery in refused.deliveries} == {0}
    assert [number] * len(listener.got) == [update for update, _ in listener.got]


async def test_a_webhook_is_told_again_of_what_it_has_taken_where_telegram_repeats_it(
    server: StandIn, bot: httpx2.AsyncClient, receiver: tuple[Receiver, str]
) -> None:
    listener, url = receiver
    await bot.post("setWebhook", json={"url": url})
    numbers = write(server, 1)
    await until_taken(server, numbers)
    server.repeat({"update_id": numbers[0], "message": {"chat": {"id": 1}}}, 2)
    later = write(server, 1)
    await until_taken(server, later)
    assert [number for number, _ in listener.got] == numbers * 3 + later
