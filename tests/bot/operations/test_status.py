"""What `python -m bot status` shows, of a real database with the real content."""

from __future__ import annotations

import asyncio
import io
import json
import sqlite3
import sys
from collections.abc import AsyncIterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from sqlalchemy import update

from bot import journal
from bot.__main__ import main
from bot.conversation.dialogue import Dialogue
from bot.conversation.person import Person
from bot.intake.inbox import Arrival, Inbox
from bot.operations.status import Status, read_status, table
from bot.students import save_person
from integrations.database import Database, DatabaseUnavailable, join, utc_now
from tests.conftest import TODAY, ScriptedNlu


@pytest.fixture
async def database(folder: Path) -> AsyncIterator[Database]:
    database = Database(f"sqlite+aiosqlite:///{folder}/biciulis.sqlite")
    yield database
    await database.close()


async def keep(database: Database, updates: list[dict[str, Any]]) -> None:
    async with join(database) as peers:
        await Inbox(database, peers).keep(updates)


async def look(database: Database) -> Status:
    return await read_status(database.url.render_as_string(hide_password=False), TODAY)


def shown(status: Status) -> dict[str, str]:
    console = Console(width=120, record=True, file=io.StringIO())
    console.print(table(status))
    return {line[:22].strip(): line[22:].strip() for line in console.export_text().splitlines()}


async def test_a_quiet_bot_needs_nobody(database: Database) -> None:
    status = await look(database)
    assert status.troubles == []
    assert shown(status)["updates"] == "0 waiting, 0 in work"


async def test_it_shows_what_the_bot_did_today(
    database: Database, inbox: Inbox, dialogue: Dialogue, nlu: ScriptedNlu
) -> None:
    nlu.meanings["Refund?"] = {"money.refund": 0.95}
    async with database.begin() as session:
        for chat, text in ((1, "Refund?"), (1, "What is love?"), (2, "Refund?")):
            turn = await dialogue.hear(text, Person(language="en"))
            await save_person(session, chat, turn.person)
            await journal.record(session, telegram_id=chat, chat_id=chat, message_id=None, text=text, reply=turn.reply)
    await inbox.keep([{"update_id": number, "message": {}} for number in (5, 6)])
    activity = (await look(database)).activity
    assert activity
    assert (activity.students, activity.outcomes) == (2, {"answer": 2, "fallback": 1})
    assert (activity.unanswered, activity.publication, activity.inbox.waiting) == (1, 1, 2)


async def test_who_has_waited_too_long_needs_a_person(database: Database, inbox: Inbox) -> None:
    await inbox.keep([{"update_id": 5, "message": {}}])
    async with database.begin() as session:
        await session.execute(update(Arrival).values(received_at=utc_now() - timedelta(minutes=6)))
    status = await look(database)
    assert len(status.troubles) == 1
    assert shown(status)["updates"].startswith("1 waiting, 0 in work, the oldest for 0:06:")
    assert "look at this" in shown(status)


async def test_tables_of_another_version_are_not_read(database: Database) -> None:
    with closing(sqlite3.connect(str(database.url.database))) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = '0001'")
    status = await look(database)
    assert (status.revision, status.activity) == ("0001", None)
    assert "python -m bot migrate" in status.troubles[0]


def test_looking_makes_no_database(tmp_path: Path) -> None:
    with pytest.raises(DatabaseUnavailable):
        asyncio.run(read_status(f"sqlite+aiosqlite:///{tmp_path}/none.sqlite", TODAY))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("logs_of_its_own")
def test_a_program_reads_the_same(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("BICIULIS_DATA_DIR", str(folder))
    monkeypatch.setattr(sys, "argv", ["bot", "status", "--json"])
    with pytest.raises(SystemExit) as ended:
        main()
    read = json.loads(capsys.readouterr().out)
    assert (ended.value.code, read["troubles"], read["activity"]["inbox"]) == (
        0,
        [],
        {"waiting": 0, "in_work": 0, "oldest": 0.0},
    )
