"""What Telegram shows of the bot before anybody writes: its commands, name and descriptions, in each language."""

from __future__ import annotations

import asyncio

import structlog
from telegram import BotCommand
from telegram.error import TelegramError
from telegram.ext import ExtBot

from locales import Translate, languages, translator

log = structlog.get_logger()


def commands(_: Translate) -> list[BotCommand]:
    return [
        BotCommand("menu", _("All topics")),
        BotCommand("link", _("My application")),
        BotCommand("language", _("Choose a language")),
        BotCommand("help", _("What I can do")),
        BotCommand("privacy", _("What I store about you")),
    ]


def name(_: Translate) -> str:
    return _("Bičiulis, KTU student assistant")


def short_description(_: Translate) -> str:
    """At most 120 characters, shown on the bot's profile."""
    return _("Answers international students' questions about KTU: admission, visas, Erasmus+, life in Kaunas.")


def description(_: Translate) -> str:
    """At most 512 characters, shown in the empty chat."""
    return _(
        "Hello! I am Bičiulis, the assistant of Kaunas University of Technology for international students. "
        "Ask me in your own words about admission, fees, visas, Erasmus+ and life in Kaunas. "
        "My answers are written by people of the university, and I tell you when they were last checked."
    )


async def introduce(bot: ExtBot[None], stopping: asyncio.Event) -> None:
    """Set what differs from what Telegram has: it allows few changes of these texts a day."""
    for language in ("", *languages()):
        if stopping.is_set():
            return
        _ = translator(language)
        try:
            if await bot.get_my_commands(language_code=language or None) != tuple(commands(_)):
                await bot.set_my_commands(commands(_), language_code=language or None)
            if (await bot.get_my_name(language or None)).name != name(_):
                await bot.set_my_name(name(_), language or None)
            if (await bot.get_my_short_description(language or None)).short_description != short_description(_):
                await bot.set_my_short_description(short_description(_), language or None)
            if (await bot.get_my_description(language or None)).description != description(_):
                await bot.set_my_description(description(_), language or None)
        except TelegramError as error:
            log.warning("not_introduced", language=language, reason=type(error).__name__)
            return
    log.info("introduced", languages=len(languages()))
