"""The stand-in itself: it refuses what Telegram refuses, and takes calls in every form that Telegram takes."""

from __future__ import annotations

import json
from typing import Any

import httpx2
import pytest

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


async def test_calls_are_taken_in_every_form_and_refused_as_telegram_refuses_them() -> None:
    server = StandIn()
    server.chats[1] = {"id": 1, "type": "private"}
    await server.start()
    try:
        async with httpx2.AsyncClient(base_url=f"{server.url}/bot{TOKEN}/") as http:
            params = {"chat_id": "1", "text": "Ačiū & ž"}
            for form in (
                {"json": params | {"chat_id": 1}},
                {"data": params},
                {"files": {name: (None, value) for name, value in params.items()}},
                {"params": params},
            ):
                answer = (await http.post("sendMessage", **form)).json()
                assert (answer["ok"], answer["result"]["text"], answer["result"]["from"]) == (True, "Ačiū & ž", BOT)
            assert server.violations == []
            refused = await http.post("sendMessage", data={"chat_id": "2", "text": "x"})
            assert refused.json() == {"ok": False, "error_code": 400, "description": "Bad Request: chat not found"}
            server.fail("getMe", 429, 500)
            assert (await http.post("getMe")).json()["parameters"] == {"retry_after": 1}
            assert (await http.post("getMe")).status_code == 500
            assert (await http.post("getMe")).json()["result"]["username"] == "biciulis_bot"
            assert (await http.post("inventMessage")).status_code == 404
            assert (await http.post(f"{server.url}/bot1:wrong/getMe")).status_code == 401
    finally:
        await server.stop()
    assert server.violations == ["inventMessage: unknown method"]
