"""How the assistant asks for what an answer depends on."""

from __future__ import annotations

import pytest

from bot.conversation.questions import QUESTIONS, ask, label_of
from bot.conversation.reply import Choice
from locales import languages, translator
from responses.policy import VALUES

LANGUAGES = languages()


def test_every_aspect_can_be_asked_for() -> None:
    assert set(QUESTIONS) == {*VALUES, "country"}


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("what", QUESTIONS)
def test_every_choice_means_a_value_that_answers_know(what: str, language: str) -> None:
    _, choices = ask(what, translator(language))
    for choice in choices:
        match choice.data.split(":"):
            case ["set", aspect, value]:
                assert value in (*VALUES[aspect], "not_said")
            case other:
                assert other == ["country"]
    assert len({choice.data for choice in choices}) == len(choices)
    assert len({choice.label for choice in choices}) == len(choices)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("what", QUESTIONS)
def test_a_button_shows_its_whole_label(what: str, language: str) -> None:
    _, choices = ask(what, translator(language))
    assert [choice.label for choice in choices if len(choice.label) > 64] == []


def test_every_question_can_be_left_unanswered() -> None:
    ways_out = {what: ask(what, translator("en"))[1][-1] for what in QUESTIONS}
    aspects = {what: "citizenship" if what == "country" else what for what in QUESTIONS}
    assert ways_out == {
        what: Choice("I'd rather not say", f"set:{aspect}:not_said") for what, aspect in aspects.items()
    }


def test_a_question_is_asked_in_the_persons_language() -> None:
    text, choices = ask("direction", translator("lt"))
    assert text == "Ar atvykstate į KTU, ar išvykstate iš KTU į užsienį?"
    assert [choice.label for choice in choices] == ["Atvykstu į KTU", "Išvykstu iš KTU į užsienį", "Nenorėčiau sakyti"]


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_aspect_has_a_button_of_its_own_under_an_answer(language: str) -> None:
    labels = [label_of(aspect, translator(language)) for aspect in VALUES]
    assert len(set(labels)) == len(VALUES)
    assert all(0 < len(label) <= 64 for label in labels)
