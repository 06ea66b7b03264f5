"""What Telegram has taken from the bot, and when: from this, order, repeats and rates can be asked."""

from __future__ import annotations

import time
from collections import defaultdict, deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import pairwise


@dataclass(slots=True)
class Sent:
    """One message of the bot's, or a change of one. `at`: seconds of the monotonic clock."""

    at: float
    chat: int
    text: str
    answer_lost: bool = False  # the bot was not told that Telegram has taken it


class SentLog:
    """Every message in the order of Telegram's taking it."""

    def __init__(self) -> None:
        self.all: list[Sent] = []
        self.on_sent: Callable[[Sent], None] = lambda sent: None
        self._by_chat: dict[int, list[Sent]] = defaultdict(list)

    def add(self, chat: int, text: str) -> None:
        sent = Sent(time.monotonic(), chat, text)
        self.all.append(sent)
        self._by_chat[chat].append(sent)
        self.on_sent(sent)

    def lose_answer(self, chat: int) -> None:
        """Nobody will tell the bot that the last message in a chat was taken."""
        if chat in self._by_chat:
            self._by_chat[chat][-1].answer_lost = True

    def of(self, chat: int) -> list[Sent]:
        return self._by_chat.get(chat, [])

    def texts(self, chat: int) -> list[str]:
        return [sent.text for sent in self.of(chat)]

    def repeats(self) -> int:
        """Messages that say what the message before in the same chat says."""
        pairs = ((one, next) for sent in self._by_chat.values() for one, next in pairwise(sent))
        return sum(one.text == next.text for one, next in pairs)

    def most(self, seconds: float) -> int:
        """The most messages within so many seconds, to all chats together."""
        return _most(self.all, seconds)

    def most_to_a_chat(self, seconds: float) -> int:
        return max((_most(sent, seconds) for sent in self._by_chat.values()), default=0)

    def most_to_a_group(self, seconds: float) -> int:
        return max((_most(sent, seconds) for chat, sent in self._by_chat.items() if chat < 0), default=0)


def _most(sent: Iterable[Sent], seconds: float) -> int:
    within: deque[float] = deque()
    most = 0
    for each in sent:
        within.append(each.at)
        while within[0] <= each.at - seconds:
            within.popleft()
        most = max(most, len(within))
    return most
