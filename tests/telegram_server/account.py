"""One bot at Telegram: its chats, what is written in them, its texts, and the methods that change these."""

from __future__ import annotations

import re
import time
from typing import Any

from tests.telegram_server.rules import Broken, Params, parse_html, units
from tests.telegram_server.sent import SentLog
from tests.telegram_server.updates import Refused, Updates

BOT = {"id": 1234567890, "is_bot": True, "first_name": "Bičiulis", "username": "biciulis_bot"}
COMMAND = re.compile(r"(?<!\S)/\w{1,32}(@\w+)?")
MENTION = re.compile(r"(?<!\w)@\w{4,32}")


class Account(Updates):
    """Each method is named as Telegram names it, behind an underscore."""

    def __init__(self) -> None:
        super().__init__()
        self.violations: list[str] = []
        self.chats: dict[int, Params] = {}
        self.messages: dict[tuple[int, int], Params] = {}
        self.sent = SentLog()
        self.notices: dict[str, str] = {}  # what was said to a pressed button, by the press
        self.presses: set[str] = set()
        self.texts: dict[tuple[str, str], Any] = {}  # commands, name and descriptions by language

    def post(self, chat: int, sender: Params, **content: Any) -> dict[str, Any]:
        """A new message in a chat, as Telegram shows it to the bot."""
        message = {
            "message_id": self.number("message"),
            "from": sender,
            "chat": self.chats[chat],
            "date": int(time.time()),
            **_with_entities(content),
        }
        self.messages[chat, message["message_id"]] = message
        return message

    def edit(self, message: dict[str, Any], text: str) -> dict[str, Any]:
        """The same message after its author has written it anew."""
        message.pop("entities", None)
        message.update(_with_entities({"text": text}), edit_date=int(time.time()))
        return message

    def _getMe(self) -> Params:
        return BOT | {"can_join_groups": True, "can_read_all_group_messages": False, "supports_inline_queries": False}

    def _sendMessage(self, chat_id: int, text: str, parse_mode: str = "", **more: Any) -> Params:
        self._require_chat(chat_id)
        message = self.post(chat_id, BOT, **_shown(text, parse_mode, more))
        self.sent.add(chat_id, message["text"])
        return message

    def _editMessageText(
        self, chat_id: int, message_id: int, text: str, parse_mode: str = "", **more: Any
    ) -> Params | bool:
        return self._change(self._own_message(chat_id, message_id), _shown(text, parse_mode, more))

    def _editMessageReplyMarkup(self, chat_id: int, message_id: int, **more: Any) -> Params | bool:
        message = self._own_message(chat_id, message_id)
        kept = {name: message[name] for name in ("text", "entities") if name in message}
        return self._change(message, kept | _shown_markup(more))

    def _answerCallbackQuery(self, callback_query_id: str, text: str = "", **more: Any) -> bool:
        if callback_query_id in self.notices:
            self.violations.append("answerCallbackQuery: a press is answered once")
        if callback_query_id not in self.presses:
            raise Refused(400, "Bad Request: query is too old and response timeout expired or query ID is invalid")
        self.notices[callback_query_id] = text
        return True

    def _sendChatAction(self, chat_id: int, action: str) -> bool:
        self._require_chat(chat_id)
        return True

    def _setMyCommands(self, commands: list[Params], language_code: str = "", scope: Params | None = None) -> bool:
        return self._set("commands", commands, language_code)

    def _getMyCommands(self, language_code: str = "", scope: Params | None = None) -> list[Params]:
        commands: list[Params] = self.texts.get(("commands", language_code), [])
        return commands

    def _setMyName(self, name: str = "", language_code: str = "") -> bool:
        return self._set("name", name, language_code)

    def _getMyName(self, language_code: str = "") -> Params:
        return {"name": self._get("name", language_code) or BOT["first_name"]}

    def _setMyDescription(self, description: str = "", language_code: str = "") -> bool:
        return self._set("description", description, language_code)

    def _getMyDescription(self, language_code: str = "") -> Params:
        return {"description": self._get("description", language_code)}

    def _setMyShortDescription(self, short_description: str = "", language_code: str = "") -> bool:
        return self._set("short_description", short_description, language_code)

    def _getMyShortDescription(self, language_code: str = "") -> Params:
        return {"short_description": self._get("short_description", language_code)}

    def _set(self, what: str, value: Any, language: str) -> bool:
        self.texts[what, language] = value
        return True

    def _get(self, what: str, language: str) -> str:
        return self.texts.get((what, language)) or self.texts.get((what, "")) or ""

    def _require_chat(self, chat: int) -> None:
        if chat not in self.chats:
            raise Refused(400, "Bad Request: chat not found")

    def _own_message(self, chat: int, message_id: int) -> Params:
        self._require_chat(chat)
        message = self.messages.get((chat, message_id))
        if message is None:
            raise Refused(400, "Bad Request: message to edit not found")
        if message["from"] != BOT:
            raise Refused(400, "Bad Request: message can't be edited")
        return message

    def _change(self, message: Params, shown: Params) -> Params:
        if all(message.get(name) == shown.get(name) for name in ("text", "entities", "reply_markup")):
            raise Refused(
                400,
                "Bad Request: message is not modified: specified new message content and reply markup "
                "are exactly the same as a current content and reply markup of the message",
            )
        for name in ("entities", "reply_markup"):
            message.pop(name, None)
        message.update(shown, edit_date=int(time.time()))
        self.sent.add(message["chat"]["id"], message.get("text", ""))
        return message


def _shown(text: str, parse_mode: str, more: Params) -> Params:
    try:
        plain, entities = parse_html(text) if parse_mode == "HTML" else (text, [])
    except Broken as error:
        raise Refused(400, f"Bad Request: {error}") from None
    shown = {"text": plain.strip()} | ({"entities": entities} if entities else {})
    return shown | _shown_markup(more)


def _shown_markup(more: Params) -> Params:
    markup = more.get("reply_markup")
    return {"reply_markup": markup} if markup and markup["inline_keyboard"] else {}


def _with_entities(content: Params) -> Params:
    """A message's content with its commands and mentions marked, as Telegram does."""
    text = content.get("text", "")
    found = [
        {"type": kind, "offset": units(text[: match.start()]), "length": len(match[0])}
        for kind, pattern in (("bot_command", COMMAND), ("mention", MENTION))
        for match in pattern.finditer(text)
    ]
    return content | ({"entities": found} if found and "entities" not in content else {})
