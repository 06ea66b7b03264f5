"""What goes wrong between a client and the server, to be switched on one call at a time."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Fault:
    """What a call ends with instead of its answer, after so many seconds."""

    status: int = 200
    body: bytes = b""
    ending: Literal["says", "late", "closed", "never"] = "says"
    seconds: float = 0.0


GARBAGE = Fault(200, b"<html>We are down for maintenance.</html>")
SERVER_ERROR = Fault(500, b"Internal Server Error")
CLOSED = Fault(ending="closed")  # the connection ends without an answer
NEVER = Fault(ending="never")


def slow(seconds: float) -> Fault:
    """The true answer, late."""
    return Fault(ending="late", seconds=seconds)


class Faults:
    """`next` is for the calls to come, one each; `always` for all calls as long as it is set."""

    def __init__(self) -> None:
        self.always: Fault | None = None
        self._next: deque[Fault] = deque()

    def next(self, *faults: Fault) -> None:
        self._next.extend(faults)

    def take(self) -> Fault | None:
        return self._next.popleft() if self._next else self.always
