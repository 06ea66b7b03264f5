"""Which language a message is in, and when that cannot be told."""

from __future__ import annotations

import pytest

from nlu.language import LANGUAGES, LanguageDetector

QUESTIONS = {
    "en": "Do I need a visa to study in Lithuania?",
    "lt": "Ar man reikia vizos studijuoti Lietuvoje?",
    "uk": "Чи потрібна мені віза для навчання?",
    "ru": "Нужна ли мне виза для учёбы в Литве?",
    "pl": "Czy potrzebuję wizy na studia?",
    "de": "Brauche ich ein Visum für das Studium?",
    "fr": "Ai-je besoin de visa pour étudier ?",
    "es": "¿Necesito una visa para estudiar?",
    "tr": "Öğrenim için vizeye ihtiyacım var mı?",
    "az": "Təhsil üçün mənə viza lazımdırmı?",
    "ar": "هل أحتاج إلى تأشيرة للدراسة؟",
    "zh": "我需要签证吗？",
}


def test_each_of_our_languages_is_recognised(detector: LanguageDetector) -> None:
    assert {language: detector.detect(text, "?") for language, text in QUESTIONS.items()} == {
        language: language for language in LANGUAGES
    }


@pytest.mark.parametrize(
    ("text", "language"),
    [("Tarvitsenko viisumin opiskelua varten Liettuassa?", "fi"), ("Kas ir vajadzīgs, lai studētu Kauņā?", "lv")],
)
def test_a_language_that_we_do_not_speak_is_named_too(detector: LanguageDetector, text: str, language: str) -> None:
    assert detector.detect(text, "en") == language


@pytest.mark.parametrize(
    "text",
    [
        "",
        "   ",
        "visa",
        "Erasmus",
        "ok",
        "виза",
        "123 456",
        "👋 👋",
        "?! ...",
        "签证",
        "\0\0",
        "\ud800",
        "\u202e\u200f",
    ],
)
@pytest.mark.parametrize("current", ["en", "lt"])
def test_what_is_too_short_to_tell_leaves_the_language_as_it_is(
    detector: LanguageDetector, text: str, current: str
) -> None:
    assert detector.detect(text, current) == current


def test_a_question_without_spaces_counts_as_more_than_a_word(detector: LanguageDetector) -> None:
    assert detector.detect("留学签证", "en") == "zh"


def test_half_an_emoji_does_not_hinder(detector: LanguageDetector) -> None:
    assert detector.detect("Do I need\ud83d a visa to study here?\udfff", "lt") == "en"


@pytest.mark.parametrize("text", ["a" * 100_000, "visa " * 20_000, "中" * 100_000, "\u0301" * 100_000, "👋🏽" * 50_000])
def test_an_endless_message_gets_a_language(detector: LanguageDetector, text: str) -> None:
    assert isinstance(detector.detect(text, "en"), str)


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("kak poluchit vizu esli ya iz indii", "ru"),
        ("skolko stoit obshchezhitie v kaunase", "ru"),
        ("skilky koshtuye hurtozhytok", "uk"),
        ("yak otrymaty vizu do lytvy", "uk"),
    ],
)
def test_cyrillic_languages_are_known_in_latin_letters(detector: LanguageDetector, text: str, language: str) -> None:
    assert detector.detect(text, "en") == language


@pytest.mark.parametrize("text", ["kifach ndir visa schengen", "kto vy"])
def test_what_nobody_can_tell_stays_in_the_language_of_the_chat(detector: LanguageDetector, text: str) -> None:
    assert detector.detect(text, "ar") == "ar"
