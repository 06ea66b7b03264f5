"""An e-mail address or a code in what somebody wrote: neither is for the language model, nor for any record."""

from __future__ import annotations

import re
import unicodedata

from bot.application.address import read_address

DIGITS = 6
MOST_WORDS = 6  # around a code: "the code is 123 456"
AROUND = ".,;:!?'\"“”„«»()[]。，；：！？（）「」"
CHINESE = re.compile(r"^.*[\u2e80-\u9fff\uff00-\uffef]")  # no space stands between it and an address
BETWEEN = re.compile(r"(?<=\d)[\s\-‐-―]+(?=\d)")


def find_address(text: str) -> str | None:
    """The first e-mail address in a text, as it was typed."""
    words = (CHINESE.sub("", word.strip(AROUND)) for word in text.replace("＠", "@").split() if "@" in word)
    return next(filter(None, map(read_address, words)), None)


def find_code(text: str, *, alone: bool) -> str | None:
    """The six digits of a text that has no others, in any script's digits, as ours; `alone`, or among a few words."""
    plain = BETWEEN.sub("", "".join(map(_plain, text)))
    digits = re.findall(r"\d+", plain)
    says_more = any(map(str.isalpha, plain)) if alone else len(plain.split()) > MOST_WORDS
    return digits[0] if len(digits) == 1 and len(digits[0]) == DIGITS and not says_more else None


def _plain(sign: str) -> str:
    """A digit of any script as ours; nothing for what only tells the direction of writing."""
    if sign.isdecimal():
        return str(unicodedata.decimal(sign))
    return "" if unicodedata.category(sign) == "Cf" else sign
