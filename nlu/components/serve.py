"""Runs Rasa's HTTP server with only what the application uses open.

`python -m nlu.components.serve MODEL PORT [HOST]` reads the token from the first line of standard input, so
that it stands in no process list, and ends when standard input closes: a Rasa server never outlives
the process that started it. Without a host only this machine reaches it. Loading a model over HTTP has
been remote code execution (CVE-2024-49375), so every route but parsing and the status is refused.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from typing import Any

OPEN_PATHS = {"/", "/status", "/model/parse"}


def main(model: str, port: str, host: str = "127.0.0.1") -> None:
    token = sys.stdin.readline().strip()
    threading.Thread(target=_end_with_the_parent, daemon=True).start()

    import rasa.server
    from rasa.__main__ import main as rasa_main

    create_app = rasa.server.create_app

    def create_guarded_app(*args: Any, **kwargs: Any) -> Any:
        app = create_app(*args, **kwargs)
        app.register_middleware(_refuse_other_paths, "request")
        return app

    rasa.server.create_app = create_guarded_app
    sys.argv = ["rasa", "run", "--enable-api", "--model", model, "--interface", host, "--port", port]
    sys.argv += [f"--auth-token={token}"]  # in one word: a token may begin with "-"
    rasa_main()


async def _refuse_other_paths(request: Any) -> Any:
    from sanic.response import text

    return None if request.path in OPEN_PATHS else text("not served here", status=404)


def _end_with_the_parent() -> None:
    sys.stdin.read()
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    main(*sys.argv[1:])
