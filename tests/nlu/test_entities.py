"""Countries, levels, cries for help and half questions in messages."""

from __future__ import annotations

from functools import cache

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from nlu.entities import (
    FOLDER,
    LEVELS,
    LONGEST_STEM,
    country_names,
    find_country,
    find_entities,
    fold,
    is_cry_for_help,
    leans_on_before,
    lexicon,
)
from nlu.language import LANGUAGES
from nlu.training import DATA

LEXICONS = sorted(path.stem for path in FOLDER.glob("*.yaml"))


@pytest.mark.parametrize(
    ("language", "text", "found"),
    [
        ("en", "I am from India", {"country": "IN"}),
        ("en", "im from nigera", {"country": "NG"}),
        ("en", "And for Kazakstan?", {"country": "KZ"}),
        ("en", "I am a master student from Pakistan", {"country": "PK", "level": "master"}),
        ("en", "GEORGIA!!!", {"country": "GE"}),
        ("en", "any phd positions", {"level": "phd"}),
        ("lt", "iš Indijos", {"country": "IN"}),
        ("lt", "Esu magistrantas iš Kazachstano", {"country": "KZ", "level": "master"}),
        ("lt", "as is turkijos", {"country": "TR"}),
        ("lt", "Vokietja", {"country": "DE"}),
        ("ru", "из Казахстана", {"country": "KZ"}),
        ("ru", "Я из Индии, хочу в магистратуру", {"country": "IN", "level": "master"}),
        ("ru", "казахстн", {"country": "KZ"}),
        ("ru", "Белорусь", {"country": "BY"}),
        ("uk", "я з Казахстану", {"country": "KZ"}),
        ("pl", "Indie", {"country": "IN"}),
        ("de", "Ich komme aus Indien", {"country": "IN"}),
        ("tr", "Türkiye'den", {"country": "TR"}),
        ("zh", "我来自中国", {"country": "CN"}),
        ("ar", "أنا من مصر", {"country": "EG"}),
    ],
)
def test_country_and_level_are_found_in_a_message(language: str, text: str, found: dict[str, str]) -> None:
    assert find_entities(text, language) == found


@pytest.mark.parametrize(("language", "text"), [("ru", "i am from Vietnam"), ("ar", "from Vietnam")])
def test_a_country_in_english_is_found_in_a_message_of_another_language(language: str, text: str) -> None:
    assert find_entities(text, language) == {"country": "VN"}


def test_the_own_language_goes_before_english() -> None:
    assert find_entities("из Индии, not from Vietnam", "ru") == {"country": "IN"}


def test_the_first_country_of_several_counts() -> None:
    assert find_entities("I am from India and live in Germany", "en") == {"country": "IN"}
    assert find_entities("I live in Germany and am from India", "en") == {"country": "DE"}


def test_the_longest_name_at_one_place_counts() -> None:
    assert find_entities("south sudan", "en") == {"country": "SS"}
    assert find_entities("papua new guinea", "en") == {"country": "PG"}
    assert find_entities("南苏丹", "zh") == {"country": "SS"}


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "I study in Lithuania"),
        ("en", "can you help us with it"),
        ("lt", "Studijuoju Lietuvoje"),
        ("lt", "gana brangu"),
        ("lt", "Kur Kaune geras kinas?"),
        ("ru", "Учусь в Литве"),
        ("ru", "для того чтобы"),
        ("ru", "Кроме того, это всё"),
    ],
)
def test_a_word_that_only_looks_like_a_country_is_none(language: str, text: str) -> None:
    assert "country" not in find_entities(text, language)


@pytest.mark.parametrize("language", ["en", "lt", "ru"])
def test_ordinary_sentences_of_the_training_data_name_no_country(language: str) -> None:
    intents = ("life.emergency", "studies.timetable", "studies.it_account", "talk.goodbye", "talk.help", "talk.privacy")
    really = ("jis iš Ganos", "esu erasmuse turkijoj")  # these do name one
    texts = [
        text for intent in intents for text in _examples(language)[intent] if not any(each in text for each in really)
    ]
    assert len(texts) > 50
    assert {text: found for text in texts if "country" in (found := find_entities(text, language))} == {}


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_country_is_found_by_its_name(language: str) -> None:
    # A name of more than five words, or one that is a common first name, is told by its likeness.
    lost = {code: name for code, name in country_names(language).items() if code not in find_country(name, language)}
    assert set(lost) <= {"HK"}


