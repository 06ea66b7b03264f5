"""`python -m integrations.application_status.mobility check FOLDER`: what is wrong with the files of exchanges."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from integrations.application_status.mobility import check

commands = typer.Typer(no_args_is_help=True, pretty_exceptions_enable=False, add_completion=False)


@commands.callback()
def describe() -> None:
    """The files of exchanges: nominations and learning agreements."""


@commands.command("check")
def check_folder(folder: Annotated[Path, typer.Argument(help="The folder of BICIULIS_MOBILITY_FILES.")]) -> None:
    """Find every mistake; says file, line and field, and ends with status 2 where there is one."""
    problems = check(folder)
    for problem in problems:
        typer.echo(problem, err=True)
    if problems:
        raise typer.Exit(2)
    typer.echo("No mistakes.")


if __name__ == "__main__":
    commands(prog_name="python -m integrations.application_status.mobility")
