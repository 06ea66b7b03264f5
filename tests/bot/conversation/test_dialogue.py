"""What is made of a message and of a button; whole conversations are in tests/conversations."""

from __future__ import annotations

import re
from collections import deque
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from telegram.ext import CallbackQueryHandler

from bot.conversation.dialogue import Dialogue
from bot.conversation.person import Person
from bot.conversation.registrar import Registrar
from bot.conversation.reply import Choice, Turn
from bot.handlers import application, privacy
from integrations.application_status import Case, Kind, State, Task
from locales import languages
from nlu.language import LanguageDetector
from nlu.understanding import Guess, Understanding
from responses.catalogue import Catalogue
from responses.policy import VALUES
from tests.conftest import TODAY, ScriptedNlu

LANGUAGES = languages()
INDIAN = Person(country="IN", citizenship="visa_required")
AT = datetime(2026, 11, 24, 12, tzinfo=UTC)
OLD = "This button is from an older message"

people = st.builds(
    Person,
    language=st.sampled_from(["en", "lt", "pl", "zh"]),
    country=st.sampled_from([None, "IN", "LT", "XK"]),
    citizenship=st.sampled_from([None, "eu", "visa_required", "not_said"]),
    level=st.sampled_from([None, "master", "not_said"]),
    topic=st.sampled_from([None, "visa.need", "talk.greet"]),
    asked=st.sampled_from([None, "citizenship", "country", "level", "question"]),
)
HEADS = ["menu", "area", "ask", "country", "narrow", "set", "lang", "human", "citizenship", "level"]
VALUES_AND_NONSENSE = [
    "visa",
    "talk",
    "visa.need",
    "talk.crisis",
    "eu",
    "not_said",
    "IN",
    "SU",
    "CQ",
    "in",
    "lt",
    "__class__",
]
words = st.sampled_from([*HEADS, *VALUES_AND_NONSENSE])
hostile = st.text(max_size=70) | st.lists(words | st.text(max_size=5), max_size=5).map(":".join)


class Presses:
    """Stands in for the application where only the registered patterns matter."""

    def __init__(self) -> None:
        self.patterns: list[re.Pattern[str]] = []

    def add_handler(self, handler: object) -> None:
        if isinstance(handler, CallbackQueryHandler):
            assert isinstance(handler.pattern, re.Pattern)
            self.patterns.append(handler.pattern)


@settings(deadline=None, max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=hostile, person=people)
def test_no_button_data_breaks_the_conversation(dialogue: Dialogue, data: str, person: Person) -> None:
    turn = dialogue.press(data, person)
    assert turn.reply.text
    assert turn.reply.key is None or turn.reply.key in dialogue.speaker(person).catalogue.keys


@settings(deadline=None, max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    text=st.text(max_size=80) | st.sampled_from(["\ud800 visa for me", "\x00", "🙂", "<b>", "{x}", "a" * 5000]),
    person=people,
)
async def test_no_text_breaks_the_conversation(dialogue: Dialogue, text: str, person: Person) -> None:
    assert (await dialogue.hear(text, person)).reply.text


