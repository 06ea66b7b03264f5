"""What Rasa made of a message, as plain data, and what that is good for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

OUT_OF_SCOPE = "out_of_scope"
# "And how much is it?" stays with the area spoken of nine times in ten. That area has about 8 of 138 topics, so each of
# them would be (0.9 / 8) / (0.1 / 130) = 146 times as likely as one elsewhere; a third of that leaves room for doubt.
SAME_AREA = 50
CRISIS = "talk.crisis"
SMALL_TALK = {"talk.greet", "talk.thanks", "talk.goodbye", "talk.bot"}


@dataclass(frozen=True)
class Guess:
    """One possible meaning: a key, or `out_of_scope`, and how sure the model is, 0 to 1."""

    key: str
    confidence: float


@dataclass(frozen=True)
class Understanding:
    """All meanings that the model considered, the likeliest first, and what else the text names."""

    ranking: tuple[Guess, ...]
    entities: Mapping[str, str] = field(default_factory=dict)  # what else the text names, see entities and mentions

    @property
    def topics(self) -> tuple[Guess, ...]:
        """The ranking without the class of messages that we do not answer."""
        return tuple(guess for guess in self.ranking if guess.key != OUT_OF_SCOPE)

    @property
    def tells_of_the_person(self) -> bool:
        """Whether the text names something that answers depend on."""
        return not self.entities.keys().isdisjoint(("country", "level", "direction"))

    def leaning_to(self, key: str) -> Understanding:
        """As heard right after an answer to `key`: meanings of the same area are likelier, in sum as sure."""
        area = key.partition(".")[0]
        weights = [
            guess.confidence * (SAME_AREA if guess.key.partition(".")[0] == area else 1) for guess in self.ranking
        ]
        scale = sum(guess.confidence for guess in self.ranking) / (sum(weights) or 1)
        guesses = [Guess(guess.key, weight * scale) for guess, weight in zip(self.ranking, weights, strict=True)]
        return replace(self, ranking=tuple(sorted(guesses, key=lambda guess: -guess.confidence)))

    def confidence(self, key: str) -> float:
        return next((guess.confidence for guess in self.ranking if guess.key == key), 0.0)


@dataclass(frozen=True)
class Costs:
    """What each outcome costs the asker, against a right answer at once, which costs nothing.

    Confidences are calibrated (nlu/components/classifier.py), so the thresholds follow from these.
    """

    asked: float = 1.0  # picking the right one of the meanings offered
    wrong: float = 5.0  # an answer to another question: it may be believed
    lost: float = 3.0  # being asked, and none of the meanings offered is right
    sent_on: float = 2.0  # hearing that we do not know, with the nearest topics and a person to ask
    misread: float = 2.0  # a wrong small-talk answer: strange, but nobody acts on it
    crisis: float = 0.20  # not a cost: a cry for help is heard at this confidence, whatever seems likelier
    crisis_offered: float = 0.02  # and offered among the nearest topics at this one: not to who types nonsense


@dataclass(frozen=True)
class Verdict:
    """What to do with a message and with which keys: one to answer, up to three to offer."""

    outcome: Literal["answer", "clarify", "fallback"]
    keys: tuple[str, ...]


def judge(understanding: Understanding, costs: Costs = Costs()) -> Verdict:
    """Answer, ask back between the nearest meanings, or admit not to know: what costs the asker least."""
    if understanding.confidence(CRISIS) >= costs.crisis:
        return Verdict("answer", (CRISIS,))
    offered = tuple(guess for guess in understanding.topics if _may_be_offered(guess, costs))[:3]
    keys = tuple(guess.key for guess in offered)
    if understanding.ranking and (best := understanding.ranking[0]).key != OUT_OF_SCOPE:
        wrong = costs.misread if is_small_talk(best.key) else costs.wrong
        if (1 - best.confidence) * wrong <= costs.asked:
            return Verdict("answer", (best.key,))
    hit = sum(guess.confidence for guess in offered)
    if keys and hit * costs.asked + (1 - hit) * costs.lost <= costs.sent_on:
        return Verdict("clarify", keys)
    return Verdict("fallback", keys)


def _may_be_offered(guess: Guess, costs: Costs) -> bool:
    return guess.confidence >= costs.crisis_offered if guess.key == CRISIS else not is_small_talk(guess.key)


def is_small_talk(key: str) -> bool:
    """Whether a key is answered in kind (a greeting, thanks) and never offered as a topic."""
    return key in SMALL_TALK