@pytest.mark.parametrize("language", ["en", "lt", "ru"])
def test_one_letter_too_few_still_means_the_country(language: str) -> None:
    codes = ("KZ", "UZ", "AZ", "PK", "BD", "NG", "TR", "PH")
    names = country_names(language)
    assert {code: find_country(names[code][:-3] + names[code][-2:], language)[:1] for code in codes} == {
        code: [code] for code in codes
    }


@pytest.mark.parametrize(
    ("text", "language", "codes"),
    [
        ("Austraila", "en", ["AU", "AT"]),
        ("Afganstan", "en", ["AF"]),
        ("Irelnd", "en", ["IE"]),
        ("Iran", "lt", ["IR"]),
        ("Moldva", "ru", ["MD"]),
        ("from India please", "en", ["IN"]),
        ("blorb", "en", []),
        ("", "en", []),
        ("???", "ru", []),
        ("I do not want to say", "en", []),
    ],
)
def test_a_typed_country_is_sure_or_close_or_unknown(text: str, language: str, codes: list[str]) -> None:
    assert find_country(text, language) == codes


def test_no_more_candidates_are_given_than_asked_for() -> None:
    assert find_country("Austraila", "en", most=1) == ["AU"]


@pytest.mark.parametrize("language", LANGUAGES)
def test_groups_of_countries_are_nobodys_citizenship(language: str) -> None:
    names = country_names(language)
    assert {"IN", "LT", "XK", "TW", "PS"} <= set(names)
    assert not {"EU", "UN", "ZZ", "AQ", "001", "150"} & set(names)


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "I want to die"),
        ("en", "i'm going to KILL MYSELF!!"),
        ("en", "suicidal thoughts"),
        ("lt", "Noriu mirti."),
        ("lt", "galvoju apie savižudybę"),
        ("ru", "я хочу умереть"),
        ("ru", "думаю о самоубийстве"),
        ("uk", "не хочу жити"),
        ("lt", "i want to die"),
        ("ar", "i want to die"),
    ],
)
def test_a_cry_for_help_is_heard(language: str, text: str) -> None:
    assert is_cry_for_help(text, language)


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_other_example_of_the_training_data_is_a_cry_for_help(language: str) -> None:
    others = {intent: texts for intent, texts in _examples(language).items() if intent != "talk.crisis"}
    assert [text for texts in others.values() for text in texts if is_cry_for_help(text, language)] == []


@pytest.mark.parametrize(
    ("language", "text", "leans"),
    [
        ("en", "And for India?", True),
        ("en", "what about", True),
        ("en", "Android app", False),
        ("en", "for", True),
        ("en", "", False),
        ("en", "Do I need a visa and a ticket", False),
        ("lt", "O iš Indijos?", True),
        ("lt", "Oras Kaune", False),
        ("ru", "А если я из Узбекистана?", True),
        ("ru", "Адрес общежития", False),
        ("lv", "un Indijai?", False),  # no words for it in that language
    ],
)
def test_the_second_half_of_a_question_leans_on_what_was_before(language: str, text: str, leans: bool) -> None:
    assert leans_on_before(text, language) is leans


HOSTILE = {
    "empty": "",
    "blank": " \n\t" * 30_000,
    "one endless word": "a" * 100_000,
    "an endless word without spaces": "中" * 100_000,
    "an endless name": "казах" * 20_000,
    "endless marks": "i" + "\u0301" * 100_000,
    "emoji": "👋🏽🇮🇳" * 5_000,
    "lone surrogates": "\ud800 \udfff" * 1_000,
    "NUL": "\0" * 100_000,
    "right to left marks": "\u202e\u200f" * 50_000,
    "stars": "*" * 100_000,
    "letters that grow": "ß" * 50_000 + "ﬃ" * 50_000,
}
FOUND = {("an endless name", "ru"): {"country": "KZ"}}  # it does begin like one


@pytest.mark.parametrize("language", ["en", "lt", "ru", "de", "zh"])
def test_hostile_messages_name_nothing_and_do_not_take_forever(language: str) -> None:
    for name, text in HOSTILE.items():
        assert find_entities(text, language) == FOUND.get((name, language), {}), name
        assert not is_cry_for_help(text, language), name
        leans_on_before(text, language)
        assert find_country(text, language) == list(FOUND.get((name, language), {}).values()), name


