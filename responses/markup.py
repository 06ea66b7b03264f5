"""The small language of wordings: Telegram HTML with facts named in braces, `{permit_fee:short}`."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from html import escape
from html.parser import HTMLParser

from responses.figures import END_ISOLATE, FORMS, ISOLATE

TAGS = ("b", "i", "u", "s", "code", "a")
PLACEHOLDER = re.compile(r"\{([^{}]*)\}")
NAMED = re.compile(r"([a-z][a-z0-9_]*)(?::(\w+))?")
# A figure typed into a text would not change when the fact does. Numbered steps and codes such as
# B2 are no figures: a digit counts where no letter stands before it.
STEP = re.compile(r"^\d+\. ", re.MULTILINE)
ADDRESS = re.compile(r"[\w.+-]+@[\w-]+\.[\w.-]+|(?:https?://|www\.)[^\s<]+")
FIGURE = re.compile(r"(?<![A-Za-z\d])\d[\d.,:/]*")
LINKED = re.compile(r'href="\{(\w+)\}"')
TAG = re.compile(r"</?[a-z]+(?: [^<>]*[^<>/])?>")
ENTITY = re.compile(r"&(?!(?:amp|lt|gt|quot);)")
# Words in Latin letters with what belongs to them (Erasmus+, Smart-ID, /privacy, R&amp;D) and what
# stands between two of them; tags, placeholders and other entities are stepped over.
WORD = r"/?[A-Za-zÀ-ɏ](?:[\wÀ-ɏ+@_]|&amp;(?=\w)|[.’'/-](?=\w))*"
LATIN = re.compile(rf"(?P<other></?[a-z][^<>]*>|\{{[^{{}}]*\}}|&\w+;)|{WORD}(?:[ \u00a0]{WORD})*")


def facts_named(text: str) -> Iterator[tuple[str, str]]:
    """Each fact that a text names, with the form it is shown in."""
    for match in PLACEHOLDER.finditer(text):
        if named := NAMED.fullmatch(match[1]):
            yield named[1], named[2] or "long"


def facts_linked(text: str) -> list[str]:
    """The facts that a text links to."""
    return LINKED.findall(text)


def fill(text: str, show: Callable[[str, str], str], url: Callable[[str], str]) -> str:
    """The text with its facts put in: `show(name, form)` gives HTML, `url(name)` the target of a link."""
    linked = LINKED.sub(lambda match: f'href="{escape(url(match[1]))}"', text)
    return PLACEHOLDER.sub(lambda match: show(*_named(match[1])), linked)


def isolate_latin(text: str) -> str:
    """A right-to-left text whose words in Latin letters each keep to themselves.

    By the Unicode rules a neutral sign takes the direction of what surrounds it: the plus of "Erasmus+"
    would jump to the other side, a list of two names would be read backwards, and a line that begins
    with a name would run from left to right as a whole.
    """
    return LATIN.sub(lambda match: match[0] if match["other"] else f"{ISOLATE}{match[0]}{END_ISOLATE}", text)


def mistakes(text: str) -> Iterator[str]:
    """What keeps a text from being shown in Telegram or from following its facts."""
    for match in PLACEHOLDER.finditer(text):
        named = NAMED.fullmatch(match[1])
        if not named:
            yield f"{{{match[1]}}} does not name a fact"
        elif named[2] and named[2] not in FORMS:
            yield f"{{{match[1]}}}: '{named[2]}' is none of the forms {', '.join(FORMS)}"
    bare = PLACEHOLDER.sub("", text)
    if "{" in bare or "}" in bare:
        yield "a brace without its partner"
    yield from _Tags(text).found
    plain = TAG.sub("", bare)
    if "<" in plain or ">" in plain:
        yield "write < as &lt; and > as &gt;"
    if ENTITY.search(plain):
        yield "write & as &amp;"
    for match in ADDRESS.finditer(plain):
        yield f"the address {match[0].rstrip('.,:')} should be a fact"
    for match in FIGURE.finditer(STEP.sub("", ADDRESS.sub("", plain))):
        yield f"the figure {match[0].rstrip('.,:')} should be a fact"


def _named(inside: str) -> tuple[str, str]:
    name, _, form = inside.partition(":")
    return name, form or "long"


class _Tags(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self._open: list[str] = []
        self.feed(text)
        self.close()
        self.found += [f"<{tag}> is not closed" for tag in self._open]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in TAGS:
            self.found.append(f"<{tag}> is not allowed, only {', '.join(f'<{t}>' for t in TAGS)}")
        elif [name for name, _ in attrs] != (["href"] if tag == "a" else []):
            self.found.append(f"<{tag}> may carry {'only href' if tag == 'a' else 'no attributes'}")
        elif tag == "a" and not re.fullmatch(r'<a href="\{\w+\}">', self.get_starttag_text() or ""):
            self.found.append("a link's href must name a fact in braces")
        self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if self._open and self._open[-1] == tag:
            self._open.pop()
        else:
            self.found.append(f"</{tag}> closes nothing")
