"""A database is saved while others write, destroyed, and brought back: on both engines, with PostgreSQL's programs."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import sqlite3
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from sqlalchemy import select, text

from bot.__main__ import main
from bot.application.tables import CodeRequest, Link, LinkedApplicant, LookUp, ProviderCursor
from bot.conversation.person import Person
from bot.conversation.reply import Reply
from bot.delivery.outbox import Outgoing, put
from bot.intake.inbox import Inbox
from bot.jobs import Job
from bot.journal import rate, record
from bot.students import save_person
from integrations.database import Base, Database, DatabaseUnavailable, Occupied, Session, join, utc_now
from integrations.database import backup as backups
from integrations.database.address import read_address
from integrations.database.backup import NoBackup, Refused, restore
from integrations.database.peers import only_one
from integrations.database.schema import alembic_config, upgrade
from responses.content import Content
from responses.models import Publication, PublishedItem
from responses.publishing import publish
from tests.postgres import Postgres, programs
from tests.processes import Process

FALLBACK = Reply("fallback", "lt", "Nesu tikras.", keys=("visa.need", "visa.late"))
Everything = dict[str, list[tuple[Any, ...]]]


@pytest.fixture(autouse=True)
def _tools(monkeypatch: pytest.MonkeyPatch) -> None:
    """The programs of the version that the tests' server has."""
    monkeypatch.setenv("PATH", f"{programs()}{os.pathsep}{os.environ['PATH']}")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / "backups").mkdir()
    return tmp_path / "backups/biciulis.backup"


async def backup(database: Database, file: Path) -> None:
    await asyncio.to_thread(backups.backup, url(database), file)


def contents(folder: Path) -> list[bytes]:
    return [each.read_bytes() for each in folder.iterdir()]


def url(database: Database) -> str:
    return database.url.render_as_string(hide_password=False)


async def everything(database: Database) -> Everything:
    """All rows of all tables."""
    found: Everything = {}
    async with database.begin() as session:
        for each in Base.metadata.sorted_tables:
            rows = await session.execute(select(each).order_by(*each.primary_key))
            found[each.name] = [tuple(row) for row in rows]
    return found


async def write(database: Database, number: int) -> None:
    """A student and their exchange, together."""
    async with database.begin() as session:
        await save_person(session, number, Person(language="lt", citizenship="IN"))
        exchange = await record(
            session, telegram_id=number, chat_id=number, message_id=number, text="Ar reikia vizos? 🙂", reply=FALLBACK
        )
        await rate(session, exchange, 1, by=number)


async def fill(database: Database) -> Everything:
    """A row at least in every table."""
    async with database.begin() as session:
        session.add(Publication(number=1, at=utc_now(), by="ona", changes=["+ fact fee"]))
        session.add(Job(name="staff_letter", recurrence="0 8 * * *", due_at=utc_now(), attempts=0))
        await put(session, [Outgoing(1001, "sendMessage", {"text": "Labas 🙂"})])
        await session.flush()
        session.add(PublishedItem(kind="fact", language="", name="fee", position=0, body=["80 EUR"], publication=1))
        await add_applicant(session)
    inbox = Inbox(database, Process(set()))
    await inbox.keep([{"update_id": 5, "message": {"text": "a\\b\tc\nd\u0000e"}}])
    for number in range(1, 4):
        await write(database, number)
    before = await everything(database)
    assert all(before.values())
    return before


async def add_applicant(session: Session) -> None:
    now = utc_now()
    asked = {"telegram_id": 1, "who_print": "w", "chat_id": 1, "language": "lt", "asked_at": now, "tries": 0}
    session.add(CodeRequest(address="sealed", address_print="a", **asked))
    session.add(Link(id=1, telegram_id=1, chat_id=1, address="sealed", linked_at=now, tell_changes=True))
    await session.flush()
    session.add(LinkedApplicant(link_id=1, provider="dreamapply", applicant="sealed", applicant_print="p"))
    looked = {"provider": "dreamapply", "applicant_print": "p", "why": "asked", "result": "found", "cases": 1}
    session.add(LookUp(at=now, who_print="w", **looked))
    session.add(ProviderCursor(provider="dreamapply", cursor="sealed"))