@settings(deadline=None, max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(start=hostile, person=people)
def test_no_link_breaks_the_conversation(dialogue: Dialogue, start: str, person: Person) -> None:
    turn = dialogue.open(start, person)
    assert turn is None or turn.reply.text


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("known", [{}, {"country": "IN", "citizenship": "visa_required"}], ids=["stranger", "Indian"])
def test_every_button_leads_somewhere(
    dialogue: Dialogue, catalogue: Catalogue, language: str, known: dict[str, str]
) -> None:
    person = Person(language=language, **known)
    speaker = dialogue.speaker(person)
    presses = Presses()
    privacy.register(presses)
    application.register(presses)
    registrar = Registrar(replace(speaker, shows_applications=True))
    accepted = Case("here", "1", Kind.APPLICATION, State.ACCEPTED, "Robotics", None, AT, tasks=(Task("cv"),))
    shown = ([accepted], frozenset[str](), frozenset[str]())
    old = dialogue.press("no such button", person).reply.text
    waiting = deque[Turn](
        [
            *(speaker.menu(), speaker.act("talk.language"), speaker.act("talk.greet"), speaker.admit(("visa.need",))),
            *(speaker.which_country(["AT", "AU"], "visa.need"), speaker.offer(("visa.need", "visa.late"))),
            *(speaker.ask_to_delete(), replace(speaker, person=replace(person, consent=True)).show_data(0, 0)),
            *(speaker.ask(aspect, "visa.need") for aspect in (*VALUES, "country")),
            *(speaker.answer(key) for key in catalogue.keys),
            *(registrar.speaker.offer_link(), registrar.ask_code(), registrar.refuse_code(), registrar.confirm_link()),
            *(registrar.show(*shown, True), registrar.show(*shown, False), registrar.show_missing([accepted])),
            *(registrar.show_next([accepted]), speaker.show_data(0, 0, ["linked"])),
        ]
    )
    pressed: set[str] = set()
    while waiting:
        turn = waiting.popleft()
        for choice in turn.reply.choices:
            assert len(choice.data.encode()) <= 64, choice
            if choice.data.startswith(("privacy:", "link:")):
                assert any(pattern.match(choice.data) for pattern in presses.patterns), choice
            elif choice.data not in pressed:
                pressed.add(choice.data)
                waiting.append(dialogue.press(choice.data, turn.person))
                assert waiting[-1].reply.text != old, choice
    assert {f"ask:{key}" for key in catalogue.keys if not key.startswith("talk.")} <= pressed
    assert {"menu", "country", "human", "lang:lt", "set:country:AU", "set:stage:admitted"} <= pressed
    assert ("narrow:level" in pressed) == bool(known)


def test_an_area_without_topics_is_an_old_button(dialogue: Dialogue) -> None:
    for data in ("area:", "area:parking", "ask:visa", "set:country:SU", "set:level:eu", "lang:xx", "narrow:country"):
        assert dialogue.press(data, Person()).reply.text.startswith(OLD), data


def test_a_person_is_out_of_reach_where_no_staff_listen(catalogue: Catalogue, detector: LanguageDetector) -> None:
    deaf = Dialogue(lambda: catalogue, ScriptedNlu(), detector, lambda: TODAY)
    assert deaf.press("human", Person()).reply.text.startswith(OLD)
    assert "human" not in [choice.data for choice in deaf.press("ask:contact.human", Person()).reply.choices]


def test_the_menu_ends_what_was_waiting(dialogue: Dialogue) -> None:
    turn = dialogue.press("menu", Person(topic="visa.need", asked="question"))
    assert turn.person == Person(topic="visa.need")


def test_a_chosen_language_is_spoken_from_then_on(dialogue: Dialogue) -> None:
    turn = dialogue.press("lang:lt", Person())
    assert (turn.person.language, turn.reply.text) == ("lt", "Ką norėtumėte sužinoti? Pasirinkite sritį.")


def test_a_value_pressed_answers_the_topic_that_waited(dialogue: Dialogue) -> None:
    turn = dialogue.press("set:citizenship:eu", Person(topic="visa.need", asked="citizenship"))
    assert turn.reply.text.startswith("No. As a citizen of the EU")
    assert turn.person == Person(citizenship="eu", topic="visa.need")


def test_a_value_pressed_without_a_topic_is_noted(dialogue: Dialogue) -> None:
    turn = dialogue.press("set:country:IN", Person(asked="country"))
    assert turn.reply.text.startswith("Thank you, I will keep that in mind.")
    assert turn.person == INDIAN


def test_a_class_of_countries_takes_the_place_of_the_country(dialogue: Dialogue) -> None:
    turn = dialogue.press("set:citizenship:eu", replace(INDIAN, topic="visa.need"))
    assert (turn.person.country, turn.person.citizenship) == (None, "eu")


def test_an_answer_is_made_more_exact(dialogue: Dialogue) -> None:
    asked = dialogue.press("narrow:level", replace(INDIAN, topic="visa.need"))
    assert (asked.reply.outcome, asked.person.asked) == ("clarify", "level")
    exact = dialogue.press("set:level:exchange", asked.person)
    assert "For an exchange of one or two semesters you usually need a <b>national (D) visa</b>" in exact.reply.text


@pytest.mark.parametrize(
    ("start", "key", "text"),
    [("visa", None, "<b>Visa</b>"), ("visa-cost_time", "visa.cost_time", ""), ("contact-human", "contact.human", "")],
)
def test_a_link_opens_an_area_or_a_topic(dialogue: Dialogue, start: str, key: str | None, text: str) -> None:
    turn = dialogue.open(start, Person())
    assert turn
    assert turn.reply.key == key
    assert turn.reply.text.startswith(text)


@pytest.mark.parametrize("start", ["", "-", "parking", "visa-", "visa.", "visa-need-x"])
def test_a_link_to_nothing_opens_nothing(dialogue: Dialogue, start: str) -> None:
    assert dialogue.open(start, Person()) is None


async def test_a_reply_carries_what_was_understood(dialogue: Dialogue, nlu: ScriptedNlu) -> None:
    nlu.meanings["Do Indians need a visa?"] = {"visa.need": 0.8, "visa.late": 0.1}
    turn = await dialogue.hear("Do Indians need a visa?", Person())
    assert turn.reply.understanding == Understanding(
        (Guess("visa.need", 0.8), Guess("visa.late", 0.1)), {"country": "IN"}
    )


async def test_a_model_that_understands_nothing_is_not_believed(dialogue: Dialogue, nlu: ScriptedNlu) -> None:
    nlu.meanings["hm"] = {}
    turn = await dialogue.hear("hm", Person())
    assert (turn.reply.outcome, turn.reply.choices) == (
        "fallback",
        (Choice("I want to talk to a person.", "ask:contact.human"),),
    )


async def test_a_country_is_kept_only_where_the_answer_depends_on_it(dialogue: Dialogue, nlu: ScriptedNlu) -> None:
    nlu.meanings["How do I fly from India to Kaunas for my master's?"] = {"visa.cost_time": 0.9}
    turn = await dialogue.hear("How do I fly from India to Kaunas for my master's?", Person())
    assert turn.person == Person(topic="visa.cost_time")


async def test_a_level_is_kept_where_the_answer_depends_on_it(dialogue: Dialogue, nlu: ScriptedNlu) -> None:
    nlu.meanings["Which master's programmes are there?"] = {"programmes.list": 0.9}
    turn = await dialogue.hear("Which master's programmes are there?", Person())
    assert (turn.reply.outcome, turn.person.level) == ("answer", "master")


async def test_close_meanings_are_asked_about(dialogue: Dialogue, nlu: ScriptedNlu) -> None:
    nlu.meanings["my papers"] = {"permit.documents": 0.4, "visa.documents": 0.35}
    turn = await dialogue.hear("my papers", Person(topic="visa.need", asked="level"))
    assert (turn.reply.outcome, turn.reply.keys) == ("clarify", ("permit.documents", "visa.documents"))
    assert turn.person.asked is None


async def test_a_language_that_we_do_not_speak_leaves_the_old_one(dialogue: Dialogue) -> None:
    text = "Pitääkö minun hakea oleskelulupaa opiskelua varten yliopistossa?"
    assert (await dialogue.hear(text, Person(language="lt"))).reply.language == "lt"


async def test_a_short_message_does_not_lean_on_before_where_the_model_is_sure(
    dialogue: Dialogue, nlu: ScriptedNlu
) -> None:
    nlu.meanings["And master's fees?"] = {"money.tuition": 0.9}
    turn = await dialogue.hear("And master's fees?", Person(topic="programmes.list"))
    assert turn.reply.key == "money.tuition"


async def test_a_short_message_leans_on_the_topic_before_unless_it_is_clear_by_itself(
    dialogue: Dialogue, nlu: ScriptedNlu
) -> None:
    nlu.meanings |= {"and for phd students": {"talk.help": 0.6}, "phd students help": {"talk.help": 0.85}}
    before = Person(topic="programmes.list", level="master")
    leaning = await dialogue.hear("and for phd students", before)
    assert (leaning.reply.key, leaning.person.level) == ("programmes.list", "phd")
    assert (await dialogue.hear("phd students help", before)).reply.key == "talk.help"


async def test_two_questions_get_both_answers_in_their_order(dialogue: Dialogue, nlu: ScriptedNlu) -> None:
    nlu.meanings |= {
        "How much is the dorm and when should I arrive?": {"arrival.when": 0.5, "housing.price": 0.4},
        "How much is the dorm": {"housing.price": 0.9},
        "when should I arrive?": {"arrival.when": 0.9},
    }
    turn = await dialogue.hear("How much is the dorm and when should I arrive?", Person())
    assert (turn.reply.outcome, turn.reply.keys) == ("answer", ("housing.price", "arrival.when"))
    first, second = (
        turn.reply.text.index("How much does the dormitory cost?"),
        turn.reply.text.index("When should I arrive"),
    )
    assert first < second


async def test_background_that_sounds_like_a_topic_is_no_second_question(dialogue: Dialogue, nlu: ScriptedNlu) -> None:
    text = "Can I bring my cat and my violin with me, do I need a visa?"
    nlu.meanings |= {text: {"visa.need": 0.9}, "How sad?": {"housing.price": 0.9}}
    assert (await dialogue.hear(text, INDIAN)).reply.keys == ("visa.need",)


async def test_of_two_questions_one_unclear_the_whole_message_is_asked_about(
    dialogue: Dialogue, nlu: ScriptedNlu
) -> None:
    text = "How much is the dorm? And the other thing?"
    nlu.meanings |= {
        text: {"housing.price": 0.5, "housing.apply": 0.3},
        "How much is the dorm?": {"housing.price": 0.9},
        "And the other thing?": {"housing.apply": 0.3, "housing.rooms": 0.3},
    }
    assert (await dialogue.hear(text, Person())).reply.outcome == "clarify"


async def test_two_questions_of_which_one_asks_back_keep_its_buttons(dialogue: Dialogue, nlu: ScriptedNlu) -> None:
    nlu.meanings |= {
        "Do I need a visa? When should I arrive?": {"arrival.when": 0.5, "visa.need": 0.4},
        "Do I need a visa?": {"visa.need": 0.9},
        "When should I arrive?": {"arrival.when": 0.9},
    }
    turn = await dialogue.hear("Do I need a visa? When should I arrive?", Person())
    assert turn.reply.keys == ("visa.need", "arrival.when")
    assert turn.person.asked == "citizenship"
    assert turn.person.topic == "visa.need"
    assert any(choice.data == "set:citizenship:eu" for choice in turn.reply.choices)


async def test_a_question_that_leans_on_the_one_before_stays_in_its_area(dialogue: Dialogue, nlu: ScriptedNlu) -> None:
    meaning = {"money.tuition": 0.35, "visa.cost_time": 0.3, "housing.price": 0.1}
    nlu.meanings |= {"and how much does it cost?": meaning, "how much does it cost?": meaning}
    after_visa = replace(INDIAN, topic="visa.need")
    assert (await dialogue.hear("and how much does it cost?", after_visa)).reply.keys[0] == "visa.cost_time"
    assert (await dialogue.hear("how much does it cost?", after_visa)).reply.keys[0] == "money.tuition"


async def test_a_language_that_we_do_not_speak_is_understood_and_the_answer_says_so(
    dialogue: Dialogue, nlu: ScriptedNlu
) -> None:
    question = "Quanto custa o alojamento estudantil em Kaunas?"
    nlu.meanings[question] = {"housing.price": 0.9}
    reply = (await dialogue.hear(question, Person(language="es"))).reply
    assert (reply.key, reply.language) == ("housing.price", "es")
    assert reply.text.startswith("<i>Todavía no escribo en tu idioma.")
    spoken = (await dialogue.hear("¿Cuánto cuesta la residencia en Kaunas?", Person(language="es"))).reply
    assert "Todavía" not in spoken.text


async def test_a_short_question_of_its_own_is_not_taken_for_more_about_the_one_before(
    dialogue: Dialogue, nlu: ScriptedNlu
) -> None:
    nlu.meanings["visa for indian students"] = {"visa.need": 0.7, "visa.documents": 0.2}
    reply = (await dialogue.hear("visa for indian students", Person(topic="work.during_studies"))).reply
    assert (reply.outcome, reply.keys[0]) == ("clarify", "visa.need")


async def test_another_city_is_not_taken_for_ours(dialogue: Dialogue, nlu: ScriptedNlu) -> None:
    nlu.meanings |= {"and in Vilnius?": {"out_of_scope": 0.6, "life.city": 0.1}, "o Vilniuje?": {"out_of_scope": 0.6}}
    reply = (await dialogue.hear("and in Vilnius?", Person(topic="housing.price"))).reply
    assert reply.key == "housing.price"
    assert reply.text.startswith("<i>I only know about KTU and life in Kaunas.")
    in_lithuanian = (await dialogue.hear("o Vilniuje?", Person(language="lt", topic="housing.price"))).reply
    assert in_lithuanian.text.startswith("<i>Žinau tik apie KTU ir gyvenimą Kaune.")
    nlu.meanings["flats in Vilnius"] = {"out_of_scope": 0.9}
    assert (await dialogue.hear("flats in Vilnius", Person())).reply.outcome == "fallback"


async def test_what_the_answer_takes_the_person_to_be_is_shown_and_can_be_changed(
    dialogue: Dialogue, nlu: ScriptedNlu
) -> None:
    nlu.meanings["Which master's programmes are there?"] = {"programmes.list": 0.9}
    turn = await dialogue.hear("Which master's programmes are there?", Person())
    assert turn.reply.text.startswith("<i>Studies: Master's studies</i>")
    assert Choice("Another level of study", "narrow:level") in turn.reply.choices


async def test_whether_one_comes_or_goes_is_taken_from_the_message(dialogue: Dialogue, nlu: ScriptedNlu) -> None:
    keys = [key for key in dialogue.speaker(Person()).catalogue.keys]
    varies = next(key for key in keys if "direction" in dialogue.speaker(Person()).catalogue.topic(key).varies_by)
    nlu.meanings["how is it for outgoing students"] = {varies: 0.9}
    assert (await dialogue.hear("how is it for outgoing students", Person())).person.direction == "outgoing"


async def test_what_a_message_names_exactly_is_understood_too(dialogue: Dialogue, nlu: ScriptedNlu) -> None:
    turn = await dialogue.hear("my application 2608-LLG-0042 of 3 September", Person())
    assert turn.reply.understanding
    assert turn.reply.understanding.entities == {"application": "2608-LLG-0042", "date": "09-03"}


@pytest.mark.parametrize("text", ["and i see no end", "and in Vilnius"])
async def test_a_cry_for_help_is_heard_whatever_it_leans_on(dialogue: Dialogue, nlu: ScriptedNlu, text: str) -> None:
    nlu.meanings[text] = {"housing.rooms": 0.5, "talk.crisis": 0.25}
    assert (await dialogue.hear(text, Person(topic="housing.price"))).reply.key == "talk.crisis"


async def test_a_cry_for_help_beside_a_question_comes_before_it(dialogue: Dialogue, nlu: ScriptedNlu) -> None:
    text = "How much is the dorm? What is all this for, i see no way out?"
    nlu.meanings |= {
        text: {"housing.price": 0.9, "talk.crisis": 0.05},
        "How much is the dorm?": {"housing.price": 0.9},
        "What is all this for, i see no way out?": {"talk.crisis": 0.4, "talk.help": 0.3},
    }
    reply = (await dialogue.hear(text, Person())).reply
    assert reply.keys == ("talk.crisis",)
    assert "112" in reply.text
