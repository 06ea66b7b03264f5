"""The settings, from the environment and from `.env`."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from bot.settings import Settings, WrongSettings, read_settings

SETTINGS = Path(__file__).parents[2] / "docs/settings.md"
TOKEN = "123456789:AAHfak-etokenf_orthetestsonly0123456"


@pytest.fixture(autouse=True)
def clean(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No setting of the machine, no `.env`."""
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("BICIULIS_")]:
        monkeypatch.delenv(name)


def test_every_setting_is_documented_and_nothing_else() -> None:
    documented = re.findall(r"^\| `(BICIULIS_[A-Z_]+)`", SETTINGS.read_text(encoding="utf-8"), re.MULTILINE)
    assert sorted(documented) == sorted(f"BICIULIS_{name.upper()}" for name in Settings.model_fields)


def test_without_settings_everything_is_local(tmp_path: Path) -> None:
    settings = read_settings()
    assert settings.database == f"sqlite+aiosqlite:///{tmp_path}/var/biciulis.sqlite"
    assert (settings.nlu_url, settings.staff_chat, settings.log_level) == ("", None, "INFO")


def test_the_environment_comes_before_the_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("BICIULIS_STAFF_CHAT=-100\nBICIULIS_LOG_LEVEL=DEBUG\nOTHER=1\n", encoding="utf-8")
    monkeypatch.setenv("BICIULIS_STAFF_CHAT", "-200")
    settings = read_settings()
    assert (settings.staff_chat, settings.log_level) == (-200, "DEBUG")


def test_a_database_of_ones_own_takes_the_place_of_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BICIULIS_DATABASE_URL", "postgresql://bot:se%40cret@db/biciulis")
    assert read_settings().database == "postgresql+psycopg://bot:se%40cret@db/biciulis"


def test_all_wrong_values_are_named_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BICIULIS_STAFF_CHAT", "@office")
    monkeypatch.setenv("BICIULIS_LOG_LEVEL", "loud")
    monkeypatch.setenv("BICIULIS_DATABASE_URL", "mysql://bot:nlu-secret@db/biciulis")
    monkeypatch.setenv("BICIULIS_DATA_DIR", "fine")
    with pytest.raises(WrongSettings) as wrong:
        read_settings()
    assert "nlu-secret" not in str(wrong.value)
    assert sorted(each.split(": ")[0] for each in str(wrong.value).splitlines()) == [
        "BICIULIS_DATABASE_URL",
        "BICIULIS_LOG_LEVEL",
        "BICIULIS_STAFF_CHAT",
    ]


@pytest.mark.parametrize(
    ("given", "wrong"),
    [
        ({"SMTP_URL": "smtp://mail.ktu.lt", "MAIL_FROM": "bot@ktu.lt", "STAFF_MAIL": "office@ktu.lt"}, []),
        ({"SMTP_URL": "smtp://mail.ktu.lt"}, ["MAIL_FROM"]),
        ({"SMTP_URL": "http://mail.ktu.lt", "MAIL_FROM": "bot@ktu.lt"}, ["SMTP_URL"]),
        ({"STAFF_MAIL": "the office"}, ["STAFF_MAIL"]),
        ({"STAFF_MAIL": "office@ktu.lt"}, []),  # printed: nobody has to have a mail server to try it
    ],
)
def test_mail_needs_a_server_and_a_sender(
    monkeypatch: pytest.MonkeyPatch, given: dict[str, str], wrong: list[str]
) -> None:
    for name, value in given.items():
        monkeypatch.setenv(f"BICIULIS_{name}", value)
    try:
        read_settings()
        named = []
    except WrongSettings as error:
        named = [line.split(": ")[0].removeprefix("BICIULIS_") for line in str(error).splitlines()]
    assert named == wrong


def test_a_missing_token_is_asked_for_by_name() -> None:
    with pytest.raises(WrongSettings, match="BICIULIS_TELEGRAM_TOKEN"):
        read_settings().require_token()


def test_a_token_is_not_shown_by_accident(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BICIULIS_TELEGRAM_TOKEN", TOKEN)
    monkeypatch.setenv("BICIULIS_NLU_TOKEN", "nlu-secret")
    monkeypatch.setenv("BICIULIS_DATABASE_URL", "postgresql://bot:nlu-secret@db/biciulis")
    monkeypatch.setenv("BICIULIS_SMTP_URL", "smtp://bot:nlu-secret@mail.ktu.lt")
    monkeypatch.setenv("BICIULIS_MAIL_FROM", "bot@ktu.lt")
    settings = read_settings()
    assert settings.require_token() == TOKEN
    assert TOKEN not in f"{settings!r} {settings}"
    assert "nlu-secret" not in f"{settings!r} {settings}"
