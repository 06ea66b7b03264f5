"""The small language of wordings."""

from __future__ import annotations

import pytest

from responses.markup import facts_linked, facts_named, fill, isolate_latin, mistakes

STRAY = "write < as &lt; and > as &gt;"
HREF = "a link's href must name a fact in braces"


def test_the_facts_of_a_text_are_named_with_their_form() -> None:
    text = 'Pay {fee} (or {fee:short}), see <a href="{page}">it</a>; {Not one} and {} are none.'
    assert list(facts_named(text)) == [("fee", "long"), ("fee", "short"), ("page", "long")]
    assert facts_linked(text) == ["page"]


def test_facts_are_put_in_and_links_get_their_target() -> None:
    filled = fill(
        'Pay {fee:short} or {fee} <a href="{page}">here</a>: {page}',
        lambda name, form: f"[{name} {form}]",
        lambda name: f"https://ktu.edu/{name}?a=1&lt=2",
    )
    assert filled == ('Pay [fee short] or [fee long] <a href="https://ktu.edu/page?a=1&amp;lt=2">here</a>: [page long]')


@pytest.mark.parametrize(
    "text",
    [
        "Plain words, – “quotes” and B2.",
        "<b>Bold</b>, <i>italic</i>, <u>under</u>, <s>gone</s>, <code>code</code>, <b><i>both</i></b>",
        '<a href="{page}">a link</a> and {fee:short} and {stay:number}',
        "a &lt; b &gt; c &amp; d &quot;e&quot;",
        "1. The first step\n2. The second step",
    ],
)
def test_a_right_text_has_no_mistakes(text: str) -> None:
    assert list(mistakes(text)) == []


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("{a b}", ["{a b} does not name a fact"]),
        ("{}", ["{} does not name a fact"]),
        ("{Fee}", ["{Fee} does not name a fact"]),
        ("{fee:tiny}", ["{fee:tiny}: 'tiny' is none of the forms long, short, number"]),
        ("{fee", ["a brace without its partner"]),
        ("fee}", ["a brace without its partner"]),
        ("<p>x</p>", ["<p> is not allowed, only <b>, <i>, <u>, <s>, <code>, <a>"]),
        ("<b class='x'>x</b>", ["<b> may carry no attributes"]),
        ("<a>x</a>", ["<a> may carry only href"]),
        ('<a href="{page}" title="x">x</a>', ["<a> may carry only href"]),
        ('<a href="https://ktu.edu">x</a>', [HREF]),
        ("<a href='{page}'>x</a>", [HREF]),  # only double quotes are filled
        ("<b>x", ["<b> is not closed"]),
        ("x</b>", ["</b> closes nothing"]),
        ("<b><i>x</b></i>", ["</b> closes nothing", "<b> is not closed"]),
        ("a < b", [STRAY]),
        ("a > b", [STRAY]),
        ("<b", [STRAY]),
        ("x<b/>", [STRAY]),
        ("<!-- x -->", [STRAY]),
        ("</>", [STRAY]),
        ("<?x?>", [STRAY]),
        ("R & D", ["write & as &amp;"]),
        ("R&nbsp;D", ["write & as &amp;"]),
        ("It costs 80 EUR, not 12,50.", ["the figure 80 should be a fact", "the figure 12,50 should be a fact"]),
        (
            "Write to info2@ktu.lt or see www.ktu.edu, https://ktu.lt/x.",
            [f"the address {each} should be a fact" for each in ("info2@ktu.lt", "www.ktu.edu", "https://ktu.lt/x")],
        ),
        ("<b>2026/05</b> B2 A1", ["the figure 2026/05 should be a fact"]),
    ],
)
def test_a_mistake_is_said(text: str, found: list[str]) -> None:
    assert list(mistakes(text)) == found


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("منحة Erasmus+ الجديدة", "منحة [Erasmus+] الجديدة"),
        ("KTU تعترف", "[KTU] تعترف"),
        ("في MIGRIS.", "في [MIGRIS]."),
        ("VFS Global، KTU؛ SEB", "[VFS Global]، [KTU]؛ [SEB]"),
        ("(TRP) أو D", "([TRP]) أو [D]"),
        ("في KTU: {number_of:short}.", "في [KTU]: {number_of:short}."),
        ('<b>ESN KTU</b>: <a href="{page}">KTU</a>', '<b>[ESN KTU]</b>: <a href="{page}">[KTU]</a>'),
        ("R&amp;D و &lt;Smart-ID&gt;", "[R&amp;D] و &lt;[Smart-ID]&gt;"),
        ("اللغات: /language.", "اللغات: [/language]."),
        ("Šiaulių bankas و Žiogas", "[Šiaulių bankas] و [Žiogas]"),
        ("لا شيء", "لا شيء"),
    ],
)
def test_latin_words_of_a_right_to_left_text_keep_to_themselves(text: str, shown: str) -> None:
    assert isolate_latin(text) == shown.replace("[", "\u2068").replace("]", "\u2069")
