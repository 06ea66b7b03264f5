"""What tests of every folder use: the real content, and conversations without the model."""

from __future__ import annotations

from datetime import date

import pytest

from bot.conversation.dialogue import Dialogue
from nlu.client import Unavailable
from nlu.language import LanguageDetector
from nlu.understanding import Guess, Understanding
from responses.catalogue import Catalogue
from responses.content import Content
from responses.files import read_content

TODAY = date(2026, 11, 24)


class ScriptedNlu:
    """Stands in for the model where a test needs a certain understanding: text → {key: confidence}."""

    def __init__(self) -> None:
        self.meanings: dict[str, dict[str, float]] = {}
        self.away = False

    async def parse(self, text: str) -> Understanding:
        if self.away:
            raise Unavailable("the test took it away")
        meaning = self.meanings.get(text, {"out_of_scope": 0.9, "talk.help": 0.05, "contact.office": 0.03})
        ranked = sorted(meaning.items(), key=lambda item: -item[1])
        return Understanding(tuple(Guess(key, confidence) for key, confidence in ranked))

    async def is_ready(self) -> bool:
        return not self.away


@pytest.fixture(scope="session")
def content() -> Content:
    return read_content()


@pytest.fixture(scope="session")
def catalogue(content: Content) -> Catalogue:
    return Catalogue(content)


@pytest.fixture
def nlu() -> ScriptedNlu:
    return ScriptedNlu()


@pytest.fixture(scope="session")
def detector() -> LanguageDetector:
    return LanguageDetector()


@pytest.fixture
def dialogue(catalogue: Catalogue, nlu: ScriptedNlu, detector: LanguageDetector) -> Dialogue:
    return Dialogue(lambda: catalogue, nlu, detector, lambda: TODAY, staff_listen=True)
