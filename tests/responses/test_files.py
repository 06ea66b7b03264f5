"""The content files: the real ones are right, and each mistake is told with its file, line and field."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from responses.content import Content
from responses.files import Malformed, Problem, read_content

FACT = """\
  zz_fee:
    type: money
    value: 80 EUR
    source: {title: A page, url: "https://ktu.edu"}
    seen: 2026-01-01
    review_by: 2027-01-01
    owner: studies
    needs_review: false
"""
TOPIC = """\
  talk.zz:
    varies_by: [citizenship, level]
    source: zz_page
    related: [talk.help]
"""
ENTRY = """\
  zz:
    title: A title
    question: A question?
    version: 1
    wordings:
      - text: For everybody
      - when: {citizenship: eu}
        text: |
          For some
          of them
      - when: {citizenship: [visa_free, restricted]}
        text: For others
"""
LINK = 'value: "https://ktu.edu/a"'


def change(folder: Path, name: str, old: str, new: str) -> int:
    """Puts new where old stands first; the line where it begins."""
    path = folder / name
    before, found, after = path.read_text(encoding="utf-8").partition(old)
    assert found, f"{name} has no {old!r}"
    path.write_text(before + new + after, encoding="utf-8")
    return before.count("\n") + 1


def add(folder: Path, name: str, section: str, block: str) -> int:
    """Puts a block first in a section; the line where it begins."""
    return change(folder, name, f"\n{section}:\n", f"\n{section}:\n{block}") + 2


def problems(folder: Path) -> list[Problem]:
    with pytest.raises(Malformed) as caught:
        read_content(folder)
    assert str(caught.value) == "\n".join(map(str, caught.value.problems))
    return caught.value.problems


@pytest.fixture
def grown(folder: Path) -> Path:
    """The copy with a fact, a link, a topic and its wordings of our own, still without a mistake."""
    link = FACT.replace("zz_fee", "zz_page").replace("type: money", "type: link").replace("value: 80 EUR", LINK)
    add(folder, "facts.yaml", "facts", FACT + link)
    add(folder, "topics.yaml", "topics", TOPIC)
    for language in ("en", "lt"):
        add(folder, f"{language}/talk.yaml", "entries", ENTRY)
    return folder


def make_german(folder: Path) -> None:
    """The Lithuanian files once more, as translations into German."""
    shutil.copytree(folder / "lt", folder / "de")
    for path in (folder / "de").iterdir():
        text = path.read_text(encoding="utf-8")
        translation = r"    translates: \1\n    made_by: machine\n"
        path.write_text(re.sub(r"^    version: (\d+)\n", translation, text, flags=re.MULTILINE), encoding="utf-8")


def line_of(folder: Path, name: str, text: str, after: str = "") -> int:
    """The line of the first text after another."""
    whole = (folder / name).read_text(encoding="utf-8")
    return whole[: whole.index(text, whole.index(after))].count("\n") + 1


def test_the_real_content_has_no_mistake_and_both_languages(content: Content) -> None:
    assert set(content.entries) >= {"en", "lt"}
    assert set(content.entries["en"]) == set(content.entries["lt"]) == set(content.topics)
    assert set(content.areas["en"]) == {key.split(".")[0] for key in content.topics}


def test_what_is_written_is_read(grown: Path) -> None:
    content = read_content(grown)
    (fee,) = content.facts["zz_fee"]
    assert (fee.type, fee.value, fee.owner) == ("money", "80 EUR", "studies")
    assert content.topics["talk.zz"].varies_by == ("citizenship", "level")
    entry = content.entries["en"]["talk.zz"]
    assert [dict(wording.when) for wording in entry.wordings] == [
        {},
        {"citizenship": ("eu",)},
        {"citizenship": ("visa_free", "restricted")},
    ]
    assert [wording.text for wording in entry.wordings] == ["For everybody", "For some\nof them\n", "For others"]


def test_a_fact_may_have_a_value_for_next_year(grown: Path) -> None:
    one = "{type: money, value: 80 EUR, seen: 2026-01-01, review_by: 2027-01-01, owner: x, needs_review: no, "
    one += "source: {title: A page, url: 'https://ktu.edu'}, "
    two = one.replace("80", "90")
    add(
        grown,
        "facts.yaml",
        "facts",
        f"  zz_two:\n    - {two}valid_from: 2027-01-01}}\n    - {one}valid_until: 2026-12-31}}\n",
    )
    assert [fact.value for fact in read_content(grown).facts["zz_two"]] == ["90 EUR", "80 EUR"]


def test_a_language_that_translates_is_read_where_it_says_who_translated(grown: Path) -> None:
    make_german(grown)
    assert read_content(grown).entries["de"]["talk.zz"].made_by == "machine"
    line = change(grown, "de/talk.yaml", "  zz:\n", "  zz:\n")
    change(grown, "de/talk.yaml", "    made_by: machine\n", "")
    message = "translates and made_by are missing: this language is a translation"
    assert problems(grown) == [Problem("content/de/talk.yaml", line, "entries.zz", message)]


GERMAN = "content/de/talk.yaml"


@pytest.fixture
def german(grown: Path) -> Path:
    """The copy with German, which translates every answer; here and in English one text names a fact."""
    make_german(grown)
    for language in ("en", "lt", "de"):
        change(grown, f"{language}/talk.yaml", "text: For others", "text: For {zz_fee}")
    return grown


@pytest.mark.parametrize(
    ("old", "new", "at", "field", "messages"),
    [
        ("{zz_fee}", "a fee", "text: For a", "2.text", ["the English text names {zz_fee}, this one does not"]),
        (
            "{zz_fee}",
            "{zz_page}",
            "text: For {",
            "2.text",
            ["the English text does not name {zz_page}", "the English text names {zz_fee}, this one does not"],
        ),
        ("{zz_fee}", "{zz_fees}", "text: For {", "2.text", ["facts.yaml has no fact 'zz_fees'"]),
        ("For everybody", "For {zz_fee}", "text: For {", "0.text", ["the English text does not name {zz_fee}"]),
        (
            "[visa_free, restricted]",
            "[visa_free]",
            "- when: {citizenship: [",
            "2.when",
            ["English has no text for citizenship visa_free"],
        ),
    ],
)
def test_a_translation_that_names_other_facts_than_english(
    german: Path, old: str, new: str, at: str, field: str, messages: list[str]
) -> None:
    assert read_content(german)
    change(german, "de/talk.yaml", old, new)
    line = line_of(german, "de/talk.yaml", at, after="  zz:")
    found = [each for each in problems(german) if each.field != "entries.zz.wordings"]
    assert found == [Problem(GERMAN, line, f"entries.zz.wordings.{field}", message) for message in messages]


def test_a_translation_that_lacks_a_case(german: Path) -> None:
    whole = (german / "de/talk.yaml").read_text(encoding="utf-8")
    case = "      - when: {citizenship: [visa_free, restricted]}\n        text: For {zz_fee}\n"
    (german / "de/talk.yaml").write_text(whole.replace(case, ""), encoding="utf-8")
    line = line_of(german, "de/talk.yaml", "wordings:", after="  zz:")
    message = "the English text for citizenship restricted or visa_free has none here"
    assert problems(german) == [Problem(GERMAN, line, "entries.zz.wordings", message)]


def test_a_translation_of_an_older_version_may_differ(german: Path) -> None:
    change(german, "de/talk.yaml", "{zz_fee}", "a fee")
    change(german, "en/talk.yaml", "version: 1", "version: 2")
    change(german, "lt/talk.yaml", "version: 1", "version: 2")
    assert read_content(german).entries["de"]["talk.zz"].translates == 1


def test_the_two_source_languages_name_the_same_facts_while_they_say_the_same_version(grown: Path) -> None:
    change(grown, "lt/talk.yaml", "For others", "For {zz_fee}")
    line = line_of(grown, "lt/talk.yaml", "text: For {", after="  zz:")
    message = "the English text does not name {zz_fee}"
    assert problems(grown) == [Problem("content/lt/talk.yaml", line, "entries.zz.wordings.2.text", message)]
    change(grown, "lt/talk.yaml", "version: 1", "version: 2")
    assert read_content(grown)


def test_more_than_three_related_topics(grown: Path) -> None:
    change(grown, "topics.yaml", "related: [talk.help]", "related: [talk.help, talk.greet, talk.bot, talk.language]")
    line = line_of(grown, "topics.yaml", "related", after="talk.zz")
    message = "Tuple should have at most 3 items after validation, not 4"
    assert problems(grown) == [Problem("content/topics.yaml", line, "topics.talk.zz.related", message)]


FACTS = "content/facts.yaml"
TALK = "content/en/talk.yaml"
TOPICS = "content/topics.yaml"
COUNTRIES = "content/countries.yaml"


@pytest.mark.parametrize(
    ("old", "new", "at", "field", "message"),
    [
        (
            "    owner: studies\n",
            "    ownr: studies\n    owner: x\n",
            "ownr",
            ".ownr",
            "Extra inputs are not permitted",
        ),
        ("    owner: studies\n", "", "zz_fee", ".owner", "Field required"),
        (
            "seen: 2026-01-01",
            "seen: 2026-13-01",
            "seen",
            ".seen",
            "Input should be a valid date or datetime, month value is outside expected range of 1-12",
        ),
        ("value: 80 EUR", "value: [80 EUR]", "value", ".value", "Input should be a valid string"),
        (
            "value: 80 EUR",
            "value: cheap",
            "zz_fee",
            "",
            "'cheap' is no money: expected an amount and a currency, for example: 80 EUR or 120.96 EUR",
        ),
        (
            "needs_review: false",
            "needs_review: perhaps",
            "needs_review",
            ".needs_review",
            "Input should be a valid boolean, unable to interpret input",
        ),
        (
            'url: "https://ktu.edu"',
            'url: "http://ktu.edu"',
            "source",
            ".source.url",
            "String should match pattern '^https://'",
        ),
        ("review_by: 2027-01-01", "review_by: 2025-12-31", "zz_fee", "", "review_by lies before seen"),
        (
            "    owner: studies\n",
            "    owner: studies\n    valid_from: 2027-01-01\n    valid_until: 2026-12-31\n",
            "zz_fee",
            "",
            "valid_until lies before valid_from",
        ),
        ("value: 80 EUR", "value: 80 EUR\n    value: 81 EUR", "value: 81", ".value", "stands here a second time"),
        (
            "value: 80 EUR",
            "value: 80 EUR\n    {a: b}: c",
            "{a: b}",
            ".{}",
            "a key must be a word, not a list or braces",
        ),
    ],
)
def test_a_mistake_in_a_fact(grown: Path, old: str, new: str, at: str, field: str, message: str) -> None:
    change(grown, "facts.yaml", old, new)
    expected = Problem(FACTS, line_of(grown, "facts.yaml", at, after="zz_fee"), f"facts.zz_fee{field}", message)
    assert problems(grown) == [expected]


def test_a_fact_that_is_no_table(grown: Path) -> None:
    line = add(grown, "facts.yaml", "facts", "  zz_bare: 80 EUR\n  zz_empty: []\n")
    message = "Input should be a valid dictionary or instance of Fact"
    first, second = problems(grown)
    assert first == Problem(FACTS, line, "facts.zz_bare", message)
    assert (second.line, second.field) == (line + 1, "facts.zz_empty")


def test_a_link_fact_without_https(grown: Path) -> None:
    change(grown, "facts.yaml", LINK, LINK.replace("https", "http"))
    line = line_of(grown, "facts.yaml", "zz_page")
    message = "'http://ktu.edu/a' is no link: expected an address that begins with https://"
    assert problems(grown) == [Problem(FACTS, line, "facts.zz_page", message)]


@pytest.mark.parametrize(
    ("first", "second", "message"),
    [
        ("80 EUR, valid_until: 2027-01-01", "90 EUR, valid_from: 2027-01-01", "two values hold on the same day"),
        ("80 EUR", "90 EUR, valid_from: 2027-01-01", "two values hold on the same day"),
        (
            "80 EUR, valid_until: 2026-12-31",
            "90 EUR, valid_from: 2027-01-02",
            "no value holds between 2026-12-31 and 2027-01-02",
        ),
        (
            "80 EUR, valid_until: 2026-12-31",
            "9, type: number, valid_from: 2027-01-01",
            "its values have different types",
        ),
    ],
)
def test_values_of_a_fact_that_do_not_go_together(grown: Path, first: str, second: str, message: str) -> None:
    rest = (
        "seen: 2026-01-01, review_by: 2027-01-01, owner: x, needs_review: no, source: {title: x, url: 'https://k.t'}}"
    )
    values = [
        "    - {" + ("" if "type" in value else "type: money, ") + f"value: {value}, {rest}\n"
        for value in (first, second)
    ]
    line = add(grown, "facts.yaml", "facts", "  zz_two:\n" + "".join(values))
    assert problems(grown) == [Problem(FACTS, line, "facts.zz_two", message)]


def test_a_mistake_in_one_of_two_values_is_told_by_its_own_line(grown: Path) -> None:
    rest = "seen: 2026-01-01, review_by: 2027-01-01, owner: x, source: {title: x, url: 'https://k.t'}}"
    good = f"    - {{type: money, value: 80 EUR, valid_until: 2026-12-31, needs_review: no, {rest}\n"
    bad = f"    - {{type: money, value: 90 EUR, valid_from: 2027-01-01, needs_review: perhaps, {rest}\n"
    line = add(grown, "facts.yaml", "facts", f"  zz_two:\n{good}{bad}")
    message = "Input should be a valid boolean, unable to interpret input"
    assert problems(grown) == [Problem(FACTS, line + 2, "facts.zz_two.1.needs_review", message)]


PLAIN = "text: For everybody"
WHEN = "- when: {citizenship: eu}"


@pytest.mark.parametrize(
    ("old", "new", "at", "field", "message"),
    [
        (
            "    title: A title\n",
            "    titel: x\n    title: A title\n",
            "titel",
            ".titel",
            "Extra inputs are not permitted",
        ),
        ("A title", "x" * 35, "title", ".title", "String should have at most 34 characters"),
        (
            "    version: 1\n",
            "",
            "zz:",
            "",
            "version is missing: this language is a source of translations",
        ),
        (PLAIN, "text: Pay {zz_none} now", PLAIN[:5], ".wordings.0.text", "facts.yaml has no fact 'zz_none'"),
        (
            "          For some\n",
            "          For some\n          {zz_none}\n",
            "text: |",
            ".wordings.1.text",
            "facts.yaml has no fact 'zz_none'",
        ),
        (
            PLAIN,
            "text: Pay {zz_fee:tiny}",
            PLAIN[:5],
            ".wordings.0.text",
            "{zz_fee:tiny}: 'tiny' is none of the forms long, short, number",
        ),
        (
            PLAIN,
            "text: A <p>paragraph</p>",
            PLAIN[:5],
            ".wordings.0.text",
            "<p> is not allowed, only <b>, <i>, <u>, <s>, <code>, <a>",
        ),
        (PLAIN, "text: A <b>bold word", PLAIN[:5], ".wordings.0.text", "<b> is not closed"),
        (PLAIN, "text: Pay 80 EUR", PLAIN[:5], ".wordings.0.text", "the figure 80 should be a fact"),
        (
            PLAIN,
            'text: <a href="https://ktu.edu">here</a>',
            PLAIN[:5],
            ".wordings.0.text",
            "a link's href must name a fact in braces",
        ),
        (
            PLAIN,
            'text: <a href="{zz_fee}">here</a>',
            PLAIN[:5],
            ".wordings.0.text",
            "a link's href names 'zz_fee', which is no link",
        ),
        (PLAIN, "text: ''", PLAIN[:5], ".wordings.0.text", "String should have at least 1 character"),
        (
            WHEN,
            "- when: {citizenship: martian}",
            "- when",
            ".wordings.1",
            "citizenship knows no 'martian', only eu, visa_free, visa_required, restricted",
        ),
        (
            WHEN,
            "- when: {height: tall}",
            "- when",
            ".wordings.1.when.height",
            "Input should be 'citizenship', 'level', 'stage' or 'direction'",
        ),
        (
            WHEN,
            "- when: {citizenship: eu, stage: admitted}",
            "- when",
            ".wordings.1.when",
            "topics.yaml does not say that the answer varies by stage",
        ),
        (
            WHEN,
            "- when: {citizenship: [eu, visa_free]}",
            "- when: {citizenship: [visa_free, r",
            ".wordings.2",
            "meets the same person as wording 1; make the cases disjoint",
        ),
        (
            "- " + PLAIN,
            "- when: {level: master}\n        " + PLAIN,
            "- when: {level",
            ".wordings.0",
            None,
        ),
        (
            WHEN,
            "- text: Once more\n      " + WHEN,
            "- text: Once",
            ".wordings.1",
            None,
        ),
    ],
)
def test_a_mistake_in_a_wording(grown: Path, old: str, new: str, at: str, field: str, message: str | None) -> None:
    change(grown, "en/talk.yaml", old, new)
    line = line_of(grown, "en/talk.yaml", at, after="  zz:")
    message = message or "the first wording, and only it, is for everybody and has no 'when'"
    expected = Problem(TALK, line, f"entries.zz{field}", message)
    found = problems(grown)
    assert expected in found
    # A first wording that is not for everybody meets the others too; everything else is told once.
    assert [problem for problem in found if "meets the same person" not in problem.message or expected == problem] == [
        expected
    ]


def test_a_missing_wording_and_one_that_nobody_asked_for(grown: Path) -> None:
    line = change(grown, "en/talk.yaml", "\n  zz:\n", "\n  yy:\n") + 1
    assert problems(grown) == [
        Problem(TALK, line - 1, "entries", "the wording of 'talk.zz' is missing"),
        Problem(TALK, line, "entries.yy", "topics.yaml has no key 'talk.yy'"),
    ]


def test_an_entry_without_wordings(grown: Path) -> None:
    whole = (grown / "en/talk.yaml").read_text(encoding="utf-8")
    start = whole.index("      - text: For everybody")
    end = whole.index("        text: For others\n") + len("        text: For others\n")
    (grown / "en/talk.yaml").write_text(whole[:start].rstrip("\n ") + " []\n" + whole[end:], encoding="utf-8")
    line = line_of(grown, "en/talk.yaml", "wordings: []")
    (problem,) = problems(grown)
    assert (problem.file, problem.line, problem.field) == (TALK, line, "entries.zz.wordings")


@pytest.mark.parametrize(
    ("old", "new", "at", "field", "message"),
    [
        ("source: zz_page", "source: zz_none", "source", ".source", "facts.yaml has no link 'zz_none'"),
        ("source: zz_page", "source: zz_fee", "source", ".source", "facts.yaml has no link 'zz_fee'"),
        ("[talk.help]", "[talk.none]", "related", ".related", "there is no other key 'talk.none'"),
        ("[talk.help]", "[talk.zz]", "related", ".related", "there is no other key 'talk.zz'"),
        (
            "[citizenship, level]",
            "[citizenship, height]",
            "varies_by",
            ".varies_by.1",
            "Input should be 'citizenship', 'level', 'stage' or 'direction'",
        ),
        ("    source: zz_page\n", "    sorce: zz_page\n", "sorce", ".sorce", "Extra inputs are not permitted"),
    ],
)
def test_a_mistake_in_a_topic(grown: Path, old: str, new: str, at: str, field: str, message: str) -> None:
    change(grown, "topics.yaml", old, new)
    line = line_of(grown, "topics.yaml", at, after="talk.zz")
    assert problems(grown) == [Problem(TOPICS, line, f"topics.talk.zz{field}", message)]


def test_a_key_that_is_not_area_and_name(grown: Path) -> None:
    line = change(grown, "topics.yaml", "  talk.zz:", "  Talk:")
    assert problems(grown) == [
        Problem(TOPICS, line, "topics.Talk", r"String should match pattern '^[a-z_]+\.[a-z_]+$'")
    ]


@pytest.mark.parametrize(
    ("old", "new", "field", "message"),
    [
        ("restricted: [", "restricted: [QQ, ", "restricted.0", "'QQ' is no country code"),
        ("restricted: [", "restricted: [LT, ", "restricted.0", "'LT' stands in two classes"),
        ("restricted: [", "closed: [", "closed", "Input should be 'eu', 'visa_free' or 'restricted'"),
    ],
)
def test_a_mistake_in_the_table_of_countries(folder: Path, old: str, new: str, field: str, message: str) -> None:
    line = change(folder, "countries.yaml", old, new)
    assert problems(folder) == [Problem(COUNTRIES, line, f"classes.{field}", message)]


@pytest.mark.parametrize("name", ["facts.yaml", "topics.yaml", "countries.yaml", "en/talk.yaml"])
def test_a_file_of_a_newer_version_says_so(folder: Path, name: str) -> None:
    line = change(folder, name, "schema: 1\n", "schema: 2\nwhatever: new\n")
    message = "written for a newer Bičiulis (schema 2, this one reads 1)"
    assert problems(folder) == [Problem(f"content/{name}", line, "schema", message)]


def test_a_file_must_say_its_version(folder: Path) -> None:
    change(folder, "en/talk.yaml", "schema: 1\n", "")
    assert problems(folder) == [Problem(TALK, 1, "schema", "Field required")]
    change(folder, "en/talk.yaml", "title:", "schema: one\ntitle:")
    message = "Input should be a valid integer, unable to parse string as an integer"
    line = line_of(folder, "en/talk.yaml", "schema: one")
    assert problems(folder) == [Problem(TALK, line, "schema", message)]


@pytest.mark.parametrize("name", ["facts.yaml", "topics.yaml", "countries.yaml", "lt/talk.yaml"])
def test_a_missing_file(folder: Path, name: str) -> None:
    (folder / name).unlink()
    assert problems(folder) == [Problem(f"content/{name}", 1, "file", "the file is missing")]


@pytest.mark.parametrize("name", ["facts.yaml", "lt/talk.yaml"])
def test_a_file_in_another_encoding(folder: Path, name: str) -> None:
    (folder / name).write_bytes("schema: 1 # ąčę".encode("cp1257"))
    assert problems(folder) == [Problem(f"content/{name}", 1, "file", "the file is not UTF-8 text")]


def test_an_empty_file_lacks_everything(folder: Path) -> None:
    (folder / "en/talk.yaml").write_text("")
    assert problems(folder) == [Problem(TALK, 1, field, "Field required") for field in ("entries", "schema", "title")]


def test_a_file_that_is_a_list(folder: Path) -> None:
    (folder / "en/talk.yaml").write_text("- schema")
    (problem,) = problems(folder)
    assert (problem.file, problem.line, problem.field) == (TALK, 1, "file")


@pytest.mark.parametrize(
    ("broken", "lines_on", "message"),
    [
        ("    title: [A title\n", 1, "not valid YAML: did not find expected ',' or ']'"),
        ("   title: A title\n", 0, "not valid YAML: did not find expected key"),
        ("    title: ąčęėįšų\x07\n", 0, "not valid YAML: control characters are not allowed"),
    ],
)
def test_a_file_that_is_no_yaml(grown: Path, broken: str, lines_on: int, message: str) -> None:
    line = change(grown, "en/talk.yaml", "    title: A title\n", f"    question: x\n{broken}") + 1
    assert problems(grown) == [Problem(TALK, line + lines_on, "file", message)]


def test_a_language_that_must_be_there(folder: Path) -> None:
    shutil.rmtree(folder / "lt")
    assert problems(folder) == [Problem("content/lt", 1, "file", "this language's folder is missing")]


def test_a_file_of_an_area_that_no_topic_has(folder: Path) -> None:
    (folder / "en/sports.yaml").write_text("schema: 1")
    assert problems(folder) == [Problem("content/en/sports.yaml", 1, "file", "topics.yaml has no area 'sports'")]


def test_mistakes_of_all_files_are_told_in_one_pass_and_in_order(grown: Path) -> None:
    wording = change(grown, "lt/talk.yaml", PLAIN, "text: Pay 80")
    topic = change(grown, "topics.yaml", "source: zz_page", "source: zz_none")
    country = change(grown, "countries.yaml", "restricted: [", "restricted: [QQ, ")
    assert list(map(str, problems(grown))) == [
        f"content/countries.yaml:{country}: classes.restricted.0: 'QQ' is no country code",
        f"content/lt/talk.yaml:{wording}: entries.zz.wordings.0.text: the figure 80 should be a fact",
        f"content/topics.yaml:{topic}: topics.talk.zz.source: facts.yaml has no link 'zz_none'",
    ]
