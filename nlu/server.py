"""Starts the Rasa server on loopback, watches it, starts it again when it dies, stops it."""

from __future__ import annotations

import asyncio
import os
import secrets
import socket
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

import structlog

from nlu.client import NluClient, Unavailable
from nlu.understanding import Understanding

ROOT = Path(__file__).parent.parent
PYTHON = ROOT / ".venv-nlu/bin/python"
START_SECONDS = 120
LONGEST_PAUSE = 60.0  # seconds between two attempts to start a server that keeps dying

log = structlog.get_logger()


class RasaServer:
    """A Rasa process of our own. Understands texts while it is up and raises Unavailable while it is not."""

    def __init__(self, model: Path, log_file: Path) -> None:
        self._model, self._log_file = model, log_file
        self._token = secrets.token_hex(32)  # of letters and digits: one that began with "-" would be read as an option
        self._process: asyncio.subprocess.Process | None = None
        self._client: NluClient | None = None
        self._watcher: asyncio.Task[None] | None = None
        self._ready = asyncio.Event()

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    @property
    def name(self) -> str:
        return f"process {self.pid}"

    async def start(self) -> None:
        """Begin to start the server; `wait_ready` tells when it is up."""
        self._watcher = asyncio.create_task(self._keep_running())

    async def wait_ready(self, seconds: float = START_SECONDS) -> bool:
        """Whether the server came up in time."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._ready.wait(), seconds)
        return self._ready.is_set()

    async def parse(self, text: str) -> Understanding:
        """The meanings of a text. Raises Unavailable, at once where the server is known to be away."""
        if not self._ready.is_set() or self._client is None:
            raise Unavailable("not running")
        return await self._client.parse(text)

    async def is_ready(self) -> bool:
        """Whether it would answer: of a process that was killed we hear a moment later than whoever asks it."""
        return self._ready.is_set() and self._client is not None and await self._client.is_ready()

    async def stop(self) -> None:
        if self._watcher:
            self._watcher.cancel()
            with suppress(asyncio.CancelledError):
                await self._watcher
        await self._end_process()

    async def _keep_running(self) -> None:
        pause = 0.5
        while True:
            await self._start_process()
            if await self._wait_for_answer():
                pause = 0.5
                self._ready.set()
                log.info("nlu_ready", pid=self.pid)
            assert self._process
            code = await self._process.wait()
            self._ready.clear()
            log.warning("nlu_ended", code=code, log=str(self._log_file), pause=pause)
            await self._end_process()
            await asyncio.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE)

    async def _start_process(self) -> None:
        port = _free_port()
        self._log_file.parent.mkdir(parents=True, exist_ok=True)
        with self._log_file.open("ab") as output:
            self._process = await asyncio.create_subprocess_exec(
                *(PYTHON, "-m", "nlu.components.serve", self._model, str(port)),
                cwd=ROOT,
                env=environment(),
                stdin=asyncio.subprocess.PIPE,
                stdout=output,
                stderr=output,
                start_new_session=True,  # Ctrl-C in the terminal is for us; we then stop the server
            )
        assert self._process.stdin
        self._process.stdin.write(f"{self._token}\n".encode())
        self._client = NluClient(f"http://127.0.0.1:{port}", self._token)

    async def _wait_for_answer(self) -> bool:
        assert self._process and self._client
        for _ in range(START_SECONDS * 5):
            if self._process.returncode is not None:
                return False
            if await self._client.is_ready():
                with suppress(Unavailable):  # the first parse loads the encoders: no student waits for that
                    await self._client.parse("hello")
                return True
            await asyncio.sleep(0.2)
        log.error("nlu_not_ready", seconds=START_SECONDS, log=str(self._log_file))
        self._process.kill()
        return False

    async def _end_process(self) -> None:
        self._ready.clear()
        if self._client:
            await self._client.close()
        if self._process and self._process.returncode is None:
            self._process.terminate()
            try:
                await asyncio.wait_for(self._process.wait(), 5)
            except TimeoutError:
                self._process.kill()
                await self._process.wait()


def become_server(model: Path, host: str, port: int, token: str) -> NoReturn:
    """Turn this process into a Rasa server for other processes, until it is told to stop."""
    reading, writing = os.pipe()
    os.write(writing, f"{token}\n".encode())
    os.dup2(reading, 0)
    os.set_inheritable(writing, True)  # never closed, or it would take its parent for dead
    command = [str(PYTHON), "-m", "nlu.components.serve", str(model), str(port), host]
    os.execve(PYTHON, command, environment())  # noqa: S606 -- a program of our own


def environment() -> dict[str, str]:
    """The environment of every process of Rasa's: quiet, one thread, no reports home, none of our settings."""
    ours = {name: value for name, value in os.environ.items() if not name.startswith("BICIULIS_")}
    return ours | {
        "PYTHONPATH": str(ROOT),
        "PYTHONWARNINGS": "ignore",
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "RASA_TELEMETRY_ENABLED": "false",
        "RASA_MAX_CACHE_SIZE": "0",  # its cache does not see that a component's code has changed
        "LOG_LEVEL": "WARNING",
    }


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
