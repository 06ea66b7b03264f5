"""Messages with more than one question."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nlu.language import LANGUAGES
from nlu.questions import ATTEMPTS, MOST, split_questions


@pytest.mark.parametrize(
    ("language", "text", "parts"),
    [
        ("en", "How much is the dorm and when should I arrive?", ("How much is the dorm", "when should I arrive?")),
        (
            "en",
            "I am from India. Do I need a visa? How long does it take?",
            ("Do I need a visa?", "How long does it take?"),
        ),
        ("lt", "Kiek kainuoja bendrabutis ir kada atvykti?", None),  # the second half is two words
        (
            "lt",
            "Kiek kainuoja bendrabutis ir kada man reikia atvykti",
            ("Kiek kainuoja bendrabutis", "kada man reikia atvykti"),
        ),
        ("ru", "сколько стоит общежитие и когда мне приезжать", ("сколько стоит общежитие", "когда мне приезжать")),
        ("zh", "宿舍多少钱？什么时候到校？", ("宿舍多少钱？", "什么时候到校？")),
        ("zh", "宿舍一个月多少钱，我应该什么时候到校", ("宿舍一个月多少钱", "我应该什么时候到校")),
        ("en", "my TRP was refused and i fly in 5 days, what now??", None),  # background is no question
        ("tr", "yurt ne kadar ve ne zaman gelmeliyim", ("yurt ne kadar", "ne zaman gelmeliyim")),
        ("ar", "كم سعر السكن ومتى يجب أن أصل؟", ("كم سعر السكن", "متى يجب أن أصل؟")),
    ],
)
def test_questions_are_told_apart(language: str, text: str, parts: tuple[str, ...] | None) -> None:
    assert next(split_questions(text, language), None) == parts


@pytest.mark.parametrize("text", ["", "visa", "Do I need a visa?", "papers and photos", "a? b? c? d?", "???"])
def test_one_question_is_left_whole(text: str) -> None:
    assert list(split_questions(text, "en")) == []


@given(st.text(max_size=300), st.sampled_from(LANGUAGES))
def test_any_text_is_cut_in_few_ways_into_parts_of_itself(text: str, language: str) -> None:
    ways = list(split_questions(text, language))
    assert len(ways) <= ATTEMPTS
    for parts in ways:
        assert 2 <= len(parts) <= MOST
        assert all(part in text for part in parts)
