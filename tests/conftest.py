"""What tests of every folder use: the real content, real databases, and conversations without the model."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Iterator
from datetime import date
from pathlib import Path

import pytest
import structlog

from bot.conversation.dialogue import Dialogue
from integrations.database import Database
from integrations.database.schema import upgrade
from nlu.client import Unavailable
from nlu.language import LanguageDetector
from nlu.understanding import Guess, Understanding
from responses.catalogue import Catalogue
from responses.content import Content
from responses.files import read_content
from tests.postgres import Postgres

TODAY = date(2026, 11, 24)


class ScriptedNlu:
    """Stands in for the model where a test needs a certain understanding: text → {key: confidence}."""

    def __init__(self) -> None:
        self.meanings: dict[str, dict[str, float]] = {}
        self.away = False
        self.seconds = 0.0  # that it takes

    async def parse(self, text: str) -> Understanding:
        if self.away:
            raise Unavailable("the test took it away")
        await asyncio.sleep(self.seconds)
        meaning = self.meanings.get(text, {"out_of_scope": 0.9, "talk.help": 0.05, "contact.office": 0.03})
        ranked = sorted(meaning.items(), key=lambda item: -item[1])
        return Understanding(tuple(Guess(key, confidence) for key, confidence in ranked))

    async def is_ready(self) -> bool:
        return not self.away


@pytest.fixture(scope="session", autouse=True)
def forgetful_loggers() -> Iterator[None]:
    """A logger that remembers how one test set it up would be deaf to what the later ones capture."""
    configure = structlog.configure
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(structlog, "configure", lambda **how: configure(**how | {"cache_logger_on_first_use": False}))
        yield


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


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    server = Postgres()
    server.start()
    yield server
    server.remove()


@pytest.fixture(scope="session")
def migrated_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with the tables, to copy."""
    path = tmp_path_factory.mktemp("migrated") / "biciulis.sqlite"
    upgrade(f"sqlite:///{path}")
    return path


@pytest.fixture(scope="session")
def migrated_postgres(postgres: Postgres) -> str:
    """The name of a database with the tables, to copy."""
    name = postgres.create()
    upgrade(postgres.url(name))
    return name


@pytest.fixture(params=["sqlite", "postgresql"])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of a real database of the test's own, with our tables, on each engine."""
    if request.param == "sqlite":
        migrated: Path = request.getfixturevalue("migrated_sqlite")
        yield f"sqlite+aiosqlite:///{shutil.copy(migrated, tmp_path)}"
        return
    postgres: Postgres = request.getfixturevalue("postgres")
    name = postgres.create(request.getfixturevalue("migrated_postgres"))
    yield postgres.url(name)
    postgres.drop(name)


@pytest.fixture
async def database(address: str) -> AsyncIterator[Database]:
    database = Database(address)
    yield database
    await database.close()


@pytest.fixture
async def on_postgres(postgres: Postgres, migrated_postgres: str) -> AsyncIterator[Database]:
    database = Database(postgres.url(postgres.create(migrated_postgres)))
    yield database
    await database.close()
