"""What became of the messages of a chat: were all answered, in order, and was a reply repeated without need?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from tests.telegram_server.sent import Sent

LEEWAY = 1.0  # seconds between Telegram's taking a message and the bot's writing that down


@dataclass(frozen=True)
class Verdict:
    """In messages. `repeated`: replies that came again; `needlessly`: those of them that no disturbance explains."""

    answered: int = 0
    lost: int = 0
    out_of_order: int = 0
    repeated: int = 0
    needlessly: int = 0

    def __add__(self, other: Verdict) -> Verdict:
        fields = self.__dataclass_fields__
        return Verdict(*(getattr(self, name) + getattr(other, name) for name in fields))

    @property
    def is_good(self) -> bool:
        return self.lost == self.out_of_order == self.needlessly == 0


def judge(
    sent: Sequence[Sent], expected: Sequence[str], instead: Iterable[str] = (), disturbances: Sequence[float] = ()
) -> Verdict:
    """Compare what was sent to a chat with the answers that are due, by their first lines.

    `instead`: what may stand in place of any answer, such as an apology while the model is away. `disturbances`:
    when a process was killed, on the monotonic clock: a reply that was being sent then may come once more, and so
    may one whose taking Telegram could not tell.
    """
    texts, any_time = [each.text.split("\n")[0] for each in sent], set(instead)
    path = _align(texts, expected, any_time)
    if path is None:
        missing = sum((Counter(expected) - Counter(texts)).values()) - sum(text in any_time for text in texts)
        return Verdict(answered=len(expected) - max(missing, 0), lost=max(missing, 0), out_of_order=int(missing <= 0))
    copies: dict[int, list[Sent]] = {}
    for each, position in zip(sent, path, strict=True):
        copies.setdefault(position, []).append(each)
    needlessly = sum(max(0, len(same) - 1 - _explanations(same, disturbances)) for same in copies.values())
    return Verdict(len(expected), repeated=len(texts) - len(expected), needlessly=needlessly)


def _align(texts: Sequence[str], expected: Sequence[str], any_time: set[str]) -> list[int] | None:
    """Which answer each text is, every one at least once and in order; None where that cannot be."""
    came_from: list[dict[int, int]] = []  # for each text: the answer that it may be → the answer before it
    possible = {-1}
    for text in texts:
        steps: dict[int, int] = {}
        for before in sorted(possible):
            for position in (before, before + 1):
                if 0 <= position < len(expected) and (text == expected[position] or text in any_time):
                    steps.setdefault(position, before)
        came_from.append(steps)
        possible = set(steps)
    position = len(expected) - 1
    if position not in possible:
        return None
    path = []
    for steps in reversed(came_from):
        path.append(position)
        position = steps[position]
    return path[::-1]


def _explanations(same: Sequence[Sent], disturbances: Sequence[float]) -> int:
    first, last = same[0].at, same[-1].at
    kills = sum(first - LEEWAY <= moment <= last for moment in disturbances)
    return kills + sum(each.answer_lost for each in same[:-1])
