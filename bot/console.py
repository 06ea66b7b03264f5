"""The same bot in a terminal: python-telegram-bot runs as in Telegram, but its calls are printed, not sent."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from datetime import UTC, datetime
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.text import Text
from telegram import Update
from telegram.request import BaseRequest, RequestData

from bot.context import App, Write
from bot.delivery.calls import say_now
from bot.delivery.outbox import Outgoing
from bot.rendering import plain_text
from integrations.database import Database, Session

TOKEN = "1:console"  # noqa: S105 -- no secret: it never leaves this process
USER = {"id": 1, "is_bot": False, "first_name": "You"}
CHAT: dict[str, Any] = {"id": 1, "type": "private", "first_name": "You"}
BOT = {"id": 2, "is_bot": True, "first_name": "Bičiulis", "username": "biciulis"}

Show = Callable[[Outgoing], Awaitable[None]]
Watch = Callable[[Show, asyncio.Event], Coroutine[Any, Any, None]]


class PrintedRequest(BaseRequest):
    """Answers each call as Telegram would, and shows in the terminal what a person would see."""

    def __init__(self, show: Callable[[str, list[str]], None]) -> None:
        self._show = show
        self._last_message = 0
        self.buttons: list[str] = []  # what pressing 1, 2, … means
        self.last_shown: dict[str, Any] = {}

    @property
    def read_timeout(self) -> float | None:
        return None

    async def initialize(self) -> None: ...

    async def shutdown(self) -> None: ...

    async def do_request(
        self,
        url: str,
        method: str,
        request_data: RequestData | None = None,
        *timeouts: Any,
        **named_timeouts: Any,
    ) -> tuple[int, bytes]:
        parameters = request_data.parameters if request_data else {}
        result = self._call(url.rsplit("/", 1)[-1], parameters)
        return 200, json.dumps({"ok": True, "result": result}).encode()

    def next_message_id(self) -> int:
        self._last_message += 1
        return self._last_message

    def _call(self, method: str, parameters: dict[str, Any]) -> Any:
        if method == "getMe":
            return BOT
        if method in ("sendMessage", "editMessageText"):
            return self._message(parameters)
        if method == "answerCallbackQuery" and parameters.get("text"):
            self._show(parameters["text"], [])
        return True

    def _message(self, parameters: dict[str, Any]) -> dict[str, Any]:
        markup = parameters.get("reply_markup") or {}
        buttons = [button for row in markup.get("inline_keyboard", []) for button in row]
        self.buttons = [button["callback_data"] for button in buttons]
        self._show(plain_text(parameters["text"]), [button["text"] for button in buttons])
        self.last_shown = {
            "message_id": parameters.get("message_id") or self.next_message_id(),
            "date": int(datetime.now(UTC).timestamp()),
            "chat": CHAT,
            "from": BOT,
            "text": plain_text(parameters["text"]),
            **({"reply_markup": markup} if markup else {}),
        }
        return self.last_shown


class SaidAtOnce:
    """Settles an update by saying what is to be said: in the terminal nothing is lost on the way."""

    def __init__(self, app: App, database: Database) -> None:
        self._app, self._database = app, database

    async def settle(self, update_id: int, write: Write) -> None:
        await self.add(write)

    async def add(self, write: Write) -> None:
        async with self._database.begin() as session:
            messages = await write(session)
        for each in messages:
            await say_now(self._app.bot, each)

    async def ring(self, session: Session, name: str) -> None:
        """Whoever would hear it looks once a second anyway."""


async def chat(build: Callable[[BaseRequest], App], language: str, watch: Watch) -> None:
    """Talk in the terminal until end of file; lines from a pipe are answered the same way.

    `watch` goes on meanwhile, until told to stop, and shows messages that nobody has asked for.
    """
    console = Console(highlight=False, soft_wrap=not sys.stdout.isatty())
    request = PrintedRequest(lambda text, buttons: _print(console, text, buttons))
    app = build(request)
    app.bot_data["settles"] = SaidAtOnce(app, app.bot_data["services"].database)
    user = USER | {"language_code": language}
    await app.initialize()
    stopping = asyncio.Event()
    watching = asyncio.create_task(watch(lambda message: _interrupt(console, app, message), stopping))
    if sys.stdin.isatty():
        await app.process_update(_typed(app, request, user, "/start"))
    async for line in _lines(console):
        update = _pressed(app, request, user, line) or _typed(app, request, user, line)
        await app.process_update(update)
    stopping.set()
    await watching
    await app.shutdown()


async def _interrupt(console: Console, app: App, message: Outgoing) -> None:
    console.print()
    await say_now(app.bot, message)
    _prompt(console)


def _typed(app: App, request: PrintedRequest, user: dict[str, Any], text: str) -> Update:
    message = {
        "message_id": request.next_message_id(),
        "date": int(datetime.now(UTC).timestamp()),
        "chat": CHAT,
        "from": user,
        "text": text,
    }
    if text.startswith("/"):
        message["entities"] = [{"type": "bot_command", "offset": 0, "length": len(text.split(maxsplit=1)[0])}]
    return _update(app, request, {"message": message})


def _pressed(app: App, request: PrintedRequest, user: dict[str, Any], line: str) -> Update | None:
    """The button with this number, or None where the line is no number of a button."""
    number = int(line) if line.isascii() and line.isdigit() and len(line) < 4 else 0
    if not 0 < number <= len(request.buttons):
        return None
    query = {
        "id": str(request.next_message_id()),
        "from": user,
        "chat_instance": "console",
        "message": request.last_shown,
        "data": request.buttons[number - 1],
    }
    return _update(app, request, {"callback_query": query})


def _update(app: App, request: PrintedRequest, content: dict[str, Any]) -> Update:
    return Update.de_json({"update_id": request.next_message_id(), **content}, app.bot)


async def _lines(console: Console) -> AsyncIterator[str]:
    """Each line that is not empty; in a terminal after a prompt."""
    while True:
        _prompt(console)
        raw = await asyncio.to_thread(sys.stdin.buffer.readline)
        if not raw:
            return
        if line := raw.decode("utf-8", errors="replace").strip():
            if not sys.stdin.isatty():
                console.print(f"[bold]> {escape(line)}[/bold]")
            yield line


def _prompt(console: Console) -> None:
    if sys.stdin.isatty():
        console.print("[bold]>[/bold] ", end="")


def _print(console: Console, text: str, buttons: list[str]) -> None:
    console.print(Text(text))
    for number, label in enumerate(buttons, 1):
        console.print(Text(f"  [{number}] {label}", style="cyan"))
    console.print()
