"""The settings, from the environment and from `.env`."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from bot.intake.webhook import WebhookAddress
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
    assert (settings.nlu_url, settings.nlu_processes) == ((), 1)
    assert (settings.staff_chat, settings.log_level) == (None, "INFO")


def test_the_environment_comes_before_the_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("BICIULIS_STAFF_CHAT=-100\nBICIULIS_LOG_LEVEL=DEBUG\nOTHER=1\n", encoding="utf-8")
    monkeypatch.setenv("BICIULIS_STAFF_CHAT", "-200")
    settings = read_settings()
    assert (settings.staff_chat, settings.log_level) == (-200, "DEBUG")


def test_a_database_of_ones_own_takes_the_place_of_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BICIULIS_DATABASE_URL", "postgresql://bot:se%40cret@db/biciulis")
    assert read_settings().database == "postgresql+psycopg://bot:se%40cret@db/biciulis"


def test_several_rasa_servers_stand_apart_by_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BICIULIS_NLU_URL", "http://10.0.0.1:5005, https://rasa.example/nlu")
    assert [str(url) for url in read_settings().nlu_url] == ["http://10.0.0.1:5005/", "https://rasa.example/nlu"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("NLU_URL", "10.0.0.1:5005"),
        ("NLU_URL", "http://10.0.0.1:5005,"),
        ("NLU_PROCESSES", "0"),
        ("NLU_PROCESSES", "two"),
    ],
)
def test_no_address_or_number_of_rasa_servers_is_guessed(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(f"BICIULIS_{name}", value)
    with pytest.raises(WrongSettings, match=rf"^BICIULIS_{name}: "):
        read_settings()


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


DREAMAPPLY = {"DREAMAPPLY_URL": "https://apply.example.org", "DREAMAPPLY_KEY": "abc"}


@pytest.mark.parametrize(
    ("given", "wrong"),
    [
        (DREAMAPPLY, []),
        (DREAMAPPLY | {"DREAMAPPLY_KEY": ""}, ["DREAMAPPLY_KEY"]),
        (DREAMAPPLY | {"DREAMAPPLY_KEY": 'a"b'}, ["DREAMAPPLY_KEY"]),
        (DREAMAPPLY | {"DREAMAPPLY_URL": "apply.example.org"}, ["DREAMAPPLY_URL"]),
        ({"DREAMAPPLY_WEBHOOK_SECRET": "Bearer 5e67ab"}, []),
        ({"DREAMAPPLY_WEBHOOK_SECRET": "two\nlines"}, ["DREAMAPPLY_WEBHOOK_SECRET"]),
        ({"MOBILITY_FILES": "."}, []),
        ({"MOBILITY_FILES": "no/such/folder"}, ["MOBILITY_FILES"]),
    ],
)
def test_systems_that_know_applicants_are_named_in_full(
    monkeypatch: pytest.MonkeyPatch, given: dict[str, str], wrong: list[str]
) -> None:
    for name, value in given.items():
        monkeypatch.setenv(f"BICIULIS_{name}", value)
    try:
        assert read_settings().knows_applicants == ("DREAMAPPLY_URL" in given or "MOBILITY_FILES" in given)
        named = []
    except WrongSettings as error:
        named = [line.split(": ")[0].removeprefix("BICIULIS_") for line in str(error).splitlines()]
    assert named == wrong


WEBHOOK = {"WEBHOOK_URL": "https://bot.ktu.lt/telegram", "WEBHOOK_SECRET": "a-secret_1"}


@pytest.mark.parametrize(
    ("given", "wrong"),
    [
        ({}, ["WEBHOOK_URL", "WEBHOOK_SECRET"]),
        ({"WEBHOOK_SECRET": ""}, ["WEBHOOK_URL", "WEBHOOK_SECRET"]),
        (WEBHOOK | {"WEBHOOK_SECRET": "not this!"}, ["WEBHOOK_SECRET"]),
        (WEBHOOK | {"WEBHOOK_SECRET": "a" * 257}, ["WEBHOOK_SECRET"]),
        (WEBHOOK | {"WEBHOOK_URL": "https://bot.ktu.lt/"}, ["WEBHOOK_URL"]),
        (WEBHOOK | {"WEBHOOK_URL": "bot.ktu.lt/telegram"}, ["WEBHOOK_URL"]),
        (WEBHOOK | {"HTTP_ADDRESS": "8080"}, ["HTTP_ADDRESS"]),
        (WEBHOOK | {"HTTP_ADDRESS": "127.0.0.1:99999"}, ["HTTP_ADDRESS"]),
        (WEBHOOK | {"HTTP_ADDRESS": "[::1]:8080"}, []),
        (WEBHOOK, []),
    ],
)
def test_a_webhook_needs_an_address_and_a_secret(
    monkeypatch: pytest.MonkeyPatch, given: dict[str, str], wrong: list[str]
) -> None:
    for name, value in given.items():
        monkeypatch.setenv(f"BICIULIS_{name}", value)
    try:
        assert read_settings().require_webhook() == WebhookAddress(WEBHOOK["WEBHOOK_URL"], WEBHOOK["WEBHOOK_SECRET"])
        said = ""
    except WrongSettings as error:
        said = str(error)
    assert re.findall(r"BICIULIS_(\w+)", said) == wrong
    assert "not this!" not in said


@pytest.mark.parametrize(
    ("given", "receives", "listener"),
    [
        ("", False, None),
        ("", True, ("127.0.0.1", 8080)),
        ("0.0.0.0:80", False, ("0.0.0.0", 80)),
        ("[::1]:9000", True, ("::1", 9000)),
    ],
)
def test_without_an_address_only_a_receiver_listens(
    given: str, receives: bool, listener: tuple[str, int] | None
) -> None:
    assert Settings(_env_file=None, http_address=given).listener(receives=receives) == listener


def test_a_missing_token_is_asked_for_by_name() -> None:
    with pytest.raises(WrongSettings, match="BICIULIS_TELEGRAM_TOKEN"):
        read_settings().require_token()
    with pytest.raises(WrongSettings, match="BICIULIS_NLU_TOKEN"):
        read_settings().require_nlu_token()


def test_a_token_is_not_shown_by_accident(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BICIULIS_TELEGRAM_TOKEN", TOKEN)
    monkeypatch.setenv("BICIULIS_NLU_TOKEN", "nlu-secret")
    monkeypatch.setenv("BICIULIS_DATABASE_URL", "postgresql://bot:nlu-secret@db/biciulis")
    monkeypatch.setenv("BICIULIS_SMTP_URL", "smtp://bot:nlu-secret@mail.ktu.lt")
    monkeypatch.setenv("BICIULIS_MAIL_FROM", "bot@ktu.lt")
    monkeypatch.setenv("BICIULIS_WEBHOOK_URL", WEBHOOK["WEBHOOK_URL"])
    monkeypatch.setenv("BICIULIS_WEBHOOK_SECRET", "nlu-secret")
    settings = read_settings()
    assert "nlu-secret" not in repr(settings.require_webhook())
    assert settings.require_token() == TOKEN
    assert TOKEN not in f"{settings!r} {settings}"
    assert "nlu-secret" not in f"{settings!r} {settings}"