async def execute(database: Database, *statements: str) -> None:
    async with database.connect() as connection:
        for statement in statements:
            await connection.execute(text(statement))
        await connection.commit()


async def destroy(database: Database) -> None:
    if database.is_postgres:
        await execute(database, "DROP SCHEMA public CASCADE", "CREATE SCHEMA public")
        return
    await database.close()
    path = Path(str(database.url.database))
    for each in path.parent.glob(f"{path.name}*"):
        each.unlink()


async def test_what_was_saved_while_somebody_wrote_comes_back_whole(
    database: Database, content: Content, file: Path
) -> None:
    await fill(database)
    await publish(database, content, by="jonas")
    before = await everything(database)
    saving = asyncio.create_task(backup(database, file))
    last = 3
    while not saving.done() or last < 10:
        last += 1
        await write(database, last)
    await saving
    await destroy(database)
    restore(url(database), file, replace=False)
    after = await everything(database)
    students, exchanges, ratings = (len(after[name]) for name in ("student", "exchange", "rating"))
    assert students == exchanges == ratings <= last
    assert {name: after[name][: len(rows)] for name, rows in before.items()} == before
    await write(database, last + 1)  # and one can go on where it ended
    assert os.listdir(file.parent) == [file.name]
    assert os.stat(file).st_mode & 0o777 == 0o600


async def test_what_is_there_is_given_up_only_when_told(database: Database, file: Path) -> None:
    saved = await fill(database)
    await backup(database, file)
    await write(database, 4)
    await execute(database, "CREATE TABLE of_a_later_version (name text)", "CREATE INDEX later ON student (first_seen)")
    changed = await everything(database)
    with pytest.raises(Refused, match="--replace"):
        restore(url(database), file, replace=False)
    assert await everything(database) == changed
    restore(url(database), file, replace=True)
    assert await everything(database) == saved
    await execute(database, "CREATE TABLE of_a_later_version (name text)", "CREATE INDEX later ON student (first_seen)")


async def test_nothing_is_restored_under_a_process_that_works(database: Database, file: Path) -> None:
    await fill(database)
    await backup(database, file)
    await write(database, 4)
    changed = await everything(database)
    async with join(database):
        with pytest.raises((Occupied, Refused), match=r"process(es)? works? on"):
            await asyncio.to_thread(restore, url(database), file, replace=True)
    assert await everything(database) == changed
    restore(url(database), file, replace=True)


def put_program(folder: Path, name: str, first: str) -> None:
    """A program of PostgreSQL's that does something else before, in the folder bin."""
    (folder / "bin").mkdir(exist_ok=True)
    path = folder / "bin" / name
    path.write_text(f'#!/bin/sh\n{first}\nexec {programs()}/{name} "$@"\n')
    path.chmod(0o755)


def change(file: Path, how: Callable[[bytes], bytes]) -> None:
    file.write_bytes(how(file.read_bytes()))


def cut(share: float) -> Callable[[bytes], bytes]:
    return lambda whole: whole[: int(len(whole) * share)]


@pytest.mark.parametrize(
    "spoil",
    [cut(0), cut(0.01), cut(0.5), cut(0.98), lambda _: b"Dear colleagues,\n", lambda _: os.urandom(9000)],
    ids=["empty", "beginning", "half", "nearly whole", "a letter", "noise"],
)
async def test_a_broken_file_is_refused_and_changes_nothing(
    database: Database, file: Path, spoil: Callable[[bytes], bytes]
) -> None:
    before = await fill(database)
    await backup(database, file)
    change(file, spoil)
    with pytest.raises(NoBackup, match="is no backup of"):
        restore(url(database), file, replace=True)
    assert await everything(database) == before
    assert not list(Path(str(database.url.database)).parent.glob("*.restoring*"))


async def test_a_database_of_something_else_is_no_backup(database: Database, file: Path) -> None:
    await execute(database, "DROP TABLE alembic_version")
    await backup(database, file)
    with pytest.raises(NoBackup):
        restore(url(database), file, replace=False)


