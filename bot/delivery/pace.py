"""How fast Telegram lets us write: so much in all, to a chat, to a group.

Times are seconds of one monotonic clock.
"""

from __future__ import annotations

from collections import defaultdict, deque
from dataclasses import dataclass

WRITING = "sendMessage"  # what counts for a chat; changing a message or a keyboard does not
SECOND, MINUTE = 1.05, 61.0  # a little longer, because calls do not arrive as evenly as they leave


@dataclass(frozen=True)
class Limits:
    """Calls a second in all, seconds between two messages to a chat, messages a minute to a group."""

    in_all: int = 30
    between: float = SECOND
    per_group: int = 20


class Window:
    """At most so many in any stretch of so many seconds."""

    def __init__(self, most: int, seconds: float) -> None:
        self._most, self._seconds = most, seconds
        self._times: deque[float] = deque(maxlen=most)

    def note(self, now: float) -> None:
        self._times.append(now)

    def free(self, now: float) -> int:
        """How many more are within the limit."""
        while self._times and self._times[0] + self._seconds <= now:
            self._times.popleft()
        return self._most - len(self._times)

    def free_at(self) -> float:
        """The moment from which one more is within the limit."""
        return self._times[0] + self._seconds if len(self._times) == self._most else 0.0


class Pace:
    """When the next calls may be made."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._all = Window(limits.in_all, SECOND)
        self._groups: defaultdict[int, Window] = defaultdict(lambda: Window(limits.per_group, MINUTE))
        self._chats: dict[int, float] = {}  # until when a chat is left alone

    def free(self, now: float) -> int:
        """How many more calls, to whatever chats, are within the limit."""
        return self._all.free(now)

    def free_at(self) -> float:
        """From when one more call is within the limit."""
        return self._all.free_at()

    def resting(self, now: float) -> dict[int, float]:
        """The chats that are to be left alone, and until when."""
        for chat in [chat for chat, until in self._chats.items() if until <= now]:
            del self._chats[chat]
        for chat in [chat for chat, window in self._groups.items() if window.free(now) == self._limits.per_group]:
            del self._groups[chat]
        return dict(self._chats)

    def begin(self, now: float) -> None:
        self._all.note(now)

    def end(self, chat: int, method: str, now: float) -> None:
        """A call is over. Its end counts for the chat: however late it arrived, the next is not too early."""
        if method != WRITING:
            return
        self.rest(chat, now + self._limits.between)
        if chat < 0:
            self._groups[chat].note(now)
            self.rest(chat, self._groups[chat].free_at())

    def rest(self, chat: int, until: float) -> None:
        """Leave a chat alone."""
        self._chats[chat] = max(until, self._chats.get(chat, 0.0))
