"""A speaker to any person, and the replies that a walk over all buttons finds."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest

from bot.conversation.person import Person
from bot.conversation.speaker import Speaker
from responses.catalogue import Catalogue

Speak = Callable[..., Speaker]


@pytest.fixture
def speaker(catalogue: Catalogue) -> Speak:
    def speak(*, listening: bool = True, today: date = date(2026, 11, 24), **known: Any) -> Speaker:
        return Speaker(catalogue, Person(**known), today, listening)

    return speak
