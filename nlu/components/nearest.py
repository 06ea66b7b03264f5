"""How near a message is to each intent: as near as to the three examples of it that are most alike.

Of an intent with very many examples (out of scope has ten times as many as others) more are asked: among
thousands three are always alike by chance, most of all for a message in a language that was never learned.
"""

from __future__ import annotations

import numpy as np
from scipy.linalg import eigh

NEAREST = 3
MANY = 500  # examples of an intent for each one that is asked, where that is more than three
STEADINESS = 4.0  # how much more than the examples tell of it the spread within an intent is taken to be even


class Places:
    """Where the examples of each intent stand, for many questions of the same examples."""

    def __init__(self, intents: np.ndarray) -> None:
        """`intents`: the number of each example's intent, 0 to the highest without a gap."""
        self._many = int(intents.max()) + 1
        by_intent = [np.flatnonzero(intents == number) for number in range(self._many)]
        # Intents with about as many examples stand together, so that little has to be filled up.
        sizes = np.array([max(NEAREST, len(places)) for places in by_intent])
        alike = np.ceil(np.log2(sizes))
        self._blocks = [
            self._block(np.flatnonzero(alike == size), by_intent, len(intents)) for size in np.unique(alike)
        ]

    def nearness(self, alike: np.ndarray) -> np.ndarray:
        """From the likeness of a message to every example its nearness to every intent."""
        padded = np.append(alike, np.float32(0))
        nearness = np.zeros(self._many, dtype=np.float32)
        for numbers, places in self._blocks:
            asked = max(NEAREST, places.shape[1] // MANY)
            nearness[numbers] = np.partition(padded[places], -asked, axis=1)[:, -asked:].mean(axis=1)
        return nearness

    @staticmethod
    def _block(numbers: np.ndarray, by_intent: list[np.ndarray], end: int) -> tuple[np.ndarray, np.ndarray]:
        """The places of these intents' examples, a row each, filled up with a place after the last."""
        places = np.full((len(numbers), max(NEAREST, *(len(by_intent[number]) for number in numbers))), end)
        for row, number in zip(places, numbers, strict=True):
            row[: len(by_intent[number])] = by_intent[number]
        return numbers, places


class Neighbours:
    """The examples by meaning, seen in the directions that tell intents apart."""

    def __init__(self, directions: np.ndarray, examples: np.ndarray, places: Places) -> None:
        """`examples`: as `look_along` gives them for these directions, shape (examples, directions)."""
        self._directions = directions
        self._by_number = np.ascontiguousarray(examples.T, dtype=np.float32)  # read once from end to end
        self._places = places

    def nearness(self, vectors: np.ndarray) -> np.ndarray:
        """How near each message is to each intent, -1 to 1, shape (messages, intents)."""
        seen = look_along(vectors, self._directions)
        return np.vstack([self._places.nearness(vector @ self._by_number) for vector in seen])


def find_directions(vectors: np.ndarray, intents: np.ndarray, most: int) -> np.ndarray:
    """The directions in which intents differ much and the examples of one intent little, the best first.

    Examples of one intent differ by language above all, so these nearly leave the language out: a message in one
    that was never learned comes to stand beside those that mean the same. (Discriminant analysis, each intent
    counting alike.) Shape (dimensions, at most one less than there are intents).
    """
    sums = np.zeros((intents.max() + 1, vectors.shape[1]), dtype=vectors.dtype)
    np.add.at(sums, intents, vectors)
    means = sums / np.bincount(intents)[:, None]
    apart, within = means - means.mean(axis=0), vectors - means[intents]
    spread = within.T @ within / len(within)
    spread[np.diag_indices_from(spread)] += max(STEADINESS * np.trace(spread) / len(spread), 1e-6)
    _, directions = eigh(apart.T @ apart, spread)  # the worst first
    return np.ascontiguousarray(directions[:, ::-1][:, : min(most, len(means) - 1)], dtype=np.float32)


def look_along(vectors: np.ndarray, directions: np.ndarray) -> np.ndarray:
    """How far each vector reaches in each direction, brought to length one."""
    seen = vectors @ directions
    return seen / np.maximum(np.linalg.norm(seen, axis=1, keepdims=True), np.float32(1e-9))
