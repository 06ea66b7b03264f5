"""A stand-in for Telegram's Bot API on loopback: real HTTP, and every call is checked against rules.py."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import struct
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from email import message_from_bytes
from functools import cached_property
from typing import Any
from urllib.parse import parse_qsl

import uvicorn

from tests.telegram_server.account import BOT, Account
from tests.telegram_server.faults import DROP, Fault, Faults, refusal
from tests.telegram_server.rules import METHODS, Params, check, read
from tests.telegram_server.updates import Refused

__all__ = ["BOT", "DROP", "TOKEN", "Call", "StandIn"]

TOKEN = "1234567890:AAStandInOfOurOwn_for-the-tests-0000"
AT_ONCE = struct.pack("ii", 1, 0)  # of SO_LINGER: closing resets the connection
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]


@dataclass
class Call:
    """One call of the bot's: what it asked for and what it got (None while unanswered or dropped)."""

    method: str
    raw: Params  # as it came in
    params: Params  # with its types
    at: float = field(default_factory=time.time)
    body: bytes = b""  # Telegram's answer, where the call was carried out
    refused: int | None = None

    @cached_property
    def answer(self) -> Any:
        return json.loads(self.body)["result"] if self.body else None


class QuietServer(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield  # signals are for the bot, which runs in the same process


class StandIn(Account):
    """One bot at Telegram, over HTTP from `start` to `stop`. Unchecked, it takes calls that break the rules."""

    def __init__(self, *, checked: bool = True, latency: float = 0.0) -> None:
        super().__init__()
        # Named TCP, or asyncio would let small answers wait for the other side's acknowledgement.
        self._socket = socket.socket(proto=socket.IPPROTO_TCP)
        self._socket.bind(("127.0.0.1", 0))  # bound, yet nobody listens before `start`
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        self.latency, self._checked = latency, checked
        self.calls: list[Call] = []
        self.faults = Faults()
        self.impatient: Counter[int] = Counter()  # calls to a chat that was to be left alone for a while
        self._left_alone: dict[int, float] = {}  # chat → until when
        self._server: QuietServer | None = None
        self._serving: asyncio.Task[None] | None = None

    async def start(self) -> None:
        plain = {"interface": "asgi3", "http": "h11", "ws": "none", "lifespan": "off"}
        config = uvicorn.Config(self._serve, log_config=None, access_log=False, proxy_headers=False, **plain)
        self._server = QuietServer(config)
        self._serving = asyncio.create_task(self._server.serve(sockets=[self._socket]))
        while not self._server.started:  # noqa: ASYNC110  # uvicorn tells in no other way
            await asyncio.sleep(0.01)

    async def stop(self) -> None:
        self._closing = True
        self._wake()
        await self._deleteWebhook()
        if self._server and self._serving:
            self._server.should_exit = True
            await self._serving
        self._socket.close()

    def fail(self, method: str, *failures: int | bytes | Fault) -> None:
        """The next calls of a method end with these: HTTP statuses, DROP, bytes with status 200, or faults."""
        self.faults.next(method, *failures)

    def called(self, *methods: str) -> list[Call]:
        return [call for call in self.calls if call.method in methods]

    async def _serve(self, scope: Params, receive: Receive, send: Send) -> None:
        """The ASGI application."""
        body = await _body(receive)
        if body is None:
            return
        raw = _parameters(scope, body)
        await self._travel()
        token, _, method = scope["path"].removeprefix("/bot").partition("/")
        ending = await self._answer(token, Call(method, raw, {}))
        self._wake()
        await self._travel()
        match ending.ending:
            case "answer":
                await _send(send, ending)
            case "cut":
                await _send(send, ending, half=True)
                self._reset(scope)
            case "reset":
                self._reset(scope)
            case "never":
                await self._ignore(scope, receive)
        if ending.ending != "answer":
            await receive()  # until the connection is gone, or it would be an answer that was forgotten

    async def _answer(self, token: str, call: Call) -> Fault:
        """What the call ends with, after it was carried out or not."""
        try:
            if token != TOKEN:
                raise Refused(401, "Unauthorized")
            if call.method not in METHODS:
                self.violations.append(f"{call.method}: unknown method")
                raise Refused(404, "Not Found")
            self.calls.append(call)
            self._read(call)
            fault = self.faults.take(call.method)
            if fault and not fault.carried_out:
                return self._note(call, fault)
            result = getattr(self, f"_{call.method}")(**call.params)
            result = await result if asyncio.iscoroutine(result) else result
        except Refused as error:
            return self._note(call, refusal(error.code, error.description))
        body = json.dumps({"ok": True, "result": result}, ensure_ascii=False).encode()  # as it is now
        if fault:
            self.sent.lose_answer(call.params.get("chat_id", 0))
            return Fault(body=body, ending=fault.ending)
        call.body = body
        return Fault(body=body)

    def _read(self, call: Call) -> None:
        call.params, wrong = read(call.raw)
        wrong = wrong or (check(call.method, call.params) if self._checked else [])
        if wrong:
            self.violations += wrong
            raise Refused(400, f"Bad Request: {wrong[0]}")
        self.offset = max(self.offset, call.params.get("offset", 0)) if call.method == "getUpdates" else self.offset
        chat = call.params.get("chat_id", 0)
        if time.monotonic() < self._left_alone.get(chat, 0):
            self.impatient[chat] += 1

    def _note(self, call: Call, fault: Fault) -> Fault:
        call.refused = None if fault.status == 200 else fault.status
        if "retry_after" in fault.parameters and "chat_id" in call.params:
            self._left_alone[call.params["chat_id"]] = time.monotonic() + fault.parameters["retry_after"]
        return fault

    async def _ignore(self, scope: Params, receive: Receive) -> None:
        """Until whoever called gives up, or we are stopped."""
        gone, closing = (
            asyncio.create_task(each) for each in (_until_gone(receive), self.until(lambda: self._closing))
        )
        await asyncio.wait([gone, closing], return_when=asyncio.FIRST_COMPLETED)
        for task in (gone, closing):
            task.cancel()
        self._reset(scope)

    def _reset(self, scope: Params) -> None:
        assert self._server
        for connection in list(self._server.server_state.connections):
            if connection.client == scope["client"]:
                plug = connection.transport.get_extra_info("socket")
                plug.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, AT_ONCE)
                connection.transport.abort()


