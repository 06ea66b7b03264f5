"""A real database with its tables, in a file of the test's own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from integrations.database import Database
from integrations.database.schema import upgrade


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    url = f"sqlite+aiosqlite:///{tmp_path}/test.sqlite"
    await asyncio.to_thread(upgrade, url)
    database = Database(url)
    yield database
    await database.close()
