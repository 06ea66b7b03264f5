"""What an installation is put together from names nothing that does not exist. Docker is not run here."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.main import get_command

from bot.__main__ import commands
from bot.application.webhook import PATH as DOORBELL
from bot.intake.webhook import LONGEST, PATH
from bot.operations.figures import write_figures
from bot.settings import Settings, read_listener
from integrations.database import Database
from integrations.database.address import read_address

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
UNITS = DEPLOY / "systemd"
SETTINGS = {f"BICIULIS_{name.upper()}" for name in Settings.model_fields}
INSTANCES = {"receive": 8081, "work": 8091, "nlu": 5005}


def read(path: Path) -> str:
    return path.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(read(DEPLOY / "compose.yaml"))
    return found


@pytest.fixture(scope="module")
def ours(compose: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The services that run our code."""
    return {name: service for name, service in compose["services"].items() if "build" in service}


def test_every_command_exists(ours: dict[str, dict[str, Any]]) -> None:
    named = [service["command"] for service in ours.values()]
    assert all(package == "bot" for package, *_ in named)
    started = {command for _, command, *_ in named}
    for unit in UNITS.glob("*@.service"):
        started.add(re.findall(r"^ExecStart=\S+ -m bot (\w+)", read(unit), re.MULTILINE)[0])
    started |= set(re.findall(r"-m bot (\w+)", read(DEPLOY / "Dockerfile")))
    assert started == {"migrate", "receive", "train", "understand", "work"}
    assert started <= set(get_command(commands).commands)  # type: ignore[attr-defined]  # of a group


def test_every_setting_exists() -> None:
    named = {
        setting
        for path in DEPLOY.rglob("*")
        if path.is_file()
        for setting in re.findall(r"BICIULIS_[A-Z_]+", read(path))
    }
    assert named <= SETTINGS
    assert len(named) > 5


def test_the_example_of_an_environment_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = [line.partition("=") for line in read(DEPLOY / "environment.example").splitlines() if line[:1].isupper()]
    for name, _, value in lines:
        monkeypatch.setenv(name, value)
    settings = Settings(_env_file=None)
    assert settings.webhook_url.endswith(PATH)
    assert [url.port for url in settings.nlu_url] == [5005, 5006]


def test_services_find_each_other(compose: dict[str, Any], ours: dict[str, dict[str, Any]]) -> None:
    services = compose["services"]
    work = ours["work-1"]
    assert (
        read_address(work["environment"]["BICIULIS_DATABASE_URL"].replace("${POSTGRES_PASSWORD:?}", "p")).host
        in services
    )
    for url in work["environment"]["BICIULIS_NLU_URL"].split(","):
        name, port = url.removeprefix("http://").split(":")
        assert services[name]["command"] == ["bot", "understand", f"0.0.0.0:{port}"]
        assert set(services[name]["networks"]) & set(work["networks"])
    _, port = read_listener(work["environment"]["BICIULIS_HTTP_ADDRESS"])
    receivers = services["proxy"]["environment"]["RECEIVERS"].split()
    assert receivers == [f"{name}:{port}" for name in ours if name.startswith("receive-")]
    targets = yaml.safe_load(read(DEPLOY / "prometheus.yml"))["scrape_configs"][0]["static_configs"][0]["targets"]
    assert targets == [f"{name}:{port}" for name in ours if name.startswith(("receive-", "work-"))]
    assert {target for service in ours.values() for target in service.get("depends_on", {})} <= services.keys()


def test_rasa_and_the_database_reach_nobody_outside(compose: dict[str, Any]) -> None:
    assert compose["networks"]["inside"]["internal"]
    for name in ("nlu-1", "nlu-2", "postgres"):
        service = compose["services"][name]
        assert (service["networks"], service.get("ports")) == (["inside"], None)


def test_images_are_built_from_hashed_requirements_and_what_is_there() -> None:
    recipe = read(DEPLOY / "Dockerfile").replace("\\\n", "")
    installs = re.findall(r"pip install (.*?)(?: &&|$)", recipe, re.MULTILINE)
    assert len(installs) == 3
    for install in installs:
        assert "--require-hashes" in install
        assert (ROOT / re.findall(r"-r (\S+)", install)[0]).is_file()
    kept = {line.removeprefix("!") for line in read(ROOT / ".dockerignore").splitlines() if line.startswith("!")}
    copied = set(re.findall(r"^COPY ([\w.]+) ", recipe, re.MULTILINE))
    assert copied == kept
    assert all((ROOT / name).exists() for name in kept)


def test_the_proxy_passes_on_the_webhook_and_nothing_else() -> None:
    caddyfile = read(DEPLOY / "Caddyfile")
    assert re.findall(r"^\s+path (.*)", caddyfile, re.MULTILINE) == [f"{PATH} {DOORBELL}"]
    assert re.findall(r"max_size (\S+)MB", caddyfile) == [str(LONGEST // 1_000_000)]
    assert "request>headers delete" in caddyfile
    ports = re.findall(r"127\.0\.0\.1:(\d+)", caddyfile)
    assert ports[0] == str(INSTANCES["receive"])


async def test_alerts_watch_figures_that_there_are(database: Database) -> None:
    shown = set(re.findall(r"^(\w+)", (await write_figures(database)).decode(), re.MULTILINE)) | {"up"}
    rules = yaml.safe_load(read(DEPLOY / "alerts.yml"))["groups"][0]["rules"]
    for rule in rules:
        watched = set(re.findall(r"\b(?:biciulis_\w+|up)\b", rule["expr"]))
        assert watched
        assert watched <= shown, rule["alert"]
    assert len({rule["alert"] for rule in rules}) == len(rules)


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd is not here")
@pytest.mark.parametrize("name", INSTANCES)
def test_systemd_reads_the_units(name: str, tmp_path: Path) -> None:
    for unit in UNITS.iterdir():
        here = read(unit).replace("/srv/biciulis", str(ROOT)).replace("User=biciulis", "User=daemon")
        (tmp_path / unit.name).write_text(here, encoding="utf-8")
    instance = tmp_path / f"biciulis-{name}@{INSTANCES[name]}.service"
    instance.write_text(read(tmp_path / f"biciulis-{name}@.service"), encoding="utf-8")
    ended = subprocess.run(["systemd-analyze", "verify", instance], capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stderr) == (0, "")


def test_who_is_stopped_has_time_to_stop(ours: dict[str, dict[str, Any]]) -> None:
    """A little more than the ten seconds that a process takes at most."""
    assert {service["stop_grace_period"] for service in ours.values()} == {"20s"}
    assert {re.findall(r"^TimeoutStopSec=(\d+)", read(unit), re.MULTILINE)[0] for unit in UNITS.glob("*@*")} == {"20"}
