"""What the tests of responses share: a small content, a copy of the content files."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from responses.content import SOURCE_LANGUAGES, Content, Countries, Entry, Fact, Topic
from responses.files import FOLDER

SOURCE = {"title": "Where it stands", "url": "https://ktu.edu/source"}


def fact(kind: str, value: str, **other: Any) -> Fact:
    said = {"seen": date(2026, 1, 1), "review_by": date(2027, 6, 1), "owner": "studies", "needs_review": False}
    return Fact.model_validate({"type": kind, "value": value, "source": SOURCE, **said, **other})


def entry(title: str, *wordings: dict[str, Any], version: int = 1) -> Entry:
    return Entry.model_validate({"title": title, "question": f"{title}?", "version": version, "wordings": wordings})


@pytest.fixture
def make_fact() -> Callable[..., Fact]:
    return fact


@pytest.fixture
def make_entry() -> Callable[..., Entry]:
    return entry


@pytest.fixture
def small() -> Content:
    """Two areas; the fee of next year is known; talk.hello has no Lithuanian text."""
    return Content(
        facts={
            "fee": (
                fact("money", "80 EUR", valid_until=date(2026, 12, 31)),
                fact("money", "90.50 EUR", valid_from=date(2027, 1, 1), seen=date(2026, 11, 2)),
            ),
            "stay": (fact("duration", "90 days", seen=date(2025, 5, 5)),),
            "page": (fact("link", "https://www.ktu.edu/visa?a=1&lt=2", seen=date(2026, 2, 3)),),
        },
        topics={
            "visa.need": Topic(varies_by=("citizenship",), source="page", related=("visa.fee", "talk.hello")),
            "visa.fee": Topic(source="page"),
            "talk.hello": Topic(kind="action"),
        },
        countries=Countries.model_validate(
            {
                "source": SOURCE,
                "seen": "2026-01-01",
                "review_by": "2027-01-01",
                "needs_review": False,
                "classes": {"eu": ["LT", "DE"], "visa_free": ["JP"]},
            }
        ),
        areas={"en": {"visa": "Visa", "talk": "Small talk"}, "lt": {"visa": "Viza"}},
        entries={
            "en": {
                "visa.need": entry(
                    "Visa",
                    {"text": 'It depends: see <a href="{page}">our page</a>.\n'},
                    {"when": {"citizenship": "eu"}, "text": "No, whatever the {fee}."},
                    {"when": {"citizenship": ["visa_free", "visa_required"]}, "text": "{stay}, {stay:short}: {fee}"},
                ),
                "visa.fee": entry("Fee", {"text": "{fee}"}),
                "talk.hello": entry("Hello", {"text": "Hello!"}),
            },
            "lt": {
                "visa.need": entry("Viza", {"text": "{stay}"}),
                "visa.fee": entry("Rinkliava", {"text": "{fee}"}, version=3),
            },
        },
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the real content files in the two source languages, to be broken."""
    translations = [path.name for path in FOLDER.iterdir() if path.is_dir() and path.name not in SOURCE_LANGUAGES]
    return Path(shutil.copytree(FOLDER, tmp_path / "content", ignore=shutil.ignore_patterns(*translations)))
