"""The Bot API's rules for the methods that we call, as far as Telegram refuses what breaks them.

Source: https://core.telegram.org/bots/api, sections "Available methods" and "Formatting options".
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from html import unescape
from typing import Any

Params = dict[str, Any]

# method → what it must have, what it may have
METHODS: dict[str, tuple[set[str], set[str]]] = {
    "getMe": (set(), set()),
    "getUpdates": (set(), {"offset", "limit", "timeout", "allowed_updates"}),
    "setWebhook": (
        {"url"},
        {"max_connections", "secret_token", "allowed_updates", "ip_address", "drop_pending_updates"},
    ),
    "deleteWebhook": (set(), {"drop_pending_updates"}),
    "getWebhookInfo": (set(), set()),
    "sendMessage": (
        {"chat_id", "text"},
        {"parse_mode", "link_preview_options", "reply_markup", "disable_notification", "reply_parameters"},
    ),
    "editMessageText": ({"chat_id", "message_id", "text"}, {"parse_mode", "link_preview_options", "reply_markup"}),
    "editMessageReplyMarkup": ({"chat_id", "message_id"}, {"reply_markup"}),
    "answerCallbackQuery": ({"callback_query_id"}, {"text", "show_alert", "cache_time"}),
    "sendChatAction": ({"chat_id", "action"}, set()),
    "setMyCommands": ({"commands"}, {"scope", "language_code"}),
    "getMyCommands": (set(), {"scope", "language_code"}),
    "setMyName": (set(), {"name", "language_code"}),
    "getMyName": (set(), {"language_code"}),
    "setMyDescription": (set(), {"description", "language_code"}),
    "getMyDescription": (set(), {"language_code"}),
    "setMyShortDescription": (set(), {"short_description", "language_code"}),
    "getMyShortDescription": (set(), {"language_code"}),
}

WHOLE_NUMBERS = {"chat_id", "message_id", "offset", "limit", "timeout", "cache_time", "max_connections"}
YES_OR_NO = {"show_alert", "drop_pending_updates", "disable_notification"}
OBJECTS = {"reply_markup": dict, "link_preview_options": dict, "scope": dict, "reply_parameters": dict}
LISTS = {"commands": list, "allowed_updates": list}

UPDATES = {"message", "edited_message", "channel_post", "edited_channel_post", "callback_query", "inline_query"}
UPDATES |= {"my_chat_member", "chat_member", "poll", "poll_answer", "chosen_inline_result", "chat_join_request"}
ACTIONS = {"typing", "upload_photo", "upload_document", "record_voice", "upload_voice", "choose_sticker"}
TAGS = {"b": "bold", "strong": "bold", "i": "italic", "em": "italic", "u": "underline", "ins": "underline"}
TAGS |= {"s": "strikethrough", "strike": "strikethrough", "del": "strikethrough", "a": "text_link", "code": "code"}
TAGS |= {"pre": "pre", "blockquote": "blockquote", "tg-spoiler": "spoiler"}
LENGTHS = {"name": (0, 64), "short_description": (0, 120), "description": (0, 512)}
BUTTON_ACTIONS = {"url", "callback_data", "web_app", "switch_inline_query", "copy_text", "login_url", "pay"}

PIECE = re.compile(r"<(?P<end>/?)(?P<tag>[a-zA-Z-]+)(?P<rest>[^<>]*)>|(?P<char>&[^\s&;<>]{1,20};)|(?P<open><)")
HREF = re.compile(r"""\s+href=(?:"([^"]+)"|'([^']+)')\s*""")


class Broken(Exception):
    """A text that Telegram cannot read; the message is what Telegram answers."""


def read(raw: Params) -> tuple[Params, list[str]]:
    """The parameters with their types, as forms hold texts only, and what does not have its type."""
    typed, wrong = {}, []
    for name, value in raw.items():
        try:
            typed[name] = _typed(name, value)
        except ValueError:
            wrong.append(f"{name}: {value!r} has the wrong type")
    return typed, wrong


