"""Runs in Rasa's environment: prints held-out texts that mean nearly the same as one that was known, a JSON object.

`.venv-nlu/bin/python tests/nlu/near_check.py VECTORS < texts`: two JSON lists, known and held-out, a line each.
Vectors that training left in the folder are not computed again.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from nlu.components.meaning import FIRST, Meaning
from nlu.components.vectors import VectorCache, embed, prepare

TOO_NEAR = 0.97


def main(folder: Path) -> None:
    examples, held_out = ([prepare(text) for text in json.loads(line)] for line in sys.stdin)
    meaning, cache = Meaning(), VectorCache(folder)
    known, new = (embed(meaning, texts, cache)[:, :FIRST] for texts in (examples, held_out))
    alike = new @ known.T
    nearest = alike.argmax(axis=1)
    print(
        json.dumps(
            {held_out[row]: examples[column] for row, column in enumerate(nearest) if alike[row, column] > TOO_NEAR}
        )
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]))
