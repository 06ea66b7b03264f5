"""What a letter is and what anything that sends one promises."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class Letter:
    """One letter to one person, in plain text. `subject` is one line."""

    to: str
    subject: str
    text: str

    def __post_init__(self) -> None:
        # A line break in a header would begin another one: whoever chose the subject could add receivers.
        if any("\n" in line or "\r" in line for line in (self.to, self.subject)):
            raise ValueError("a letter's address and subject are one line each")


class Unavailable(Exception):
    """The mail server cannot be reached or asks us to come later: the letter was not sent."""


class Refused(Exception):
    """The mail server will not take the letter: a wrong password, sender or receiver."""


class Mail(Protocol):
    async def send(self, letter: Letter) -> None:
        """Hand the letter over for delivery. Raises Unavailable or Refused."""
