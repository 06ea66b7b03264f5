"""A chat in which a test says and presses."""

from __future__ import annotations

import pytest

from bot.conversation.dialogue import Dialogue
from bot.conversation.person import Person
from bot.conversation.reply import Reply, Turn
from bot.rendering import plain_text


class Chat:
    """One person's conversation: what is known of them is carried from turn to turn."""

    def __init__(self, dialogue: Dialogue) -> None:
        self._dialogue = dialogue
        self._turn: Turn | None = None
        self.person = Person()

    @property
    def reply(self) -> Reply:
        assert self._turn, "nothing was said yet"
        return self._turn.reply

    @property
    def buttons(self) -> list[str]:
        return [choice.label for choice in self.reply.choices]

    async def says(self, text: str) -> str:
        return self._take(await self._dialogue.hear(text, self.person))

    def presses(self, label: str) -> str:
        data = next(choice.data for choice in self.reply.choices if choice.label == label)
        return self._take(self._dialogue.press(data, self.person))

    def _take(self, turn: Turn) -> str:
        self._turn, self.person = turn, turn.person
        return plain_text(turn.reply.text)


@pytest.fixture
def chat(dialogue: Dialogue) -> Chat:
    return Chat(dialogue)
