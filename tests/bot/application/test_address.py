"""What counts as an address, and when two are the same."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.application.address import is_same, mask, read_address
from tests.bot.application.people import STRANGERS


@pytest.mark.parametrize(
    "text",
    [
        "ada@example.org",
        "  ada@example.org\n",
        "<ada@example.org>",
        " < ada@example.org > ",
        "mailto:ada@example.org",
        "<MailTo:ada@example.org>",
    ],
)
def test_an_address_is_found_in_what_surrounds_it(text: str) -> None:
    assert read_address(text) == "ada@example.org"


@pytest.mark.parametrize("text", ["Ada.Lovelace+ktu@Example.ORG", "živilė@example.org", "ａｄａ@example.org"])
def test_an_address_stays_as_it_was_typed(text: str) -> None:
    assert read_address(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "ada",
        "@example.org",
        "ada@",
        "ada@example",
        "ada@example.org.",
        "ada@.org",
        "ada@example..org",
        "ada@kate@example.org",
        "ada@example.org, kate@example.org",
        "ada@example.org,kate@example.org",
        "ada@example.org;kate@example.org",
        "ada@example.org\nBcc: kate@example.org",
        "ada lovelace@example.org",
        "Ada <ada@example.org>",
        "ada(kate)@example.org",
        "ada＠example.org",
        "ada@exam\u200bple.org",  # a space that nobody sees
        "\u202eada@example.org",  # written backwards
        "ada\x00@example.org",
        "ada\ud83d@example.org",
        f"{'a' * 243}@example.org",
    ],
)
def test_what_is_no_address_is_none(text: str) -> None:
    assert read_address(text) is None


@pytest.mark.parametrize(
    ("typed", "known"),
    [
        ("ada@example.org", "ada@example.org"),
        ("ADA@EXAMPLE.ORG", "Ada@example.org"),
        ("ŽIVILĖ@example.org", "živilė@EXAMPLE.org"),
        ("ada+ktu@example.org", "Ada+KTU@example.org"),
    ],
)
def test_letters_case_makes_no_difference(typed: str, known: str) -> None:
    assert is_same(typed, known)
    assert is_same(known, typed)


@pytest.mark.parametrize("typed", [*STRANGERS, "kate@example.org.", "kate@example.org "])
def test_what_looks_alike_is_somebody_else(typed: str) -> None:
    assert not is_same(typed, "kate@example.org")


@pytest.mark.parametrize(
    ("typed", "known"),
    [
        ("w\u0131lliam@example.org", "william@example.org"),  # the Turkish i without a dot
        ("W\u0130LLIAM@example.org", "william@example.org"),  # and the one with it
        ("stra\u00dfe@example.org", "strasse@example.org"),
        ("\u017fam@example.org", "sam@example.org"),  # an old s
        ("\ufb01a@example.org", "fia@example.org"),  # f and i in one
    ],
)
def test_letters_that_fold_into_others_are_not_those(typed: str, known: str) -> None:
    assert not is_same(typed, known)


@given(st.text(max_size=8), st.text(max_size=8))
def test_what_is_the_same_is_equal_by_case_folding(one: str, other: str) -> None:
    assert is_same(one, one)
    assert is_same(one, other) == is_same(other, one)
    assert one.casefold() == other.casefold() or not is_same(one, other)


def test_a_masked_address_is_known_by_its_owner_alone() -> None:
    assert mask("ada@example.org") == "a…@example.org"