async def test_a_backup_of_a_later_version_is_refused(database: Database, file: Path) -> None:
    before = await fill(database)
    await execute(database, "UPDATE alembic_version SET version_num = '9999'")
    await backup(database, file)
    with pytest.raises(NoBackup, match="version 9999"):
        restore(url(database), file, replace=True)
    assert await everything(database) == before


async def test_a_backup_of_an_earlier_version_is_brought_up_to_date(database: Database, file: Path) -> None:
    saved = await fill(database)
    await asyncio.to_thread(command.downgrade, alembic_config(read_address(url(database))), "0002")
    await backup(database, file)
    await destroy(database)
    restore(url(database), file, replace=False)
    later = ("inbox", "outbox", "job", "code_request", "link", "linked_applicant", "look_up", "provider_cursor")
    assert await everything(database) == saved | {table: [] for table in later}


async def test_a_restore_that_fails_at_its_end_changes_nothing_on_postgresql(on_postgres: Database, file: Path) -> None:
    await fill(on_postgres)
    await backup(on_postgres, file)
    await execute(on_postgres, "DROP INDEX ix_student_last_seen", "CREATE SEQUENCE ix_student_last_seen")  # in the way
    await write(on_postgres, 4)
    before = await everything(on_postgres)
    with pytest.raises(DatabaseUnavailable, match="ix_student_last_seen"):
        restore(url(on_postgres), file, replace=True)
    assert await everything(on_postgres) == before


