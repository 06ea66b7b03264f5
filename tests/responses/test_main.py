"""`python -m responses …` as staff run it: in a process of its own where the status counts."""

from __future__ import annotations

import re
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from typer.testing import CliRunner

from responses.__main__ import commands

ROOT = Path(__file__).parents[2]


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    return tmp_path / "var"


def run(*arguments: object) -> subprocess.CompletedProcess[str]:
    """A real process; answers asked of it get no input."""
    return subprocess.run(
        [sys.executable, "-m", "responses", *map(str, arguments)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        stdin=subprocess.DEVNULL,
    )


def invoke(*arguments: object, answer: str | None = None) -> tuple[int, str]:
    """The same command in this process."""
    result = CliRunner().invoke(commands, list(map(str, arguments)), input=answer, catch_exceptions=False)
    return result.exit_code, result.output


def records(data_dir: Path) -> list[tuple[int, str]]:
    with closing(sqlite3.connect(data_dir / "biciulis.sqlite")) as connection:
        return connection.execute("SELECT number, by FROM publication ORDER BY number").fetchall()


def rename_area(folder: Path) -> str:
    """Gives the area of small talk another name; the change's lines as they are shown."""
    path = folder / "en/talk.yaml"
    text = path.read_text(encoding="utf-8")
    title = next(line for line in text.splitlines() if line.startswith("title: "))
    path.write_text(text.replace(title, "title: Čia", 1), encoding="utf-8")
    return f"~ area en talk\n    @@ -1 +1 @@\n    -{title.removeprefix('title: ')}\n    +Čia\n"


def spoil(folder: Path) -> int:
    """Puts a wrong date into the facts; its line."""
    path = folder / "facts.yaml"
    before, found, after = path.read_text(encoding="utf-8").partition("    seen: ")
    path.write_text(f"{before}{found}not {after}", encoding="utf-8")
    return before.count("\n") + 1


def test_check_counts_content_without_mistakes() -> None:
    status, output = invoke("check")
    assert status == 0
    assert output.endswith(" wordings: no mistakes.\n")


def test_check_ends_with_status_two_and_the_place_of_each_mistake(folder: Path) -> None:
    line = spoil(folder)
    done = run("check", folder)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"content/facts.yaml:{line}: facts.")
    assert ".seen: Input should be a valid date" in done.stderr
    assert "Traceback" not in done.stderr


def test_import_publishes_and_then_nothing_differs(folder: Path, data_dir: Path) -> None:
    status, output = invoke("import", folder, "--data-dir", data_dir, "--yes")
    assert (status, output.splitlines()[0], output.splitlines()[-1]) == (0, "+ area en admission", "Published.")
    assert invoke("diff", folder, "--data-dir", data_dir) == (0, "Nothing differs.\n")
    assert invoke("import", folder, "--data-dir", data_dir, "--yes") == (0, "Nothing differs.\n")
    assert [number for number, _ in records(data_dir)] == [1]


def test_diff_shows_a_change_before_and_after_and_publishes_nothing(folder: Path, data_dir: Path) -> None:
    invoke("import", folder, "--data-dir", data_dir, "--yes")
    shown = rename_area(folder)
    assert invoke("diff", folder, "--data-dir", data_dir) == (0, shown)
    assert invoke("diff", folder, "--data-dir", data_dir) == (0, shown)
    assert len(records(data_dir)) == 1


@pytest.mark.parametrize(("answer", "published"), [("y\n", 2), ("n\n", 1), ("\n", 1)])
def test_import_asks_before_it_publishes(folder: Path, data_dir: Path, answer: str, published: int) -> None:
    invoke("import", folder, "--data-dir", data_dir, "--yes")
    shown = rename_area(folder)
    status, output = invoke("import", folder, "--data-dir", data_dir, answer=answer)
    assert status == 0
    assert output.startswith(shown + "Publish these changes? [y/N]:")
    assert output.endswith("Published.\n") == (published == 2)
    assert len(records(data_dir)) == published


