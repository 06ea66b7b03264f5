"""A receiver in a process of its own, to be killed: `python -m tests.bot.intake.webhook_process URL SECRET [dies]`.

Says its address on standard output. One that dies does so between the commit of the first update and its answer.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Iterable, Mapping
from typing import Any

from telegram import Bot

from bot.intake.inbox import Inbox
from bot.intake.webhook import Webhook, WebhookAddress
from bot.operations.web import build_pages, listen, serve
from integrations.database import Database, join
from tests.telegram_server.server import TOKEN


class Mortal(Inbox):
    async def keep(self, updates: Iterable[Mapping[str, Any]]) -> None:
        await super().keep(updates)
        os.kill(os.getpid(), signal.SIGKILL)


async def main(url: str, secret: str, inbox_of: type[Inbox]) -> None:
    database = Database(url)
    address = WebhookAddress("https://bot.example/telegram", secret)
    stopping = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopping.set)
    listener = listen("127.0.0.1", 0)
    listener.listen()  # whoever knocks before we serve waits
    print(listener.getsockname()[1], flush=True)
    async with join(database) as peers:
        webhook = Webhook(Bot(TOKEN), address, database, inbox_of(database, peers))
        await serve(build_pages(database, {}, [webhook.route]), listener, stopping)
    await database.close()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], Mortal if sys.argv[3:] == ["dies"] else Inbox))
