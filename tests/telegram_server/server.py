"""A stand-in for Telegram's Bot API on loopback: real HTTP, and every call is checked against rules.py."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import socket
import time
from collections import defaultdict, deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from email import message_from_bytes
from typing import Any
from urllib.parse import parse_qsl

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tests.telegram_server.rules import METHODS, Broken, Params, check, parse_html, read, units

TOKEN = "1234567890:AAStandInOfOurOwn_for-the-tests-0000"
BOT = {"id": 1234567890, "is_bot": True, "first_name": "Bičiulis", "username": "biciulis_bot"}
DROP = 0  # stands for a status: the connection ends without an answer
COMMAND = re.compile(r"(?<!\S)/\w{1,32}(@\w+)?")
MENTION = re.compile(r"(?<!\w)@\w{4,32}")


class Refused(Exception):
    """What Telegram does not do: an error code and a description."""

    def __init__(self, code: int, description: str, **parameters: int) -> None:
        super().__init__(code, description)
        self.code, self.description, self.parameters = code, description, parameters


@dataclass
class Call:
    """One call of the bot's: what it asked for and what it got (None while unanswered or dropped)."""

    method: str
    raw: Params  # as it came in
    params: Params  # with its types
    at: float = field(default_factory=time.time)
    answer: Any = None
    refused: int | None = None


