"""Long answers are cut into messages that Telegram takes; the terminal shows plain text."""

from __future__ import annotations

import re
from html import unescape

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.rendering import LONGEST, plain_text, split_html

LIMIT = 200  # instead of Telegram's 4096: the same code, shorter examples
TAG = re.compile(r"<(/?)(\w+)[^>]*>")

words = st.text("abcžąé中🙂.,!", min_size=1, max_size=12) | st.sampled_from(
    ["&amp;", "&lt;b&gt;", "KTU.", "x" * 250, "🎓" * 150]
)
plain = st.lists(words, min_size=1, max_size=40).flatmap(
    lambda parts: st.lists(
        st.sampled_from([" ", ". ", "\n", "\n\n"]), min_size=len(parts) - 1, max_size=len(parts) - 1
    ).map(lambda gaps: "".join(part + gap for part, gap in zip(parts, [*gaps, ""], strict=True)))
)
html = st.recursive(
    plain,
    lambda inner: (
        st.lists(inner, min_size=1, max_size=4).map(" ".join)
        | st.builds("<b>{}</b>".format, inner)
        | st.builds("<i>{}</i>".format, inner)
        | st.builds('<a href="https://ktu.edu/?a=1&amp;b=2">{}</a>'.format, inner)
    ),
    max_leaves=8,
)


def shown(text: str) -> str:
    """What Telegram shows, and counts, of a message."""
    return unescape(TAG.sub("", text))


def units(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2


def balanced(text: str) -> bool:
    opened: list[str] = []
    for closing, name in TAG.findall(text):
        if not closing:
            opened.append(name)
        elif not opened or opened.pop() != name:
            return False
    return not opened and "<" not in TAG.sub("", text)


@settings(deadline=None, max_examples=100)
@given(html)
def test_no_message_is_longer_than_telegram_allows(text: str) -> None:
    assert max(units(shown(part)) for part in split_html(text, LIMIT)) <= LIMIT


@settings(deadline=None, max_examples=100)
@given(html)
def test_every_message_closes_its_tags_and_cuts_through_none(text: str) -> None:
    parts = split_html(text, LIMIT)
    assert [part for part in parts if not balanced(part)] == []
    assert [part for part in parts if re.search(r"&(?!(amp|lt|gt);)", part)] == []


@settings(deadline=None, max_examples=100)
@given(html)
def test_no_text_is_lost_but_the_spaces_at_the_cuts(text: str) -> None:
    together = "".join(shown(part) for part in split_html(text, LIMIT))
    assert re.sub(r"\s", "", together) == re.sub(r"\s", "", shown(text))


@settings(deadline=None, max_examples=100)
@given(html.filter(lambda text: units(text) <= LIMIT))
def test_a_short_text_is_one_message(text: str) -> None:
    assert split_html(text, LIMIT) == [text]


def test_telegrams_own_limit_is_kept() -> None:
    assert LONGEST == 4096
    for text in ("a" * 4096, "a" * 4097, "🙂" * 4096, "word " * 3000):
        parts = split_html(text)
        assert max(units(part) for part in parts) <= 4096
        assert "".join(parts).replace(" ", "") == text.replace(" ", "")
    assert split_html("a" * 4096) == ["a" * 4096]
    assert len(split_html("🙂" * 2049)) == 2


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("a" * 100 + "\n\n" + "b b" * 40 + "\nc", ["a" * 100, "b b" * 40 + "\nc"]),
        ("a" * 100 + "\n" + "b b" * 40 + ". c", ["a" * 100, "b b" * 40 + ". c"]),
        ("a" * 100 + ". " + "b b" * 40 + " ccccc", ["a" * 100 + ".", "b b" * 40 + " ccccc"]),
        ("a" * 100 + " " + "b" * 100, ["a" * 100, "b" * 100]),
        ("<b>" + "a" * 100 + "\n\n" + "b" * 97 + "</b>", ["<b>" + "a" * 100 + "</b>", "<b>" + "b" * 97 + "</b>"]),
    ],
    ids=["paragraph", "line", "sentence", "word", "inside bold"],
)
def test_a_text_is_cut_where_it_hurts_least(text: str, parts: list[str]) -> None:
    assert split_html(text, LIMIT) == parts


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("<b>Fees</b> &amp; <i>terms</i> &lt;2026&gt;", "Fees & terms <2026>"),
        ('See <a href="https://ktu.edu/fees/">the fees</a>.', "See the fees (ktu.edu/fees)."),
        ('See <a href="https://www.ktu.edu/">ktu.edu</a>.', "See ktu.edu."),
        ('<a href="mailto:a@ktu.lt">a@ktu.lt</a>', "a@ktu.lt"),
        ('<a href="mailto:a@ktu.lt">write</a>', "write (a@ktu.lt)"),
        ('<a href="https://a.lt/?x=1&amp;y=2"><b>two\nlines</b></a>', "two\nlines (a.lt/?x=1&y=2)"),
        ("", ""),
    ],
)
def test_plain_text_shows_what_a_reader_without_html_needs(text: str, expected: str) -> None:
    assert plain_text(text) == expected


@settings(deadline=None, max_examples=50)
@given(html)
def test_plain_text_keeps_all_words_and_no_tags(text: str) -> None:
    without_addresses = plain_text(text).replace(" (ktu.edu/?a=1&b=2)", "")
    assert without_addresses == shown(text)
