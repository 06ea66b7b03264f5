"""How near a message is to each intent: as near as to the three examples of it that are most alike.

Of an intent with very many examples (out of scope has ten times as many as others) more are asked: among
thousands three are always alike by chance, most of all for a message in a language that was never learned.
"""

from __future__ import annotations

import numpy as np

NEAREST = 3
MANY = 500  # examples of an intent for each one that is asked, where that is more than three


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
    """The examples by meaning: the first numbers of their vectors, which tell the most."""

    def __init__(self, vectors: np.ndarray, places: Places) -> None:
        """`vectors`: of length one, as `shorten` gives them, shape (examples, kept)."""
        self._by_number = np.ascontiguousarray(vectors.T, dtype=np.float32)  # read once from end to end
        self._places = places

    def nearness(self, vectors: np.ndarray) -> np.ndarray:
        """How near each message is to each intent, -1 to 1, shape (messages, intents)."""
        short = shorten(vectors, len(self._by_number))
        return np.vstack([self._places.nearness(vector @ self._by_number) for vector in short])


def shorten(vectors: np.ndarray, kept: int) -> np.ndarray:
    """The first numbers of each vector, brought to length one."""
    short = vectors[:, :kept]
    return short / np.maximum(np.linalg.norm(short, axis=1, keepdims=True), np.float32(1e-9))
