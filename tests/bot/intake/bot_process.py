"""The bot in a process of its own, to be killed: `python -m tests.bot.intake.bot_process ADDRESS FOLDER`.

Everything is real but the model: the nth question is understood as the nth of TOPICS.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from bot.app import build_application, build_jobs, open_services
from bot.intake.inbox import Inbox
from bot.polling import poll
from bot.settings import Settings
from tests.conftest import ScriptedNlu
from tests.telegram_server.server import TOKEN

# Topics whose answers depend on nothing that is known of a person.
TOPICS = ("admission.fee", "admission.defer", "programmes.online", "programmes.ranking", "money.payment")
TOPICS += ("money.refund", "recognition.process", "recognition.credits", "visa.late", "permit.lost")
QUESTIONS = tuple(f"Question number {number}" for number in range(len(TOPICS)))
MEANINGS = {question: {topic: 0.95} for question, topic in zip(QUESTIONS, TOPICS, strict=True)}


async def main(address: str, folder: Path) -> None:
    nlu = ScriptedNlu()
    nlu.meanings |= MEANINGS
    settings = Settings(_env_file=None, data_dir=folder, telegram_base_url=address)
    async with open_services(settings, nlu) as services:
        app = build_application(TOKEN, settings, services)
        await poll(app, Inbox(services.database), build_jobs(app.bot, services))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], Path(sys.argv[2])))
