"""A short soak: everything is killed in turn while people write and Telegram's answers go wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.load.questions import QUESTIONS
from tests.load.soak import MODES, soak
from tests.telegram_server.server import StandIn

PEOPLE = 15


@pytest.mark.timeout(300)
@pytest.mark.parametrize("mode", MODES)
async def test_whatever_is_killed_all_are_answered_in_order_and_no_reply_is_repeated_without_need(
    mode: str, tmp_path: Path
) -> None:
    server = StandIn()
    await server.start()
    async with MODES[mode](server, tmp_path) as site:
        verdict = await soak(server, site, 1.0, seed=7, people=PEOPLE)
    await server.stop()
    assert verdict.is_good, verdict
    assert verdict.answered == PEOPLE * len(QUESTIONS)
    assert len(site.kills) > 1  # the first was the rehearsal's
    assert server.violations == []
