"""The bot in a process of its own, to be killed: `python -m tests.bot.intake.bot_process ADDRESS FOLDER`.

Everything is real but the model: the nth question is understood as the nth of TOPICS.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from bot.app import build_application, open_services
from bot.running import answer
from bot.settings import Settings
from tests.conftest import ScriptedNlu
from tests.load.questions import MEANINGS
from tests.telegram_server.running import UNLIMITED
from tests.telegram_server.server import TOKEN


async def main(address: str, folder: Path) -> None:
    nlu = ScriptedNlu()
    nlu.meanings |= MEANINGS
    settings = Settings(_env_file=None, data_dir=folder, telegram_base_url=address)
    async with open_services(settings, nlu) as services:
        app = build_application(TOKEN, settings, services)
        await answer(settings, app, services, nlu, UNLIMITED, fetches=True)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], Path(sys.argv[2])))
