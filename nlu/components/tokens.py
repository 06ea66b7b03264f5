"""Cuts a text into the pieces that the sentence embedding knows (SentencePiece's unigram model).

The library `tokenizers` gives the same pieces (tested in docs/decisions/0004) but needs 300 MB for the
250,000 of them, where a dictionary needs 70: half of what the whole server may use.
"""

from __future__ import annotations

import re

from nlu.components.weights import Vocabulary

SPACE = "\u2581"  # stands for the space before a word
NEVER = -1e30


class Tokenizer:
    """Text → ids of the likeliest pieces, with the marks for its beginning and end around them."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self._vocabulary = vocabulary
        self._longest = max(map(len, vocabulary.pieces))
        self._unknown_score = min(vocabulary.scores) - 10

    def ids(self, text: str) -> list[int]:
        words = SPACE + re.sub(" +", " ", text.translate(self._vocabulary.normal)).lstrip(" ").replace(" ", SPACE)
        return [self._vocabulary.begin, *self._cut(words), self._vocabulary.end]

    def _cut(self, text: str) -> list[int]:
        """Viterbi's algorithm: the best way to each place in the text, then back from its end."""
        pieces, scores = self._vocabulary.pieces, self._vocabulary.scores
        best = [0.0] + [NEVER] * len(text)
        last = [(0, self._vocabulary.unknown)] * (len(text) + 1)  # where the last piece begins, and which it is
        for start in range(len(text)):
            so_far = best[start]
            for end in range(start + 1, min(len(text), start + self._longest) + 1):
                piece = pieces.get(text[start:end])
                if piece is not None and so_far + scores[piece] > best[end]:
                    best[end], last[end] = so_far + scores[piece], (start, piece)
            if so_far + self._unknown_score > best[start + 1]:
                best[start + 1] = so_far + self._unknown_score
                last[start + 1] = start, self._vocabulary.unknown
        ids, end = [], len(text)
        while end:
            end, piece = last[end]
            ids.append(piece)
        return ids[::-1]
