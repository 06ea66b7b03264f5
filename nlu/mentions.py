"""What a message names exactly: an e-mail address, an application's number, a programme, a month or a day."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from functools import cache
from itertools import takewhile
from pathlib import Path

import yaml
from babel import Locale

from nlu.entities import fold

PROGRAMMES = Path(__file__).parent / "programmes.yaml"
EMAIL = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
# MIGRIS numbers look like 2608-LLG-0042; others follow a word for "number" or stand behind "#".
APPLICATION = re.compile(
    r"\b(\d{4}-[A-Z]{3}-\d{4})\b"
    r"|(?:#|№|\b(?:no\.|nr|num|number|numeris|numerio|numeriu|numer|nummer|numero|número|numéro|номер|numara\w*|nömrə\w*|id)(?!\w)"
    r"|编号|編號|号码|رقم)[\s.:#№]*([A-Z]{0,4}-?\d{3,10})\b",
    re.IGNORECASE,
)
DAY_FIRST = re.compile(r"\b(\d{1,2})[./](\d{1,2})(?:[./](\d{4}))?\b(?![./]\d)")
YEAR_FIRST = re.compile(r"\b(\d{4})[-./](\d{1,2})[-./](\d{1,2})\b")
CHINESE = re.compile(r"(?:(\d{4})年)?\s*(\d{1,2})月(?:\s*(\d{1,2})[日号號])?")
SHORTEST_STEM = 4  # letters that begin a month's name in all its cases
# Arabic has three sets of names; "may" is a verb more often than a month.
LOCALES = {"ar": ("ar", "ar_LB", "ar_DZ"), "zh": ()}
NEEDS_A_PREPOSITION = {
    r"may\b": re.compile(
        r"\b(?:in|of|by|until|till|before|after|since|from|early|mid|late|\d+)(?:st|nd|rd|th)? may\b|\bmay \d"
    )
}


def find_mentions(text: str, language: str) -> dict[str, str]:
    """By name: `email`, `application`, `programme`, `month` as MM, `date` as YYYY-MM-DD or MM-DD."""
    found: dict[str, str] = {}
    if email := EMAIL.search(text):
        found["email"] = email[0].rstrip(".")
    if application := APPLICATION.search(EMAIL.sub(" ", text)):
        found["application"] = (application[1] or application[2]).upper()
    folded = fold(text)
    if programme := _programme(folded):
        found["programme"] = programme
    return found | _day(text, folded, language)


def _programme(folded: str) -> str | None:
    """The programme with the longest name that stands in the text."""
    return next((name for words, name in _programmes() if f" {words} " in f" {folded} "), None)


@cache
def _programmes() -> list[tuple[str, str]]:
    listed = yaml.safe_load(PROGRAMMES.read_text(encoding="utf-8"))["programmes"]
    return sorted(((fold(each), names[0]) for names in listed for each in names), key=lambda pair: -len(pair[0]))


def _day(text: str, folded: str, language: str) -> dict[str, str]:
    """The first day or month that the text names, in digits or in words."""
    written = next(filter(None, (_shown(*numbers) for numbers in _numbers(text))), None)
    if written:
        return written
    for month, name in _months(language):
        if (NEEDS_A_PREPOSITION.get(name) or re.compile(rf"\b{name}")).search(folded):
            day = re.search(rf"\b(\d{{1,2}})(?:st|nd|rd|th)? (?:de )?{name}|\b{name}\w* (\d{{1,2}})\b", folded)
            year = re.search(r"\b20\d\d\b", folded)
            return _shown(year and year[0], month, day and (day[1] or day[2])) or {"month": f"{month:02}"}
    return {}


def _numbers(text: str) -> Iterator[tuple[str | None, int, str | None]]:
    """Days written in digits: year, month, day."""
    for match in YEAR_FIRST.finditer(text):
        yield match[1], int(match[2]), match[3]
    for match in DAY_FIRST.finditer(text):
        yield match[3], int(match[2]), match[1]
    for match in CHINESE.finditer(text):
        yield match[1], int(match[2]), match[3]


def _shown(year: str | None, month: int, day: str | None) -> dict[str, str] | None:
    """The entity for a day or a month, or None where there is no such day."""
    try:
        whole = date(int(year or 2000), month, int(day or 1))  # a leap year has every day
    except ValueError:
        return None
    if day is None:
        return {"month": f"{month:02}"}
    return {"date": whole.isoformat() if year else f"{month:02}-{whole.day:02}"}


@cache
def _months(language: str) -> list[tuple[int, str]]:
    """Each month with the beginning of its name that all its cases share, or the whole names where that is short."""
    names = []
    for locale in LOCALES.get(language, (language,)) + (("en",) if language != "en" else ()):
        months = Locale.parse(locale).months
        for month in range(1, 13):
            cases = [fold(months[context]["wide"][month]) for context in ("format", "stand-alone")]
            stem = cases[0][: sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(*cases, strict=False)))]
            names += [(month, stem)] if len(stem) >= SHORTEST_STEM else [(month, rf"{case}\b") for case in cases]
    return names