def test_import_records_who_published(folder: Path, data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOGNAME", "ona")
    invoke("import", folder, "--data-dir", data_dir, "--yes")
    assert records(data_dir) == [(1, "ona")]


def test_import_of_broken_content_ends_with_status_two_and_changes_nothing(folder: Path, data_dir: Path) -> None:
    invoke("import", folder, "--data-dir", data_dir, "--yes")
    with closing(sqlite3.connect(data_dir / "biciulis.sqlite")) as connection:
        before = list(connection.iterdump())
    rename_area(folder)
    line = spoil(folder)
    done = run("import", folder, "--data-dir", data_dir, "--yes")
    assert (done.returncode, done.stdout) == (2, "")
    assert f"content/facts.yaml:{line}: " in done.stderr
    with closing(sqlite3.connect(data_dir / "biciulis.sqlite")) as connection:
        assert list(connection.iterdump()) == before


def test_an_import_that_breaks_off_midway_leaves_the_old_content_whole(folder: Path, data_dir: Path) -> None:
    invoke("import", folder, "--data-dir", data_dir, "--yes")
    with closing(sqlite3.connect(data_dir / "biciulis.sqlite")) as connection, connection:
        before = list(connection.iterdump())
        connection.execute(
            "CREATE TRIGGER breaks BEFORE INSERT ON published_item WHEN NEW.name = 'visa.need' AND NEW.language = 'lt' "
            "BEGIN SELECT RAISE(ABORT, 'the disk went away'); END"
        )
    shown = rename_area(folder)
    done = run("import", folder, "--data-dir", data_dir, "--yes")
    assert (done.returncode, done.stdout) == (1, shown)
    assert done.stderr.startswith("The database cannot be used: ")
    assert "the disk went away" in done.stderr
    with closing(sqlite3.connect(data_dir / "biciulis.sqlite")) as connection, connection:
        connection.execute("DROP TRIGGER breaks")
        assert list(connection.iterdump()) == before


def test_the_database_is_named_by_its_address_or_the_environment(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = f"sqlite+aiosqlite:///{tmp_path}/other/biciulis.sqlite"
    invoke("import", folder, "--database", address, "--yes")
    assert len(records(tmp_path / "other")) == 1
    monkeypatch.setenv("BICIULIS_DATABASE_URL", address)
    assert invoke("diff", folder) == (0, "Nothing differs.\n")


def test_a_database_that_cannot_be_used_ends_with_status_one(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    done = run("diff", folder, "--data-dir", tmp_path / "file")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("The database cannot be used: ")
    assert "Traceback" not in done.stderr


def test_an_address_that_is_no_database_ends_with_status_two(folder: Path) -> None:
    done = run("diff", folder, "--database", "mysql://db/biciulis")
    assert (done.returncode, done.stdout) == (2, "")
    assert "is no database address" in done.stderr


def test_without_a_command_the_commands_are_shown() -> None:
    done = run()
    assert done.returncode == 2
    assert {"check", "diff", "import"} <= set((done.stdout + done.stderr).split())


def test_status_counts_the_answers_of_each_area_and_language() -> None:
    code, shown = invoke("status")
    assert code == 0
    assert "138S" in shown
    assert "permit" in shown
    assert re.search(r"\d+ of \d+ figures need a review", shown)


def test_due_lists_what_is_overdue_on_a_day_with_its_owner_and_answers() -> None:
    code, shown = invoke("due", "--today", "2030-01-01")
    assert code == 0
    assert "overdue, review by" in shown
    assert "figures to look at." in shown


def test_show_reads_an_answer_out_for_a_case_and_names_its_figures() -> None:
    code, shown = invoke("show", "visa.need", "--language", "lt", "--as", "citizenship=IN,level=master")
    assert code == 0
    assert "laikino leidimo gyventi" in shown
    assert "source; depends on citizenship, level" in shown
    assert "permit_time: 2 months" in shown
    _, european = invoke("show", "visa.need", "--as", "citizenship=eu")
    assert european != shown


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["visa.nothing"], "there is no topic visa.nothing"),
        (["visa.need", "--language", "xx"], "there is no content in xx"),
        (["visa.need", "--as", "citizenship=green"], "citizenship=green"),
        (["visa.need", "--as", "hair=red"], "hair=red"),
    ],
)
def test_show_names_what_it_does_not_know(arguments: list[str], said: str) -> None:
    code, shown = invoke("show", *arguments)
    assert code == 2
    assert said in " ".join(shown.replace("│", " ").split())


def test_an_export_is_what_is_published(folder: Path, data_dir: Path, tmp_path: Path) -> None:
    invoke("import", folder, "--data-dir", data_dir, "--yes")
    made = tmp_path / "exported"
    status, said = invoke("export", made, "--data-dir", data_dir)
    assert (status, said) == (0, f"Exported 138 topics in 2 languages to {made}.\n")
    assert invoke("check", made) == invoke("check", folder)
    assert invoke("diff", made, "--data-dir", data_dir) == (0, "Nothing differs.\n")
    status, said = invoke("export", made, "--data-dir", data_dir)
    assert status == 2
    assert "is not empty" in " ".join(said.replace("│", " ").split())


def test_an_export_of_nothing_says_so(data_dir: Path, tmp_path: Path) -> None:
    status, said = invoke("export", tmp_path / "exported", "--data-dir", data_dir)
    assert status == 2
    assert "nothing is published in this database" in said
    assert not (tmp_path / "exported").exists()


def test_an_export_that_the_disk_refuses_says_so(folder: Path, data_dir: Path) -> None:
    invoke("import", folder, "--data-dir", data_dir, "--yes")
    done = run("export", "/proc/exported", "--data-dir", data_dir)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("The export was not written: ")
    assert "Traceback" not in done.stderr


def test_links_says_that_the_machine_is_offline_and_not_that_all_is_broken(folder: Path) -> None:
    for path in (folder / "facts.yaml", folder / "countries.yaml"):
        text = path.read_text(encoding="utf-8")
        path.write_text(re.sub(r"https://[^/\s\"']+", "https://no-such-host.invalid", text), encoding="utf-8")
    done = run("links", folder)
    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr.startswith("No address answers at all, so this machine seems to be offline: ConnectError")


def test_glossary_shows_the_agreed_words_and_what_does_not_use_them(folder: Path) -> None:
    path = folder / "lt/visa.yaml"
    path.write_text(re.sub("(?i)tarpininkavimo", "garantinis", path.read_text(encoding="utf-8")), encoding="utf-8")
    code, shown = invoke("glossary", folder, "--language", "lt")
    assert code == 0
    assert "    lt tarpininkavimo raštas\n" in shown
    assert "lt visa.mediation_letter: no word for mediation_letter\n" in shown
    _, everything = invoke("glossary", folder)
    assert "    en mediation letter; lt tarpininkavimo raštas\n" in everything
    assert shown.splitlines()[-1] == everything.splitlines()[-1]  # English strays from nothing


def test_glossary_names_a_language_that_it_does_not_know() -> None:
    code, shown = invoke("glossary", "--language", "xx")
    assert code == 2
    assert "there is no content in xx" in shown
