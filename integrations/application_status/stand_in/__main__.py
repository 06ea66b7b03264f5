"""`python -m integrations.application_status.stand_in`: serve the invented applicants, and let something happen."""

from __future__ import annotations

import asyncio
import signal
from typing import Annotated

import httpx2
import typer

from integrations.application_status.stand_in.server import KEY, StandIn

commands = typer.Typer(pretty_exceptions_enable=False, add_completion=False)


@commands.callback(invoke_without_command=True)
def serve(context: typer.Context, port: Annotated[int, typer.Option(help="Default: one that is free.")] = 0) -> None:
    """Serve the invented applicants until Ctrl+C."""
    if context.invoked_subcommand is None:
        try:
            asyncio.run(_serve(port))
        except OSError as error:
            raise typer.BadParameter(f"nobody can listen on {port}: {error.strerror}") from error


@commands.command(name="next")
def play_next(
    email: Annotated[str, typer.Argument(help="An invented applicant, for example ada@example.org.")],
    url: Annotated[str, typer.Option(help="Where the stand-in serves, as it said.")],
) -> None:
    """Let happen what happens next to an applicant."""
    try:
        answer = httpx2.post(f"{url.rstrip('/')}/stand-in/next", data={"email": email}, trust_env=False)
    except httpx2.HTTPError as error:
        raise typer.BadParameter(f"no stand-in answers there: {error}") from error
    typer.echo(answer.text, err=answer.is_error)
    if answer.is_error:
        raise typer.Exit(2)


async def _serve(port: int) -> None:
    stopping, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopping.set)
    async with StandIn().running(port) as url:
        typer.echo(f"The invented applicants are on {url}; for the assistant:")
        typer.echo(f"  BICIULIS_DREAMAPPLY_URL={url} BICIULIS_DREAMAPPLY_KEY={KEY}")
        typer.echo("What happens next to one of them:")
        typer.echo(f"  python -m integrations.application_status.stand_in next ada@example.org --url {url}")
        await stopping.wait()


if __name__ == "__main__":
    commands()
