"""The agreed words of each language, and the texts that do not use them.

A word is found by the beginnings of its parts, which ignores endings but not synonyms: a list to look
through, not a mistake that could hold up a publication.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from pydantic import Field

from locales import languages
from responses.content import FALLBACK_LANGUAGE, Content, Entry, Strict
from responses.markup import PLACEHOLDER, TAG
from responses.sheets import Malformed, Sheet, Sheets

FILE = Path(__file__).parent / "glossary.yaml"
Text = Annotated[str, Field(min_length=1, pattern=r"^\S+( \S+)*$")]


class Word(Strict):
    """What a language calls a thing: as in a dictionary, and as it is found in a text."""

    word: Text
    forms: tuple[Text, ...] = ()

    def stands_in(self, text: str) -> bool:
        """Whether a folded text has the word in one of its forms."""
        return any(_pattern(form).search(text) for form in self.forms or (self.word,))


class Term(Strict):
    """One thing with its word in each language."""

    note: Text
    words: dict[str, Word]


class _GlossaryFile(Sheet):
    terms: dict[Annotated[str, Field(pattern=r"^[a-z_]+$")], Term]


Glossary = Mapping[str, Term]


@dataclass(frozen=True)
class Stray:
    """An answer whose English text uses a term, while the text in this language has no form of its word."""

    language: str
    key: str
    term: str


def read_glossary(path: Path = FILE) -> Glossary:
    """The agreed words. Raises Malformed with every mistake."""
    sheets = Sheets(path.parent)
    file = sheets.load(path.name, _GlossaryFile)
    for name, term in (file.terms if file else {}).items():
        for language in sorted(set(languages()) - term.words.keys()):
            sheets.report(path.name, ("terms", name, "words"), f"the word in '{language}' is missing")
        for language in term.words.keys() - set(languages()):
            sheets.report(path.name, ("terms", name, "words", language), f"'{language}' is none of our languages")
    if file is None or sheets.problems:
        raise Malformed(sheets.problems)
    return file.terms


def strays(content: Content, glossary: Glossary, language: str) -> Iterator[Stray]:
    """The answers in a language that do not use an agreed word where English does."""
    for key, entry in content.entries[language].items():
        english, here = _folded(content.entries[FALLBACK_LANGUAGE][key]), _folded(entry)
        for name, term in glossary.items():
            if term.words[FALLBACK_LANGUAGE].stands_in(english) and not term.words[language].stands_in(here):
                yield Stray(language, key, name)


def _folded(entry: Entry) -> str:
    text = "\n".join([entry.title, entry.question, *(wording.text for wording in entry.wordings)])
    return _fold(PLACEHOLDER.sub("", TAG.sub("", text)))


def _fold(text: str) -> str:
    """Large and small letters alike, the Turkish dotted and dotless i among them."""
    return text.casefold().replace("\u0307", "").replace("ı", "i")


def _pattern(form: str) -> re.Pattern[str]:
    return re.compile(r"\w*[\s-]+".join(map(re.escape, re.split(r"[ -]", _fold(form)))))
