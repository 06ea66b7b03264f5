"""The stand-in itself: it refuses what Telegram refuses, and takes calls in every form that Telegram takes."""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any

import httpx2
import pytest

from tests.telegram_server import faults
from tests.telegram_server.rules import check, parse_html, read
from tests.telegram_server.server import BOT, TOKEN, StandIn


def message(text: str = "Hello", *, html: bool = True, **more: str) -> tuple[str, dict[str, str]]:
    return "sendMessage", {"chat_id": "1", "text": text} | ({"parse_mode": "HTML"} if html else {}) | more


def button(**fields: str) -> str:
    return json.dumps({"inline_keyboard": [[fields]]})


@pytest.mark.parametrize(
    ("call", "complaint"),
    [
        (("sendMessage", {"text": "x"}), "chat_id is missing"),
        (("sendMessage", {"chat_id": "me", "text": "x"}), "chat_id: 'me' has the wrong type"),
        (message(colour="red"), "colour is no parameter"),
        (message("", html=False), "text is empty"),
        (message("<b> </b>"), "text is empty"),
        (message("a" * 4097), "text has 4097 characters, at most 4096"),
        (message("💥" * 2049), "text has 4098 characters, at most 4096"),
        (message("<b>x"), "can't find end tag"),
        (message("<h>x</h>"), 'unsupported start tag "h"'),
        (message("a < b"), "unsupported start tag at byte offset 2"),
        (message("&nbsp;"), "&nbsp; is not supported"),
        (message("<b><i>x</b></i>"), 'unexpected end tag "b"'),
        (message("<a>x</a>"), '"a" with the attributes ""'),
        (message("<code><b>x</b></code>"), '"b" cannot be inside "code"'),
        (message(parse_mode="Markdown"), "parse_mode cannot be 'Markdown'"),
        (message(reply_markup=button(text="x")), "a button does exactly one thing"),
        (message(reply_markup=button(text=" ", callback_data="x")), "a button needs a text"),
        (message(reply_markup=button(text="x", callback_data="ž" * 33)), "callback_data has 66 bytes"),
        (message(reply_markup='{"inline_keyboard": [[]]}'), "a row needs 1 to 8 buttons"),
        (message(reply_markup="[]"), "reply_markup: '[]' has the wrong type"),
        (("answerCallbackQuery", {"callback_query_id": "1", "text": "a" * 201}), "text has 201 characters"),
        (("sendChatAction", {"chat_id": "1", "action": "dancing"}), "action cannot be 'dancing'"),
        (("setMyCommands", {"commands": '[{"command": "Menu", "description": "x"}]'}), "has no name of 1 to 32"),
        (("setMyCommands", {"commands": '[{"command": "menu", "description": ""}]'}), "needs a description"),
        (("setMyName", {"name": "a" * 65}), "name has 65 characters, at most 64"),
        (("setMyShortDescription", {"short_description": "a" * 121}), "short_description has 121 characters"),
        (("setMyDescription", {"description": "a" * 513}), "description has 513 characters, at most 512"),
        (("setMyName", {"name": "a", "language_code": "eng"}), "language_code cannot be 'eng'"),
        (("getUpdates", {"allowed_updates": '["telepathy"]'}), "allowed_updates cannot be 'telepathy'"),
        (("setWebhook", {"url": "ktu.edu"}), "ktu.edu is no address"),
        (("setWebhook", {"url": "https://ktu.edu", "secret_token": "a b"}), "secret_token needs 1 to 256"),
        (("setWebhook", {"url": "https://ktu.edu", "max_connections": "101"}), "max_connections must be 1 to 100"),
        (("inventMessage", {}), "no method that we know the rules of"),
    ],
)
def test_what_telegram_refuses_is_complained_about(call: tuple[str, dict[str, Any]], complaint: str) -> None:
    params, wrong = read(call[1])
    assert [complaint in each for each in wrong or check(call[0], params)] == [True]


def test_the_limits_themselves_are_allowed() -> None:
    markup = button(text="x", callback_data="a" * 64)
    for method, raw in (
        message("<b>" + "a" * 4096 + "</b>", reply_markup=markup),
        ("answerCallbackQuery", {"callback_query_id": "1", "text": "a" * 200}),
        ("setMyName", {"name": "a" * 64, "language_code": "lt"}),
        ("setMyShortDescription", {"short_description": "a" * 120}),
        ("setMyDescription", {"description": "a" * 512}),
    ):
        params, wrong = read(raw)
        assert wrong + check(method, params) == []


def test_html_is_shown_as_telegram_shows_it() -> None:
    assert parse_html('💥 <b>a &amp; <a href="https://ktu.edu/?a=1&amp;b=2">li</a></b> & > "') == (
        '💥 a & li & > "',
        [
            {"type": "bold", "offset": 3, "length": 6},
            {"type": "text_link", "offset": 7, "length": 2, "url": "https://ktu.edu/?a=1&b=2"},
        ],
    )


async def test_calls_are_taken_in_every_form_and_refused_as_telegram_refuses_them(
    server: StandIn, bot: httpx2.AsyncClient
) -> None:
    params = {"chat_id": "1", "text": "Ačiū & ž"}
    for form in (
        {"json": params | {"chat_id": 1}},
        {"data": params},
        {"files": {name: (None, value) for name, value in params.items()}},
        {"params": params},
    ):
        answer = (await bot.post("sendMessage", **form)).json()
        assert (answer["ok"], answer["result"]["text"], answer["result"]["from"]) == (True, "Ačiū & ž", BOT)
    assert server.violations == []
    refused = await bot.post("sendMessage", data={"chat_id": "9", "text": "x"})
    assert refused.json() == {"ok": False, "error_code": 400, "description": "Bad Request: chat not found"}
    assert (await bot.post("inventMessage")).status_code == 404
    assert (await bot.post(f"{server.url}/bot1:wrong/getMe")).status_code == 401
    assert server.violations == ["inventMessage: unknown method"]


