"""`python -m responses …`: check content files, publish and export them, and see what there is to do."""

from __future__ import annotations

import asyncio
import getpass
import sys
from collections import Counter
from datetime import datetime
from difflib import unified_diff
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import typer
import yaml
from rich.console import Console
from rich.markup import escape
from rich.table import Column, Table

from integrations.database import Database, DatabaseUnavailable
from integrations.database.address import read_address
from integrations.database.schema import upgrade
from responses.catalogue import Catalogue
from responses.content import FALLBACK_LANGUAGE, Content, value_on
from responses.files import FOLDER, Malformed, read_content
from responses.glossary import read_glossary, strays
from responses.links import Offline, addresses, check_links, places
from responses.policy import VALUES, Case
from responses.publishing import Change, differences, publish, published
from responses.state import STATES, State, due, state_of, states
from responses.writing import write_content

commands = typer.Typer(no_args_is_help=True, pretty_exceptions_enable=False, add_completion=False)
console = Console(highlight=False, soft_wrap=True)
VILNIUS = ZoneInfo("Europe/Vilnius")
COLOURS = {"source": "cyan", "confirmed": "green", "machine": "yellow", "outdated": "red", "missing": "bold red"}
SIGNS = {"source": "S", "confirmed": "C", "machine": "M", "outdated": "O", "missing": "–"}
COLOURS_OF_LINKS = {"broken": "red", "no answer": "red", "moved": "yellow"}
URGENCY = {"not valid": "bold red", "overdue": "red", "never checked": "yellow", "soon": "green"}

Folder = Annotated[Path, typer.Argument(help="The folder with the content files.")]
Url = Annotated[
    str, typer.Option("--database", envvar="BICIULIS_DATABASE_URL", help="Default: SQLite in the data folder.")
]
DataDir = Annotated[Path, typer.Option(envvar="BICIULIS_DATA_DIR", help="Where the assistant keeps its data.")]


@commands.command()
def check(folder: Folder = FOLDER) -> None:
    """Find every mistake in the content files and the glossary; says file, line and field."""
    content = read_content(folder)
    read_glossary()
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


@commands.command()
def export(
    folder: Annotated[Path, typer.Argument(help="A new or empty folder.")],
    url: Url = "",
    data_dir: DataDir = Path("var"),
) -> None:
    """Write what is published as content files."""
    content = asyncio.run(_published(_address(url, data_dir)))
    if content is None:
        raise typer.BadParameter("nothing is published in this database", param_hint="--database")
    try:
        write_content(content, folder)
    except FileExistsError as error:
        raise typer.BadParameter(str(error), param_hint="FOLDER") from None
    except OSError as error:
        print(f"The export was not written: {error}", file=sys.stderr)
        raise typer.Exit(1) from None
    console.print(f"Exported {len(content.topics)} topics in {len(content.entries)} languages to {folder}.")


@commands.command()
def links(folder: Folder = FOLDER) -> None:
    """Ask every page that the facts name whether it is still there; status 1 where one is not, 3 when offline."""
    used = addresses(read_content(folder))
    with console.status(f"Asking for {len(used)} addresses …"):
        found = asyncio.run(check_links(used))
    table = Table("", "address", "what it says", "facts", "where", box=None, padding=(0, 1, 0, 0))
    told = [each for each in found if each.verdict != "fine"]
    for each in sorted(told, key=lambda each: (each.verdict != "broken", each.verdict != "no answer", each.url)):
        where = ", ".join(places(folder, each.url))
        shown = [escape(text) for text in (each.url, each.said, ", ".join(used[each.url]), where)]
        table.add_row(f"[{COLOURS_OF_LINKS[each.verdict]}]{each.verdict}[/]", *shown)
    if told:
        Console(highlight=False).print(table)
    broken = [each for each in told if each.verdict != "moved"]
    console.print(f"{len(found)} addresses: {len(broken)} broken, {len(told) - len(broken)} moved for good.")
    if broken:
        raise typer.Exit(1)


@commands.command()
def status(folder: Folder = FOLDER) -> None:
    """Show how far each area is in each language, and how many figures nobody has confirmed."""
    content = read_content(folder)
    found = states(content)
    table = Table(Column(no_wrap=True), *content.entries, box=None, padding=(0, 1, 0, 0))
    for area in content.areas[FALLBACK_LANGUAGE]:
        table.add_row(area, *(_cell(found[area, language]) for language in content.entries))
    table.add_section()
    totals = [sum((found[each] for each in found if each[1] == language), Counter()) for language in content.entries]
    table.add_row("all", *map(_cell, totals))
    Console(highlight=False).print(table)
    console.print("  ".join(f"[{COLOURS[state]}]{SIGNS[state]}[/] {state}" for state in STATES))
    waiting = sum(any(value.needs_review for value in values) for values in content.facts.values())
    console.print(f"{waiting} of {len(content.facts)} figures need a review: python -m responses due")


