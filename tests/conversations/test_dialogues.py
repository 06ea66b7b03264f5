"""Whole conversations as students have them, with a model whose understanding is written down."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conftest import ScriptedNlu

VISA = {"visa.need": 0.9}
WHICH_PASSPORT = "The answer depends on your citizenship. Which passport do you have?"
YOUR_COUNTRY = "Your country: India\n\nYes, you need one of the two:"


@pytest.fixture(autouse=True)
def meanings(nlu: ScriptedNlu) -> None:
    nlu.meanings |= {
        "Do I need a visa?": VISA,
        "I am from India, do I need a visa?": VISA,
        "Ar man reikia vizos studijuoti Kaune?": VISA,
        "viza": VISA,
        "How much does a room cost?": {"housing.price": 0.95},
        "and for master's?": {"out_of_scope": 0.5, "admission.requirements": 0.2},
        "I want to talk to a person": {"contact.human": 0.9},
    }


async def test_a_question_that_names_the_country_is_answered_at_once(chat: Any) -> None:
    assert (await chat.says("I am from India, do I need a visa?")).startswith(YOUR_COUNTRY)
    assert chat.reply.outcome == "answer"
    assert "For my studies" in chat.buttons


async def test_the_button_for_the_studies_makes_the_answer_exact(chat: Any) -> None:
    await chat.says("I am from India, do I need a visa?")
    chat.presses("For my studies")
    assert "temporary residence permit (TRP), and you apply for it before you travel" in chat.presses(
        "Master's studies"
    )
    assert "For my studies" not in chat.buttons


async def test_a_question_without_the_country_asks_for_it(chat: Any) -> None:
    assert await chat.says("Do I need a visa?") == WHICH_PASSPORT
    assert chat.buttons == ["EU, EEA or Switzerland", "Another country", "I'd rather not say"]
    assert chat.presses("EU, EEA or Switzerland").startswith("No. As a citizen of the EU")


@pytest.mark.parametrize("typed", ["India", "india", "Indija", "indai", "Inda", "I'm Indian"])
async def test_a_typed_country_answers_the_question_that_was_waiting(chat: Any, typed: str) -> None:
    await chat.says("Do I need a visa?")
    assert (await chat.says(typed)).startswith(YOUR_COUNTRY)
    assert chat.person.country == "IN"


async def test_a_typed_country_is_taken_up_in_lithuanian_with_a_typo(chat: Any) -> None:
    await chat.says("Ar man reikia vizos studijuoti Kaune?")
    assert (await chat.says("Indja")).startswith("Jūsų šalis: Indija")


async def test_another_country_is_typed(chat: Any) -> None:
    await chat.says("Do I need a visa?")
    assert chat.presses("Another country") == "Please type the name of the country whose passport you have."
    assert (await chat.says("India")).startswith(YOUR_COUNTRY)


async def test_a_country_can_be_corrected_under_the_answer(chat: Any) -> None:
    await chat.says("I am from India, do I need a visa?")
    chat.presses("Another country")
    assert (await chat.says("Ukraine")).startswith("Your country: Ukraine\n\nYou can enter Lithuania without a visa")


async def test_countries_that_look_alike_are_asked_about_however_strange_the_model_finds_them(chat: Any) -> None:
    await chat.says("Do I need a visa?")
    assert await chat.says("Austrlia") == "Which country do you mean?"
    assert set(chat.buttons) >= {"Austria", "Australia", "I'd rather not say"}
    assert chat.presses("Australia").startswith("Your country: Australia")


async def test_a_country_that_is_none_is_asked_for_again(chat: Any, nlu: ScriptedNlu) -> None:
    nlu.meanings["Wakanda"] = {"talk.goodbye": 0.37, "out_of_scope": 0.36}
    await chat.says("Do I need a visa?")
    assert (await chat.says("Wakanda")).startswith("I do not recognise this country.")
    assert (await chat.says("India")).startswith(YOUR_COUNTRY)


async def test_whoever_would_rather_not_say_gets_the_general_answer(chat: Any) -> None:
    await chat.says("Do I need a visa?")
    text = chat.presses("I'd rather not say")
    assert text.startswith("It depends on your citizenship and on how long you stay.")
    assert await chat.says("Do I need a visa?") == text


async def test_a_new_question_comes_before_the_one_that_was_waiting(chat: Any) -> None:
    await chat.says("Do I need a visa?")
    await chat.says("How much does a room cost?")
    assert (chat.reply.key, chat.person.asked) == ("housing.price", None)


async def test_a_new_question_that_names_a_country_in_passing_is_no_answer(chat: Any, nlu: ScriptedNlu) -> None:
    text = "What does it cost to send a parcel from India to the dormitory?"
    nlu.meanings[text] = {"housing.price": 0.8}
    await chat.says("Do I need a visa?")
    await chat.says(text)
    assert chat.reply.key == "housing.price"
    assert chat.person.country is None


async def test_the_second_half_of_a_question_keeps_the_topic(chat: Any) -> None:
    await chat.says("I am from India, do I need a visa?")
    text = await chat.says("and for master's?")
    assert chat.reply.key == "visa.need"
    assert text.startswith(
        "Your country: India\nStudies: Master's studies\n\nYou need a temporary residence permit (TRP)"
    )
    assert chat.person.level == "master"


async def test_the_second_half_of_no_question_is_not_guessed(chat: Any) -> None:
    await chat.says("and for master's?")
    assert chat.reply.outcome == "fallback"


async def test_a_lithuanian_question_gets_lithuanian_and_one_word_keeps_it(chat: Any) -> None:
    assert (await chat.says("Ar man reikia vizos studijuoti Kaune?")).startswith("Atsakymas priklauso nuo")
    assert (await chat.says("viza")).startswith("Atsakymas priklauso nuo")
    assert (await chat.says("Erasmus")).startswith("Nesu tikras, ar galiu į tai atsakyti.")
    assert (await chat.says("I am from India, do I need a visa?")).startswith("Your country: India")


@pytest.mark.parametrize("before", ["question", "citizenship"])
@pytest.mark.parametrize("away", [False, True], ids=["model there", "model away"])
async def test_a_cry_for_help_comes_before_everything(chat: Any, nlu: ScriptedNlu, before: str, away: bool) -> None:
    if before == "question":
        await chat.says("I want to talk to a person")
        chat.presses("Pass my question on")
    else:
        await chat.says("Do I need a visa?")
    assert chat.person.asked == before
    nlu.away = away
    await chat.says("I want to kill myself")
    assert (chat.reply.key, chat.reply.pass_on, chat.person.asked) == ("talk.crisis", None, None)


async def test_a_cry_for_help_in_lithuanian_is_heard_while_the_model_is_away(chat: Any, nlu: ScriptedNlu) -> None:
    nlu.away = True
    await chat.says("Aš nebegaliu, noriu mirti, niekas man nepadeda")
    assert (chat.reply.key, chat.reply.language) == ("talk.crisis", "lt")


async def test_a_cry_for_help_that_only_the_model_hears_comes_before_the_country(chat: Any, nlu: ScriptedNlu) -> None:
    nlu.meanings["back to India forever"] = {"out_of_scope": 0.6, "talk.crisis": 0.3}
    await chat.says("Do I need a visa?")
    await chat.says("back to India forever")
    assert chat.reply.key == "talk.crisis"


async def test_while_the_model_is_away_the_menu_is_offered_and_its_buttons_answer(chat: Any, nlu: ScriptedNlu) -> None:
    nlu.away = True
    assert (await chat.says("Do I need a visa?")).startswith("I cannot read questions right now.")
    assert chat.reply.outcome == "fallback"
    assert chat.presses("Visa") == "Visa"
    assert chat.presses("Visa or residence permit?") == WHICH_PASSPORT
    assert (await chat.says("Indja? I mean India")).startswith(YOUR_COUNTRY)


async def test_while_the_model_is_away_an_unknown_country_gets_the_menu(chat: Any, nlu: ScriptedNlu) -> None:
    await chat.says("Do I need a visa?")
    nlu.away = True
    assert (await chat.says("Atlantis")).startswith("I cannot read questions right now.")


async def test_a_question_is_handed_to_the_staff(chat: Any) -> None:
    await chat.says("I want to talk to a person")
    assert chat.presses("Pass my question on").startswith("Please write your question in one message now.")
    assert (await chat.says("Do I need a visa?")).startswith("Thank you. I have passed your question on")
    assert chat.reply.pass_on == "Do I need a visa?"
    assert await chat.says("Do I need a visa?") == WHICH_PASSPORT
    assert chat.reply.pass_on is None


async def test_a_question_for_the_staff_is_handed_over_while_the_model_is_away(chat: Any, nlu: ScriptedNlu) -> None:
    await chat.says("I want to talk to a person")
    chat.presses("Pass my question on")
    nlu.away = True
    await chat.says("My door does not open")
    assert chat.reply.pass_on == "My door does not open"


async def test_handing_over_a_question_can_be_cancelled(chat: Any) -> None:
    await chat.says("I want to talk to a person")
    chat.presses("Pass my question on")
    chat.presses("Cancel")
    assert await chat.says("Do I need a visa?") == WHICH_PASSPORT
    assert chat.reply.pass_on is None


async def test_an_unknown_text_gets_the_nearest_topics_and_a_person(chat: Any) -> None:
    assert (await chat.says("Who won the basketball game?")).startswith("I am not sure that I can answer this.")
    assert (chat.reply.outcome, chat.reply.keys) == ("fallback", ("talk.help", "contact.office"))
    assert chat.buttons[0] == "What can you do?"
    assert chat.buttons[-1] == "I want to talk to a person."
    assert chat.presses("I want to talk to a person.")
    assert "Pass my question on" in chat.buttons
