"""E-mail addresses as people type them, and when one is the same as that in a provider's record."""

from __future__ import annotations

import re

LONGEST = 254  # characters of an address that can be delivered to

# Strict: what could name two receivers, a comment or another header is no address.
ADDRESS = re.compile(r"[^\s@<>()\[\],;:\\\"]+@(?:[^\s@<>()\[\],;:\\\".]+\.)+[^\s@<>()\[\],;:\\\".]+")


def read_address(text: str) -> str | None:
    """The address in what somebody typed or copied, letters as they were typed; None where it is none."""
    text = text.strip()
    if text.startswith("<") and text.endswith(">"):
        text = text[1:-1].strip()
    if text[:7].casefold() == "mailto:":
        text = text[7:]
    is_address = ADDRESS.fullmatch(text) and text.isprintable() and len(text) <= LONGEST
    return text if is_address else None


def is_same(typed: str, known: str) -> bool:
    """Whether two addresses differ in nothing but letters' case.

    Case folding alone makes a `k` of the Kelvin sign and `ss` of `ß`, and those may be somebody else's: a character
    stands for one character, and only ASCII for ASCII.
    """
    return len(typed) == len(known) and all(
        one.casefold() == other.casefold() and one.isascii() == other.isascii()
        for one, other in zip(typed, known, strict=True)
    )


def mask(address: str) -> str:
    """Enough for its owner to know it by: `a…@example.org`."""
    name, _, domain = address.rpartition("@")
    return f"{name[:1]}…@{domain}"
