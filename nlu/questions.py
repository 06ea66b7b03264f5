"""Where a message may hold more than one question."""

from __future__ import annotations

import re
from collections.abc import Iterator

from nlu.entities import asks

MOST = 3  # questions answered in one reply
ATTEMPTS = 2  # ways to cut one sentence; each costs two parses
FEWEST_WORDS = 3  # "papers and photos" is one question

SENTENCE = re.compile(r"[^?？؟!！.。\n]+[?？؟!！.。]*")
ASKING = re.compile(r"[?？؟]")
AND = re.compile(
    r"\s+(?:and|ir|bei|o|и|а|та|і|й|oraz|i|a|und|et|y|e|ve|və|həm)\s+(?:also\s+|taip pat\s+|ещё\s+|auch\s+|también\s+)?"
    r"|\s+و(?=\w)|[,，、]\s*(?:还有|另外|以及)?",
    re.IGNORECASE,
)


def split_questions(text: str, language: str) -> Iterator[tuple[str, ...]]:
    """Ways to cut a text into its questions, the likeliest first; none where it seems to hold one.

    Of two halves around an "and" each must ask something: "I was refused and fly tomorrow, what now?" is one question.
    """
    asking = [sentence.strip() for sentence in SENTENCE.findall(text) if ASKING.search(sentence)]
    if 2 <= len(asking) <= MOST:
        yield tuple(asking)
    elif len(asking) < 2:
        question = asking[0] if asking else text.strip()
        cuts = [
            (question[: found.start()].strip(), question[found.end() :].strip()) for found in AND.finditer(question)
        ]
        yield from [
            cut for cut in cuts if all(count_words(part) >= FEWEST_WORDS and asks(part, language) for part in cut)
        ][:ATTEMPTS]


def count_words(text: str) -> int:
    """How many words a text has; Chinese has two characters to a word, and no spaces."""
    spaceless = sum("\u4e00" <= character <= "\u9fff" for character in text)
    return len(text.split()) + spaceless // 2
