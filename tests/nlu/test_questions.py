"""Messages with more than one question."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nlu.questions import ATTEMPTS, MOST, split_questions


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("How much is the dorm and when should I arrive?", ("How much is the dorm", "when should I arrive?")),
        ("I am from India. Do I need a visa? How long does it take?", ("Do I need a visa?", "How long does it take?")),
        ("Kiek kainuoja bendrabutis ir kada atvykti?", None),  # the second half is two words
        (
            "Kiek kainuoja bendrabutis ir kada man reikia atvykti",
            ("Kiek kainuoja bendrabutis", "kada man reikia atvykti"),
        ),
        ("сколько стоит общежитие и когда мне приезжать", ("сколько стоит общежитие", "когда мне приезжать")),
        ("宿舍多少钱？什么时候到校？", ("宿舍多少钱？", "什么时候到校？")),
        ("宿舍一个月多少钱，我应该什么时候到校", ("宿舍一个月多少钱", "我应该什么时候到校")),
        ("كم سعر السكن ومتى يجب أن أصل؟", ("كم سعر السكن", "متى يجب أن أصل؟")),
    ],
)
def test_questions_are_told_apart(text: str, parts: tuple[str, ...] | None) -> None:
    assert next(split_questions(text), None) == parts


@pytest.mark.parametrize("text", ["", "visa", "Do I need a visa?", "papers and photos", "a? b? c? d?", "???"])
def test_one_question_is_left_whole(text: str) -> None:
    assert list(split_questions(text)) == []


@given(st.text(max_size=300))
def test_any_text_is_cut_in_few_ways_into_parts_of_itself(text: str) -> None:
    ways = list(split_questions(text))
    assert len(ways) <= ATTEMPTS
    for parts in ways:
        assert 2 <= len(parts) <= MOST
        assert all(part in text for part in parts)
