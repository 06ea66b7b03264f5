"""How alike texts are by their letters: what an embedding misses, slips of the pen, slang, rare languages.

Every script is written in Latin letters first, so "виза", "viza" and "vizā" share theirs. Each text is
its groups of two to five letters, rare groups counting more (TF-IDF, on hashed groups: there is no
vocabulary to keep).
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import numpy as np
from anyascii import anyascii
from scipy import sparse
from sklearn.feature_extraction.text import HashingVectorizer

from nlu.components.nearest import Places

GROUPS = HashingVectorizer(
    analyzer="char_wb",
    ngram_range=(2, 5),
    n_features=2**18,
    norm=None,
    alternate_sign=False,
    preprocessor=lambda text: " ".join(re.findall(r"\w+", anyascii(text).casefold())),
    dtype=np.float32,
)


def count(texts: list[str]) -> dict[str, np.ndarray]:
    """How often each group stands in each example, as plain arrays to keep."""
    counts = GROUPS.transform(texts)
    return {
        "counts": np.minimum(counts.data, 255).astype(np.uint8),
        "groups": counts.indices,
        "starts": counts.indptr,
    }


class Letters:
    """The examples of each intent as groups of letters, from what `count` gave."""

    def __init__(self, examples: Mapping[str, np.ndarray], places: Places) -> None:
        shape = len(examples["starts"]) - 1, GROUPS.n_features
        counts = sparse.csr_matrix(
            (examples["counts"].astype(np.float32), examples["groups"], examples["starts"]), shape
        )
        self._rarity = _rarity(counts)
        self._groups = _weigh(counts, self._rarity).T.tocsr()  # by group: a message has few of them
        self._places = places

    def nearness(self, texts: list[str]) -> np.ndarray:
        """How near each text is to each intent, 0 to 1, shape (len(texts), intents)."""
        messages = _weigh(GROUPS.transform(texts), self._rarity)
        return np.vstack([self._places.nearness(self._likeness(weights)) for weights in messages])

    def _likeness(self, weights: sparse.csr_matrix) -> np.ndarray:
        """How much a message shares with each example. (The product of two sparse matrices takes twice as long.)"""
        return self._groups[weights.indices].T @ weights.data


def _rarity(counts: sparse.csr_matrix) -> np.ndarray:
    """The weight of each group; one that a single example has says nothing."""
    having = np.bincount(counts.indices, minlength=counts.shape[1])
    rarity = np.log((1 + counts.shape[0]) / (1 + having)) + 1
    return np.where(having < 2, 0, rarity).astype(np.float32)


def _weigh(counts: sparse.csr_matrix, rarity: np.ndarray) -> sparse.csr_matrix:
    """Rows of length one."""
    weights = counts.copy()
    weights.data = (1 + np.log(counts.data)) * rarity[counts.indices]
    weights.eliminate_zeros()
    lengths = np.sqrt(np.asarray(weights.multiply(weights).sum(axis=1)))[:, 0]
    weights.data /= np.repeat(np.maximum(lengths, 1e-9), np.diff(weights.indptr)).astype(np.float32)
    return weights
