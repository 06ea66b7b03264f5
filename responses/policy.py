"""Which wording of an answer fits a person: pure functions over cases.

A case is what is known of a person, `{"citizenship": "eu", "level": "master"}`; a condition names the
values for which a wording is meant, `{"citizenship": ("visa_free", "visa_required")}`. Of the wordings
whose conditions all hold, the one with the most conditions is read out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations, product
from typing import Literal

Aspect = Literal["citizenship", "level", "stage", "direction"]
Case = Mapping[str, str]
Condition = Mapping[Aspect, Sequence[str]]

VALUES: dict[Aspect, tuple[str, ...]] = {
    "citizenship": ("eu", "visa_free", "visa_required", "restricted"),
    "level": ("bachelor", "master", "phd", "exchange", "trainee", "staff", "prep"),
    "stage": ("prospective", "applicant", "admitted", "enrolled", "graduate"),
    "direction": ("incoming", "outgoing"),
}


def holds(condition: Condition, case: Case) -> bool:
    """Whether everything that the condition asks is known and right."""
    return all(case.get(aspect) in values for aspect, values in condition.items())


def choose(conditions: Sequence[Condition], case: Case) -> int:
    """Index of the most specific condition that holds; the first condition is empty and always does."""
    fitting = [index for index, condition in enumerate(conditions) if holds(condition, case)]
    return max(fitting, key=lambda index: len(conditions[index]))


def missing_aspect(conditions: Sequence[Condition], case: Case) -> Aspect | None:
    """What has to be asked before one wording is sure, or None where nothing would change the choice."""
    unknown = [aspect for aspect in VALUES if aspect not in case and any(aspect in c for c in conditions)]
    for aspect in unknown:
        others = [other for other in unknown if other != aspect]
        for rest in _cases(others, case):
            chosen = {choose(conditions, {**rest, aspect: value}) for value in VALUES[aspect]}
            if len(chosen) > 1:
                return aspect
    return None


def overlaps(conditions: Sequence[Condition]) -> list[tuple[int, int]]:
    """Pairs of equally specific conditions that one person can meet: the choice would be left to chance."""
    return [
        (first, second)
        for first, second in combinations(range(len(conditions)), 2)
        if len(conditions[first]) == len(conditions[second]) and _meet(conditions[first], conditions[second])
    ]


def _meet(one: Condition, other: Condition) -> bool:
    return all(set(one[aspect]) & set(other[aspect]) for aspect in one.keys() & other.keys())


def _cases(aspects: Sequence[Aspect], known: Case) -> list[dict[str, str]]:
    return [
        {**known, **dict(zip(aspects, values, strict=True))}
        for values in product(*(VALUES[aspect] for aspect in aspects))
    ]
