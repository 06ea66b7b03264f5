"""The agreed words: one for each language, found in texts whatever their ending."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from locales import languages
from responses.content import Content, Entry
from responses.glossary import FILE, Stray, Term, Word, read_glossary, strays
from responses.sheets import Malformed, Problem


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    path = tmp_path / "glossary.yaml"
    path.write_text(FILE.read_text(encoding="utf-8"), encoding="utf-8")
    return path


def spoil(path: Path, old: str, new: str) -> int:
    before, found, after = path.read_text(encoding="utf-8").partition(old)
    assert found
    path.write_text(before + new + after, encoding="utf-8")
    return before.count("\n") + 1


def test_the_real_glossary_has_every_word_in_every_language() -> None:
    glossary = read_glossary()
    assert {"residence_permit", "mediation_letter", "learning_agreement", "dormitory", "tuition_fee"} <= set(glossary)
    for term in glossary.values():
        assert set(term.words) == set(languages())


WORDS = "terms.mediation_letter.words"


@pytest.mark.parametrize(
    ("old", "new", "lines_on", "field", "message"),
    [
        ("      lt: {word: tarp", "      #", -2, WORDS, "the word in 'lt' is missing"),
        (
            "      lt: {word: tarp",
            "      lv: {word: a}\n      lt: {word: t",
            0,
            f"{WORDS}.lv",
            "'lv' is none of our languages",
        ),
        ("{word: tarpin", "{wrd: x, word: tarpin", 0, f"{WORDS}.lt.wrd", "Extra inputs are not permitted"),
        ("{word: tarpininkavimo raštas,", "{", 0, f"{WORDS}.lt.word", "Field required"),
        ("schema: 1", "schema: 2", 0, "schema", "written for a newer Bičiulis (schema 2, this one reads 1)"),
    ],
)
def test_a_mistake_is_told_with_its_place(
    copy: Path, old: str, new: str, lines_on: int, field: str, message: str
) -> None:
    line = spoil(copy, old, new)
    with pytest.raises(Malformed) as caught:
        read_glossary(copy)
    assert caught.value.problems == [Problem(f"{copy.parent.name}/glossary.yaml", line + lines_on, field, message)]


@pytest.mark.parametrize(
    ("word", "text", "found"),
    [
        (Word(word="leidimas gyventi", forms=("leidim gyventi",)), "Laikino LEIDIMO\ngyventi reikia", True),
        (Word(word="leidimas gyventi", forms=("leidim gyventi",)), "leidimo čia gyventi", False),
        (Word(word="leidimas gyventi"), "leidimo gyventi", False),
        (Word(word="лист-клопотання"), "листа-клопотання", True),
        (Word(word="oturma izni", forms=("oturma izn",)), "OTURMA İZNİ", True),
        (Word(word="yaşayış icazəsi", forms=("yaşayış icazə",)), "YAŞAYIŞ İCAZƏSİ", True),
        (Word(word="تصريح إقامة"), "لتصريح إقامة", True),
        (Word(word="居留许可"), "临时居留许可", True),
        (Word(word="C++ (x)"), "c++ (x)", True),
    ],
)
def test_a_word_is_found_whatever_its_ending(
    small: Content, make_entry: Callable[..., Entry], word: Word, text: str, found: bool
) -> None:
    english = Word(word="permit")
    content = replace(
        small,
        entries={
            "en": {"visa.need": make_entry("Visa", {"text": "A <b>Permit</b>, {fee}"})},
            "lt": {"visa.need": make_entry("V", {"text": f"<i>{text}</i>"})},
        },
    )
    expected = [] if found else [Stray("lt", "visa.need", "permit")]
    terms = {"permit": Term(note="x", words={"en": english, "lt": word})}
    assert list(strays(content, terms, "lt")) == expected
    assert list(strays(content, terms, "en")) == []


def test_few_answers_stray_so_that_the_list_is_worth_reading(content: Content) -> None:
    glossary = read_glossary()
    found = [stray for language in content.entries for stray in strays(content, glossary, language)]
    assert len(found) <= 10  # answers in eleven languages
