"""What every handler works with: the services, and the person who wrote."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import structlog
from sqlalchemy.ext.asyncio import AsyncSession
from telegram import Update
from telegram.ext import Application, CallbackContext, ExtBot

from bot.application.lookups import Lookups
from bot.application.vault import Vault
from bot.conversation.dialogue import Dialogue
from bot.conversation.person import Person
from bot.delivery.outbox import Outgoing
from bot.students import load_person
from integrations.application_status import StatusProvider
from integrations.database import Database, DatabaseUnavailable
from integrations.mail import Mail
from locales import Translate, languages, translator
from responses.content import FALLBACK_LANGUAGE
from responses.library import Library

log = structlog.get_logger()


Write = Callable[[AsyncSession], Awaitable[Sequence[Outgoing]]]


class Settles(Protocol):
    async def settle(self, update_id: int, write: Write) -> None:
        """End an update: in one transaction carry out `write` and keep what it gives, to be sent.

        `write` may be begun several times and takes effect once. Raises DatabaseUnavailable.
        """

    async def add(self, write: Write) -> None:
        """Say something more after an update has been settled, at most once. Raises DatabaseUnavailable."""

    async def ring(self, session: AsyncSession, name: str) -> None:
        """As Peers.ring."""


@dataclass(frozen=True)
class Applications:
    """What it takes to show people their own applications."""

    vault: Vault
    providers: Sequence[StatusProvider]
    lookups: Lookups


@dataclass(frozen=True)
class Services:
    """What the handlers need from outside; built in bot.app."""

    database: Database
    library: Library
    dialogue: Dialogue
    staff_chat: int | None
    staff_mail: str  # empty: nobody wants letters
    mail: Mail
    applications: Applications | None = None  # None where no system is connected


class Context(CallbackContext[ExtBot[None], dict[Any, Any], dict[Any, Any], dict[Any, Any]]):
    """The context of one update."""

    @property
    def services(self) -> Services:
        services: Services = self.application.bot_data["services"]
        return services

    @property
    def settles(self) -> Settles:
        settles: Settles = self.application.bot_data["settles"]
        return settles

    async def settle(self, update: Update, write: Write) -> None:
        """As Settles.settle."""
        await self.settles.settle(update.update_id, write)

    async def person(self, update: Update) -> Person:
        """Who wrote, as far as we know them. While the database is away everybody is a stranger."""
        try:
            async with self.services.database.read() as session:
                known = await load_person(session, telegram_id(update))
        except DatabaseUnavailable as error:
            log.error("person_not_loaded", update=update.update_id, reason=str(error))
            known = None
        return known or Person(language=self._settings_language(update))

    async def translate(self, update: Update) -> Translate:
        """The interface texts in the person's language."""
        return translator((await self.person(update)).language)

    def _settings_language(self, update: Update) -> str:
        """The language of the person's Telegram, where we speak it."""
        code = ((update.effective_user and update.effective_user.language_code) or "")[:2]
        return code if code in languages() else FALLBACK_LANGUAGE


App = Application[ExtBot[None], Context, dict[Any, Any], dict[Any, Any], dict[Any, Any], Any]


def telegram_id(update: Update) -> int:
    """The id under which we know who wrote: the user's, or the chat's where a user stays hidden."""
    if update.effective_user:
        return update.effective_user.id
    assert update.effective_chat, "only updates with a chat are handled"
    return update.effective_chat.id