class _QuietServer(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield  # signals are for the bot, which runs in the same process


class StandIn:
    """One bot at Telegram: its chats, messages, updates and texts. Listens from `start` to `stop`."""

    def __init__(self) -> None:
        self._socket = socket.socket()
        self._socket.bind(("127.0.0.1", 0))  # bound, yet nobody listens before `start`
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        self.calls: list[Call] = []
        self.violations: list[str] = []
        self.chats: dict[int, dict[str, Any]] = {}
        self.messages: dict[tuple[int, int], dict[str, Any]] = {}
        self.notices: dict[str, str] = {}  # what was said to a pressed button, by the press
        self.presses: set[str] = set()
        self.texts: dict[tuple[str, str], Any] = {}  # commands, name and descriptions by language
        self.offset = 0
        self._updates: list[dict[str, Any]] = []
        self._allowed: list[str] = []
        self._again: list[dict[str, Any]] = []  # sent once more, although confirmed
        self._failures: dict[str, deque[int | bytes]] = defaultdict(deque)
        self._numbers = {"update": 700, "message": 0, "poll": 0}
        self._webhook = ""
        self._changed = asyncio.Event()
        self._closing = False
        self._server: _QuietServer | None = None
        self._serving: asyncio.Task[None] | None = None

    async def start(self) -> None:
        app = Starlette(routes=[Route("/bot{token}/{method}", self._serve, methods=["GET", "POST"])])
        self._server = _QuietServer(uvicorn.Config(app, http="h11", ws="none", lifespan="off", log_config=None))
        self._serving = asyncio.create_task(self._server.serve(sockets=[self._socket]))
        while not self._server.started:  # noqa: ASYNC110  # uvicorn tells in no other way
            await asyncio.sleep(0.01)

    async def stop(self) -> None:
        self._closing = True
        self._wake()
        if self._server and self._serving:
            self._server.should_exit = True
            await self._serving
        self._socket.close()

    def fail(self, method: str, *failures: int | bytes) -> None:
        """The next calls of a method end with these HTTP statuses, with DROP, or with these bytes and status 200."""
        self._failures[method].extend(failures)

    def number(self, what: str) -> int:
        self._numbers[what] += 1
        return self._numbers[what]

    def post(self, chat: int, sender: Params, **content: Any) -> dict[str, Any]:
        """A new message in a chat, as Telegram shows it to the bot."""
        message = {
            "message_id": self.number("message"),
            "from": sender,
            "chat": self.chats[chat],
            "date": int(time.time()),
            **_with_entities(content),
        }
        self.messages[chat, message["message_id"]] = message
        return message

    def edit(self, message: dict[str, Any], text: str) -> dict[str, Any]:
        """The same message after its author has written it anew."""
        message.pop("entities", None)
        message.update(_with_entities({"text": text}), edit_date=int(time.time()))
        return message

    def update(self, kind: str, content: Any) -> int:
        """Let the bot know of something; gives the update's number."""
        number = self.number("update")
        self._updates.append({"update_id": number, kind: json.loads(json.dumps(content))})
        self._wake()
        return number

    def repeat(self, update: Params, times: int) -> None:
        """Let the bot know of the same again, whatever it has confirmed."""
        self._again += [update] * times
        self._wake()

    async def until(self, happened: Callable[[], bool]) -> None:
        """Wait until a call has made this true."""
        while not happened():
            await self._changed.wait()

    def called(self, *methods: str) -> list[Call]:
        return [call for call in self.calls if call.method in methods]

    def _wake(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()

    async def _serve(self, request: Request) -> Response:
        method = request.path_params["method"]
        call = Call(method, raw := await _parameters(request), {})
        try:
            if request.path_params["token"] != TOKEN:
                raise Refused(401, "Unauthorized")
            if method not in METHODS:
                self.violations.append(f"{method}: unknown method")
                raise Refused(404, "Not Found")
            self.calls.append(call)
            call.params, wrong = read(raw)
            wrong = wrong or check(method, call.params)
            if wrong:
                self.violations += wrong
                raise Refused(400, f"Bad Request: {wrong[0]}")
            self.offset = max(self.offset, call.params.get("offset", 0)) if method == "getUpdates" else self.offset
            if self._failures[method]:
                failure = self._failures[method].popleft()
                if isinstance(failure, bytes):
                    return Response(failure)
                await self._fail(failure, request)
            answer = getattr(self, f"_{method}")(**call.params)
            answer = await answer if asyncio.iscoroutine(answer) else answer
            call.answer = json.loads(json.dumps(answer))  # as it was then
        except Refused as error:
            call.refused = error.code
            body = {"ok": False, "error_code": error.code, "description": error.description}
            more = {"parameters": error.parameters} if error.parameters else {}
            return JSONResponse(body | more, error.code)
        finally:
            self._wake()
        return JSONResponse({"ok": True, "result": call.answer})

    async def _fail(self, status: int, request: Request) -> None:
        if status == 429:
            raise Refused(429, "Too Many Requests: retry after 1", retry_after=1)
        if status != DROP:
            raise Refused(status, "Internal Server Error")
        assert self._server and request.client
        for connection in list(self._server.server_state.connections):
            if connection.client == (request.client.host, request.client.port):
                connection.transport.abort()
        await asyncio.sleep(0.01)
        raise Refused(500, "nobody reads this any more")

    # The methods, each named as Telegram names it.

    def _getMe(self) -> Params:
        return BOT | {"can_join_groups": True, "can_read_all_group_messages": False, "supports_inline_queries": False}

    async def _getUpdates(
        self,
        offset: int = 0,
        limit: int = 100,
        timeout: int = 0,  # noqa: ASYNC109  # Telegram's name
        allowed_updates: list[str] | None = None,
    ) -> list[Params]:
        self._allowed = self._allowed if allowed_updates is None else allowed_updates
        poll = self.number("poll")
        self._wake()
        if offset < 0:
            self._updates = self._updates[offset:]
        ends = time.monotonic() + timeout
        while not (ready := self._ready(offset)) and not self._closing and time.monotonic() < ends:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._changed.wait(), ends - time.monotonic())
            if self._webhook:
                break
            if self._numbers["poll"] != poll:
                raise Refused(409, "Conflict: terminated by other getUpdates request")
        if self._webhook:
            raise Refused(409, "Conflict: can't use getUpdates method while webhook is active; use deleteWebhook")
        self._again = []
        return ready[:limit]

    def _ready(self, offset: int) -> list[Params]:
        def wanted(update: Params) -> bool:
            return update["update_id"] >= offset and (not self._allowed or bool(update.keys() & set(self._allowed)))

        self._updates = [update for update in self._updates if wanted(update)]
        return self._again + self._updates

    def _setWebhook(self, url: str, **more: Any) -> bool:
        self._webhook = url
        return True

    def _deleteWebhook(self, drop_pending_updates: bool = False) -> bool:
        if drop_pending_updates:
            self._updates.clear()
        self._webhook = ""
        return True

    def _getWebhookInfo(self) -> Params:
        return {"url": "", "has_custom_certificate": False, "pending_update_count": len(self._updates)}

    def _sendMessage(self, chat_id: int, text: str, parse_mode: str = "", **more: Any) -> Params:
        self._require_chat(chat_id)
        return self.post(chat_id, BOT, **_shown(text, parse_mode, more))

    def _editMessageText(
        self, chat_id: int, message_id: int, text: str, parse_mode: str = "", **more: Any
    ) -> Params | bool:
        return self._change(self._own_message(chat_id, message_id), _shown(text, parse_mode, more))

    def _editMessageReplyMarkup(self, chat_id: int, message_id: int, **more: Any) -> Params | bool:
        message = self._own_message(chat_id, message_id)
        kept = {name: message[name] for name in ("text", "entities") if name in message}
        return self._change(message, kept | _shown_markup(more))

    def _answerCallbackQuery(self, callback_query_id: str, text: str = "", **more: Any) -> bool:
        if callback_query_id in self.notices:
            self.violations.append("answerCallbackQuery: a press is answered once")
        if callback_query_id not in self.presses:
            raise Refused(400, "Bad Request: query is too old and response timeout expired or query ID is invalid")
        self.notices[callback_query_id] = text
        return True

    def _sendChatAction(self, chat_id: int, action: str) -> bool:
        self._require_chat(chat_id)
        return True

    def _setMyCommands(self, commands: list[Params], language_code: str = "", scope: Params | None = None) -> bool:
        return self._set("commands", commands, language_code)

    def _getMyCommands(self, language_code: str = "", scope: Params | None = None) -> list[Params]:
        commands: list[Params] = self.texts.get(("commands", language_code), [])
        return commands

    def _setMyName(self, name: str = "", language_code: str = "") -> bool:
        return self._set("name", name, language_code)

    def _getMyName(self, language_code: str = "") -> Params:
        return {"name": self._get("name", language_code) or BOT["first_name"]}

    def _setMyDescription(self, description: str = "", language_code: str = "") -> bool:
        return self._set("description", description, language_code)

    def _getMyDescription(self, language_code: str = "") -> Params:
        return {"description": self._get("description", language_code)}

    def _setMyShortDescription(self, short_description: str = "", language_code: str = "") -> bool:
        return self._set("short_description", short_description, language_code)

    def _getMyShortDescription(self, language_code: str = "") -> Params:
        return {"short_description": self._get("short_description", language_code)}

    def _set(self, what: str, value: Any, language: str) -> bool:
        self.texts[what, language] = value
        return True

    def _get(self, what: str, language: str) -> str:
        return self.texts.get((what, language)) or self.texts.get((what, "")) or ""

    def _require_chat(self, chat: int) -> None:
        if chat not in self.chats:
            raise Refused(400, "Bad Request: chat not found")

    def _own_message(self, chat: int, message_id: int) -> Params:
        self._require_chat(chat)
        message = self.messages.get((chat, message_id))
        if message is None:
            raise Refused(400, "Bad Request: message to edit not found")
        if message["from"] != BOT:
            raise Refused(400, "Bad Request: message can't be edited")
        return message

    def _change(self, message: Params, shown: Params) -> Params:
        if all(message.get(name) == shown.get(name) for name in ("text", "entities", "reply_markup")):
            raise Refused(
                400,
                "Bad Request: message is not modified: specified new message content and reply markup "
                "are exactly the same as a current content and reply markup of the message",
            )
        for name in ("entities", "reply_markup"):
            message.pop(name, None)
        message.update(shown, edit_date=int(time.time()))
        return message


async def _parameters(request: Request) -> Params:
    """The parameters of a call in any of the forms that Telegram takes."""
    params: Params = dict(request.query_params)
    body, kind = await request.body(), request.headers.get("content-type", "")
    if kind.startswith("application/json"):
        params |= json.loads(body or b"{}")
    elif kind.startswith("multipart/form-data"):
        whole = message_from_bytes(b"Content-Type: " + kind.encode() + b"\r\n\r\n" + body)
        for part in whole.get_payload():
            content = part.get_payload(decode=True)
            params[part.get_param("name", header="content-disposition")] = content.decode()
    else:
        params |= dict(parse_qsl(body.decode(), keep_blank_values=True))
    return params


def _shown(text: str, parse_mode: str, more: Params) -> Params:
    try:
        plain, entities = parse_html(text) if parse_mode == "HTML" else (text, [])
    except Broken as error:
        raise Refused(400, f"Bad Request: {error}") from None
    shown = {"text": plain.strip()} | ({"entities": entities} if entities else {})
    return shown | _shown_markup(more)


def _shown_markup(more: Params) -> Params:
    markup = more.get("reply_markup")
    return {"reply_markup": markup} if markup and markup["inline_keyboard"] else {}


def _with_entities(content: Params) -> Params:
    """A message's content with its commands and mentions marked, as Telegram does."""
    text = content.get("text", "")
    found = [
        {"type": kind, "offset": units(text[: match.start()]), "length": len(match[0])}
        for kind, pattern in (("bot_command", COMMAND), ("mention", MENTION))
        for match in pattern.finditer(text)
    ]
    return content | ({"entities": found} if found and "entities" not in content else {})
