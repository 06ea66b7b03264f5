"""How much the bot can do beside others, in one run: `make bench`, or `python -m tests.load.bench`.

Telegram is the stand-in, 60 ms away; this process is it and the people, every bot is a process of its own. Our bot
runs as `python -m bot` with the real model, on SQLite and on PostgreSQL with one, two and four workers; a plain
python-telegram-bot asks the same Rasa; Rasa's own Telegram channel has Rasa's default pipeline. What the same Rasa
reaches alone is measured first. Telegram's limit of 30 messages a second is set aside (BICIULIS_TELEGRAM_PER_SECOND),
that of one a second in a chat is not: there are enough people. The figures go into var/bench as well.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import httpx2
from rich.console import Console
from rich.table import Table

from nlu.evaluation import HELD_OUT
from nlu.messages import read_messages
from nlu.server import ROOT
from nlu.training import ensure_model
from tests.load import programs, stages
from tests.load.crowd import Crowd, Measured, share, tap, write
from tests.load.rasa_project import ensure_default
from tests.load.systems import CHANNEL, OURS, PLAIN, Place, System
from tests.telegram_server.server import BOT, StandIn

LATENCY = 0.06  # seconds to Telegram and back
CONNECTIONS = 4  # to Rasa alone
CALM = 0.8  # of the rate that is reached: how long one waits then
VAR = ROOT / "var/bench"


@dataclass
class Row:
    """What one bot did."""

    name: str
    questions: Measured | None = None  # as many as it can
    calm: Measured | None = None  # at 80 % of that
    burst: Measured | None = None
    taps: Measured | None = None
    stages: dict[str, tuple[float, int]] = field(default_factory=dict)
    missing: str = ""


@dataclass(frozen=True)
class Plan:
    seconds: float
    warm_up: float
    people: int
    burst: int
    questions: int


async def measure_alone(rasa: programs.Program, questions: Sequence[str], seconds: float) -> tuple[float, float]:
    """What Rasa reaches under plain HTTP: answers a second, and p95 in seconds."""
    waits: list[float] = []
    numbers = count()
    ends = time.monotonic() + seconds

    async def ask() -> None:
        while (began := time.monotonic()) < ends:
            body = {"text": questions[next(numbers) % len(questions)]}
            (await http.post("/model/parse", params={"token": rasa.first_line}, json=body)).raise_for_status()
            waits.append(time.monotonic() - began)

    async with httpx2.AsyncClient(base_url=rasa.url, timeout=30, trust_env=False) as http:
        await asyncio.gather(*(ask() for _ in range(CONNECTIONS)))
    return len(waits) / seconds, share(sorted(waits), 0.95)


async def measure(system: System, place: Place, plan: Plan, questions: Sequence[str]) -> Row:
    row = Row(system.name)
    server = StandIn(checked=False, latency=LATENCY)
    await server.start()
    try:
        async with system.start(place, server) as pages:
            answers = await rehearse(server, questions)
            known = [question for question in questions if question in answers]

            def ask(chat: int, turn: int) -> str:
                question = known[(chat + turn) % len(known)]
                write(server, chat, question)
                return answers[question]

            before = await stages.read_totals(pages)
            row.questions = await Crowd(server, ask, plan.people).in_turns(plan.seconds, plan.warm_up)
            row.calm = await Crowd(server, ask, plan.people).steadily(CALM * row.questions.rate, plan.seconds)
            row.stages = dict(stages.between(before, await stages.read_totals(pages)))
            if system.is_ours:
                row.burst = await Crowd(server, ask, plan.people).burst(plan.burst)
            if system is not CHANNEL:
                row.taps = await measure_taps(server, plan)
            if (inbox := place.folder / "sqlite/biciulis.sqlite").exists() and system.name == "ours, SQLite":
                row.stages |= stages.of_inbox(inbox)
    finally:
        await server.stop()
    return row


async def rehearse(server: StandIn, questions: Sequence[str]) -> dict[str, str]:
    """The answer to each question, asked twice by a person of its own; without those that vary or have two parts."""
    chats = range(100_001, 100_001 + len(questions))
    for turn in (1, 2):
        for chat, question in zip(chats, questions, strict=True):
            write(server, chat, question)
        async with asyncio.timeout(programs.SECONDS + len(questions)):
            while not all(len(server.sent.of(chat)) >= turn for chat in chats):  # noqa: ASYNC110 -- few, once
                await asyncio.sleep(0.1)
        await asyncio.sleep(1)  # for a second part
    texts = {question: server.sent.texts(chat) for chat, question in zip(chats, questions, strict=True)}
    return {question: found[0] for question, found in texts.items() if len(found) == 2 and found[0] == found[1]}


async def measure_taps(server: StandIn, plan: Plan) -> Measured:
    """Everybody goes into an area of the menu and back, again and again."""
    first = 200_001

    def open_menu(chat: int, turn: int) -> str:
        write(server, chat, "/menu")
        return ""

    await Crowd(server, open_menu, plan.people, first).steadily(10, plan.people / 10)
    menus = {chat: message for (chat, _), message in server.messages.items() if message["from"] == BOT}

    def press(chat: int, turn: int) -> str:
        buttons = [button for row in menus[chat]["reply_markup"]["inline_keyboard"] for button in row]
        data = [button.get("callback_data", "") for button in buttons]
        tap(server, chat, menus[chat], next(each for each in data if each == "menu" or each.startswith("area:")))
        return ""

    return await Crowd(server, press, plan.people, first).in_turns(plan.seconds, plan.warm_up)


def choose_questions(number: int) -> list[str]:
    """Whole sentences of the English messages that nothing was learned from."""
    messages = read_messages(HELD_OUT / "en.tsv")
    return [each.text for each in messages if each.register == "natural" and 30 <= len(each.text) <= 200][:number]


def table_of(rows: Sequence[Row], alone: float) -> Table:
    table = Table(title=f"Rasa alone: {alone:.1f} questions a second", title_justify="left")
    for head in ("", "questions/s", "of Rasa alone", "p50 ms", "p95 ms", "p99 ms", "burst", "taps/s", "to plain"):
        table.add_column(head, justify="right" if head else "left")
    plain = next((row.taps.rate for row in rows if row.name == PLAIN.name and row.taps), 0.0)
    for row in rows:
        if row.questions is None or row.calm is None:
            table.add_row(row.name, row.missing)
            continue
        waits = [f"{1000 * wait:.0f}" for wait in (row.calm.p50, row.calm.p95, row.calm.p99)]
        taps = f"{row.taps.rate:.1f}" if row.taps else ""
        ratio = f"{row.taps.rate / plain:.2f}" if row.taps and plain else ""
        share_of_alone = f"{row.questions.rate / alone:.2f}"
        table.add_row(row.name, f"{row.questions.rate:.1f}", share_of_alone, *waits, _burst(row.burst), taps, ratio)
    table.caption = (
        f"p50, p95, p99: from update to answer at {CALM:.0%} of the rate that was reached. No chat gets more than one "
        "message a second, so a rate near the number of people needs more of them (--people)."
    )
    return table


def table_of_stages(rows: Sequence[Row]) -> Table:
    table = Table("", "stage", "mean ms", "times", title="Where the time goes", title_justify="left")
    for row in rows:
        for stage, (mean, times) in row.stages.items():
            table.add_row(row.name, stage, f"{mean:.1f}", str(times))
    return table


def _burst(burst: Measured | None) -> str:
    if burst is None:
        return ""
    order = "in order" if not burst.out_of_order else f"{burst.out_of_order} out of order"
    return f"{burst.answered}/{burst.said}, {order}, {burst.said / burst.rate:.0f} s" if burst.rate else "none"


async def run(plan: Plan, examples: int, epochs: int) -> dict[str, Any]:
    """Everything, one after another; gives what is written into the file."""
    console = Console(stderr=True)
    VAR.mkdir(parents=True, exist_ok=True)
    with console.status("Building the models …"):
        model = ensure_model(ROOT / "var", lambda what, done, total: None)
        default = ensure_default(VAR, examples, epochs)
    questions = choose_questions(plan.questions)
    rows: list[Row] = []
    with tempfile.TemporaryDirectory(prefix="biciulis-") as folder:
        rasa = programs.rasa(model, Path(folder))
        await rasa.start()
        try:
            await rasa.until_answering("/status")
            await measure_alone(rasa, questions, 3)  # the first parses load the encoders
            alone, p95 = await measure_alone(rasa, questions, plan.seconds)
            for system in (*OURS, PLAIN, CHANNEL):
                if system.is_ours and "Postgre" in system.name and not programs.knows("work"):
                    rows.append(Row(system.name, missing="no such command yet"))
                    continue
                with console.status(f"{system.name} …"):
                    rows.append(await measure(system, Place(Path(folder), rasa, default), plan, questions))
        finally:
            await rasa.kill()
    for table in (table_of(rows, alone), table_of_stages(rows)):
        Console(width=130).print(table)
    return {
        "taken": time.strftime("%Y-%m-%d %H:%M"),
        "machine": {"cores": os.cpu_count(), "python": platform.python_version()},
        "plan": asdict(plan) | {"default_examples": examples, "default_epochs": epochs, "latency": LATENCY},
        "rasa_alone": {"rate": alone, "p95": p95, "connections": CONNECTIONS},
        "bots": [asdict(row) for row in rows],
    }


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.load.bench", description=__doc__)
    parser.add_argument("--seconds", type=float, default=60, help="of each measurement")
    parser.add_argument("--warm-up", type=float, default=30, help="seconds before it")
    parser.add_argument("--people", type=int, default=400)
    parser.add_argument("--burst", type=int, default=2000, help="messages within one second")
    parser.add_argument("--questions", type=int, default=100)
    parser.add_argument("--examples", type=int, default=4, help="English ones of each topic, for Rasa's default")
    parser.add_argument("--epochs", type=int, default=100, help="of the default's")
    given = parser.parse_args(arguments)
    plan = Plan(given.seconds, given.warm_up, given.people, given.burst, given.questions)
    figures = asyncio.run(run(plan, given.examples, given.epochs))
    file = VAR / time.strftime("load-%Y%m%d-%H%M%S.json")
    file.write_text(json.dumps(figures, indent=1, ensure_ascii=False), encoding="utf-8")
    print(f"The figures are in {file.relative_to(ROOT)}.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