def check(method: str, params: Params) -> list[str]:
    """What is wrong with a call whose parameters have been read."""
    if method not in METHODS:
        return [f"{method}: no method that we know the rules of"]
    needed, possible = METHODS[method]
    wrong = [f"{name} is missing" for name in sorted(needed - params.keys())]
    wrong += [f"{name} is no parameter" for name in sorted(params.keys() - needed - possible)]
    for name in sorted(params.keys() & CHECKS.keys()):
        wrong += CHECKS[name](params)
    return [f"{method}: {each}" for each in wrong]


def parse_html(text: str) -> tuple[str, list[dict[str, Any]]]:
    """What a reader sees, and its entities. Raises Broken."""
    plain, at, entities = "", 0, []
    open_tags: list[tuple[str, int, str | None]] = []
    for piece in PIECE.finditer(text):
        plain += text[at : piece.start()]
        at = piece.end()
        if piece["open"]:
            raise Broken(f"can't parse entities: unsupported start tag at byte offset {piece.start()}")
        if piece["char"]:
            plain += _character(piece["char"])
        elif piece["end"]:
            entities.append(_close(piece["tag"].lower(), open_tags, plain))
        else:
            open_tags.append(_open(piece["tag"].lower(), piece["rest"], open_tags, plain))
    if open_tags:
        raise Broken(f"can't parse entities: can't find end tag corresponding to start tag \"{open_tags[-1][0]}\"")
    return plain + text[at:], sorted(entities, key=lambda entity: entity["offset"])


def units(text: str) -> int:
    """The length as Telegram counts it."""
    return len(text.encode("utf-16-le")) // 2


def _typed(name: str, value: Any) -> Any:
    expected = (OBJECTS | LISTS).get(name)
    if expected:
        value = json.loads(value) if isinstance(value, str) else value
        if not isinstance(value, expected):
            raise ValueError
    elif name in WHOLE_NUMBERS:
        if isinstance(value, bool) or not re.fullmatch(r"-?\d+", str(value)):
            raise ValueError
        value = int(value)
    elif name in YES_OR_NO:
        value = {"true": True, "false": False}.get(str(value).lower())
        if value is None:
            raise ValueError
    elif not isinstance(value, str):
        raise ValueError
    return value


def _character(entity: str) -> str:
    if entity not in ("&lt;", "&gt;", "&amp;", "&quot;") and not re.fullmatch(r"&#(\d+|x[0-9a-fA-F]+);", entity):
        raise Broken(f"can't parse entities: {entity} is not supported")
    return unescape(entity)


def _open(tag: str, rest: str, open_tags: list[tuple[str, int, str | None]], plain: str) -> tuple[str, int, str | None]:
    if tag not in TAGS:
        raise Broken(f'can\'t parse entities: unsupported start tag "{tag}"')
    around = [name for name, _, _ in open_tags]
    if tag in around or (set(around) & {"code", "pre"} and (around[-1], tag) != ("pre", "code")):
        raise Broken(f'can\'t parse entities: "{tag}" cannot be inside "{around[-1]}"')
    link = HREF.fullmatch(rest)
    if (tag == "a") != bool(link) or (tag not in ("a", "code", "blockquote") and rest.strip()):
        raise Broken(f'can\'t parse entities: "{tag}" with the attributes "{rest}"')
    return tag, units(plain), unescape(link[1] or link[2]) if link else None


def _close(tag: str, open_tags: list[tuple[str, int, str | None]], plain: str) -> dict[str, Any]:
    if not open_tags or open_tags[-1][0] != tag:
        raise Broken(f'can\'t parse entities: unexpected end tag "{tag}"')
    __, start, url = open_tags.pop()
    entity: dict[str, Any] = {"type": TAGS[tag], "offset": start, "length": units(plain) - start}
    if url:
        entity["url"] = url
    return entity


def _check_text(params: Params) -> Iterator[str]:
    text = params["text"]
    if "callback_query_id" in params:
        if len(text) > 200:
            yield f"text has {len(text)} characters, at most 200"
        return
    try:
        plain = parse_html(text)[0] if params.get("parse_mode") == "HTML" else text
    except Broken as error:
        yield str(error)
        return
    if not plain.strip():
        yield "text is empty"
    if units(plain) > 4096:
        yield f"text has {units(plain)} characters, at most 4096"


