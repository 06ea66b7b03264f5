"""What staff are told that there is to do."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta

import pytest

from responses.content import Content, Entry, Fact
from responses.state import due, state_of, states

DAY = date(2026, 11, 24)


def entry(**fields: object) -> Entry:
    return Entry.model_validate({"title": "Visa", "question": "Visa?", "wordings": [{"text": "Yes."}], **fields})


@pytest.mark.parametrize(
    ("translation", "state"),
    [
        (None, "missing"),
        (entry(version=5), "source"),
        (entry(translates=2, made_by="machine"), "machine"),
        (entry(translates=2, made_by="person"), "confirmed"),
        (entry(translates=1, made_by="person"), "outdated"),
        (entry(translates=1, made_by="machine"), "outdated"),
    ],
)
def test_the_state_of_a_translation_follows_from_versions(translation: Entry | None, state: str) -> None:
    assert state_of(translation, entry(version=2)) == state


def test_states_are_counted_by_area_and_language(small: Content) -> None:
    found = states(small)
    assert found["visa", "en"] == {"source": 2}
    assert found["talk", "lt"] == {"missing": 1}


def facts(small: Content, **values: Fact) -> Content:
    return replace(small, facts={name: (value,) for name, value in values.items()})


def test_what_is_overdue_comes_before_what_nobody_checked_and_what_is_due_soon(
    small: Content, make_fact: Callable[..., Fact]
) -> None:
    content = facts(
        small,
        soon=make_fact("number", "1", review_by=DAY + timedelta(days=14)),
        later=make_fact("number", "1", review_by=DAY + timedelta(days=15)),
        unchecked=make_fact("number", "1", needs_review=True),
        fee=make_fact("number", "1", review_by=DAY - timedelta(days=1)),
    )
    gone = make_fact("number", "1", review_by=date(2026, 2, 1), valid_until=date(2026, 3, 1))
    replaced = (gone, make_fact("number", "2", valid_from=date(2026, 3, 2)))
    listed = due(replace(content, facts={**content.facts, "replaced": replaced}), DAY)
    assert [(each.name, each.why) for each in listed] == [
        ("fee", "overdue"),
        ("unchecked", "never checked"),
        ("soon", "soon"),
    ]
    assert listed[0].keys == ("visa.fee", "visa.need")  # the answers that show it, in English


@pytest.mark.parametrize(
    ("span", "when"),
    [
        ({"valid_until": date(2026, 11, 23)}, "until 2026-11-23"),
        ({"valid_from": date(2026, 11, 25)}, "not before 2026-11-25"),
        ({"valid_from": date(2026, 1, 1), "valid_until": date(2026, 3, 1)}, "until 2026-03-01"),
        ({"valid_from": date(2026, 11, 24), "valid_until": date(2026, 11, 24)}, None),
    ],
)
def test_a_figure_of_which_no_value_holds_comes_first(
    small: Content, make_fact: Callable[..., Fact], span: dict[str, date], when: str | None
) -> None:
    overdue = make_fact("number", "1", review_by=DAY - timedelta(days=1))
    listed = due(facts(small, fee=overdue, stay=make_fact("number", "1", **span)), DAY)
    expected = [("stay", "not valid", when)] if when else []
    assert [(each.name, each.why, each.when) for each in listed] == [
        *expected,
        ("fee", "overdue", "review by 2026-11-23"),
    ]
