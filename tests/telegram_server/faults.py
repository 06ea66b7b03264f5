"""What goes wrong between a bot and Telegram, to be switched on one call at a time or by share."""

from __future__ import annotations

import json
import random
from collections import defaultdict, deque
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Literal

DROP = 0  # stands for a status: the connection ends without an answer


@dataclass(frozen=True)
class Fault:
    """What a call ends with instead of its answer. `carried_out`: Telegram did it, and only its answer is lost."""

    status: int = 200
    body: bytes = b""
    ending: Literal["answer", "never", "reset", "cut"] = "answer"
    carried_out: bool = False
    parameters: dict[str, int] = field(default_factory=dict, hash=False)


def refusal(status: int, description: str, **parameters: int) -> Fault:
    """Telegram's own form of saying no."""
    body: dict[str, Any] = {"ok": False, "error_code": status, "description": description}
    body |= {"parameters": parameters} if parameters else {}
    return Fault(status, json.dumps(body).encode(), parameters=parameters)


def too_many(seconds: int = 1) -> Fault:
    return refusal(429, f"Too Many Requests: retry after {seconds}", retry_after=seconds)


def migrated(chat: int) -> Fault:
    """The group has become a supergroup with another number."""
    return refusal(400, "Bad Request: group chat was upgraded to a supergroup chat", migrate_to_chat_id=chat)


SERVER_ERROR = refusal(500, "Internal Server Error")
BAD_GATEWAY = Fault(502, b"<html><head><title>502 Bad Gateway</title></head><body>nginx</body></html>")
GARBAGE = Fault(200, b"<html>Welcome to the airport's network!</html>")
NEVER = Fault(ending="never")
NEVER_THOUGH_DONE = Fault(ending="never", carried_out=True)
RESET = Fault(ending="reset")
CUT = Fault(ending="cut", carried_out=True)  # half of the answer comes
BLOCKED = refusal(403, "Forbidden: bot was blocked by the user")
NO_CHAT = refusal(400, "Bad Request: chat not found")


def fault(given: int | bytes | Fault) -> Fault:
    """The fault that a status, DROP or the bytes of an answer stand for."""
    if isinstance(given, bytes):
        return Fault(200, given)
    if isinstance(given, Fault):
        return given
    if given == DROP:
        return RESET
    return too_many() if given == 429 else refusal(given, HTTPStatus(given).phrase)


class Faults:
    """Which calls go wrong. By share they do so at random, from a seed: the same seed, the same faults."""

    def __init__(self) -> None:
        self._next: dict[str, deque[Fault]] = defaultdict(deque)
        self._shares: list[tuple[float, Fault, frozenset[str]]] = []
        self._random = random.Random(0)

    def next(self, method: str, *given: int | bytes | Fault) -> None:
        """The next calls of a method end with these."""
        self._next[method].extend(fault(each) for each in given)

    def some(self, share: float, given: int | bytes | Fault, *methods: str) -> None:
        """From now on this share (0–1) of the calls of these methods, or of all where none is named."""
        self._shares.append((share, fault(given), frozenset(methods)))

    def seed(self, number: int) -> None:
        self._random.seed(number)

    def clear(self) -> None:
        self._next.clear()
        self._shares.clear()

    def take(self, method: str) -> Fault | None:
        """What this call ends with; None where it goes well."""
        if self._next[method]:
            return self._next[method].popleft()
        for share, given, methods in self._shares:
            if (not methods or method in methods) and self._random.random() < share:
                return given
        return None