@commands.command(name="due")
def list_due(
    folder: Folder = FOLDER,
    today: Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="As if it were that day.")] = None,
) -> None:
    """List the figures that somebody has to look up again, the most urgent first."""
    listed = due(read_content(folder), today.date() if today else datetime.now(VILNIUS).date())
    for each in listed:
        console.print(f"{each.why}, {each.when}", style=URGENCY[each.why], end="  ")
        console.print(f"{each.name} = {each.fact.value}  ({each.fact.owner})", markup=False)
        console.print(f"    {each.fact.source.title} {each.fact.source.url or ''}", markup=False)
        if each.keys:
            console.print(f"    in {', '.join(each.keys)}", style="dim", markup=False)
    console.print(f"{len(listed)} figures to look at.")


@commands.command(name="glossary")
def show_glossary(
    folder: Folder = FOLDER,
    language: Annotated[str, typer.Option(help="Two letters; all languages without it.")] = "",
) -> None:
    """Show the agreed words, and the answers that do not use them where English does."""
    content, terms = read_content(folder), read_glossary()
    if language and language not in content.entries:
        raise typer.BadParameter(f"there is no content in {language}", param_hint="--language")
    chosen = [language] if language else list(content.entries)
    for name, term in terms.items():
        console.print(f"[bold]{name}[/]: {escape(term.note)}")
        console.print("    " + "; ".join(f"{each} {term.words[each].word}" for each in chosen), markup=False)
    found = [stray for each in chosen for stray in strays(content, terms, each)]
    for stray in found:
        console.print(f"{stray.language} {stray.key}: no word for {stray.term}", style="yellow")
    console.print(f"{len(terms)} words; {len(found)} answers to look at, which may be right all the same.")


@commands.command(name="show")
def show_answer(
    key: Annotated[str, typer.Argument(help="A topic, such as visa.need.")],
    folder: Annotated[Path, typer.Option(help="The folder with the content files.")] = FOLDER,
    language: Annotated[str, typer.Option(help="Two letters.")] = FALLBACK_LANGUAGE,
    as_: Annotated[str, typer.Option("--as", help="For whom: citizenship=IN,level=master.")] = "",
) -> None:
    """Show an answer as somebody would read it, and the figures in it with their sources."""
    content = read_content(folder)
    if key not in content.topics:
        raise typer.BadParameter(f"there is no topic {key}", param_hint="KEY")
    if language not in content.entries:
        raise typer.BadParameter(f"there is no content in {language}", param_hint="--language")
    today = datetime.now(VILNIUS).date()
    answer = Catalogue(content).answer(key, language, _case(as_, content), today)
    console.print(answer.text, markup=False)
    state = state_of(content.entries[language].get(key), content.entries[FALLBACK_LANGUAGE][key])
    console.print(f"\n{state}; depends on {', '.join(answer.depends_on) or 'nothing'}", style="dim")
    for name in answer.facts:
        fact = value_on(content.facts[name], today)
        console.print(f"{name}: {fact.value}, seen {fact.seen}, {fact.source.title}", style="dim", markup=False)


def _case(text: str, content: Content) -> Case:
    """What `--as` says of a person; a country's code stands for the entry rules of its passport."""
    case: dict[str, str] = {}
    for part in filter(None, text.split(",")):
        aspect, _, value = part.strip().partition("=")
        if aspect == "citizenship" and value.isupper():
            value = content.countries.citizenship_of(value)
        if aspect not in VALUES or value not in VALUES[aspect]:
            known = "; ".join(f"{name}: {', '.join(values)}" for name, values in VALUES.items())
            raise typer.BadParameter(f"'{part}' is not known ({known})", param_hint="--as")
        case[aspect] = value
    return case


def _cell(counts: Counter[State]) -> str:
    return " ".join(f"[{COLOURS[state]}]{counts[state]}{SIGNS[state]}[/]" for state in STATES if counts[state])


async def _differences(folder: Path, address: str) -> list[Change]:
    content = read_content(folder)
    database = Database(address)
    try:
        return await differences(database, content)
    finally:
        await database.close()


async def _published(address: str) -> Content | None:
    database = Database(address)
    try:
        found = await published(database)
        return found[1] if found else None
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
    try:
        read_address(address)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--database") from None
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
    except Offline as error:
        print(f"No address answers at all, so this machine seems to be offline: {error}", file=sys.stderr)
        raise SystemExit(3) from None
    except DatabaseUnavailable as error:
        print(f"The database cannot be used: {error}", file=sys.stderr)
        raise SystemExit(1) from None


if __name__ == "__main__":
    main()
