"""What staff still have to do: translations to confirm or renew, figures to look up again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal

from responses.catalogue import FALLBACK_LANGUAGE
from responses.content import Content, Entry, Fact
from responses.markup import facts_named

State = Literal["source", "confirmed", "machine", "outdated", "missing"]
STATES: tuple[State, ...] = ("source", "confirmed", "machine", "outdated", "missing")
SOON = timedelta(days=14)


@dataclass(frozen=True)
class Due:
    """A figure that somebody has to look at: whose it is, since or until when, why, which answers show it."""

    name: str
    fact: Fact
    day: date
    why: Literal["never checked", "overdue", "soon"]
    keys: tuple[str, ...]


def state_of(entry: Entry | None, source: Entry) -> State:
    """How far an answer in one language is, against the English one."""
    if entry is None:
        return "missing"
    if entry.translates is None:
        return "source"
    if entry.translates < (source.version or 0):
        return "outdated"
    return "machine" if entry.made_by == "machine" else "confirmed"


def states(content: Content) -> dict[tuple[str, str], Counter[State]]:
    """How many answers of each area are in which state, by area and language."""
    found: dict[tuple[str, str], Counter[State]] = {}
    for key in content.topics:
        source = content.entries[FALLBACK_LANGUAGE][key]
        for language, entries in content.entries.items():
            counts = found.setdefault((key.split(".")[0], language), Counter())
            counts[state_of(entries.get(key), source)] += 1
    return found


def due(content: Content, today: date, within: timedelta = SOON) -> list[Due]:
    """Figures never checked, overdue or due soon; the most urgent first, among equals those in most answers."""
    shown = _keys_by_fact(content)
    found = [
        Due(name, fact, fact.review_by, why, tuple(sorted(shown.get(name, ()))))
        for name, values in content.facts.items()
        for fact in values
        if (why := _why(fact, today, within)) and (fact.valid_until or today) >= today
    ]
    urgency = ["overdue", "never checked", "soon"]
    return sorted(found, key=lambda each: (urgency.index(each.why), -len(each.keys), each.day, each.name))


def _why(fact: Fact, today: date, within: timedelta) -> Literal["never checked", "overdue", "soon"] | None:
    if fact.review_by < today:
        return "overdue"
    if fact.needs_review:
        return "never checked"
    return "soon" if fact.review_by <= today + within else None


def _keys_by_fact(content: Content) -> dict[str, set[str]]:
    shown: dict[str, set[str]] = {}
    for key, name in _facts_shown(content):
        shown.setdefault(name, set()).add(key)
    return shown


def _facts_shown(content: Content) -> Iterator[tuple[str, str]]:
    for key, entry in content.entries[FALLBACK_LANGUAGE].items():
        for wording in entry.wordings:
            yield from ((key, name) for name, _ in facts_named(wording.text))
