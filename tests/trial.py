"""On one machine what is meant for several: `make trial WORKERS=2 RECEIVERS=2 RASA=2`.

Everything is as in production, each process one of `python -m bot …`, restarted when it ends: kill one and see that
nothing is lost. Without BICIULIS_TELEGRAM_TOKEN Telegram is the stand-in, where a few people ask now and then. With a
token it is the real one; it brings updates where BICIULIS_WEBHOOK_URL is set, to whatever leads to
BICIULIS_HTTP_ADDRESS, and is asked for them otherwise. PostgreSQL is that of BICIULIS_DATABASE_URL, or one of its own
in a temporary folder.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import secrets
import signal
import sys
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from itertools import count, cycle

import httpx2
from rich.console import Console
from rich.table import Table

from bot.settings import Settings, WrongSettings, read_settings
from bot.stopping import pause, unless
from nlu.training import TrainingFailed, ensure_model
from tests.load.crowd import write
from tests.load.programs import SECRET, WEBHOOK, Program, free_port
from tests.load.proxy import proxy
from tests.load.site import Site, names, own_postgres, up
from tests.telegram_server.sent import Sent
from tests.telegram_server.server import TOKEN, StandIn

LONGEST_GOODBYE = 9.0  # seconds for processes that are told to stop, before they are killed
BETWEEN = 4.0  # seconds between two questions
PEOPLE = (1001, 1002, 1003)
QUESTIONS = (
    "Do I need a visa? I am from India",
    "Kiek kainuoja bendrabutis?",
    "When does the semester begin?",
    "Wie bewerbe ich mich für ein Erasmus-Semester?",
    "Сколько стоит обучение?",
    "Where is the international office?",
    "How do I open a bank account?",
)

console = Console(highlight=False)


@dataclass(frozen=True)
class Numbers:
    workers: int
    receivers: int
    rasa: int


async def run(settings: Settings, numbers: Numbers) -> None:
    """Until told to stop."""
    stopping = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    async with AsyncExitStack() as stack:
        given, ports = {"NLU_TOKEN": secrets.token_hex(16)}, [free_port() for _ in range(numbers.receivers)]
        if not settings.database_url:
            postgres = await stack.enter_async_context(own_postgres())
            given["DATABASE_URL"] = postgres.url(await asyncio.to_thread(postgres.create))
        server: StandIn | None = None
        if not settings.telegram_token:
            server = await stack.enter_async_context(stand_in())
            webhook = await stack.enter_async_context(proxy(ports)) + WEBHOOK
            given |= {"TELEGRAM_TOKEN": TOKEN, "TELEGRAM_BASE_URL": server.url}
            given |= {"WEBHOOK_URL": webhook, "WEBHOOK_SECRET": SECRET}
        elif settings.webhook_url:
            await stack.enter_async_context(proxy(ports, *(settings.listener(receives=True) or ())))
        else:
            ports = []  # Telegram is asked
        parts = {each.name: each for each in programs(settings, given, ports, numbers)}
        site = await stack.enter_async_context(up(parts))
        site.on_fall = tell
        console.print(table_of(parts.values()))
        await until_stopped(site, server, stopping)
        with suppress(TimeoutError):
            async with asyncio.timeout(LONGEST_GOODBYE):
                await site.stop(name for name in parts if not name.startswith("understand"))


def programs(settings: Settings, given: Mapping[str, str], ports: Sequence[int], numbers: Numbers) -> Iterator[Program]:
    """Those whose work others need come first."""
    folder = settings.data_dir.resolve() / "trial"
    folder.mkdir(parents=True, exist_ok=True)

    def program(name: str, *command: str, **more: str) -> Program:
        environment = {**os.environ} | {f"BICIULIS_{setting}": value for setting, value in {**given, **more}.items()}
        url = "http://" + (more.get("HTTP_ADDRESS") or command[1])
        return Program(name, [sys.executable, "-m", "bot", *command], environment, folder / f"{name}.log", url=url)

    listeners = {name: f"127.0.0.1:{free_port()}" for name in names("understand", numbers.rasa)}
    nlu = ",".join(f"http://{address}" for address in listeners.values())
    for name, address in listeners.items():
        yield program(name, "understand", address)
    for name, port in zip(names("receive", len(ports)), ports, strict=True):
        yield program(name, "receive", HTTP_ADDRESS=f"127.0.0.1:{port}")
    if not ports:
        yield program("poll", "poll", HTTP_ADDRESS=f"127.0.0.1:{free_port()}")
    for name in names("work", numbers.workers):
        yield program(name, "work", HTTP_ADDRESS=f"127.0.0.1:{free_port()}", NLU_URL=nlu)


async def until_stopped(site: Site, server: StandIn | None, stopping: asyncio.Event) -> None:
    with console.status("The language model is loaded …"):
        await unless(stopping, until_ready(site))
    if not stopping.is_set():
        console.print("All are ready. Kill one, see that nobody misses it. Ctrl-C ends everything.\n")
    if server:
        await ask_now_and_then(server, stopping)
    await stopping.wait()


async def until_ready(site: Site) -> None:
    """Until every process with pages says that it works, which those who answer do once a model is there."""
    async with httpx2.AsyncClient(trust_env=False) as http:
        for name, part in site.parts.items():
            assert isinstance(part, Program)
            while not name.startswith("understand"):
                with suppress(httpx2.HTTPError):
                    if (await http.get(f"{part.url}/readyz")).is_success:
                        break
                await asyncio.sleep(0.2)


@asynccontextmanager
async def stand_in() -> AsyncIterator[StandIn]:
    server = StandIn()
    await server.start()
    yield server
    await server.stop()


async def ask_now_and_then(server: StandIn, stopping: asyncio.Event) -> None:
    def show(sent: Sent) -> None:
        console.print(
            f"  to {sent.chat}: {sent.text.splitlines()[0]}", style="green", overflow="ellipsis", no_wrap=True
        )

    server.sent.on_sent = show
    for number, question in zip(count(), cycle(QUESTIONS), strict=False):
        if stopping.is_set():
            return
        chat = PEOPLE[number % len(PEOPLE)]
        console.print(f"{chat} asks: {question}")
        write(server, chat, question)
        await pause(stopping, BETWEEN)


def tell(program: Program) -> None:
    console.print(
        f"{program.name} has ended, and is started again as process {program.pid}; see {os.path.relpath(program.log)}"
    )


def table_of(programs: Iterable[Program]) -> Table:
    table = Table("", "process", "/readyz and /metrics", "log", box=None)
    for program in programs:
        pages = "" if program.name.startswith("understand") else program.url
        table.add_row(program.name, str(program.pid), pages, os.path.relpath(program.log))
    return table


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.trial", description=__doc__)
    for name in ("workers", "receivers", "rasa"):
        parser.add_argument(f"--{name}", type=int, default=2)
    given = parser.parse_args(arguments)
    try:
        settings = read_settings()
        if settings.database_url and not settings.database.startswith("postgresql"):
            raise WrongSettings("Several processes need PostgreSQL: set BICIULIS_DATABASE_URL to one, or leave it out.")
        if settings.telegram_token and settings.webhook_url:
            settings.require_webhook()
        with console.status("The language model is built where it is missing …"):
            ensure_model(settings.data_dir, lambda what, done, total: None)
    except (WrongSettings, TrainingFailed) as error:
        print(error, file=sys.stderr)
        return 2
    asyncio.run(run(settings, Numbers(given.workers, given.receivers, given.rasa)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