async def _send(send: Send, ending: Fault, *, half: bool = False) -> None:
    kind = b"application/json" if ending.body[:1] == b"{" else b"text/html"
    headers = [(b"content-type", kind), (b"content-length", b"%d" % len(ending.body))]
    await send({"type": "http.response.start", "status": ending.status, "headers": headers})
    body = ending.body[: len(ending.body) // 2] if half else ending.body
    await send({"type": "http.response.body", "body": body, "more_body": half})


async def _body(receive: Receive) -> bytes | None:
    """None where whoever called died before it had said everything."""
    body, more = b"", True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        body, more = body + message.get("body", b""), message.get("more_body", False)
    return body


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _parameters(scope: Params, body: bytes) -> Params:
    """The parameters of a call in any of the forms that Telegram takes."""
    params: Params = dict(parse_qsl(scope["query_string"].decode(), keep_blank_values=True))
    kind = dict(scope["headers"]).get(b"content-type", b"")
    if kind.startswith(b"application/json"):
        params |= json.loads(body or b"{}")
    elif kind.startswith(b"multipart/form-data"):
        whole = message_from_bytes(b"Content-Type: " + kind + b"\r\n\r\n" + body)
        for part in whole.get_payload():
            content = part.get_payload(decode=True)
            params[part.get_param("name", header="content-disposition")] = content.decode()
    else:
        params |= dict(parse_qsl(body.decode(), keep_blank_values=True))
    return params