def _check_markup(params: Params) -> Iterator[str]:
    markup = params["reply_markup"]
    rows = markup.get("inline_keyboard")
    if set(markup) != {"inline_keyboard"} or not isinstance(rows, list):
        yield f"reply_markup is no inline keyboard: {sorted(markup)}"
        return
    if sum(map(len, rows)) > 100:
        yield "more than 100 buttons"
    for row in rows:
        if not isinstance(row, list) or not 1 <= len(row) <= 8:
            yield "a row needs 1 to 8 buttons"
            continue
        for button in row:
            yield from _check_button(button)


def _check_button(button: Params) -> Iterator[str]:
    if not str(button.get("text", "")).strip():
        yield "a button needs a text"
    actions = button.keys() & BUTTON_ACTIONS
    if len(actions) != 1 or button.keys() - BUTTON_ACTIONS - {"text"}:
        yield f"a button does exactly one thing, not {sorted(button)}"
    if "callback_data" in actions and not 1 <= len(button["callback_data"].encode()) <= 64:
        yield f"callback_data has {len(button['callback_data'].encode())} bytes, 1 to 64 are allowed"
    if "url" in actions and not re.match(r"(https?|tg)://", button["url"]):
        yield f"{button['url']} is no address"


def _check_commands(params: Params) -> Iterator[str]:
    commands = params["commands"]
    names = [command.get("command", "") for command in commands]
    if len(commands) > 100 or len(set(names)) < len(names):
        yield "at most 100 commands, each once"
    for command in commands:
        if not re.fullmatch(r"[a-z0-9_]{1,32}", command.get("command", "")):
            yield f"{command} has no name of 1 to 32 small letters, digits and underscores"
        if not 1 <= len(command.get("description", "")) <= 256:
            yield f"{command} needs a description of 1 to 256 characters"


def _check_choice(name: str, allowed: set[str]) -> Callable[[Params], Iterator[str]]:
    def look(params: Params) -> Iterator[str]:
        values = params[name] if isinstance(params[name], list) else [params[name]]
        for value in values:
            if value not in allowed:
                yield f"{name} cannot be {value!r}"

    return look


def _check_length(name: str) -> Callable[[Params], Iterator[str]]:
    shortest, longest = LENGTHS[name]

    def look(params: Params) -> Iterator[str]:
        if not shortest <= len(params[name]) <= longest:
            yield f"{name} has {len(params[name])} characters, at most {longest}"

    return look


def _check_range(name: str, lowest: int, highest: int) -> Callable[[Params], Iterator[str]]:
    def look(params: Params) -> Iterator[str]:
        if not lowest <= params[name] <= highest:
            yield f"{name} must be {lowest} to {highest}, not {params[name]}"

    return look


def _check_language(params: Params) -> Iterator[str]:
    if not re.fullmatch(r"([a-z]{2})?", params["language_code"]):
        yield f"language_code cannot be {params['language_code']!r}"


def _check_secret(params: Params) -> Iterator[str]:
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,256}", params["secret_token"]):
        yield "secret_token needs 1 to 256 letters, digits, - and _"


def _check_address(params: Params) -> Iterator[str]:
    # Telegram wants https; its own server, run by oneself, takes http, and so do we.
    if params["url"] and not re.match(r"https?://", params["url"]):
        yield f"{params['url']} is no address"


CHECKS: dict[str, Callable[[Params], Iterator[str]]] = {
    "text": _check_text,
    "reply_markup": _check_markup,
    "commands": _check_commands,
    "language_code": _check_language,
    "parse_mode": _check_choice("parse_mode", {"HTML"}),  # the only one whose texts we can check
    "action": _check_choice("action", ACTIONS),
    "allowed_updates": _check_choice("allowed_updates", UPDATES),
    "limit": _check_range("limit", 1, 100),
    "timeout": _check_range("timeout", 0, 50),
    "max_connections": _check_range("max_connections", 1, 100),
    "secret_token": _check_secret,
    "url": _check_address,
} | {name: _check_length(name) for name in LENGTHS}
