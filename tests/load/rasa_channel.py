"""Rasa's own Telegram channel, in Rasa's environment: `python -m tests.load.rasa_channel MODEL PORT ADDRESS TOKEN`.

Its library knows no other Telegram than the real one, so the address is put in its place. And as released in 3.6 the
channel fails on every message with this library ("Event loop is closed"): it keeps the connections of the event loop
in which it has set the webhook. They are taken from it.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path


def main(model: str, port: str, address: str, token: str) -> None:
    from aiogram.bot.api import TELEGRAM_PRODUCTION  # noqa: PLC0415 -- only Rasa's environment has it

    object.__setattr__(TELEGRAM_PRODUCTION, "base", f"{address}/bot{{token}}/{{method}}")  # it is frozen

    from rasa.__main__ import main as rasa_main  # noqa: PLC0415 -- as above
    from rasa.core.channels.telegram import TelegramInput, TelegramOutput  # noqa: PLC0415 -- as above

    get_output_channel = TelegramInput.get_output_channel

    def get_fresh_channel(self: TelegramInput) -> TelegramOutput:
        channel = get_output_channel(self)
        channel._session = None
        return channel

    TelegramInput.get_output_channel = get_fresh_channel
    channel = {
        "access_token": token,
        "verify": "biciulis_bot",
        "webhook_url": f"http://127.0.0.1:{port}/webhooks/telegram/webhook",
    }
    with tempfile.TemporaryDirectory() as folder:
        credentials = Path(folder) / "credentials.yml"  # JSON is YAML
        credentials.write_text(json.dumps({"telegram": channel}), encoding="utf-8")
        sys.argv = ["rasa", "run", "--model", model, "--interface", "127.0.0.1", "--port", port]
        sys.argv += ["--credentials", str(credentials)]
        rasa_main()


if __name__ == "__main__":
    main(*sys.argv[1:])
