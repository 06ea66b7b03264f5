"""The bot under kills and a bad Telegram for a while: `make soak`, or `python -m tests.load.soak --seconds 600`.

Fifty people write ten questions each, again and again, while the processes are killed in turn and started again and
Telegram's answers go wrong at random. Half of the time one process polls on SQLite, half of it two receivers and two
workers share a PostgreSQL. In the end nothing may be lost or out of order, and a reply may come again only where it
was being sent when something died. The seed is printed: the same one brings the same kills and faults.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager, suppress
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.load import programs
from tests.load.crowd import write
from tests.load.questions import QUESTIONS
from tests.load.site import Site, polling_site, webhook_site
from tests.load.verdict import Verdict, judge
from tests.telegram_server import faults
from tests.telegram_server.server import StandIn

PEOPLE = 50
REHEARSAL = 900  # the chat in which every question is asked once, in peace
PATIENCE = 90.0  # seconds without any message after which what is missing counts as lost
MOST_SENT = 60  # messages between a start and the next kill, so that it comes in the middle of work
LONGEST_UP = 30.0  # seconds after which it comes anyhow
DOWN_FOR = (0.0, 1.0)  # seconds
COMMON = (faults.too_many(), faults.SERVER_ERROR, faults.BAD_GATEWAY, faults.GARBAGE, faults.RESET, faults.CUT)
SLOW = (faults.NEVER, faults.NEVER_THOUGH_DONE)  # rarer: each costs a time-out
MODES: dict[str, Callable[[StandIn, Path], AbstractAsyncContextManager[Site]]] = {
    "polling, SQLite": polling_site,
    "webhook, PostgreSQL": webhook_site,
}


async def rehearse(server: StandIn, site: Site) -> tuple[list[str], str]:
    """How the answer to each question begins, and what is said while the model is away."""
    for number, question in enumerate(QUESTIONS, start=1):
        write(server, REHEARSAL, question)
        await _until_sent(server, number, [REHEARSAL])
    await site.kill("rasa")
    write(server, REHEARSAL, QUESTIONS[0])
    await _until_sent(server, len(QUESTIONS) + 1, [REHEARSAL])
    await site.start("rasa")
    *answers, away = (text.split("\n")[0] for text in server.sent.texts(REHEARSAL))
    return answers, away


async def soak(server: StandIn, site: Site, seconds: float, seed: int, people: int = PEOPLE) -> Verdict:
    """What became of the questions, ten of each person a round, when the time was up and all was well again."""
    chats = range(1001, 1001 + people)
    answers, away = await rehearse(server, site)
    server.faults.seed(seed)
    for each in COMMON:
        server.faults.some(0.02, each)
    for each in SLOW:
        server.faults.some(0.003, each)
    killing = asyncio.create_task(kill_in_turn(server, site, random.Random(seed)))
    rounds, ends = 0, time.monotonic() + seconds
    with suppress(TimeoutError):  # what is missing is counted below
        while time.monotonic() < ends and not killing.done():
            rounds += 1
            for question in QUESTIONS:
                for chat in chats:
                    write(server, chat, question)
            await _until_sent(server, rounds * len(QUESTIONS), chats)
    killing.cancel()
    await asyncio.gather(killing, return_exceptions=True)
    server.faults.clear()
    await site.start_all()
    with suppress(TimeoutError):
        await _until_sent(server, rounds * len(QUESTIONS), chats)
    await _until_quiet(server)
    verdicts = (judge(server.sent.of(chat), answers * rounds, [away], site.kills) for chat in chats)
    return sum(verdicts, Verdict())


async def kill_in_turn(server: StandIn, site: Site, chance: random.Random) -> None:
    while True:
        for name in site.parts:
            enough = len(server.sent.all) + chance.randint(1, MOST_SENT)
            with suppress(TimeoutError):
                async with asyncio.timeout(LONGEST_UP):
                    await server.until(lambda enough=enough: len(server.sent.all) >= enough)
            await site.kill(name)
            await asyncio.sleep(chance.uniform(*DOWN_FOR))
            await site.start(name)


async def _until_sent(server: StandIn, messages: int, chats: Sequence[int]) -> None:
    """So many to each chat. Raises TimeoutError when nothing has come for long."""
    seen, since = -1, time.monotonic()
    while any(len(server.sent.of(chat)) < messages for chat in chats):
        if len(server.sent.all) > seen:
            seen, since = len(server.sent.all), time.monotonic()
        if time.monotonic() - since > PATIENCE:
            raise TimeoutError
        await asyncio.sleep(0.1)


async def _until_quiet(server: StandIn) -> None:
    """Nothing has come for a few seconds: a repeated message would be here."""
    seen = -1
    while len(server.sent.all) > seen:
        seen = len(server.sent.all)
        await asyncio.sleep(5)


async def run(seconds: float, seed: int) -> bool:
    """Both modes; gives whether all was well."""
    table = Table("", "answered", "lost", "out of order", "repeated", "needlessly", "kills", "fell", "impatient")
    good = True
    for mode, place in MODES.items():
        if place is webhook_site and not programs.knows("receive"):
            table.add_row(mode, "no such command yet")
            continue
        server = StandIn()
        await server.start()
        with tempfile.TemporaryDirectory(prefix="biciulis-") as folder:
            async with place(server, Path(folder)) as site:
                verdict = await soak(server, site, seconds / len(MODES), seed)
        await server.stop()
        good = good and verdict.is_good and not server.violations
        counts = (
            verdict.answered,
            verdict.lost,
            verdict.out_of_order,
            verdict.repeated,
            verdict.needlessly,
            len(site.kills),
        )
        table.add_row(mode, *map(str, (*counts, len(site.falls), server.impatient.total())))
        for violation in sorted(set(server.violations)):
            print(violation, file=sys.stderr)
    Console(width=130).print(table)
    return good


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.load.soak", description=__doc__)
    parser.add_argument("--seconds", type=float, default=600, help="of both modes together")
    parser.add_argument("--seed", type=int, default=random.randrange(1_000_000))
    given = parser.parse_args(arguments)
    print(f"seed {given.seed}")
    return 0 if asyncio.run(run(given.seconds, given.seed)) else 1


if __name__ == "__main__":
    sys.exit(main())
