"""The key file: made whole, once, for its owner alone; and what it seals."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from bot.application import vault as vaults
from bot.application.vault import Keys, WrongKeys, add_seal_key, drop_old_keys, open_vault, read_keys

KEY = "A" * 43 + "="
OTHER = "B" * 42 + "A="
ROOT = Path(__file__).parents[3]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "new" / "keys"


def write(path: Path, text: str | bytes, mode: int = 0o600) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    path.chmod(mode)


def test_a_file_is_made_for_its_owner_alone_and_stays(path: Path) -> None:
    sealed = open_vault(path).seal(["Ąda", 7])
    text = path.read_text(encoding="ascii")
    assert re.fullmatch(r"print [\w-]{43}=\nseal [\w-]{43}=\n", text)
    assert path.stat().st_mode & 0o777 == 0o600
    assert open_vault(path).open(sealed) == ["Ąda", 7]
    assert path.read_text(encoding="ascii") == text
    assert [each.name for each in path.parent.iterdir()] == ["keys"]


def test_what_is_sealed_twice_looks_different_and_prints_are_alike(path: Path) -> None:
    vault = open_vault(path)
    assert vault.seal("ada") != vault.seal("ada")
    assert vault.print_of("a", "b") == open_vault(path).print_of("a", "b")
    assert len({vault.print_of("a", "b"), vault.print_of("ab"), vault.print_of("b", "a"), vault.print_of()}) == 4


def test_of_processes_that_start_at_once_all_have_the_same_whole_file(path: Path) -> None:
    program = f"""
import sys
from pathlib import Path
from bot.application.vault import open_vault
print("ready", flush=True)
sys.stdin.readline()
print(open_vault(Path({str(path)!r})).print_of("ada"))
"""
    started = [
        subprocess.Popen([sys.executable, "-c", program], stdin=-1, stdout=-1, text=True, cwd=ROOT) for _ in range(4)
    ]
    for each in started:
        assert each.stdout
        assert each.stdout.readline() == "ready\n"
    for each in started:
        assert each.stdin
        each.stdin.write("\n")
        each.stdin.flush()
    prints = {each.communicate(timeout=60)[0] for each in started}
    assert prints == {open_vault(path).print_of("ada") + "\n"}
    assert [each.name for each in path.parent.iterdir()] == ["keys"]


def test_who_comes_second_takes_the_file_of_the_first(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between looking for the file and putting it in its place another process was quicker."""
    link = os.link

    def late(source: str, target: Path) -> None:
        write(path, f"print {KEY}\nseal {OTHER}\n")
        link(source, target)

    monkeypatch.setattr(vaults.os, "link", late)
    open_vault(path)
    assert read_keys(path) == Keys(KEY, (OTHER,))
    assert [each.name for each in path.parent.iterdir()] == ["keys"]


@pytest.mark.parametrize("mode", [0o604, 0o602, 0o620, 0o666])
def test_a_file_that_others_can_use_is_refused(path: Path, mode: int) -> None:
    write(path, f"print {KEY}\nseal {OTHER}\n", mode)
    with pytest.raises(WrongKeys, match=rf"^{path} can be read by others .* `chmod 600 {path}`$"):
        open_vault(path)


@pytest.mark.parametrize("mode", [0o600, 0o400, 0o640])
def test_a_file_of_its_owner_and_group_is_read(path: Path, mode: int) -> None:
    write(path, f"\nprint {KEY}\r\n  seal {OTHER}\nseal {KEY}", mode)
    assert read_keys(path) == Keys(KEY, (OTHER, KEY))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "needs one line `print KEY` and at least one line `seal KEY`"),
        (f"print {KEY}\n", "needs one line"),
        (f"seal {KEY}\n", "needs one line"),
        (f"print {KEY}\nprint {OTHER}\nseal {KEY}\n", "needs one line"),
        (f"print {KEY}\nseal {KEY[1:]}\n", "line 2: neither"),
        (f"print {KEY}\nseal !{KEY[1:]}\n", "line 2: neither"),
        (f"print {KEY}\nseal {KEY} {OTHER}\n", "line 2: neither"),
        (f"print {KEY}\n\n{OTHER}\n", "line 3: neither"),
        (f"print {KEY}\nseal ".encode() + b"\xff" + KEY[1:].encode(), "line 2: neither"),
    ],
)
def test_a_file_that_makes_no_sense_is_told_by_its_line_and_never_by_a_key(
    path: Path, text: str | bytes, told: str
) -> None:
    write(path, text)
    with pytest.raises(WrongKeys) as error:
        open_vault(path)
    assert str(path) in str(error.value)
    assert told in str(error.value)
    assert not re.search("A{20}|B{20}", f"{error.value!r} {error.value.__context__!r}")


def test_keys_are_not_shown_by_accident(path: Path) -> None:
    vault = open_vault(path)
    vault.seal("ada")
    keys = read_keys(path)
    assert not any(key in f"{keys!r} {vault!r}" for key in (keys.print, *keys.seal))


def test_a_new_key_seals_and_the_old_one_opens_until_it_is_dropped(path: Path) -> None:
    old = open_vault(path).seal("ada")
    before = read_keys(path)
    keys = add_seal_key(path)
    assert (read_keys(path), keys.print, keys.seal[1:]) == (keys, before.print, before.seal)
    vault = open_vault(path)
    anew = vault.seal_anew(old)
    drop_old_keys(path, keys)
    assert read_keys(path) == Keys(before.print, keys.seal[:1])
    assert open_vault(path).open(anew) == "ada"
    with pytest.raises(WrongKeys, match="a key that is not in the file"):
        open_vault(path).open(old)


def test_a_changed_file_is_read_by_the_same_people(path: Path) -> None:
    write(path, f"print {KEY}\nseal {OTHER}\n", 0o640)
    add_seal_key(path)
    assert path.stat().st_mode & 0o777 == 0o640


def test_who_opened_the_vault_before_a_change_and_seals_after_it_has_the_new_key(path: Path) -> None:
    starting = open_vault(path)
    drop_old_keys(path, add_seal_key(path))
    assert open_vault(path).open(starting.seal("ada")) == "ada"
