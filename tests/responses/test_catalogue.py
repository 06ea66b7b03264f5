"""Answers from the published content, small and real."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from html import unescape
from itertools import product

import pytest

from nlu.language import LANGUAGES
from responses.catalogue import Answer, Catalogue
from responses.content import Content, Entry, Fact
from responses.figures import END_ISOLATE, ISOLATE
from responses.files import FOLDER
from responses.policy import VALUES

DAY = date(2026, 11, 24)
PAGE = "https://www.ktu.edu/visa?a=1&lt=2"
REAL_LANGUAGES = sorted(path.name for path in FOLDER.iterdir() if path.is_dir())


def test_an_answer_has_its_text_and_what_a_reader_can_check(small: Content) -> None:
    assert Catalogue(small).answer("visa.need", "en", {"citizenship": "visa_free"}, DAY) == Answer(
        key="visa.need",
        language="en",
        text="90 days, 90 days: €80",
        facts=("stay", "fee"),
        source=PAGE,
        checked=date(2025, 5, 5),  # the older look of the two
        outdated=False,
        depends_on=("citizenship",),
    )


def test_an_answer_without_figures_was_checked_when_its_page_was(small: Content) -> None:
    answer = Catalogue(small).answer("visa.need", "en", {}, DAY)
    assert answer.text == f'It depends: see <a href="{PAGE.replace("&", "&amp;")}">our page</a>.'
    assert (answer.facts, answer.checked, answer.depends_on) == (("page",), date(2026, 2, 3), ())


def test_an_answer_without_a_source_has_nothing_to_check(small: Content) -> None:
    answer = Catalogue(small).answer("talk.hello", "en", {}, DAY)
    assert answer == Answer("talk.hello", "en", "Hello!", (), None, None, False, ())


def test_an_answer_is_read_out_in_the_language_asked_for(small: Content) -> None:
    answer = Catalogue(small).answer("visa.fee", "lt", {}, DAY)
    assert (answer.language, answer.text) == ("lt", "80\u00a0€")


@pytest.mark.parametrize("language", ["lt", "de"])
def test_what_a_language_lacks_is_said_in_english_with_english_figures(small: Content, language: str) -> None:
    lacking = replace(small, entries={**small.entries, "lt": {}})
    catalogue = Catalogue(lacking)
    answer = catalogue.answer("visa.fee", language, {}, DAY)
    assert (answer.language, answer.text) == ("en", "€80")
    assert (catalogue.title("visa.fee", language), catalogue.question("visa.fee", language)) == ("Fee", "Fee?")


def test_titles_questions_and_areas_are_in_the_language_where_it_has_them(small: Content) -> None:
    catalogue = Catalogue(small)
    assert (catalogue.title("visa.need", "lt"), catalogue.question("visa.need", "lt")) == ("Viza", "Viza?")
    assert catalogue.areas("lt") == {"visa": "Viza", "talk": "Small talk"}
    assert catalogue.areas("de") == {"visa": "Visa", "talk": "Small talk"}
    assert list(catalogue.areas("en")) == ["visa", "talk"]


def test_the_catalogue_tells_what_it_has(small: Content) -> None:
    catalogue = Catalogue(small)
    assert catalogue.keys == ("visa.need", "visa.fee", "talk.hello")
    assert catalogue.keys_of("visa") == ["visa.need", "visa.fee"]
    assert catalogue.languages == ("en", "lt")
    assert catalogue.topic("talk.hello").kind == "action"


def test_a_passport_has_the_rules_of_its_class_and_needs_a_visa_otherwise(small: Content) -> None:
    catalogue = Catalogue(small)
    assert [catalogue.citizenship_of(code) for code in ("LT", "DE", "JP", "IN")] == [
        "eu",
        "eu",
        "visa_free",
        "visa_required",
    ]


@pytest.mark.parametrize(
    ("day", "fee"),
    [
        (date(2020, 1, 1), "€80"),
        (date(2026, 12, 31), "€80"),
        (date(2027, 1, 1), "€90.50"),
        (date(2030, 1, 1), "€90.50"),
    ],
)
def test_the_value_of_next_year_takes_over_on_its_day(small: Content, day: date, fee: str) -> None:
    assert Catalogue(small).answer("visa.fee", "en", {}, day).text == fee
    assert Catalogue(small).figure("fee", "en", day) == fee


def test_the_day_of_looking_belongs_to_the_value_that_holds(small: Content) -> None:
    catalogue = Catalogue(small)
    looked = [catalogue.answer("visa.fee", "en", {}, day).checked for day in (DAY, date(2027, 1, 1))]
    assert looked == [date(2026, 1, 1), date(2026, 11, 2)]


@pytest.mark.parametrize(
    ("spans", "shown"),
    [
        ([("80 EUR", None, date(2026, 1, 31))], "€80"),
        ([("90 EUR", date(2026, 1, 1), date(2026, 1, 31)), ("80 EUR", None, date(2025, 12, 31))], "€90"),
        ([("80 EUR", None, date(2026, 1, 31)), ("90 EUR", date(2027, 1, 1), None)], "€80"),
        ([("90 EUR", date(2028, 1, 1), None), ("80 EUR", date(2027, 1, 1), date(2027, 12, 31))], "€80"),
    ],
)
def test_where_no_value_holds_the_nearest_one_is_shown_and_said_to_be_out_of_date(
    small: Content,
    make_fact: Callable[..., Fact],
    spans: list[tuple[str, date | None, date | None]],
    shown: str,
) -> None:
    values = tuple(make_fact("money", value, valid_from=begins, valid_until=ends) for value, begins, ends in spans)
    answer = Catalogue(replace(small, facts={**small.facts, "fee": values})).answer("visa.fee", "en", {}, DAY)
    assert (answer.text, answer.outdated) == (shown, True)


@pytest.mark.parametrize(
    ("said", "outdated"),
    [
        ({}, False),
        ({"needs_review": True}, True),
        ({"review_by": date(2026, 11, 24)}, False),
        ({"review_by": date(2026, 11, 23)}, True),
    ],
)
def test_a_figure_that_needs_a_look_makes_the_answer_outdated(
    small: Content, make_fact: Callable[..., Fact], said: dict[str, object], outdated: bool
) -> None:
    facts = {**small.facts, "fee": (make_fact("money", "80 EUR", **said),)}
    assert Catalogue(replace(small, facts=facts)).answer("visa.fee", "en", {}, DAY).outdated is outdated


def test_an_overdue_page_makes_only_answers_without_figures_outdated(
    small: Content, make_fact: Callable[..., Fact]
) -> None:
    facts = {**small.facts, "page": (make_fact("link", PAGE, needs_review=True),)}
    catalogue = Catalogue(replace(small, facts=facts))
    assert catalogue.answer("visa.need", "en", {}, DAY).outdated
    assert not catalogue.answer("visa.fee", "en", {}, DAY).outdated


def test_what_has_to_be_asked_is_told_by_the_wordings_of_the_language(small: Content) -> None:
    catalogue = Catalogue(small)
    assert catalogue.missing_aspect("visa.need", "en", {}) == "citizenship"
    assert catalogue.missing_aspect("visa.need", "en", {"citizenship": "restricted"}) is None
    assert catalogue.missing_aspect("visa.need", "lt", {}) is None  # one wording for all
    assert catalogue.missing_aspect("visa.need", "de", {}) == "citizenship"


def test_unknown_names_are_no_answers(small: Content) -> None:
    catalogue = Catalogue(small)
    with pytest.raises(KeyError):
        catalogue.answer("visa.none", "en", {}, DAY)
    with pytest.raises(KeyError):
        catalogue.figure("none", "en", DAY)


def test_markup_in_a_value_is_shown_as_it_is_written(
    small: Content, make_fact: Callable[..., Fact], make_entry: Callable[..., Entry]
) -> None:
    facts = {**small.facts, "room": (make_fact("text", "<b>R&D</b>"),)}
    entries = {"en": {**small.entries["en"], "visa.fee": make_entry("Fee", {"text": "Room {room}"})}}
    answer = Catalogue(replace(small, facts=facts, entries=entries)).answer("visa.fee", "en", {}, DAY)
    assert answer.text == "Room &lt;b&gt;R&amp;D&lt;/b&gt;"


# The real content


def test_both_source_languages_have_every_answer(catalogue: Catalogue) -> None:
    for key, language in product(catalogue.keys, REAL_LANGUAGES):
        assert catalogue.answer(key, language, {}, DAY).language == language


def test_every_answer_is_filled_and_fits_a_telegram_message(catalogue: Catalogue) -> None:
    people = [
        {name: value for name, value in (("citizenship", citizenship), ("level", level)) if value}
        for citizenship, level in product((None, *VALUES["citizenship"]), (None, *VALUES["level"]))
    ]
    unfit = []
    for key, language, case in product(catalogue.keys, catalogue.languages, people):
        text = catalogue.answer(key, language, case, DAY).text
        if not text or re.search(r'[{}]|href="(?!https://)', text) or len(text.encode("utf-16-le")) // 2 > 4096:
            unfit.append((key, language, case, text))
    assert unfit == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_fact_can_be_shown_in_every_language(catalogue: Catalogue, content: Content, language: str) -> None:
    assert all(catalogue.figure(name, language, DAY).strip("\u2068\u2069 ") for name in content.facts)


@pytest.mark.parametrize("language", REAL_LANGUAGES)
def test_every_answer_has_the_same_cases_in_every_language(content: Content, language: str) -> None:
    def cases(language: str, key: str) -> list[list[tuple[str, list[str]]]]:
        whens = [wording.when for wording in content.entries[language][key].wordings]
        return sorted(sorted((aspect, sorted(values)) for aspect, values in when.items()) for when in whens)

    differing = [key for key in content.topics if cases("en", key) != cases(language, key)]
    assert differing == []


def outside_isolates(html: str) -> str:
    """What a reader sees of a text without its isolated fragments."""
    visible = unescape(re.sub(r"<[^>]*>", "", html))
    assert visible.count(ISOLATE) == visible.count(END_ISOLATE)
    return re.sub(f"{ISOLATE}[^{ISOLATE}{END_ISOLATE}]*{END_ISOLATE}", "", visible)


def test_no_latin_letter_of_an_arabic_text_stands_outside_an_isolate(catalogue: Catalogue, content: Content) -> None:
    people = [{"citizenship": one, "level": other} for one, other in product(VALUES["citizenship"], VALUES["level"])]
    loose = set()
    for key in catalogue.keys:
        shown = [catalogue.title(key, "ar"), catalogue.question(key, "ar")]
        shown += [catalogue.answer(key, "ar", case, DAY).text for case in ({}, *people)]
        loose |= {(key, text) for text in shown if re.search("[A-Za-zÀ-ɏ]", outside_isolates(text))}
    assert loose == set()


@pytest.mark.parametrize("language", [language for language in LANGUAGES if language != "ar"])
def test_no_other_language_has_isolates(catalogue: Catalogue, language: str) -> None:
    for key in catalogue.keys:
        shown = catalogue.title(key, language) + catalogue.answer(key, language, {}, DAY).text
        assert not {ISOLATE, END_ISOLATE} & set(shown)


# Topics that no other topic leads to and no menu lists: what people say by the way, and what must come unasked.
SAID_BY_THE_WAY = {
    "talk.greet",  # /start, the first thing that anybody sees
    "talk.language",  # /language
    "talk.thanks",
    "talk.goodbye",
    "talk.bot",
    "talk.crisis",  # a cry for help is answered before everything else, and never offered as a topic
}


def test_every_topic_is_led_to_by_another_or_listed_in_a_menu(content: Content) -> None:
    led_to = {related for topic in content.topics.values() for related in topic.related}
    listed = {key for key in content.topics if not key.startswith("talk.")}  # the menu has all areas but small talk
    assert content.topics.keys() - led_to - listed == SAID_BY_THE_WAY
    assert listed <= led_to  # a person who only presses buttons below answers reaches every one of these too
    assert all(1 <= len(topic.related) <= 3 for topic in content.topics.values())


def test_every_source_of_an_answer_is_an_https_page(catalogue: Catalogue) -> None:
    for key in catalogue.keys:
        source = catalogue.answer(key, "en", {}, DAY).source
        assert source is None or source.startswith("https://")