@pytest.mark.parametrize("text", ["visa " * 20_000, "из " * 33_000])
def test_a_hundred_thousand_characters_of_words_name_nothing(text: str) -> None:
    assert find_entities(text, "ru") == {}


@pytest.mark.parametrize(
    "text",
    [
        "\ud800 from India \udfff",
        "\0India\0",
        "\u202eIndia\u202c",
        "🇮🇳 India 👋🏽",
        "Ｉｎｄｉａ",
        "𝕀𝕟𝕕𝕚𝕒",
        "I\u0301ndia",
        "*India*",
    ],
)
def test_a_country_is_found_among_odd_characters(text: str) -> None:
    assert find_entities(text, "en") == {"country": "IN"}


@given(st.text(st.characters(), max_size=200), st.sampled_from(LANGUAGES))
@settings(deadline=None)
def test_whatever_is_typed_only_known_values_come_back(text: str, language: str) -> None:
    found = find_entities(text, language)
    assert set(found) <= {"country", "level"}
    assert found.get("country", "IN") in country_names("en")
    assert found.get("level", "phd") in LEVELS
    candidates = find_country(text, language)
    assert len(candidates) == len(set(candidates)) <= 3
    assert is_cry_for_help(text, language) in (True, False)
    assert leans_on_before(text, language) in (True, False)


@given(st.text(st.characters(), max_size=100))
@settings(deadline=None)
def test_folding_twice_changes_nothing(text: str) -> None:
    assert fold(fold(text)) == fold(text)


def test_folding_takes_marks_case_and_punctuation_away() -> None:
    assert fold("Türkiye'den!") == fold("TURKIYE den") == "turkiye den"


@pytest.mark.parametrize("language", LEXICONS)
def test_a_lexicon_says_only_what_can_be_found(language: str) -> None:
    words = lexicon(language)
    assert set(words._countries.values()) - {""} <= set(country_names("en"))
    assert set(words._levels.values()) <= set(LEVELS)
    patterns = [*words._countries, *words._levels, *words._crisis]
    assert [each for each in patterns if not each.strip("*")] == []
    assert [each for each in patterns if each.endswith("*") and not 3 <= len(each) - 1 <= LONGEST_STEM] == []


@cache
def _examples(language: str) -> dict[str, list[str]]:
    """The examples of one language by intent."""
    by_intent: dict[str, list[str]] = {}
    for path in sorted((DATA / language).glob("*.yml")):
        for intent in yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)["nlu"]:
            texts = [line.removeprefix("- ").strip() for line in intent["examples"].splitlines()]
            by_intent.setdefault(intent["intent"], []).extend(texts)
    return by_intent


@pytest.mark.parametrize(
    ("text", "language", "found"),
    [
        ("mali yardım var mı", "tr", {}),  # money, not Mali
        ("benin vizem gecikti", "tr", {}),
        ("la ciudad antigua", "es", {}),
        ("kur dėti indai", "lt", {}),
        ("I am from Mali", "fr", {"country": "ML"}),
        ("i am from india", "lt", {"country": "IN"}),  # English words are understood in every language
        ("立陶宛大学接受印度学生吗", "zh", {"country": "IN"}),  # a name taken back covers only itself
        ("其中国际学生", "zh", {}),
        ("我来自 India", "zh", {"country": "IN"}),
        ("erasmus traineeship", "en", {"level": "trainee"}),  # an ending is that of one word
        ("Nijerya'danım", "tr", {"country": "NG"}),
        ("Azərbaycandanam", "az", {"country": "AZ"}),
        ("je suis marocain", "fr", {"country": "MA"}),
        ("soy colombiana", "es", {"country": "CO"}),
        ("أنا من مصر", "ar", {"country": "EG"}),
    ],
)
def test_a_language_has_its_own_words_first(text: str, language: str, found: dict[str, str]) -> None:
    assert find_entities(text, language) == found


def test_chinese_asks_on_with_a_particle_at_the_end() -> None:
    assert leans_on_before("印度学生呢？", "zh")
    assert not leans_on_before("印度学生需要签证吗？", "zh")
