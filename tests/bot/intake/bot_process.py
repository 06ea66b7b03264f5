"""The bot in a process of its own, to be killed: `python -m tests.bot.intake.bot_process TELEGRAM FOLDER`.

Everything is real but the model: the nth question is understood as the nth of TOPICS. With a database and an address
behind these it is one of several that answer what another process fetches, and shows its pages there.
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


async def main(telegram: str, folder: str, database: str = "", pages: str = "") -> None:
    nlu = ScriptedNlu()
    nlu.meanings |= MEANINGS
    settings = Settings(
        _env_file=None,
        data_dir=Path(folder),
        database_url=database,
        telegram_base_url=telegram,
        http_address=pages,
    )
    async with open_services(settings, nlu) as services:
        app = build_application(TOKEN, settings, services)
        await answer(settings, app, services, nlu, UNLIMITED, fetches=not database)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
