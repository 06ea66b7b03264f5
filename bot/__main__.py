"""`python -m bot …`: run the bot in Telegram, talk to it in the terminal, ask it from another program."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Annotated, NoReturn

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from telegram.error import InvalidToken
from telegram.request import BaseRequest

from bot import console as terminal
from bot import running
from bot.app import Model, build_application, open_nlu, open_services
from bot.application import rotation
from bot.application.trial import invent
from bot.application.vault import WrongKeys
from bot.context import App, Services
from bot.delivery.pace import Limits
from bot.jobs import VILNIUS
from bot.jsonl import BadLine, answer_lines
from bot.logs import set_up_logs, without_token
from bot.operations.status import read_status, table
from bot.settings import Settings, WrongSettings, read_listener, read_settings
from integrations.application_status import StatusProvider
from integrations.database import Database, DatabaseUnavailable, Occupied
from integrations.database import backup as backups
from integrations.database.schema import NewerTables, upgrade, write_migration
from nlu.messages import WrongFile
from nlu.server import START_SECONDS, become_server
from nlu.training import TrainingFailed, ensure_model
from responses.files import Malformed

# What a newcomer can try where no system is connected that knows applicants.
INVENTED = (
    "Applicants are invented here: send /link and give ada@example.org. What happens next to her: "
    "python -m integrations.application_status.stand_in next ada@example.org --url {url}"
)

commands = typer.Typer(no_args_is_help=True, pretty_exceptions_enable=False, add_completion=False)
console = Console(stderr=True)


@commands.command()
def run() -> None:
    """Answer in Telegram, all in this process: with a webhook where one is set, otherwise by asking for updates."""
    _answer(fetches=True)


@commands.command()
def work() -> None:
    """Answer what other processes fetch."""
    _answer(fetches=False)


@commands.command()
def poll() -> None:
    """Ask Telegram for updates, for other processes to answer. A webhook is taken away."""
    asyncio.run(running.poll(_begin(as_json=True)))


@commands.command()
def receive() -> None:
    """Take updates that Telegram brings to the webhook, for other processes to answer."""
    asyncio.run(running.receive(_begin(as_json=True)))


@commands.command()
def understand(address: Annotated[str, typer.Argument(help="Where to listen, for example 127.0.0.1:5005.")]) -> None:
    """Tell other processes what texts mean: a Rasa server for their BICIULIS_NLU_URL."""
    try:
        listener = read_listener(address)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    settings = _begin(as_json=True)
    token = settings.require_nlu_token()
    become_server(_model(settings).resolve(), *listener, token)


@commands.command()
def status(as_json: Annotated[bool, typer.Option("--json", help="For a program.")] = False) -> None:
    """Show how things are; ends with status 1 where somebody has to look."""
    settings = _begin(as_json=False, level="WARNING")
    found = asyncio.run(read_status(settings.database, datetime.now(VILNIUS).date()))
    print(found.as_json()) if as_json else Console().print(table(found))
    if found.troubles:
        raise SystemExit(1)


@commands.command()
def chat(language: Annotated[str, typer.Option(help="Your Telegram's language, two letters.")] = "en") -> None:
    """Talk to the bot in this terminal."""
    settings = _begin(as_json=False, level="WARNING")

    async def work(services: Services, _: Model) -> None:
        def build(request: BaseRequest) -> App:
            return build_application(terminal.TOKEN, settings, services, request)

        await terminal.chat(build, language, partial(running.attend, services, terminal.CHAT["id"]))

    async def talk() -> None:
        async with AsyncExitStack() as stack:
            invented = None
            if not settings.knows_applicants:
                invented, url = await stack.enter_async_context(invent())
                print(INVENTED.format(url=url), file=sys.stderr)
            await _with_services(settings, work, wait_for_model=True, invented=invented)

    asyncio.run(talk())


@commands.command()
def ask(jsonl: Annotated[bool, typer.Option("--jsonl", help="One JSON object a line, in and out.")] = False) -> None:
    """Answer questions of another program on standard input."""
    if not jsonl:
        raise typer.BadParameter("say --jsonl: it is the only form so far")
    settings = _begin(as_json=True, level="WARNING")

    async def work(services: Services, _: Model) -> None:
        await answer_lines(services.dialogue, services.library.current())

    asyncio.run(_with_services(settings, work, wait_for_model=True))


@commands.command()
def train() -> None:
    """Build the language model, unless nothing has changed since the last."""
    print(_model(_begin(as_json=False)))


@commands.command()
def migrate(message: Annotated[str, typer.Argument(help="What the migration does, for a new one.")] = "") -> None:
    """Bring the database's tables up to date; with a message, write a new migration for what has changed."""
    settings = _begin(as_json=False)
    upgrade(settings.database)
    if message:
        write_migration(settings.database, message)


