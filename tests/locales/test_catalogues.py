"""The interface's texts: complete in every language, current with the code, short enough for Telegram."""

from __future__ import annotations

import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po

from bot import telegram_texts
from bot.conversation.questions import QUESTIONS, ask, label_of
from locales import FOLDER, languages, translator
from responses.policy import VALUES

ROOT = FOLDER.parent
FILES = sorted(FOLDER.glob("*/LC_MESSAGES/*.po"))
PLACEHOLDER = re.compile(r"\{[^{}]*\}|/[a-z]+\b")  # what a text is filled with, and commands
LANGUAGES = sorted({"en", *languages()})


def catalog(path: Path) -> Catalog:
    with path.open("rb") as file:
        return read_po(file)


def texts(path: Path) -> dict[str, str]:
    return {str(message.id): str(message.string) for message in catalog(path) if message.id}


@pytest.fixture(scope="module")
def extracted(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The texts that the code has now, collected as `make texts` does."""
    made = tmp_path_factory.mktemp("texts") / "messages.pot"
    command = ["extract", "-F", "babel.cfg", "--no-location", "--sort-output", "--no-wrap", "-o", str(made), "."]
    subprocess.run([sys.executable, "-m", "babel.messages.frontend", "-q", *command], cwd=ROOT, check=True)
    return texts(made)


def test_every_folder_has_its_catalogue() -> None:
    folders = {path.name for path in FOLDER.iterdir() if path.is_dir() and not path.name.startswith("_")}
    assert {path.parent.parent.name for path in FILES} == folders
    assert folders <= set(languages())


def test_the_template_is_current_with_the_code(extracted: dict[str, str]) -> None:
    assert len(extracted) > 50
    assert texts(FOLDER / "messages.pot").keys() == extracted.keys(), "run `make texts`"


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.parent.parent.name)
class TestCatalogue:
    def test_is_current_with_the_code(self, path: Path, extracted: dict[str, str]) -> None:
        assert texts(path).keys() == extracted.keys(), "run `make texts`, then translate"
        assert list(catalog(path).obsolete) == []

    def test_is_complete(self, path: Path) -> None:
        assert [text for text, translation in texts(path).items() if not translation.strip()] == []

    def test_has_nothing_unsure(self, path: Path) -> None:
        assert [message.id for message in catalog(path) if message.fuzzy and message.id] == []

    def test_fills_in_the_same(self, path: Path) -> None:
        different = {
            text: translation
            for text, translation in texts(path).items()
            if Counter(PLACEHOLDER.findall(text)) != Counter(PLACEHOLDER.findall(translation))
        }
        assert different == {}

    def test_can_be_sent_as_html(self, path: Path) -> None:
        assert [text for pair in texts(path).items() for text in pair if re.search(r"[<>&]", text)] == []

    def test_names_its_own_language(self, path: Path) -> None:
        assert str(catalog(path).locale) == path.parent.parent.name


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_telegram_shows_of_the_bot_is_short_enough(language: str) -> None:
    _ = translator(language)
    assert 1 <= len(telegram_texts.name(_)) <= 64
    assert 1 <= len(telegram_texts.short_description(_)) <= 120
    assert 1 <= len(telegram_texts.description(_)) <= 512
    commands = telegram_texts.commands(_)
    assert [command.command for command in commands] == ["menu", "link", "language", "help", "privacy"]
    assert [command for command in commands if not 1 <= len(command.description) <= 256] == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_labels_fit_on_their_buttons(language: str) -> None:
    _ = translator(language)
    labels = [choice.label for what in QUESTIONS for choice in ask(what, _)[1]]
    labels += [label_of(aspect, _) for aspect in VALUES]
    assert len(labels) > 20
    assert [label for label in labels if len(label) > 64] == []


def test_a_language_without_a_catalogue_is_shown_in_english() -> None:
    assert translator("xx")("All topics") == translator("en")("All topics") == "All topics"
    assert translator("lt")("All topics") == "Visos temos"
