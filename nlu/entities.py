"""What a message names besides its question: a country, a level of study, a direction, a cry for help.

The words stand in nlu/lexicon/<language>.yaml, with `*` for any ending, because most of our languages
inflect them; country names in their plain form come from the CLDR, in every language.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from babel import Locale
from rapidfuzz import fuzz, process

FOLDER = Path(__file__).parent / "lexicon"
LEVELS = ("bachelor", "master", "phd", "exchange", "trainee", "staff", "prep")
# CLDR territories that are not anybody's citizenship: groups, outlying islands, Antarctica.
NO_CITIZENSHIP = set("EU EZ UN QO XA XB ZZ AQ BV HM TF GS IO UM CP CQ DG AC TA EA IC".split())  # noqa: SIM905 -- one line instead of twenty
LONGEST_STEM = 80  # characters before a pattern's `*`; without a limit one endless word takes seconds
SIMILAR = 82  # how alike a typed name and a country's must be, of 100


class Lexicon:
    """The words of one language for countries, nationalities, levels of study and the like, and the English ones.

    Students mix English in, but a language's own words go first: in Turkish "mali" is about money, so
    its file takes that name back.
    """

    def __init__(self, language: str) -> None:
        words = _read(language)
        self._spaceless = language == "zh"
        # Chinese has no spaces to tell words by: English ones would be found inside others.
        english = None if language == "en" or self._spaceless else lexicon("en")
        self._countries: dict[str, str] = dict(english._countries) if english else {}
        self._countries |= {fold(name): code for code, name in country_names(language).items()}
        self._countries |= dict(_patterns(words.get("countries", {})))  # which may take back a name: "": [lithuania]
        self._levels: dict[str, str] = dict(english._levels) if english else {}
        self._levels |= dict(_patterns(words.get("levels", {})))
        self._directions: dict[str, str] = dict(english._directions) if english else {}
        self._directions |= dict(_patterns(words.get("direction", {})))
        self._elsewhere: dict[str, str] = dict(english._elsewhere) if english else {}
        self._elsewhere |= dict(_patterns({"yes": words.get("elsewhere", [])}))
        self._asking: dict[str, str] = dict(english._asking) if english else {}
        self._asking |= dict(_patterns({"yes": words.get("asking", [])}))
        self._crisis = dict(_patterns({"yes": words.get("crisis", [])}))
        self._crisis_alone = {fold(phrase) for phrase in words.get("crisis_alone", [])}
        self._follow_ups = tuple(fold(phrase) for phrase in words.get("follow_up", []))

    def entities(self, text: str) -> dict[str, str]:
        """The first country (ISO code), level and direction that a text names."""
        folded = fold(text)
        kinds = {"country": self._countries, "level": self._levels, "direction": self._directions}
        found = {kind: self._find(folded, patterns) for kind, patterns in kinds.items()}
        return {kind: value for kind, value in found.items() if value}

    def names_elsewhere(self, text: str) -> bool:
        return self._find(fold(text), self._elsewhere) is not None

    def asks(self, text: str) -> bool:
        return self._find(fold(text), self._asking) is not None

    def is_cry_for_help(self, text: str) -> bool:
        folded = fold(text)
        return folded in self._crisis_alone or self._find(folded, self._crisis) is not None

    def leans_on_before(self, text: str) -> bool:
        words = fold(text)
        if self._spaceless and words.endswith("呢"):  # "and …?" in Chinese
            return True
        return any(
            words == phrase or words.startswith(phrase if self._spaceless else phrase + " ")
            for phrase in self._follow_ups
        )

    def _find(self, text: str, patterns: Mapping[str, str]) -> str | None:
        """The value of the pattern met first; of those met at one place, the longest."""
        if self._spaceless:
            return _find_inside(text, patterns)
        words = text.split()
        for start in range(len(words)):
            for length in range(min(5, len(words) - start), 0, -1):
                if value := _match(" ".join(words[start : start + length]), patterns):
                    return value
        return None


@cache
def lexicon(language: str) -> Lexicon:
    return Lexicon(language)


def find_entities(text: str, language: str) -> dict[str, str]:
    """Country, level and direction in a text, in its language or in English: students mix them."""
    own = lexicon(language).entities(text)
    return {**lexicon("en").entities(text), **own} if language == "zh" else own


def is_cry_for_help(text: str, language: str) -> bool:
    """Whether a text says in plain words that its writer is in danger; works while the model is away."""
    return any(lexicon(each).is_cry_for_help(text) for each in {language, "en"})


def leans_on_before(text: str, language: str) -> bool:
    """Whether a text begins like the second half of a question: "and for …", "what about …"."""
    return lexicon(language).leans_on_before(text)


def names_elsewhere(text: str, language: str) -> bool:
    """Whether a text names another city or university of Lithuania than ours."""
    return any(lexicon(each).names_elsewhere(text) for each in {language, "en"})


def asks(text: str, language: str) -> bool:
    """Whether a text holds a word that questions are asked with."""
    return any(lexicon(each).asks(text) for each in {language, "en"})


def find_country(text: str, language: str, most: int = 3) -> list[str]:
    """Countries that a typed name may mean, the likeliest first: one where it is sure, none where nothing is near."""
    named = find_entities(text, language).get("country")
    if named:
        return [named]
    folded = fold(text)
    names = {f"{each} {code}": fold(name) for each in (language, "en") for code, name in country_names(each).items()}
    near = process.extract(folded, names, scorer=fuzz.ratio, score_cutoff=SIMILAR, limit=most)
    return list(dict.fromkeys(label.split()[1] for _, _, label in near))


@cache
def country_names(language: str) -> dict[str, str]:
    """The name of every country in a language, by ISO code."""
    territories = Locale.parse(language).territories
    return {code: name for code, name in territories.items() if len(code) == 2 and code not in NO_CITIZENSHIP}


def fold(text: str) -> str:
    """Lower case without marks and punctuation: "Türkiye'den!" and "turkiye den" are the same."""
    plain = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())  # "𝕀" is "I" first, then "i"
    bare = "".join(c for c in plain if unicodedata.category(c)[0] not in "MC")
    return " ".join(re.findall(r"\w+", bare.replace("ı", "i")))


def _match(phrase: str, patterns: Mapping[str, str]) -> str | None:
    if phrase in patterns:
        return patterns[phrase]
    last_word = phrase.rfind(" ") + 1  # the ending that `*` stands for is that of the last word
    for end in range(min(len(phrase), LONGEST_STEM), max(2, last_word), -1):
        if value := patterns.get(phrase[:end] + "*"):
            return value
    return None


def _find_inside(text: str, patterns: Mapping[str, str]) -> str | None:
    """As `Lexicon._find`, where words are not apart: a name that was taken back covers what stands in it."""
    longest = max(map(len, patterns), default=0)
    start = 0
    while start < len(text):
        for length in range(min(longest, len(text) - start), 0, -1):
            piece = text[start : start + length]
            if (value := patterns.get(piece, patterns.get(piece + "*"))) is not None:
                if value:
                    return value
                start += length - 1
                break
        start += 1
    return None


def _patterns(groups: Mapping[str, list[str]]) -> Iterator[tuple[str, str]]:
    for value, words in groups.items():
        for word in words:
            yield fold(word) + ("*" if word.endswith("*") else ""), value


def _read(language: str) -> dict[str, Any]:
    path = FOLDER / f"{language}.yaml"
    if not path.exists():
        return {}
    words = yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.CBaseLoader)  # noqa: S506 -- it makes texts only
    return words if isinstance(words, dict) else {}
