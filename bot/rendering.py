"""Telegram HTML: cut into messages that Telegram takes, or shown as plain text."""

from __future__ import annotations

import re
from collections.abc import Iterable
from html import unescape

LONGEST = 4096  # characters of one message, after Telegram has read the tags
TAG = re.compile(r"<(/?)([a-z]+)([^>]*)>")
LINK = re.compile(r'<a href="([^"]*)">(.*?)</a>', re.DOTALL)
# Where a text may be cut, the best first: between paragraphs, lines, sentences, words.
BREAKS = ("\n\n", "\n", ". ", " ")


def split_html(text: str, longest: int = LONGEST) -> list[str]:
    """The text as messages of at most `longest` characters, cut where it hurts least, every tag closed."""
    return _carry_tags(_split(text, longest - 64 if len(text) > longest else longest))


def plain_text(html: str) -> str:
    """What a reader without HTML sees: a link's address follows its words where they differ."""
    linked = LINK.sub(lambda match: _link_as_text(match[1], match[2]), html)
    return unescape(TAG.sub("", linked))


def _link_as_text(address: str, words: str) -> str:
    bare = re.sub(r"^(https://(www\.)?|mailto:)|/$", "", address)
    return words if bare in words else f"{words} ({bare})"


def _split(text: str, longest: int) -> list[str]:
    if _length(text) <= longest:
        return [text]
    for mark in BREAKS:
        at = text.rfind(mark, 1, _reach(text, longest))
        if at > 0 and text.count("<", 0, at) == text.count(">", 0, at):
            return [text[: at + len(mark)].rstrip(), *_split(text[at + len(mark) :].lstrip(), longest)]
    at = _reach(text, longest)
    return [text[:at], *_split(text[at:], longest)]


def _length(text: str) -> int:
    """Telegram counts UTF-16 units; tags are counted too, which errs on the safe side."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def _reach(text: str, longest: int) -> int:
    """How many characters of the text fit, without cutting through a tag or an entity."""
    at = longest
    while _length(text[:at]) > longest:
        at -= 1
    for opening, closing in (("<", ">"), ("&", ";")):
        start = text.rfind(opening, 0, at)
        end = text.find(closing, start)
        if start > 0 and at <= end and end - start < 300:
            at = start
    return at


def _carry_tags(parts: Iterable[str]) -> list[str]:
    """Close the tags that are open at the end of each part and open them again in the next."""
    carried: list[str] = []
    whole = []
    for part in parts:
        opened = list(carried)
        for match in TAG.finditer(part):
            if match[1]:
                opened.pop()
            else:
                opened.append(match[0])
        closing = "".join(f"</{TAG.match(tag)[2]}>" for tag in reversed(opened))  # type: ignore[index]  # all are tags
        whole.append("".join(carried) + part + closing)
        carried = opened
    return whole