async def test_a_restore_that_is_killed_changes_nothing_on_postgresql(
    on_postgres: Database, postgres: Postgres, tmp_path: Path, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = await fill(on_postgres)
    await backup(on_postgres, file)
    stuck = f'{programs()}/pg_restore "$@" | head -n 20; yes ";" | head -n 9999; exec sleep 600'
    put_program(tmp_path, "pg_restore", f'case "$*" in *--no-owner*) {stuck};; esac')
    monkeypatch.setenv("PATH", f"{tmp_path}/bin{os.pathsep}{os.environ['PATH']}")
    program = "import sys; from pathlib import Path; from integrations.database.backup import restore; "
    program += "restore(sys.argv[1], Path(sys.argv[2]), replace=True)"
    restoring = await asyncio.create_subprocess_exec(
        sys.executable, "-c", program, url(on_postgres), str(file), start_new_session=True
    )
    name = on_postgres.url.database
    in_work = f"SELECT count(*) FROM pg_stat_activity WHERE datname = '{name}' AND backend_xid IS NOT NULL"
    async with asyncio.timeout(60):
        while postgres.execute(in_work) != [(1,)]:  # noqa: ASYNC110 -- the server tells nobody
            await asyncio.sleep(0.05)
        restoring.kill()
        await restoring.wait()
        while postgres.execute(in_work) != [(0,)]:  # noqa: ASYNC110 -- the server tells nobody
            await asyncio.sleep(0.05)
    os.killpg(restoring.pid, signal.SIGKILL)  # the program that is stuck
    assert await everything(on_postgres) == before


async def test_a_restore_that_never_gets_to_write_changes_nothing_on_sqlite(
    migrated_sqlite: Path, tmp_path: Path, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backups, "BUSY_SECONDS", 0)
    database = Database(f"sqlite:///{shutil.copy(migrated_sqlite, tmp_path)}")
    await backup(database, file)
    await write(database, 1)
    with closing(sqlite3.connect(str(database.url.database), isolation_level=None)) as another:
        another.execute("BEGIN IMMEDIATE")
        with pytest.raises(DatabaseUnavailable, match="locked"):
            restore(url(database), file, replace=True)
    assert len((await everything(database))["student"]) == 1
    await database.close()


async def test_a_backup_that_fails_leaves_the_earlier_one(database: Database, file: Path) -> None:
    await backup(database, file)
    (earlier,) = contents(file.parent)
    missing = database.url.set(database=f"{database.url.database}-missing").render_as_string(hide_password=False)
    with pytest.raises(DatabaseUnavailable):
        backups.backup(missing, file)
    assert contents(file.parent) == [earlier]


def test_the_database_is_not_written_over_by_its_own_backup(migrated_sqlite: Path) -> None:
    with pytest.raises(Refused, match="is the database itself"):
        backups.backup(f"sqlite:///{migrated_sqlite}", migrated_sqlite)


async def test_the_password_is_on_no_command_line(
    on_postgres: Database, tmp_path: Path, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = tmp_path / "seen"
    for name in ("pg_dump", "pg_restore", "psql"):
        put_program(tmp_path, name, f'echo {name} "$PGPASSWORD" "$@" >> {seen}')
    monkeypatch.setenv("PATH", f"{tmp_path}/bin{os.pathsep}{os.environ['PATH']}")
    address = url(on_postgres).replace("postgres@", "postgres:se%40cret@")
    backups.backup(address, file)
    restore(address, file, replace=False)
    lines = [line.split(" ", 2) for line in seen.read_text().splitlines() if "--version" not in line]
    assert [name for name, _, _ in lines] == ["pg_dump", "pg_restore", "pg_restore", "psql"]
    assert {password for _, password, _ in lines} == {"se@cret"}
    assert not any("cret" in arguments for _, _, arguments in lines)


@pytest.mark.parametrize(
    ("path", "said"),
    [("/nowhere", "pg_dump is missing. Install"), (str(programs(16)), "16.* is older than the server. Install")],
    ids=["missing", "old"],
)
async def test_programs_that_cannot_do_it_are_named(
    postgres: Postgres, file: Path, monkeypatch: pytest.MonkeyPatch, path: str, said: str
) -> None:
    monkeypatch.setenv("PATH", path)
    with pytest.raises(Refused, match=said):
        backups.backup(postgres.url("postgres"), file)


@pytest.fixture
async def on_an_old_server() -> AsyncIterator[Database]:
    server = Postgres(version=16)
    server.start()
    database = Database(server.url(server.create()))
    upgrade(url(database))
    yield database
    await database.close()
    server.remove()


async def test_programs_may_be_newer_than_the_server(on_an_old_server: Database, file: Path) -> None:
    saved = await fill(on_an_old_server)
    await backup(on_an_old_server, file)
    restore(url(on_an_old_server), file, replace=True)
    assert await everything(on_an_old_server) == saved


@pytest.fixture
def run(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, str, str]]:
    """Runs a command on the database in the test's folder: its status, and what it says on both streams."""
    for name in [name for name in os.environ if name.startswith("BICIULIS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("BICIULIS_DATA_DIR", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("bot.__main__.set_up_logs", lambda *_, **__: None)

    def run(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["bot", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        return (int(ended.value.code or 0), *capsys.readouterr())

    return run


def test_the_commands_tell_in_a_sentence_what_was_done_or_not(
    run: Callable[..., tuple[int, str, str]], tmp_path: Path, migrated_sqlite: Path
) -> None:
    file = tmp_path / "backup"
    status, _, said = run("backup", file)
    assert (status, said) == (1, "The database cannot be used: unable to open database file\n")
    path = shutil.copy(migrated_sqlite, tmp_path)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("INSERT INTO job VALUES ('old', '0 8 * * *', '2026-11-24 08:00', NULL, 0, NULL)")
    assert run("backup", file) == (0, "", "")
    refusal = "The database holds something already. Say --replace to give that up for the backup.\n"
    assert run("restore", file) == (1, "", refusal)
    assert run("restore", file, "--replace") == (0, f"The database is what {file} holds.\n", "")
    with only_one(Path(path)):
        occupied = f"Another process works on {path}. With SQLite there can be only one.\n"
        assert run("restore", file, "--replace") == (1, "", occupied)
    file.write_text("nothing")
    damaged = f"{file} is no backup of SQLite, or a damaged one: file is not a database.\n"
    assert run("restore", file, "--replace") == (2, "", damaged)
    assert run("restore", tmp_path / "missing")[0] == 2
