"""How near a message is to each intent: as near as to the three examples of it that are most alike."""

from __future__ import annotations

import numpy as np

NEAREST = 3


class Places:
    """Where the examples of each intent stand, for many questions of the same examples."""

    def __init__(self, intents: np.ndarray) -> None:
        """`intents`: the number of each example's intent, 0 to the highest without a gap."""
        by_intent = [np.flatnonzero(intents == number) for number in range(intents.max() + 1)]
        # Row i: where the examples of intent i stand, filled up with a place after the last.
        self._places = np.full((len(by_intent), max(NEAREST, *map(len, by_intent))), len(intents))
        for row, places in zip(self._places, by_intent, strict=True):
            row[: len(places)] = places

    def nearness(self, alike: np.ndarray) -> np.ndarray:
        """From the likeness of a message to every example its nearness to every intent."""
        by_intent = np.append(alike, np.float32(0))[self._places]
        nearest: np.ndarray = np.partition(by_intent, -NEAREST, axis=1)[:, -NEAREST:].mean(axis=1)
        return nearest


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
