"""What became of the messages of a chat: were all answered, in order, and was a reply repeated without need?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

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
    needless = [
        not each.answer_lost and not any(each.at - LEEWAY <= moment <= again.at for moment in disturbances)
        for each, again in pairwise(sent)
    ]
    needlessly = _align(texts, expected, any_time, [False, *needless])
    if needlessly is None:
        missing = sum((Counter(expected) - Counter(texts)).values()) - sum(text in any_time for text in texts)
        return Verdict(answered=len(expected) - max(missing, 0), lost=max(missing, 0), out_of_order=int(missing <= 0))
    return Verdict(len(expected), repeated=len(texts) - len(expected), needlessly=needlessly)


def _align(texts: Sequence[str], expected: Sequence[str], any_time: set[str], needless: Sequence[bool]) -> int | None:
    """The fewest needless repeats with which the texts are all answers, in order; None where they cannot be.

    `needless`: for each text whether it would be so, were it a repetition of the one before.
    """
    possible = {-1: 0}  # the last answer that was given → needless repeats so far
    for text, counts in zip(texts, needless, strict=False):
        after: dict[int, int] = {}
        for before, repeats in possible.items():
            for position, now in ((before, repeats + counts), (before + 1, repeats)):
                if 0 <= position < len(expected) and (text == expected[position] or text in any_time):
                    after[position] = min(now, after.get(position, now))
        possible = after
    return possible.get(len(expected) - 1)
