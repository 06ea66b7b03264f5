"""What the assistant says, independent of the channel that shows it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Literal

from bot.conversation.person import Person
from nlu.understanding import Understanding

Outcome = Literal["answer", "clarify", "action", "fallback"]


@dataclass(frozen=True)
class Choice:
    """A button: what it says and what pressing it means, at most 64 bytes (Telegram's limit)."""

    label: str
    data: str


@dataclass(frozen=True)
class Wish:
    """What the person wants that takes more than words: to see their applications, or to prove that they are theirs."""

    what: Literal["status", "address", "code"]
    typed: str = field(default="", repr=False)  # the address or the digits, which are recorded nowhere


@dataclass(frozen=True)
class Reply:
    """One reply: Telegram HTML and buttons."""

    outcome: Outcome
    language: str
    text: str
    key: str | None = None  # the topic that it is about
    keys: tuple[str, ...] = ()  # the topics that it answers or offers
    choices: tuple[Choice, ...] = ()
    facts: tuple[str, ...] = ()
    can_be_rated: bool = False
    understanding: Understanding | None = None
    pass_on: str | None = None  # a question that the person wants a member of staff to read
    wish: Wish | None = None  # what the reply is without its being carried out


@dataclass(frozen=True)
class Turn:
    """A reply, and the person as known after it."""

    reply: Reply
    person: Person

    def wishing(self, wish: Wish) -> Turn:
        return replace(self, reply=replace(self.reply, wish=wish))
