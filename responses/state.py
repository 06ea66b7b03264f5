"""What staff still have to do: translations to confirm or renew, figures to look up again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal

from responses.content import FALLBACK_LANGUAGE, Content, Entry, Fact, value_on
from responses.markup import facts_named

State = Literal["source", "confirmed", "machine", "outdated", "missing"]
Why = Literal["not valid", "overdue", "never checked", "soon"]
URGENCY: tuple[Why, ...] = ("not valid", "overdue", "never checked", "soon")
STATES: tuple[State, ...] = ("source", "confirmed", "machine", "outdated", "missing")
SOON = timedelta(days=14)


@dataclass(frozen=True)
class Due:
    """A figure that somebody has to look at: since or until when, why, and which answers show it."""

    name: str
    fact: Fact
    day: date
    why: Why
    keys: tuple[str, ...]

    @property
    def when(self) -> str:
        """What the day is, in words."""
        if self.why != "not valid":
            return f"review by {self.day}"
        return f"until {self.day}" if self.day == self.fact.valid_until else f"not before {self.day}"


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
    """Figures of which no value holds, never checked, overdue or due soon.

    The most urgent come first, among equals those in most answers.
    """
    shown = _keys_by_fact(content)
    found = [
        Due(name, fact, day, why, tuple(sorted(shown.get(name, ()))))
        for name, values in content.facts.items()
        for fact, day, why in _looks(values, today, within)
    ]
    return sorted(found, key=lambda each: (URGENCY.index(each.why), -len(each.keys), each.day, each.name))


def _looks(values: Sequence[Fact], today: date, within: timedelta) -> Iterator[tuple[Fact, date, Why]]:
    shown = value_on(values, today)
    if not shown.holds_on(today):
        yield shown, _edge(shown, today), "not valid"
    for fact in values:
        if (why := _why(fact, today, within)) and (fact.valid_until or today) >= today:
            yield fact, fact.review_by, why


def _edge(fact: Fact, today: date) -> date:
    """The day on which a value that does not hold ended, or will begin."""
    begins = fact.valid_from and fact.valid_from > today
    edge = fact.valid_from if begins else fact.valid_until
    assert edge, "a value that does not hold has ended or not begun"
    return edge


def _why(fact: Fact, today: date, within: timedelta) -> Why | None:
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
