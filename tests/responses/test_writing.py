"""Content written as files: read back equal, easy to edit, and never half of it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from responses.content import Content, Countries, Entry, Fact, Topic
from responses.files import Malformed, read_content
from responses.policy import VALUES
from responses.writing import write_content

LINE = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), min_size=1, max_size=30)
# Nothing here is a figure, a tag or a brace; whatever else a person can type may stand in a text.
PIECES = st.characters(codec="utf-8", exclude_categories=["Cs", "Cc", "N"], exclude_characters="{}<>&")
ODD = ["\n", "\n\n", "\t", " ", "  \n ", "\r\n", "\x85", "\u2028", "- ", ": ", "# ", "'", '"', "|", "no", "~", "\ufeff"]
TEXT = st.lists(PIECES | st.sampled_from(ODD), min_size=1, max_size=40).map("".join)
SOURCE = st.fixed_dictionaries({"title": LINE, "url": st.just("https://ktu.edu/a?b=1#c")})
CASES = st.lists(st.sampled_from(VALUES["level"]), min_size=1, max_size=3, unique=True)


@st.composite
def facts(draw: st.DrawFn) -> tuple[Fact, ...]:
    said = {"type": "text", "source": draw(SOURCE), "seen": "2026-01-01", "review_by": "2027-01-01"}
    said |= {"owner": draw(LINE), "needs_review": draw(st.booleans())}
    values = st.from_regex(r"[^\n\r\ufeff\ufffe\uffff]+", fullmatch=True).filter(str.isprintable).filter(str.strip)
    one = Fact.model_validate({**said, "value": draw(values), "note": draw(TEXT)})
    if draw(st.booleans()):
        return (one,)
    return (
        one.model_copy(update={"valid_until": one.seen}),
        Fact.model_validate({**said, "value": "B2", "valid_from": "2026-01-02"}),
    )


@st.composite
def entries(draw: st.DrawFn) -> Entry:
    cases = draw(st.lists(CASES, max_size=1))
    wordings = [{"text": draw(TEXT)}, *({"when": {"level": case}, "text": draw(TEXT)} for case in cases)]
    return Entry.model_validate({"title": draw(LINE), "question": draw(LINE), "version": 1, "wordings": wordings})


@st.composite
def contents(draw: st.DrawFn) -> Content:
    """Content that has no mistake: English and Lithuanian say the same of the same two topics."""
    answers = {"talk.no": draw(entries()), "visa.need": draw(entries())}
    areas = {"talk": draw(LINE), "visa": draw(LINE)}
    countries = {"source": draw(SOURCE), "seen": "2026-01-01", "review_by": "2027-01-01", "needs_review": True}
    return Content(
        facts={"fee": draw(facts()), "no": draw(facts())},
        topics={
            "talk.no": Topic(kind="action", varies_by=("level",)),
            "visa.need": Topic(varies_by=("level", "stage"), related=("talk.no",)),
        },
        countries=Countries.model_validate({**countries, "classes": {"eu": ["NO", "LT"]}}),
        areas={"en": areas, "lt": areas},
        entries={"en": answers, "lt": answers},
    )


@settings(deadline=None, max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=contents())
def test_what_is_written_is_read_back_equal(tmp_path: Path, content: Content) -> None:
    number = len(list(tmp_path.iterdir()))
    write_content(content, tmp_path / str(number))
    assert read_content(tmp_path / str(number)) == content


def test_the_real_content_is_read_back_equal_and_in_order(tmp_path: Path, content: Content) -> None:
    write_content(content, tmp_path / "new/content")
    again = read_content(tmp_path / "new/content")
    assert again == content
    assert [list(again.facts), list(again.topics), list(again.areas["lt"])] == [
        list(content.facts),
        list(content.topics),
        list(content.areas["lt"]),
    ]
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == ["content"]


def test_a_file_is_written_as_a_person_would(tmp_path: Path, small: Content) -> None:
    write_content(small, tmp_path / "content")
    assert (
        (tmp_path / "content/en/visa.yaml").read_text(encoding="utf-8")
        == """\
schema: 1
title: Visa
entries:
  need:
    title: Visa
    question: Visa?
    version: 1
    wordings:
      - text: |
          It depends: see <a href="{page}">our page</a>.
      - when: {citizenship: eu}
        text: No, whatever the {fee}.
      - when: {citizenship: [visa_free, visa_required]}
        text: '{stay}, {stay:short}: {fee}'
  fee:
    title: Fee
    question: Fee?
    version: 1
    wordings:
      - text: '{fee}'
"""
    )
    facts = (tmp_path / "content/facts.yaml").read_text(encoding="utf-8")
    assert facts.startswith("""\
schema: 1
facts:
  fee:
    - type: money
      value: 80 EUR
      source: {title: Where it stands, url: 'https://ktu.edu/source'}
      seen: 2026-01-01
      review_by: 2027-06-01
      owner: studies
      needs_review: false
      valid_until: 2026-12-31
    - type: money
""")


def test_a_folder_with_something_in_it_is_left_alone(tmp_path: Path, small: Content) -> None:
    kept = tmp_path / "content/notes.txt"
    kept.parent.mkdir()
    kept.write_text("mine", encoding="utf-8")
    with pytest.raises(FileExistsError, match="content is not empty"):
        write_content(small, kept.parent)
    assert [path.name for path in kept.parent.iterdir()] == ["notes.txt"]
    with pytest.raises(FileExistsError):
        write_content(small, kept)
    assert kept.read_text(encoding="utf-8") == "mine"


def test_an_empty_folder_is_filled(tmp_path: Path, content: Content) -> None:
    (tmp_path / "content").mkdir()
    write_content(content, tmp_path / "content")
    assert read_content(tmp_path / "content") == content


def test_an_export_that_breaks_off_leaves_nothing(tmp_path: Path, content: Content) -> None:
    areas = {**content.areas, "zh": {**content.areas["zh"], "a" * 300: "No disk has such long names"}}
    with pytest.raises(OSError, match="File name too long"):
        write_content(replace(content, areas=areas), tmp_path / "content")
    assert list(tmp_path.iterdir()) == []


def test_what_is_written_first_is_no_content_without_the_rest(tmp_path: Path, content: Content) -> None:
    write_content(content, tmp_path / "content")
    (tmp_path / "content/topics.yaml").unlink()  # the last file, so a killed export has none
    with pytest.raises(Malformed, match=r"topics\.yaml:1: file: the file is missing"):
        read_content(tmp_path / "content")
