"""People who write to the bot through the stand-in."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import exists, select

from bot.context import App, Services
from bot.delivery.outbox import Parcel
from bot.intake.inbox import Arrival
from tests.telegram_server.server import BOT, StandIn

SECONDS = 60  # after this a step of a conversation has hung


@dataclass
class Chat:
    """One person in one chat. Every step waits until the bot has done with it and gives what it wrote meanwhile."""

    server: StandIn
    app: App
    user: int
    id: int = 0  # the chat; a private one has the number of its person
    language: str = "en"
    mine: list[dict[str, Any]] = field(default_factory=list)
    notice: str | None = None  # what the last press was answered with; None where it was not answered

    def __post_init__(self) -> None:
        self.id = self.id or self.user
        kind = {"type": "private", "first_name": "Asha"} if self.id > 0 else {"type": "supergroup", "title": "Friends"}
        self.server.chats.setdefault(self.id, {"id": self.id} | kind)

    @property
    def sender(self) -> dict[str, Any]:
        return {"id": self.user, "is_bot": False, "first_name": "Asha", "language_code": self.language}

    @property
    def messages(self) -> list[dict[str, Any]]:
        """What the bot has written here, the oldest first."""
        found = [message for (chat, _), message in self.server.messages.items() if chat == self.id]
        return [message for message in found if message["from"] == BOT]

    @property
    def buttons(self) -> list[str]:
        """The labels under the bot's last message."""
        return [button["text"] for button in _buttons(self.messages[-1])]

    async def says(self, text: str, **more: Any) -> list[str]:
        return await self.sends(text=text, **more)

    async def sends(self, **content: Any) -> list[str]:
        self.mine.append(self.server.post(self.id, self.sender, **content))
        return await self._step("message", self.mine[-1])

    async def edits(self, text: str) -> list[str]:
        """Writes the person's last message anew."""
        return await self._step("edited_message", self.server.edit(self.mine[-1], text))

    async def presses(self, label: str, *, too_late: bool = False) -> list[str]:
        """Presses the newest button with this label; too late for Telegram to take an answer to the press."""
        message, button = next(
            (message, button)
            for message in reversed(self.messages)
            for button in _buttons(message)
            if button["text"] == label
        )
        return await self.presses_data(button["callback_data"], message, too_late=too_late)

    async def presses_data(self, data: str, message: dict[str, Any], *, too_late: bool = False) -> list[str]:
        number = f"press-{self.server.number('update')}"
        if not too_late:
            self.server.presses.add(number)
        press = {"id": number, "from": self.sender, "chat_instance": "1", "message": message, "data": data}
        texts = await self._step("callback_query", press)
        self.notice = self.server.notices.get(number)
        return texts

    async def _step(self, kind: str, content: Any) -> list[str]:
        before = len(self.server.calls)
        number = self.server.update(kind, content)
        async with asyncio.timeout(SECONDS):
            await self.server.until(lambda: self.server.has_confirmed(number))
            while not await self._is_done(number):  # noqa: ASYNC110 -- the database tells nobody
                await asyncio.sleep(0.005)
        return [
            call.answer["text"]
            for call in self.server.calls[before:]
            if call.method in ("sendMessage", "editMessageText") and call.answer and call.params["chat_id"] == self.id
        ]

    async def _is_done(self, number: int) -> bool:
        services: Services = self.app.bot_data["services"]
        async with services.database.read() as session:
            arrival = await session.get(Arrival, number)
            waiting = await session.scalar(select(exists().where(Parcel.failed_at.is_(None))))
        return arrival is not None and arrival.done_at is not None and not waiting


def _buttons(message: dict[str, Any]) -> list[dict[str, str]]:
    return [button for row in message.get("reply_markup", {}).get("inline_keyboard", []) for button in row]
