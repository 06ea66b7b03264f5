"""The logs: one renderer for our events and the libraries', and never a token."""

from __future__ import annotations

import asyncio
import json
import logging

import httpx2
import pytest
import structlog
from sqlalchemy import text
from telegram import Bot
from telegram.error import TelegramError
from telegram.request import BaseRequest

from bot.intake.inbox import Inbox
from bot.intake.webhook import Webhook, WebhookAddress
from bot.logs import set_up_logs, without_token
from bot.operations.web import build_pages, listen, serve
from integrations.database import Database

TOKEN = "123456789:AAHfak-etokenf_orthetestsonly0123456"
ADDRESS = f"https://api.telegram.org/bot{TOKEN}/getUpdates"


pytestmark = pytest.mark.usefixtures("logs_of_its_own")


@pytest.mark.parametrize("as_json", [True, False], ids=["json", "console"])
def test_a_token_in_an_events_fields_is_taken_out(as_json: bool, capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logs("INFO", as_json=as_json)
    structlog.get_logger("ours").info("polling", bot=TOKEN, where={"url": ADDRESS}, **{f"field_{TOKEN}": 1})
    logged = capsys.readouterr().err
    assert "polling" in logged
    assert logged.count("(token)") == 3
    assert TOKEN not in logged


@pytest.mark.parametrize("as_json", [True, False], ids=["json", "console"])
def test_a_token_in_an_exception_is_taken_out(as_json: bool, capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logs("INFO", as_json=as_json)
    try:
        raise RuntimeError(f"cannot reach {ADDRESS}")
    except RuntimeError as error:
        structlog.get_logger("ours").error("failed", exc_info=error)
        logging.getLogger("telegram.ext").exception("fetching %s", ADDRESS)
    logged = capsys.readouterr().err
    assert logged.count("RuntimeError: cannot reach https://api.telegram.org/bot(token)/getUpdates") == 2
    assert TOKEN not in logged


def test_requests_of_the_http_library_are_not_logged(capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logs("DEBUG", as_json=True)
    for library in ("httpx", "httpcore", "httpx2", "httpcore2", "httpcore.connection"):
        logging.getLogger(library).info('HTTP Request: POST %s "HTTP/1.1 200 OK"', ADDRESS)
    assert capsys.readouterr().err == ""


def test_an_answer_of_telegrams_that_was_cut_off_is_not_logged(capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logs("DEBUG", as_json=True)
    with pytest.raises(TelegramError):
        BaseRequest.parse_json_payload(b'{"ok": true, "result": [{"message": {"text": "my sec')
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("as_json", [True, False], ids=["json", "console"])
def test_a_token_is_taken_out_even_where_a_library_logs_its_requests(
    as_json: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    set_up_logs("INFO", as_json=as_json)
    logging.getLogger("httpx").setLevel(logging.INFO)
    logging.getLogger("httpx").info('HTTP Request: POST %s "HTTP/1.1 200 OK"', ADDRESS)
    logged = capsys.readouterr().err
    assert "HTTP Request: POST https://api.telegram.org/bot(token)/getUpdates" in logged
    assert TOKEN not in logged


def test_an_event_is_one_json_object(capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logs("INFO", as_json=True)
    structlog.get_logger("ours").warning("ąžuolas", number=7)
    logged = json.loads(capsys.readouterr().err)
    assert logged.pop("timestamp")
    assert logged == {"event": "ąžuolas", "number": 7, "level": "warning", "logger": "ours"}


def test_events_below_the_level_are_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logs("WARNING", as_json=False)
    structlog.get_logger("ours").info("quiet")
    structlog.get_logger("ours").warning("heard")
    logged = capsys.readouterr().err
    assert ("quiet" in logged, "heard" in logged) == (False, True)


async def test_what_the_webhook_is_brought_is_not_logged(
    database: Database, inbox: Inbox, capsys: pytest.CaptureFixture[str]
) -> None:
    set_up_logs("DEBUG", as_json=True)
    webhook = Webhook(Bot(TOKEN), WebhookAddress(ADDRESS, "s3cret-word"), database, inbox)
    stopping, listener = asyncio.Event(), listen("127.0.0.1", 0)
    listener.listen()
    serving = asyncio.create_task(serve(build_pages(database, {}, [webhook.route]), listener, stopping))
    update = {"update_id": 5, "message": {"text": "my s3cret-word"}}
    shown = {"X-Telegram-Bot-Api-Secret-Token": "s3cret-word"}
    async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{listener.getsockname()[1]}") as client:
        answers = [
            await client.post("/telegram", json=update, headers=shown),
            await client.post("/telegram", content=b'{"text": "my s3cret-word', headers=shown),
            await client.post("/telegram?text=s3cret-word", json=update),
            await client.post("/s3cret-word", json=update, headers=shown),
        ]
        async with database.begin() as session:
            await session.execute(text("DROP TABLE inbox"))
        answers.append(await client.post("/telegram", json=update, headers=shown))
    stopping.set()
    await serving
    assert [each.status_code for each in answers] == [200, 400, 401, 404, 503]
    logged = capsys.readouterr().err
    assert "request_unreadable" in logged and "updates_not_kept" in logged
    assert "s3cret-word" not in logged


def test_a_text_keeps_everything_but_its_tokens() -> None:
    assert without_token(f"a {TOKEN} b {ADDRESS}") == "a (token) b https://api.telegram.org/bot(token)/getUpdates"
    assert without_token("at 12:30 in room 123456: nothing") == "at 12:30 in room 123456: nothing"
