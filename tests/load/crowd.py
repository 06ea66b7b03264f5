"""People who write to the bot, many at once, and how long each waits for an answer."""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from tests.telegram_server.sent import Sent
from tests.telegram_server.server import StandIn

FIRST = 1001  # the first person's number, which is that of the chat
PATIENCE = 120.0  # seconds without any answer after which nothing more is expected


@dataclass
class Said:
    """One thing that somebody said: when, and the answer that is due where it is known."""

    at: float
    answer: str = ""


@dataclass(frozen=True)
class Measured:
    """What came of it. `rate`: answers a second; p50, p95, p99: seconds from update to answer."""

    said: int
    answered: int
    rate: float
    p50: float
    p95: float
    p99: float
    out_of_order: int
    others: int  # answered otherwise than when nobody else asked


class Crowd:
    """`speak` says one thing in a chat, the nth of that person, and gives the answer due, or nothing."""

    def __init__(self, server: StandIn, speak: Callable[[int, int], str], people: int, first: int = FIRST) -> None:
        self._server, self._speak = server, speak
        self._chats = range(first, first + people)
        self._waiting: dict[int, deque[Said]] = {chat: deque() for chat in self._chats}
        self._turns: Counter[int] = Counter()
        self._waits: list[tuple[float, float]] = []  # when it was answered, after how long
        self._goes_on = False  # who is answered says the next thing
        self._said = self._out_of_order = self._others = 0

    async def in_turns(self, seconds: float, warm_up: float) -> Measured:
        """Each says the next thing once answered: how much the bot can do. Until `warm_up` nothing counts."""
        self._goes_on = True
        began = time.monotonic()
        with self._listening():
            for chat in self._chats:
                self._say(chat)
            await asyncio.sleep(warm_up + seconds)
            self._goes_on = False
            ended = time.monotonic()
            await self._until_answered()
        return self._measured(began + warm_up, ended)

    async def steadily(self, rate: float, seconds: float) -> Measured:
        """So many a second, whoever is answered or not: how long one waits."""
        return await self._spread(round(rate * seconds), seconds)

    async def burst(self, messages: int) -> Measured:
        """All within one second."""
        return await self._spread(messages, 1.0)

    async def _spread(self, messages: int, seconds: float) -> Measured:
        began = time.monotonic()
        with self._listening():
            for number in range(messages):
                await asyncio.sleep(max(0.0, began + number * seconds / messages - time.monotonic()))
                self._say(self._chats[number % len(self._chats)])
            await self._until_answered()
        return self._measured(began, time.monotonic())

    def _say(self, chat: int) -> None:
        said = Said(time.monotonic())
        self._waiting[chat].append(said)
        said.answer = self._speak(chat, self._turns[chat])
        self._turns[chat] += 1
        self._said += 1

    def _hear(self, sent: Sent) -> None:
        waiting = self._waiting.get(sent.chat)
        if not waiting:  # who has said nothing may be told something all the same
            return
        said = waiting.popleft()
        self._waits.append((sent.at, sent.at - said.at))
        if said.answer and sent.text != said.answer:
            late = any(sent.text == other.answer for other in waiting)
            self._out_of_order += late
            self._others += not late
        if self._goes_on:
            asyncio.get_running_loop().call_soon(self._say, sent.chat)

    @property
    def _open(self) -> int:
        return sum(map(len, self._waiting.values()))

    async def _until_answered(self) -> None:
        """Or until nothing has come for long."""
        answers, since = len(self._waits), time.monotonic()
        while self._open and time.monotonic() - since < PATIENCE:
            await asyncio.sleep(0.05)
            if len(self._waits) > answers:
                answers, since = len(self._waits), time.monotonic()

    @contextmanager
    def _listening(self) -> Iterator[None]:
        before, self._server.sent.on_sent = self._server.sent.on_sent, self._hear
        yield
        self._server.sent.on_sent = before

    def _measured(self, began: float, ended: float) -> Measured:
        counted = [(at, wait) for at, wait in self._waits if began <= at <= ended]
        waits = sorted(wait for _, wait in counted)
        until = max((at for at, _ in counted), default=ended)
        return Measured(
            self._said,
            self._said - self._open,
            len(counted) / max(until - began, 1e-9),
            *(share(waits, part) for part in (0.5, 0.95, 0.99)),
            self._out_of_order,
            self._others,
        )


def share(values: Sequence[float], part: float) -> float:
    """The value that this part of the sorted values does not exceed; 0 of none."""
    return values[min(len(values) - 1, int(part * len(values)))] if values else 0.0


def write(server: StandIn, chat: int, text: str) -> dict[str, Any]:
    """A message of a person in their own chat; gives the update."""
    server.chats.setdefault(chat, {"id": chat, "type": "private", "first_name": "Asha"})
    sender = {"id": chat, "is_bot": False, "first_name": "Asha", "language_code": "en"}
    message = server.post(chat, sender, text=text)
    return {"update_id": server.update("message", message), "message": json.loads(json.dumps(message))}


def tap(server: StandIn, chat: int, message: dict[str, Any], button: str) -> None:
    """A press on a button under a message, by its data."""
    sender = {"id": chat, "is_bot": False, "first_name": "Asha", "language_code": "en"}
    number = f"press-{server.number('press')}"
    server.presses.add(number)
    press = {"id": number, "from": sender, "chat_instance": "1", "message": message, "data": button}
    server.update("callback_query", press)
