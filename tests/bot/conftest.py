"""A database with the real content, in a file of the test's own, and a Telegram."""

from __future__ import annotations

import logging
import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import structlog

from bot.intake.inbox import Inbox
from integrations.database import Database, join
from integrations.database.schema import upgrade
from responses.content import Content
from responses.publishing import publish
from tests.telegram_server.server import StandIn


@pytest.fixture(scope="session")
async def published(tmp_path_factory: pytest.TempPathFactory, content: Content) -> Path:
    """A database with the real content, to copy."""
    path = tmp_path_factory.mktemp("published") / "biciulis.sqlite"
    upgrade(f"sqlite:///{path}")
    database = Database(f"sqlite+aiosqlite:///{path}")
    await publish(database, content, by="the tests")
    await database.close()
    return path


@pytest.fixture(scope="session", autouse=True)
def files_read_once(content: Content) -> Iterator[None]:
    """Each start compares the files with what is published, and reading them takes a second."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("bot.app.read_content", lambda: content)
        yield


@pytest.fixture
def logs_of_its_own() -> Iterator[None]:
    """Logging as it was before, once a test has set it up anew."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    levels = {
        name: logging.getLogger(name).level
        for name in ("httpx", "httpcore", "httpx2", "httpcore2", "aiosqlite", "alembic", "telegram.request.BaseRequest")
    }
    root.handlers = []
    yield
    root.handlers = handlers
    root.setLevel(level)
    for name, before in levels.items():
        logging.getLogger(name).setLevel(before)
    structlog.reset_defaults()


@pytest.fixture
async def inbox(database: Database) -> AsyncIterator[Inbox]:
    """The inbox as the only process sees it."""
    async with join(database) as peers:
        yield Inbox(database, peers)


@pytest.fixture
def folder(tmp_path: Path, published: Path) -> Path:
    shutil.copy(published, tmp_path / published.name)
    return tmp_path


@pytest.fixture
async def server() -> AsyncIterator[StandIn]:
    server = StandIn()
    await server.start()
    yield server
    await server.stop()
    assert server.violations == []
