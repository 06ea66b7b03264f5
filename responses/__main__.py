"""`python -m responses …`: check the content files, compare them with what is published, publish them."""

from __future__ import annotations

import asyncio
import getpass
import sys
from difflib import unified_diff
from pathlib import Path
from typing import Annotated, Any

import typer
import yaml
from rich.console import Console

from integrations.database import Database, DatabaseUnavailable
from integrations.database.schema import upgrade
from responses.files import FOLDER, Malformed, read_content
from responses.publishing import Change, differences, publish

commands = typer.Typer(no_args_is_help=True, pretty_exceptions_enable=False, add_completion=False)
console = Console(highlight=False, soft_wrap=True)

Folder = Annotated[Path, typer.Argument(help="The folder with the content files.")]
Url = Annotated[
    str, typer.Option("--database", envvar="BICIULIS_DATABASE_URL", help="Default: SQLite in the data folder.")
]
DataDir = Annotated[Path, typer.Option(envvar="BICIULIS_DATA_DIR", help="Where the assistant keeps its data.")]


@commands.command()
def check(folder: Folder = FOLDER) -> None:
    """Find every mistake in the content files; says file, line and field."""
    content = read_content(folder)
    count = sum(len(entry.wordings) for entries in content.entries.values() for entry in entries.values())
    console.print(f"{len(content.topics)} topics, {len(content.facts)} facts, {count} wordings: no mistakes.")


@commands.command()
def diff(folder: Folder = FOLDER, url: Url = "", data_dir: DataDir = Path("var")) -> None:
    """Show what publishing the files would change."""
    _show(asyncio.run(_differences(folder, _address(url, data_dir))))


@commands.command(name="import")
def import_files(
    folder: Folder = FOLDER,
    url: Url = "",
    data_dir: DataDir = Path("var"),
    yes: Annotated[bool, typer.Option("--yes", help="Publish without asking.")] = False,
) -> None:
    """Show what would change, ask, and publish the files; a running bot takes them up within seconds."""
    address = _address(url, data_dir)
    changes = asyncio.run(_differences(folder, address))
    _show(changes)
    if changes and (yes or typer.confirm("Publish these changes?")):
        asyncio.run(_publish(folder, address))
        console.print("Published.")


async def _differences(folder: Path, address: str) -> list[Change]:
    content = read_content(folder)
    database = Database(address)
    try:
        return await differences(database, content)
    finally:
        await database.close()


async def _publish(folder: Path, address: str) -> None:
    database = Database(address)
    try:
        await publish(database, read_content(folder), by=getpass.getuser())
    finally:
        await database.close()


def _address(url: str, data_dir: Path) -> str:
    address = url or f"sqlite+aiosqlite:///{data_dir.resolve()}/biciulis.sqlite"
    upgrade(address)
    return address


def _show(changes: list[Change]) -> None:
    for change in changes:
        console.print(change.title, style={"+": "green", "-": "red"}.get(change.sign, "yellow"), markup=False)
        if change.sign == "~":
            before, after = (_lines(body) for body in (change.before, change.after))
            for line in list(unified_diff(before, after, n=1, lineterm=""))[2:]:
                console.print("    " + line, markup=False)
    if not changes:
        console.print("Nothing differs.")


def _lines(body: Any) -> list[str]:
    # A bare string would end in YAML's mark for the end of a document.
    return yaml.safe_dump(body, allow_unicode=True, sort_keys=False, width=100).removesuffix("...\n").splitlines()


def main() -> None:
    """Run a command; a mistake in the content is said with its place and status 2."""
    try:
        commands()
    except Malformed as error:
        print(error, file=sys.stderr)
        raise SystemExit(2) from None
    except DatabaseUnavailable as error:
        print(f"The database cannot be used: {error}", file=sys.stderr)
        raise SystemExit(1) from None


if __name__ == "__main__":
    main()
