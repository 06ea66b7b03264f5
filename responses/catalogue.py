"""The published content in memory, ready to answer from."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from responses.content import FALLBACK_LANGUAGE, Content, Entry, Fact, Topic, value_on
from responses.figures import is_right_to_left, show
from responses.markup import facts_named, fill, isolate_latin
from responses.policy import Aspect, Case, choose, missing_aspect
from responses.state import Due, due

# An old e-mail address below an answer does not make what the answer says old.
WAYS_TO_REACH = ("link", "email", "phone", "address")


@dataclass(frozen=True)
class Answer:
    """A text to read out, as Telegram HTML, and what a reader may want to check about it."""

    key: str
    language: str  # the language it is written in, English where the asked one lacks it
    text: str
    facts: tuple[str, ...]
    source: str | None  # https address
    checked: date | None  # the oldest look at a source of a figure in the text, or at the page itself
    outdated: bool  # a figure's review is overdue or it needs one, or no value of it holds today
    depends_on: tuple[Aspect, ...]  # what of the person decided for this wording
    machine_made: bool = False  # a translation that no person has confirmed


class Catalogue:
    """Answers from one state of the content; a new state is a new catalogue."""

    def __init__(self, content: Content) -> None:
        self._content = content

    @property
    def keys(self) -> tuple[str, ...]:
        return tuple(self._content.topics)

    @property
    def languages(self) -> tuple[str, ...]:
        return tuple(self._content.entries)

    def topic(self, key: str) -> Topic:
        return self._content.topics[key]

    def title(self, key: str, language: str) -> str:
        written_in, entry = self._entry(key, language)
        return _readable(entry.title, written_in)

    def question(self, key: str, language: str) -> str:
        written_in, entry = self._entry(key, language)
        return _readable(entry.question, written_in)

    def areas(self, language: str) -> dict[str, str]:
        """The areas in the order of the topics, each with its name in this language or in English."""
        here, there = self._content.areas.get(language, {}), self._content.areas[FALLBACK_LANGUAGE]
        return {area: here.get(area) or there[area] for area in dict.fromkeys(key.split(".")[0] for key in self.keys)}

    def keys_of(self, area: str) -> list[str]:
        return [key for key in self.keys if key.split(".")[0] == area]

    def citizenship_of(self, country: str) -> str:
        """The entry rules for a passport of this country, by ISO code."""
        return self._content.countries.citizenship_of(country)

    def missing_aspect(self, key: str, language: str, case: Case) -> Aspect | None:
        """What must be known of the person before this answer is sure, or None."""
        return missing_aspect([wording.when for wording in self._entry(key, language)[1].wordings], case)

    def answer(self, key: str, language: str, case: Case, today: date) -> Answer:
        """The wording for this person with today's facts in it. Raises KeyError for an unknown key."""
        written_in, entry = self._entry(key, language)
        wording = entry.wordings[choose([wording.when for wording in entry.wordings], case)]
        used = {name: self._fact(name, today) for name, _ in facts_named(wording.text)}
        text = fill(
            _readable(wording.text, written_in),
            lambda name, form: show(used[name].type, used[name].parsed, written_in, form),
            lambda name: used[name].url or "",
        )
        source = self._content.topics[key].source
        page = self._fact(source, today) if source else None
        figures = [fact for fact in used.values() if fact.type not in WAYS_TO_REACH]
        looked_at = figures or ([page] if page else list(used.values()))
        return Answer(
            key=key,
            language=written_in,
            text=text.strip(),
            facts=tuple(used),
            source=page.url if page else None,
            checked=min((fact.seen for fact in looked_at), default=None),
            outdated=any(fact.needs_review or fact.review_by < today for fact in looked_at)
            or not all(fact.holds_on(today) for fact in used.values()),
            depends_on=tuple(wording.when),
            machine_made=entry.made_by == "machine",
        )

    def figure(self, name: str, language: str, today: date) -> str:
        """One fact as HTML in a language. Raises KeyError for an unknown fact."""
        fact = self._fact(name, today)
        return show(fact.type, fact.parsed, language)

    def due(self, today: date) -> list[Due]:
        """The figures that staff have to look at."""
        return due(self._content, today)

    def _entry(self, key: str, language: str) -> tuple[str, Entry]:
        entry = self._content.entries.get(language, {}).get(key)
        if entry:
            return language, entry
        return FALLBACK_LANGUAGE, self._content.entries[FALLBACK_LANGUAGE][key]

    def _fact(self, name: str, today: date) -> Fact:
        return value_on(self._content.facts[name], today)


def _readable(text: str, language: str) -> str:
    return isolate_latin(text) if is_right_to_left(language) else text
