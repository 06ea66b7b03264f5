"""Both kinds of systems: DreamApply over its stand-in, whose clock stands still, and a folder of exports."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import stamina

from integrations.application_status.dreamapply import DreamApply
from integrations.application_status.mobility import MobilityFiles
from integrations.application_status.stand_in import KEY, StandIn
from tests.integrations.application_status.exports import Exports


@pytest.fixture(scope="session")
def now() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)


@pytest.fixture
def stand_in(now: datetime) -> StandIn:
    return StandIn(lambda: now)


@pytest.fixture
async def url(stand_in: StandIn) -> AsyncIterator[str]:
    async with stand_in.running() as url:
        yield url


@pytest.fixture
async def dreamapply(url: str) -> AsyncIterator[DreamApply]:
    provider = DreamApply(url, KEY)
    with stamina.set_testing(True, attempts=4, cap=True):
        yield provider
    await provider.close()


@pytest.fixture
def exports(tmp_path: Path) -> Exports:
    return Exports(tmp_path)


@pytest.fixture
async def files(exports: Exports) -> AsyncIterator[MobilityFiles]:
    files = MobilityFiles(exports.folder)
    yield files
    await files.close()
