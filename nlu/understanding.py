"""What Rasa made of a message, as plain data, and what that is good for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

OUT_OF_SCOPE = "out_of_scope"
CRISIS = "talk.crisis"


@dataclass(frozen=True)
class Guess:
    """One possible meaning: a key, or `out_of_scope`, and how sure the model is, 0 to 1."""

    key: str
    confidence: float


@dataclass(frozen=True)
class Understanding:
    """All meanings that the model considered, the likeliest first, and what else the text names."""

    ranking: tuple[Guess, ...]
    entities: Mapping[str, str] = field(default_factory=dict)  # country → ISO code, level → one of the levels

    @property
    def topics(self) -> tuple[Guess, ...]:
        """The ranking without the class of messages that we do not answer."""
        return tuple(guess for guess in self.ranking if guess.key != OUT_OF_SCOPE)

    def confidence(self, key: str) -> float:
        return next((guess.confidence for guess in self.ranking if guess.key == key), 0.0)


@dataclass(frozen=True)
class Thresholds:
    """How sure the model must be. A wrong answer does more harm than a question back."""

    answer: float = 0.45  # answer when the likeliest meaning has this much …
    ahead: float = 0.10  # … and is this far before the next
    ask: float = 0.12  # ask back when it has this much
    crisis: float = 0.20  # a cry for help is heard even when something else seems likelier


@dataclass(frozen=True)
class Verdict:
    """What to do with a message and with which keys: one to answer, up to three to offer."""

    outcome: Literal["answer", "clarify", "fallback"]
    keys: tuple[str, ...]


def judge(understanding: Understanding, thresholds: Thresholds = Thresholds()) -> Verdict:
    """Answer, ask back between close meanings, or admit not to know."""
    nearest = tuple(guess.key for guess in understanding.topics[:3])
    if understanding.confidence(CRISIS) >= thresholds.crisis:
        return Verdict("answer", (CRISIS,))
    if not nearest or understanding.ranking[0].key == OUT_OF_SCOPE:
        return Verdict("fallback", nearest)
    best, *others = understanding.topics
    next_best = others[0].confidence if others else 0.0
    if best.confidence >= thresholds.answer and best.confidence - next_best >= thresholds.ahead:
        return Verdict("answer", (best.key,))
    if best.confidence >= thresholds.ask:
        close = [guess.key for guess in understanding.topics[:3] if guess.confidence >= best.confidence / 4]
        return Verdict("clarify", tuple(close) if len(close) > 1 else nearest[:2])
    return Verdict("fallback", nearest)