async def say(bot: httpx2.AsyncClient, text: str = "Hello", chat: int = 1) -> httpx2.Response:
    return await bot.post("sendMessage", json={"chat_id": chat, "text": text})


@pytest.mark.parametrize(
    ("failure", "status", "body"),
    [
        (429, 429, {"error_code": 429, "parameters": {"retry_after": 1}}),
        (500, 500, {"error_code": 500, "description": "Internal Server Error"}),
        (faults.too_many(7), 429, {"error_code": 429, "parameters": {"retry_after": 7}}),
        (faults.SERVER_ERROR, 500, {"error_code": 500}),
        (faults.BLOCKED, 403, {"error_code": 403, "description": "Forbidden: bot was blocked by the user"}),
        (faults.NO_CHAT, 400, {"error_code": 400, "description": "Bad Request: chat not found"}),
        (faults.migrated(-7), 400, {"error_code": 400, "parameters": {"migrate_to_chat_id": -7}}),
        (faults.BAD_GATEWAY, 502, None),
        (faults.GARBAGE, 200, None),
        (b"{}", 200, {}),
    ],
)
async def test_a_call_that_is_to_go_wrong_is_answered_so_and_not_carried_out(
    server: StandIn, bot: httpx2.AsyncClient, failure: int | bytes | faults.Fault, status: int, body: Any
) -> None:
    server.fail("sendMessage", failure)
    answer = await say(bot)
    assert answer.status_code == status
    if body is None:
        with pytest.raises(ValueError, match="Expecting value"):
            answer.json()
    else:
        assert answer.json().items() >= body.items()
    assert server.sent.texts(1) == []
    assert (await say(bot)).json()["ok"]
    assert server.sent.texts(1) == ["Hello"]


@pytest.mark.parametrize(
    ("failure", "carried_out"),
    [
        (faults.DROP, 0),
        (faults.RESET, 0),
        (faults.CUT, 1),
        (faults.NEVER, 0),
        (faults.NEVER_THOUGH_DONE, 1),
    ],
)
async def test_a_call_whose_answer_is_lost_was_carried_out_or_not(
    server: StandIn, bot: httpx2.AsyncClient, failure: int | faults.Fault, carried_out: int
) -> None:
    server.fail("sendMessage", failure)
    with pytest.raises(httpx2.TransportError):
        await say(bot)
    assert len(server.sent.texts(1)) == carried_out
    assert [call.answer for call in server.called("sendMessage")] == [None]
    assert (await say(bot)).json()["ok"]


async def test_whoever_is_never_answered_does_not_keep_the_stand_in_from_stopping(
    server: StandIn, bot: httpx2.AsyncClient
) -> None:
    server.fail("sendMessage", faults.NEVER)
    calling = asyncio.create_task(bot.post("sendMessage", json={"chat_id": 1, "text": "x"}, timeout=None))
    await server.until(lambda: bool(server.called("sendMessage")))
    await server.stop()
    with pytest.raises(httpx2.TransportError):
        await calling


async def test_calls_to_a_chat_that_was_to_be_left_alone_are_counted(server: StandIn, bot: httpx2.AsyncClient) -> None:
    server.fail("sendMessage", faults.too_many(60))
    for chat in (1, 1, 2):
        await say(bot, chat=chat)
    assert server.impatient == {1: 1}


async def test_faults_by_share_hit_the_named_methods_and_are_the_same_with_the_same_seed(
    server: StandIn, bot: httpx2.AsyncClient
) -> None:
    rounds = []
    for _ in range(2):
        server.faults.seed(5)
        server.faults.some(0.5, 500, "sendMessage")
        assert (await bot.post("getMe")).status_code == 200
        rounds.append([(await say(bot)).status_code for _ in range(20)])
        server.faults.clear()
        assert (await say(bot)).status_code == 200
    assert rounds[0] == rounds[1]
    assert set(rounds[0]) == {200, 500}


async def test_what_was_sent_can_be_asked_for_order_repeats_and_rates(server: StandIn, bot: httpx2.AsyncClient) -> None:
    for text, chat in (("one", 1), ("two", 1), ("two", 1), ("one", 1), ("one", 2), ("one", -5), ("two", -5)):
        await say(bot, text, chat)
    assert [server.sent.texts(chat) for chat in (1, 2, -5, 9)] == [
        ["one", "two", "two", "one"],
        ["one"],
        ["one", "two"],
        [],
    ]
    assert server.sent.repeats() == 1
    assert (server.sent.most(60), server.sent.most_to_a_chat(60), server.sent.most_to_a_group(60)) == (7, 4, 2)
    assert server.sent.most(1e-9) == 1


async def test_with_latency_an_answer_takes_as_long(server: StandIn, bot: httpx2.AsyncClient) -> None:
    server.latency = 0.05
    began = time.monotonic()
    await say(bot)
    assert began + 0.025 <= server.sent.of(1)[0].at <= time.monotonic() - 0.025


async def test_a_call_of_whoever_dies_in_the_middle_of_it_is_none(server: StandIn, bot: httpx2.AsyncClient) -> None:
    _, writer = await asyncio.open_connection("127.0.0.1", int(server.url.rpartition(":")[2]))
    head = f"POST /bot{TOKEN}/sendMessage HTTP/1.1\r\nHost: x\r\nContent-Length: 30\r\n\r\n"
    writer.write(head.encode() + b"chat_id=1&text=He")
    await writer.drain()
    writer.close()
    await writer.wait_closed()
    await say(bot, "Later")
    assert (server.violations, server.sent.texts(1), len(server.calls)) == ([], ["Later"], 1)
