"""The processes that are measured, killed and started again: each is a command, an environment and a log."""

from __future__ import annotations

import asyncio
import os
import secrets
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import httpx2

from nlu.server import PYTHON, ROOT, environment
from tests.telegram_server.server import TOKEN, StandIn

SECONDS = 120  # after this a program hangs: Rasa takes up to a minute on a busy machine
SECRET = "of-the-tests"
WEBHOOK = "/telegram"


@dataclass
class Program:
    """One process at a time; `start` again after it has ended. `first_line`: what it reads from standard input."""

    name: str
    command: Sequence[str | Path]
    environment: Mapping[str, str]
    log: Path
    first_line: str = ""
    url: str = ""  # where it listens, if it does
    _process: asyncio.subprocess.Process | None = field(default=None, repr=False)

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    @property
    def has_ended(self) -> bool:
        return self._process is None or self._process.returncode is not None

    async def start(self) -> None:
        with self.log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *self.command,
                cwd=ROOT,
                env=self.environment,
                stdin=asyncio.subprocess.PIPE,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C in the terminal is for whoever started it
            )
        assert self._process.stdin
        if self.first_line:
            self._process.stdin.write(f"{self.first_line}\n".encode())

    async def until_answering(self, path: str = "/") -> None:
        """Until it answers over HTTP, whatever it answers."""
        async with asyncio.timeout(SECONDS), httpx2.AsyncClient(trust_env=False) as http:
            while True:
                with suppress(httpx2.HTTPError):
                    await http.get(self.url + path)
                    return
                if self.has_ended:
                    raise RuntimeError(f"{self.name} has ended: {self.last_words()}")
                await asyncio.sleep(0.1)

    async def kill(self) -> None:
        if self._process and self._process.returncode is None:
            self._process.kill()
            await self._process.wait()

    async def stop(self) -> int:
        """As an operator does; gives its status."""
        assert self._process
        if self._process.returncode is None:
            self._process.terminate()
        async with asyncio.timeout(SECONDS):
            return await self._process.wait()

    def last_words(self) -> str:
        return self.log.read_text(encoding="utf-8", errors="replace")[-500:]


def bot(
    command: str,
    server: StandIn,
    folder: Path,
    name: str = "",
    port: int = 0,
    *,
    nlu: str,
    token: str = "",
    database: str = "",
) -> Program:
    """`python -m bot COMMAND` on this database, SQLite in `folder` where none is given; its pages are at `url`."""
    address = f"127.0.0.1:{port or free_port()}"
    settings = {
        "DATA_DIR": str(folder),
        "DATABASE_URL": database,
        "TELEGRAM_TOKEN": TOKEN,
        "TELEGRAM_BASE_URL": server.url,
        "TELEGRAM_PER_SECOND": "1000",  # Telegram's own limit of 30 would be what is measured
        "NLU_URL": nlu,
        "NLU_TOKEN": token,
        "HTTP_ADDRESS": address,
        "LOG_LEVEL": "WARNING",
    }
    name = name or command
    return Program(
        name,
        [sys.executable, "-m", "bot", command],
        _with(settings),
        folder / f"{name}.log",
        url=f"http://{address}",
    )


def receiver(server: StandIn, folder: Path, name: str, port: int, *, nlu: str, database: str, webhook: str) -> Program:
    """`python -m bot receive`, which tells Telegram the address that stands before it."""
    program = bot("receive", server, folder, name, port, nlu=nlu, database=database)
    program.environment = program.environment | {
        "BICIULIS_WEBHOOK_URL": webhook + WEBHOOK,
        "BICIULIS_WEBHOOK_SECRET": SECRET,
    }
    return program


def rasa(model: Path, folder: Path) -> Program:
    """Our Rasa server; what it takes as a token is its first line."""
    port = free_port()
    command = [PYTHON, "-m", "nlu.components.serve", model, str(port)]
    token = secrets.token_hex(16)
    return Program("rasa", command, environment(), folder / "rasa.log", token, f"http://127.0.0.1:{port}")


def knows(command: str) -> bool:
    """Whether `python -m bot` has this command already."""
    asked = [sys.executable, "-m", "bot", command, "--help"]
    return subprocess.run(asked, cwd=ROOT, capture_output=True, check=False).returncode == 0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _with(settings: Mapping[str, str]) -> dict[str, str]:
    """This process's environment with these settings and no others."""
    others = {name: value for name, value in os.environ.items() if not name.startswith("BICIULIS_")}
    return others | {f"BICIULIS_{name}": value for name, value in settings.items()}
