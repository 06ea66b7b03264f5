"""What can be wrong with content that is well-formed: pure functions that yield where and why."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from itertools import pairwise

from babel import Locale

from responses.content import SOURCE_LANGUAGES, Countries, Entry, Fact, Topic, Wording
from responses.markup import facts_linked, facts_named, mistakes
from responses.policy import overlaps
from responses.sheets import Way

Facts = Mapping[str, Sequence[Fact]]
Found = Iterator[tuple[Way, str]]


def check_validity(facts: Facts) -> Found:
    """Values of one fact that hold on the same day, leave days between them, or differ in type."""
    for name, values in facts.items():
        spans = sorted((value.valid_from or date.min, value.valid_until or date.max) for value in values)
        for (_, ended), (begins, _) in pairwise(spans):
            if begins <= ended:
                yield ("facts", name), "two values hold on the same day"
            elif begins - ended > timedelta(days=1):
                yield ("facts", name), f"no value holds between {ended} and {begins}"
        if len({value.type for value in values}) > 1:
            yield ("facts", name), "its values have different types"


def check_topics(topics: Mapping[str, Topic], facts: Facts) -> Found:
    for key, topic in topics.items():
        if topic.source and not any(fact.url for fact in facts.get(topic.source, ())):
            yield ("topics", key, "source"), f"facts.yaml has no link '{topic.source}'"
        for other in topic.related:
            if other not in topics or other == key:
                yield ("topics", key, "related"), f"there is no other key '{other}'"


def check_countries(countries: Countries) -> Found:
    seen: set[str] = set()
    known = Locale("en").territories
    for name, codes in countries.classes.items():
        for index, code in enumerate(codes):
            if code not in known or code in seen:
                what = "stands in two classes" if code in seen else "is no country code"
                yield ("classes", name, index), f"'{code}' {what}"
            seen.add(code)


def check_entry(language: str, entry: Entry, topic: Topic, facts: Facts) -> Found:
    """What is wrong with an answer by itself; ways begin at the entry."""
    if language in SOURCE_LANGUAGES and entry.version is None:
        yield (), "version is missing: this language is a source of translations"
    if language not in SOURCE_LANGUAGES and (entry.translates is None or entry.made_by is None):
        yield (), "translates and made_by are missing: this language is a translation"
    for index, wording in enumerate(entry.wordings):
        for way, message in _check_wording(index, wording, topic, facts):
            yield ("wordings", index, *way), message
    for first, second in overlaps([wording.when for wording in entry.wordings]):
        yield ("wordings", second), f"meets the same person as wording {first}; make the cases disjoint"


def check_translation(entry: Entry, english: Entry) -> Found:
    """Cases and facts in which an answer differs from the English one of the same version.

    A translation of an older version may differ: it is shown as outdated until somebody mends it. So may
    Lithuanian, which has versions of its own, once it says another one than English.
    """
    if (entry.translates or entry.version) != english.version:
        return
    expected = {_case(wording): _facts(wording) for wording in english.wordings}
    for case in expected.keys() - {_case(wording) for wording in entry.wordings}:
        yield ("wordings",), f"the English text for {_described(case)} has none here"
    for index, wording in enumerate(entry.wordings):
        case = _case(wording)
        if case not in expected:
            yield ("wordings", index, "when"), f"English has no text for {_described(case)}"
            continue
        for name in sorted(expected[case] - _facts(wording)):
            yield ("wordings", index, "text"), f"the English text names {{{name}}}, this one does not"
        for name in sorted(_facts(wording) - expected[case]):
            yield ("wordings", index, "text"), f"the English text does not name {{{name}}}"


def _check_wording(index: int, wording: Wording, topic: Topic, facts: Facts) -> Found:
    if bool(wording.when) == (index == 0):
        yield (), "the first wording, and only it, is for everybody and has no 'when'"
    for aspect in wording.when:
        if aspect not in topic.varies_by:
            yield ("when",), f"topics.yaml does not say that the answer varies by {aspect}"
    for mistake in mistakes(wording.text):
        yield ("text",), mistake
    for name, _ in facts_named(wording.text):
        if name not in facts:
            yield ("text",), f"facts.yaml has no fact '{name}'"
    for name in facts_linked(wording.text):
        if not all(fact.url for fact in facts.get(name, ())):
            yield ("text",), f"a link's href names '{name}', which is no link"


Case = frozenset[tuple[str, frozenset[str]]]


def _case(wording: Wording) -> Case:
    return frozenset((aspect, frozenset(values)) for aspect, values in wording.when.items())


def _described(case: Case) -> str:
    return ", ".join(f"{aspect} {' or '.join(sorted(values))}" for aspect, values in sorted(case)) or "everybody"


def _facts(wording: Wording) -> set[str]:
    return {name for name, _ in facts_named(wording.text)}