def _answer(*, fetches: bool) -> None:
    settings = _begin(as_json=True)
    token = settings.require_token()
    if fetches and settings.webhook_url:
        settings.require_webhook()  # said before the model is built

    async def work(services: Services, nlu: Model) -> None:
        app = build_application(token, settings, services)
        limits = Limits(in_all=settings.telegram_per_second)
        await running.answer(settings, app, services, nlu, limits, fetches=fetches)

    asyncio.run(_with_services(settings, work, wait_for_model=False))


@commands.command()
def backup(file: Annotated[Path, typer.Argument(dir_okay=False, help="Where; what is there is replaced.")]) -> None:
    """Copy the database into a file; the bot may run meanwhile."""
    backups.backup(_begin(as_json=False).database, file)


@commands.command()
def restore(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, readable=True, help="What backup has written.")],
    replace: Annotated[bool, typer.Option("--replace", help="Give up what the database holds now.")] = False,
) -> None:
    """Make the database what a backup holds; the bot has to be stopped."""
    backups.restore(_begin(as_json=False).database, file, replace=replace)
    print(f"The database is what {file} holds.")


@commands.command()
def rotate_key(
    give_up: Annotated[bool, typer.Option("--give-up", help="Delete what no key in the file opens.")] = False,
) -> None:
    """Seal what is stored of applicants with a new key; the bot has to be stopped."""
    settings = _begin(as_json=False)
    upgrade(settings.database)

    async def work() -> None:
        database = Database(settings.database)
        try:
            await rotation.rotate_key(database, settings.keys, give_up=give_up)
        finally:
            await database.close()

    asyncio.run(work())
    print(f"Everything is sealed with the new key in {settings.keys}: back that file up.")


async def _with_services(
    settings: Settings,
    work: Callable[[Services, Model], Awaitable[None]],
    *,
    wait_for_model: bool,
    invented: StatusProvider | None = None,
) -> None:
    """Do the work between opening everything and closing it again."""
    model = None if settings.nlu_url else _model(settings)
    async with AsyncExitStack() as stack:
        nlu = await stack.enter_async_context(open_nlu(settings, model))
        services = await stack.enter_async_context(open_services(settings, nlu, invented))
        if wait_for_model and model:
            with console.status("Starting the language model …"):
                await nlu.wait_ready(START_SECONDS)
        await work(services, nlu)


def _model(settings: Settings) -> Path:
    """The model of the current training data, built with a progress bar where it is missing."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as bars:
        tasks: dict[str, object] = {}

        def show(what: str, done: int, total: int) -> None:
            if what not in tasks:
                tasks[what] = bars.add_task(what, total=total)
            bars.update(tasks[what], completed=done)  # type: ignore[arg-type]  # the id that add_task gave

        return ensure_model(settings.data_dir, show)


def _begin(*, as_json: bool, level: str | None = None) -> Settings:
    settings = read_settings()
    set_up_logs(level or settings.log_level, as_json=as_json)
    return settings


def _fail(message: str, status: int) -> NoReturn:
    print(without_token(message), file=sys.stderr)
    raise SystemExit(status)


def main() -> None:
    """Run a command; what a person can mend is said in a sentence, not in a stack trace."""
    try:
        commands()
    except (WrongSettings, Malformed, WrongFile, WrongKeys, BadLine, backups.NoBackup) as error:
        _fail(str(error), 2)
    except InvalidToken:
        _fail("Telegram does not accept BICIULIS_TELEGRAM_TOKEN. Ask @BotFather for the right one.", 2)
    except TrainingFailed as error:
        _fail(f"The language model could not be built: {error}", 1)
    except DatabaseUnavailable as error:
        _fail(f"The database cannot be used: {error}", 1)
    except (Occupied, NewerTables, backups.Refused) as error:
        _fail(str(error), 1)
    except OSError as error:  # the data folder cannot be written, the disk is full, a program is missing
        _fail(f"The system refused: {error}", 1)


if __name__ == "__main__":
    main()
