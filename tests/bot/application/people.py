"""Invented applicants, the systems that know them, and what a chat does to link one."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlalchemy import exists, select

from bot.application.linking import Asked, Proof, prove, request_code
from bot.application.postman import Postman
from bot.application.tables import CodeRequest
from bot.application.vault import Vault
from integrations.application_status.case import Applicant, Case, Changes
from integrations.database import Database, Peers
from integrations.mail import Letter
from tests.processes import Process

ANNA, BEN, EVE = 7_000_000_001, 7_000_000_002, 7_000_000_003
ADA = Applicant("register", "applicant-4711", "Ada.Lovelace@example.org")
KATE = Applicant("register", "applicant-4712", "kate@example.org")

STRANGERS = (  # who are not Kate
    "\u212aate@example.org",  # the Kelvin sign
    "ka\uff54e@example.org",  # a full-width t
    "kate+ktu@example.org",
    "k.ate@example.org",
    "kat\u0435@example.org",  # a Cyrillic letter
    "kat\u0065\u0301@example.org",
    "kate@ex\u0430mple.org",
    "kate@example.\u2134rg",
)


@dataclass
class Register:
    """A system that knows applicants; it finds more than it is asked for, as one that folds letters generously does."""

    known: Sequence[Applicant] = (ADA, KATE)
    name: str = "register"
    trouble: Exception | None = None
    asked: list[str] = field(default_factory=list)
    reached: asyncio.Event = field(default_factory=asyncio.Event)
    answering: asyncio.Event | None = None  # what it waits for before it answers

    async def find(self, email: str) -> Sequence[Applicant]:
        self.asked.append(email)
        self.reached.set()
        if self.answering:
            await self.answering.wait()
        if self.trouble:
            raise self.trouble
        return self.known

    async def look_up(self, applicant: str) -> Sequence[Case]:
        raise NotImplementedError

    async def changes(self, since: str | None) -> Changes:
        raise NotImplementedError

    async def is_ready(self) -> bool:
        return True

    async def close(self) -> None: ...


@dataclass
class Letterbox:
    """Where letters arrive, or do not."""

    letters: list[Letter] = field(default_factory=list)
    trouble: Exception | None = None
    attempts: int = 0

    async def send(self, letter: Letter) -> None:
        self.attempts += 1
        if self.trouble:
            raise self.trouble
        self.letters.append(letter)

    def codes(self) -> list[str]:
        return [code_in(letter) for letter in self.letters]


def code_in(letter: Letter) -> str:
    [code] = re.findall(r"\b\d{6}\b", letter.text)
    return str(code)


@dataclass
class Town:
    """One database, those who are known, their letters, and the chats that ask."""

    database: Database
    vault: Vault
    providers: Sequence[Register] = field(default_factory=lambda: [Register()])
    box: Letterbox = field(default_factory=Letterbox)
    peers: Peers = field(default_factory=lambda: Process(set()))

    def postman(self) -> Postman:
        return Postman(self.database, self.peers, self.vault, self.providers, self.box)

    async def ask(self, who: int = ANNA, address: str = ADA.email, language: str = "en") -> Asked:
        async with self.database.begin() as session:
            return await request_code(
                session, self.vault, telegram_id=who, chat_id=who, language=language, address=address
            )

    async def deliver(self) -> None:
        """Let a postman do all that there is to do, and end."""
        stopping = asyncio.Event()
        following = asyncio.create_task(self.postman().follow(stopping))
        while not following.done() and await self.waiting():  # noqa: ASYNC110 -- nobody tells that it is empty
            await asyncio.sleep(0.002)
        stopping.set()
        await following

    async def waiting(self) -> bool:
        async with self.database.read() as session:
            return bool(await session.scalar(select(exists().where(CodeRequest.begun_at.is_(None)))))

    async def prove(self, code: str, who: int = ANNA) -> Proof:
        async with self.database.begin() as session:
            return await prove(session, self.vault, telegram_id=who, code=code)

    async def code(self, who: int = ANNA, address: str = ADA.email) -> str:
        """Ask for a code, and read it in the letter."""
        before = len(self.box.letters)
        assert await self.ask(who, address) == Asked.SENT
        await self.deliver()
        [letter] = self.box.letters[before:]
        return code_in(letter)

    async def link(self, who: int = ANNA, address: str = ADA.email) -> Proof:
        return await self.prove(await self.code(who, address), who)


def wrong(code: str) -> str:
    """Another code."""
    return f"{(int(code) + 1) % 10**6:06}"
