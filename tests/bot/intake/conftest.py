"""What people who ask questions.py are to be told."""

from __future__ import annotations

import pytest

from bot.conversation.dialogue import Dialogue
from bot.conversation.person import Person
from tests.conftest import ScriptedNlu
from tests.load.questions import MEANINGS, QUESTIONS
from tests.telegram_server.rules import parse_html


@pytest.fixture
async def answers(dialogue: Dialogue, nlu: ScriptedNlu) -> list[str]:
    """How the answer to each question begins."""
    nlu.meanings |= MEANINGS
    turns = [await dialogue.hear(question, Person(language="en")) for question in QUESTIONS]
    firsts = [parse_html(turn.reply.text)[0].strip().splitlines()[0] for turn in turns]
    assert len(set(firsts)) == len(QUESTIONS)
    return firsts
