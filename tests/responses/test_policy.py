"""Which wording fits a person."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from responses.policy import VALUES, Aspect, Case, Condition, choose, holds, missing_aspect, overlaps

ASPECTS = list(VALUES)


def some_values(aspect: Aspect) -> st.SearchStrategy[tuple[str, ...]]:
    # Not all of them: a condition that is always met once known is no condition.
    values = VALUES[aspect]
    return st.sets(st.sampled_from(values), min_size=1, max_size=len(values) - 1).map(
        lambda chosen: tuple(sorted(chosen))
    )


CASES = st.fixed_dictionaries({}, optional={aspect: st.sampled_from(values) for aspect, values in VALUES.items()})
CONDITIONS = st.fixed_dictionaries({}, optional={aspect: some_values(aspect) for aspect in ASPECTS}).filter(bool)
WORDINGS = st.lists(CONDITIONS, max_size=4).map(lambda conditions: [{}, *conditions])


def completions(case: Case) -> list[dict[str, str]]:
    """Every person that this case may turn out to be."""
    unknown = [aspect for aspect in ASPECTS if aspect not in case]
    return [{**case, **dict(zip(unknown, values, strict=True))} for values in product(*(VALUES[a] for a in unknown))]


@settings(deadline=None, max_examples=100)
@given(conditions=WORDINGS, case=CASES)
def test_the_most_specific_of_the_wordings_that_hold_is_chosen(conditions: list[Condition], case: Case) -> None:
    chosen = choose(conditions, case)
    assert holds(conditions[chosen], case)
    for condition in conditions:
        if len(condition) > len(conditions[chosen]):
            assert any(case.get(aspect) not in values for aspect, values in condition.items())


@settings(deadline=None, max_examples=100)
@given(conditions=WORDINGS, case=CASES)
def test_nothing_is_asked_exactly_when_no_value_would_change_the_choice(
    conditions: list[Condition], case: Case
) -> None:
    choices = {choose(conditions, person) for person in completions(case)}
    assert (missing_aspect(conditions, case) is None) == (len(choices) == 1)


@settings(deadline=None, max_examples=100)
@given(conditions=WORDINGS, case=CASES)
def test_what_is_asked_is_unknown_and_decides_between_two_wordings(conditions: list[Condition], case: Case) -> None:
    asked = missing_aspect(conditions, case)
    if asked is not None:
        assert asked not in case
        assert any(
            len({choose(conditions, {**person, asked: value}) for value in VALUES[asked]}) > 1
            for person in completions(case)
        )


@settings(deadline=None, max_examples=100)
@given(conditions=WORDINGS)
def test_without_overlaps_the_order_of_the_wordings_does_not_matter(conditions: list[Condition]) -> None:
    backwards = [conditions[0], *reversed(conditions[1:])]
    same = all(
        conditions[choose(conditions, person)] == backwards[choose(backwards, person)] for person in completions({})
    )
    assert same or overlaps(conditions)


@pytest.mark.parametrize(
    ("case", "chosen", "asked"),
    [
        ({}, 0, "citizenship"),
        ({"citizenship": "eu"}, 1, None),
        ({"citizenship": "visa_free"}, 0, "level"),
        ({"citizenship": "visa_free", "level": "master"}, 2, None),
        ({"citizenship": "visa_free", "level": "exchange"}, 0, None),
        ({"level": "exchange"}, 0, "citizenship"),
        ({"citizenship": "restricted", "stage": "admitted"}, 0, None),
    ],
)
def test_a_case_gets_its_wording_or_a_question(case: Case, chosen: int, asked: Aspect | None) -> None:
    conditions: list[Condition] = [
        {},
        {"citizenship": ("eu",)},
        {"citizenship": ("visa_free", "visa_required"), "level": ("bachelor", "master")},
    ]
    assert (choose(conditions, case), missing_aspect(conditions, case)) == (chosen, asked)


def test_only_equally_specific_cases_that_one_person_can_meet_overlap() -> None:
    conditions: list[Condition] = [
        {},
        {"citizenship": ("eu", "visa_free")},
        {"citizenship": ("visa_free", "restricted")},
        {"citizenship": ("visa_required",)},
        {"level": ("master",)},
        {"level": ("master",), "citizenship": ("eu",)},
    ]
    assert overlaps(conditions) == [(1, 2), (1, 4), (2, 4), (3, 4)]
