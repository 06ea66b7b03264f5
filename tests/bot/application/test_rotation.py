"""A new key for all that is sealed, on both databases, whatever fails or dies meanwhile."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import inspect, select, update

from bot.__main__ import main
from bot.application import rotation
from bot.application.rotation import SEALED, rotate_key
from bot.application.tables import CodeRequest, Link, LinkedApplicant, ProviderCursor
from bot.application.vault import WrongKeys, open_vault, read_keys
from integrations.database import Database, Occupied, join
from tests.bot.application.people import ANNA, BEN, KATE, Town

ROOT = Path(__file__).parents[3]
CASES = {"register": [{"state": "accepted"}]}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "keys"


@pytest.fixture
async def town(database: Database, path: Path) -> Town:
    """Two links, one with a copy of its cases, and a person who had themselves forgotten."""
    town = Town(database, open_vault(path))
    await town.link(ANNA)
    await town.link(BEN, KATE.email)
    async with database.begin() as session:
        await session.execute(update(Link).filter_by(telegram_id=ANNA).values(cases=town.vault.seal(CASES)))
        await session.execute(update(CodeRequest).filter_by(telegram_id=BEN).values(address=""))
        session.add(ProviderCursor(provider="office", cursor=town.vault.seal("3")))
    return town


async def sealed(town: Town) -> dict[str, str]:
    async with town.database.read() as session:
        return {
            f"{table.__tablename__} {inspect(row).identity} {column}": getattr(row, column)
            for table, columns in SEALED.items()
            for row in await session.scalars(select(table))
            for column in columns
            if getattr(row, column)
        }


async def opened(town: Town, path: Path) -> dict[str, Any]:
    vault = open_vault(path)
    return {where: vault.open(text) for where, text in (await sealed(town)).items()}


def test_every_sealed_column_is_known() -> None:
    """A column whose comment says `sealed` is sealed anew."""
    source = (ROOT / "bot/application/tables.py").read_text(encoding="utf-8")
    assert source.count("# sealed:") == sum(len(columns) for columns in SEALED.values())


async def test_everything_is_sealed_with_the_new_key_and_the_old_one_is_gone(town: Town, path: Path) -> None:
    before, texts, old = await opened(town, path), await sealed(town), read_keys(path)
    assert len(before) == 9
    await rotate_key(town.database, path, give_up=False)
    keys = read_keys(path)
    assert (keys.print, len(keys.seal)) == (old.print, 1)
    assert keys.seal != old.seal
    assert await opened(town, path) == before
    assert not set(texts.values()) & set((await sealed(town)).values())
    town.vault = open_vault(path)
    assert (await town.link(BEN)).displaced[0].telegram_id == ANNA  # prints are as before


@pytest.mark.parametrize("step", ["_seal_anew", "drop_old_keys"])
async def test_who_dies_at_any_step_can_still_open_everything(
    town: Town, path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    before = await opened(town, path)

    def die(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(rotation, step, die)
        with pytest.raises(KeyboardInterrupt):
            await rotate_key(town.database, path, give_up=False)
    assert len(read_keys(path).seal) == 2
    assert await opened(town, path) == before
    await rotate_key(town.database, path, give_up=False)
    assert len(read_keys(path).seal) == 1
    assert await opened(town, path) == before


async def test_while_a_process_works_nothing_is_changed(town: Town, path: Path) -> None:
    keys, texts = read_keys(path), await sealed(town)
    working = Database(town.database.url.render_as_string(False))
    async with join(working):
        with pytest.raises(Occupied):
            await rotate_key(town.database, path, give_up=False)
    await working.close()
    assert (read_keys(path), await sealed(town)) == (keys, texts)


async def test_a_process_that_comes_meanwhile_keeps_its_old_key(
    on_postgres: Database, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    town = Town(on_postgres, open_vault(path))
    await town.link(ANNA)
    working = Database(on_postgres.url.render_as_string(False))
    joining = join(working)
    seal_anew = rotation._seal_anew

    async def while_one_comes(*arguments: Any, **more: Any) -> None:
        await joining.__aenter__()
        await seal_anew(*arguments, **more)

    monkeypatch.setattr(rotation, "_seal_anew", while_one_comes)
    with pytest.raises(Occupied):
        await rotate_key(on_postgres, path, give_up=False)
    await joining.__aexit__(None, None, None)
    await working.close()
    assert len(read_keys(path).seal) == 2
    assert town.vault.print_of("a") == open_vault(path).print_of("a")


async def test_what_a_lost_key_sealed_is_given_up_only_where_that_is_said(town: Town, tmp_path: Path) -> None:
    open_vault(path := tmp_path / "new keys")
    texts = await sealed(town)
    with pytest.raises(WrongKeys, match="a key that is not in the file"):
        await rotate_key(town.database, path, give_up=False)
    assert await sealed(town) == texts
    await rotate_key(town.database, path, give_up=True)
    async with town.database.read() as session:
        left = [len((await session.scalars(select(table))).all()) for table in (Link, LinkedApplicant)]
    assert left == [0, 0]
    town.vault = open_vault(path)
    assert (await town.link(ANNA)).outcome == "linked"


def rotate(monkeypatch: pytest.MonkeyPatch, *options: str) -> int:
    monkeypatch.setattr("sys.argv", ["bot", "rotate-key", *options])
    try:
        main()
    except SystemExit as ended:
        return int(ended.code or 0)
    return 0


@pytest.mark.usefixtures("logs_of_its_own")
def test_the_command_says_what_was_done_and_what_was_not(
    tmp_path: Path, migrated_sqlite: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async def link() -> None:
        database = Database(url)
        await Town(database, open_vault(path)).link()
        await database.close()

    path, url = tmp_path / "keys", f"sqlite:///{shutil.copy(migrated_sqlite, tmp_path)}"
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BICIULIS_DATABASE_URL", url)
    monkeypatch.setenv("BICIULIS_KEY_FILE", str(path))
    asyncio.run(link())
    capsys.readouterr()
    assert rotate(monkeypatch) == 0
    assert capsys.readouterr() == (f"Everything is sealed with the new key in {path}: back that file up.\n", "")
    path.unlink()
    assert rotate(monkeypatch) == 1
    assert "No such file" in capsys.readouterr().err
    open_vault(path)
    assert rotate(monkeypatch) == 2
    assert capsys.readouterr().err == ("What is stored of applicants was sealed with a key that is not in the file.\n")
    assert rotate(monkeypatch, "--give-up") == 0
