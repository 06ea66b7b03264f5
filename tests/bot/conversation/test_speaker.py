"""What the assistant says: which words, which buttons, what it remembers."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import date

import pytest

from bot.conversation.person import Person
from bot.conversation.reply import Choice, Turn
from bot.conversation.speaker import Speaker
from locales import languages, translator
from nlu.entities import country_names
from responses.catalogue import Catalogue
from responses.content import Content

Speak = Callable[..., Speaker]
TELEGRAM_TAGS = {"b", "i", "u", "s", "code", "a"}
LANGUAGES = languages()


def labels(turn: Turn) -> list[str]:
    return [choice.label for choice in turn.reply.choices]


def data(turn: Turn) -> list[str]:
    return [choice.data for choice in turn.reply.choices]


def test_an_answer_for_everybody_is_read_out_at_once(speaker: Speak, catalogue: Catalogue) -> None:
    turn = speaker(asked="level").answer("visa.cost_time")
    answer = catalogue.answer("visa.cost_time", "en", {}, date(2026, 11, 24))
    assert turn.reply.text.startswith(answer.text)
    assert (turn.reply.outcome, turn.reply.key, turn.reply.keys) == ("answer", "visa.cost_time", ("visa.cost_time",))
    assert turn.reply.can_be_rated
    assert turn.reply.facts == answer.facts != ()
    assert data(turn) == ["ask:permit.cost_time", "ask:visa.where", "ask:visa.late"]
    assert turn.person == Person(topic="visa.cost_time")


def test_an_answer_that_depends_on_the_person_asks_first(speaker: Speak) -> None:
    turn = speaker().answer("visa.need")
    assert (turn.reply.outcome, turn.reply.key, turn.reply.can_be_rated) == ("clarify", "visa.need", False)
    assert data(turn) == ["set:citizenship:eu", "country", "set:citizenship:not_said"]
    assert turn.person == Person(topic="visa.need", asked="citizenship")


def test_an_answer_that_could_be_more_exact_offers_to_be(speaker: Speak) -> None:
    turn = speaker(country="IN", citizenship="visa_required").answer("visa.need")
    assert turn.reply.text.startswith("<i>Your country: India</i>\n\n")
    assert turn.reply.choices[0] == Choice("For my studies", "narrow:level")
    assert turn.reply.choices[-1] == Choice("Another country", "country")


def test_an_answer_names_no_country_that_was_not_named(speaker: Speak) -> None:
    turn = speaker(citizenship="eu").answer("visa.need")
    assert "Your country" not in turn.reply.text
    assert "country" not in data(turn)


def test_an_answer_that_does_not_depend_on_the_country_does_not_show_it(speaker: Speak) -> None:
    turn = speaker(country="IN", citizenship="visa_required").answer("visa.cost_time")
    assert "India" not in turn.reply.text
    assert "country" not in data(turn)


def test_an_answer_says_where_and_when_it_was_checked(speaker: Speak, catalogue: Catalogue) -> None:
    answer = catalogue.answer("visa.cost_time", "en", {}, date(2026, 11, 24))
    footnote = speaker().answer("visa.cost_time").reply.text.removeprefix(answer.text)
    assert re.search(rf'Source: <a href="{answer.source}">[^<]+</a>, last checked on \d+ \w+ \d{{4}}</i>$', footnote)


def test_the_source_keeps_its_direction_in_arabic(speaker: Speak) -> None:
    assert re.search(
        '\u2068<a href="[^"]+">[^<]+</a>\u2069', speaker(language="ar").answer("visa.cost_time").reply.text
    )


def test_an_overdue_answer_warns(speaker: Speak) -> None:
    assert "may be out of date" in speaker(today=date(2099, 1, 1)).answer("visa.cost_time").reply.text


def test_an_answer_that_is_missing_in_a_language_is_read_out_in_english(content: Content) -> None:
    only_english = Catalogue(replace(content, entries={"en": content.entries["en"]}))
    turn = Speaker(only_english, Person(language="lt"), date(2026, 11, 24), True).answer("visa.cost_time")
    assert turn.reply.text.startswith(content.entries["en"]["visa.cost_time"].wordings[0].text[:40])
    assert "Šį atsakymą kol kas turiu tik anglų kalba." in turn.reply.text
    assert turn.reply.language == "lt"


@pytest.mark.parametrize("language", [language for language in LANGUAGES if language != "en"])
def test_one_wording_that_a_language_lacks_is_english_with_one_line_in_the_persons_language(
    content: Content, speaker: Speak, language: str
) -> None:
    lacking = {key: entry for key, entry in content.entries[language].items() if key != "visa.cost_time"}
    catalogue = Catalogue(replace(content, entries={**content.entries, language: lacking}))
    lacks = Speaker(catalogue, Person(language=language), date(2026, 11, 24), True)
    excuse = translator(language)("I have this answer only in English so far.")
    text = lacks.answer("visa.cost_time").reply.text
    assert text.startswith(catalogue.answer("visa.cost_time", "en", {}, date(2026, 11, 24)).text)
    assert text.count(excuse) == 1
    assert lacks.answer("visa.where").reply == speaker(language=language).answer("visa.where").reply
    assert content.entries["en"]["visa.cost_time"].title in labels(lacks.area("visa"))


@pytest.mark.parametrize("language", ["en", "lt"])
def test_an_answer_in_the_persons_language_makes_no_excuse(speaker: Speak, language: str) -> None:
    excuse = translator(language)("I have this answer only in English so far.")
    assert excuse not in speaker(language=language).answer("visa.cost_time").reply.text


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_country_of_the_world_can_be_named_in_an_answer(speaker: Speak, language: str) -> None:
    for country in country_names("en"):
        turn = speaker(language=language, country=country, citizenship="visa_required").answer("visa.need")
        assert country_names(language)[country] in turn.reply.text.replace("&amp;", "&")


def test_an_action_is_no_answer_to_rate(speaker: Speak) -> None:
    turn = speaker().answer("contact.human")
    assert (turn.reply.outcome, turn.reply.can_be_rated) == ("action", False)
    assert turn.person.topic == "contact.human"


def test_a_question_is_passed_on_only_where_staff_listen(speaker: Speak) -> None:
    assert "human" in data(speaker(listening=True).act("contact.human"))
    assert "human" not in data(speaker(listening=False).act("contact.human"))


def test_the_greeting_leads_to_all_topics(speaker: Speak) -> None:
    assert speaker().act("talk.greet").reply.choices[-1] == Choice("All topics", "menu")
    assert speaker().act("talk.help").reply.choices[-1] == Choice("All topics", "menu")
    assert "menu" not in data(speaker().act("contact.human"))


def test_every_language_is_offered_under_its_own_name(speaker: Speak) -> None:
    offered = [choice for choice in speaker().act("talk.language").reply.choices if choice.data.startswith("lang:")]
    assert [choice.data for choice in offered] == [f"lang:{language}" for language in languages()]
    assert {Choice("English", "lang:en"), Choice("Lietuvių", "lang:lt")} <= set(offered)
    assert len({choice.label for choice in offered}) == len(offered)


@pytest.mark.parametrize(("consent", "first"), [(False, "privacy:keep"), (True, "privacy:stop")])
def test_the_privacy_topic_offers_the_opposite_of_what_holds(speaker: Speak, consent: bool, first: str) -> None:
    assert data(speaker(consent=consent).act("talk.privacy"))[:3] == [first, "privacy:show", "privacy:delete"]


def test_close_meanings_are_offered_as_questions(speaker: Speak, catalogue: Catalogue) -> None:
    turn = speaker(topic="work.find_job").offer(("visa.need", "permit.apply"))
    assert (turn.reply.outcome, turn.reply.keys, turn.reply.key) == ("clarify", ("visa.need", "permit.apply"), None)
    assert turn.reply.choices == (
        Choice(catalogue.question("visa.need", "en"), "ask:visa.need"),
        Choice(catalogue.question("permit.apply", "en"), "ask:permit.apply"),
        Choice("Something else", "menu"),
    )
    assert turn.person.topic == "work.find_job"


def test_not_knowing_offers_what_is_near_and_a_person(speaker: Speak) -> None:
    turn = speaker().admit(("visa.need",))
    assert (turn.reply.outcome, turn.reply.keys) == ("fallback", ("visa.need",))
    assert data(turn) == ["ask:visa.need", "ask:contact.human"]


def test_a_missing_model_is_excused_with_the_menu_and_a_person(speaker: Speak) -> None:
    turn = speaker().excuse_model()
    assert turn.reply.outcome == "fallback"
    assert data(turn)[:2] == ["area:admission", "area:programmes"]
    assert data(turn)[-1] == "ask:contact.human"


def test_the_menu_lists_every_area_but_small_talk(speaker: Speak, catalogue: Catalogue) -> None:
    areas = [Choice(title, f"area:{area}") for area, title in catalogue.areas("en").items() if area != "talk"]
    assert list(speaker().menu().reply.choices) == areas
    assert list(speaker().ask_for_words().reply.choices) == areas
    assert list(speaker().unknown_command().reply.choices) == areas
    assert list(speaker().old_button().reply.choices) == areas


def test_an_area_lists_its_topics_and_the_way_back(speaker: Speak, catalogue: Catalogue) -> None:
    turn = speaker(language="lt").area("visa")
    assert turn.reply.text == "<b>" + catalogue.areas("lt")["visa"] + "</b>"
    assert data(turn) == [*(f"ask:{key}" for key in catalogue.keys_of("visa")), "menu"]
    assert labels(turn)[-1] == "↩ Visos temos"


def test_what_was_said_without_a_question_is_noted(speaker: Speak) -> None:
    turn = speaker(level="phd", asked="level").noted()
    assert turn.reply.text.startswith("Thank you, I will keep that in mind.")
    assert turn.person == Person(level="phd")


def test_countries_that_look_alike_are_offered(speaker: Speak) -> None:
    turn = speaker(topic="visa.need").which_country(["AT", "AU"], "visa.need")
    assert turn.reply.text == "Which country do you mean?"
    assert turn.reply.choices == (
        Choice("Austria", "set:country:AT"),
        Choice("Australia", "set:country:AU"),
        Choice("I'd rather not say", "set:citizenship:not_said"),
    )
    assert turn.person.asked == "country"


def test_an_unknown_country_can_be_typed_again(speaker: Speak) -> None:
    turn = speaker().which_country([], "visa.need")
    assert turn.reply.text.startswith("I do not recognise this country.")
    assert data(turn) == ["set:citizenship:not_said"]
    assert (turn.person.asked, turn.reply.key) == ("country", "visa.need")


def test_a_question_for_the_staff_is_waited_for_and_handed_over(speaker: Speak) -> None:
    invited = speaker(topic="visa.need").invite_question()
    assert (invited.person.asked, data(invited)) == ("question", ["menu"])
    passed = speaker(asked="question").passed_on("Kur mano <b>leidimas</b>?")
    assert passed.reply.pass_on == "Kur mano <b>leidimas</b>?"
    assert "leidimas" not in passed.reply.text
    assert passed.person.asked is None


def test_a_question_that_could_not_be_handed_over_gets_an_address(speaker: Speak, catalogue: Catalogue) -> None:
    address = catalogue.figure("international_office_email", "en", date(2026, 11, 24))
    assert "@" in address
    assert address in speaker().not_passed_on().reply.text
    assert speaker().not_passed_on().reply.pass_on is None
    went_wrong = speaker().went_wrong().reply
    assert (went_wrong.outcome, address in went_wrong.text) == ("fallback", True)


def test_consent_is_confirmed_with_the_way_back(speaker: Speak) -> None:
    assert "/privacy" in speaker(consent=True).consented().reply.text
    assert "I have deleted the texts" in speaker().withdrew_consent().reply.text


def test_stored_data_is_shown_in_full(speaker: Speak, catalogue: Catalogue) -> None:
    known = {"country": "IN", "citizenship": "visa_required", "level": "master", "stage": "admitted"}
    turn = speaker(**known, topic="visa.need", consent=True).show_data(7, 3)
    assert turn.reply.text.splitlines() == [
        "This is what I store about you:",
        "• Language: en",
        "• Citizenship: India",
        "• Studies: master, admitted",
        "• Last topic: " + catalogue.title("visa.need", "en"),
        "• Recorded questions: 7; of these with their text: 3",
    ]
    assert data(turn) == ["privacy:stop", "privacy:show", "privacy:delete"]


def test_stored_data_of_a_stranger_is_empty(speaker: Speak) -> None:
    lines = speaker().show_data(0, 0).reply.text.splitlines()
    assert lines[2:5] == ["• Citizenship: –", "• Studies: –", "• Last topic: –"]
    assert "• Citizenship: eu" in speaker(citizenship="eu").show_data(0, 0).reply.text


def test_deleting_is_asked_about_first(speaker: Speak) -> None:
    turn = speaker().ask_to_delete()
    assert data(turn) == ["privacy:delete:yes", "menu"]
    assert speaker().deleted().reply.choices == ()


@pytest.mark.parametrize("language", LANGUAGES)
def test_everything_said_is_html_that_telegram_takes(speaker: Speak, catalogue: Catalogue, language: str) -> None:
    speaking = speaker(language=language, country="IN", citizenship="visa_required", topic="visa.need")
    said = [
        *(speaking.answer(key) for key in catalogue.keys),
        *(speaking.area(area) for area in catalogue.areas(language)),
        *(speaking.admit(()), speaking.excuse_model(), speaking.menu(), speaking.old_button(), speaking.noted()),
        *(speaking.which_country([], None), speaking.which_country(["AT", "AU"], None), speaking.invite_question()),
        *(speaking.passed_on("x"), speaking.not_passed_on(), speaking.ask_for_words(), speaking.unknown_command()),
        *(speaking.consented(), speaking.withdrew_consent(), speaking.show_data(1, 1), speaking.ask_to_delete()),
        *(speaking.deleted(), speaking.went_wrong(), speaking.offer(("visa.need",))),
    ]
    for turn in said:
        bare = re.sub(r"</?([a-z]+)( href=\"https?://[^\"<>]*\")?>", "", turn.reply.text)
        assert "<" not in bare
        assert ">" not in bare
        assert "{" not in bare
        assert not re.search(r"&(?!(amp|lt|gt|quot|#x27);)", turn.reply.text), turn.reply.text
        assert set(re.findall(r"<([a-z]+)", turn.reply.text)) <= TELEGRAM_TAGS
        assert turn.reply.language == language
        assert all(choice.label.strip() for choice in turn.reply.choices)
