"""The repository as a whole: our names win, nothing of one machine is in it, the taxonomy is covered."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest
import yaml

from nlu.server import PYTHON, environment

ROOT = Path(__file__).parents[1]
PACKAGES = ("bot", "integrations", "locales", "nlu", "responses")
CONTENT = ROOT / "responses/content"
# Spelled so that this file does not contain what it looks for.
REGISTRY = re.compile(
    r"(?<![\w-])--?(?:extra-)?index-url[ =]|--(?:find-links|trusted-host)[ =]|https?://[^\s\"'<>]*/(?:simple|[p]ypi|artifactory|nexus)\b"
    r"|files\.[p]ythonhosted\.org"
)
MACHINE = re.compile(r"(?<![\w.$}])/(?:[h]ome|[U]sers|[r]oot|[w]ork|[t]mp|[m]nt)/[\w.]|\b[A-Z]:\\[U]sers\b")


@cache
def tracked() -> dict[str, str]:
    """Every tracked text file by its path."""
    names = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    found = {}
    for name in names.split("\0"):
        path = ROOT / name
        if name and path.is_file():
            try:
                found[name] = path.read_text(encoding="utf-8")
            except UnicodeDecodeError:
                continue
    return found


def places(pattern: re.Pattern[str]) -> list[str]:
    return [
        f"{name}:{number}: {line.strip()[:100]}"
        for name, text in tracked().items()
        if pattern.search(text)
        for number, line in enumerate(text.splitlines(), 1)
        if pattern.search(line)
    ]


@pytest.mark.parametrize("name", PACKAGES)
def test_each_of_our_names_means_our_package(name: str) -> None:
    find = f"import importlib.util, json; print(json.dumps(importlib.util.find_spec({name!r}).origin))"
    ended = subprocess.run([sys.executable, "-c", find], cwd=ROOT, check=True, capture_output=True, text=True)
    assert Path(json.loads(ended.stdout)) == ROOT / name / "__init__.py"


def test_rasas_environment_finds_our_components() -> None:
    find = "import importlib.util; print(importlib.util.find_spec('nlu.components').origin)"
    ended = subprocess.run(
        [PYTHON, "-c", find], cwd=ROOT, env=environment(), check=True, capture_output=True, text=True
    )
    assert Path(ended.stdout.strip()) == ROOT / "nlu/components/__init__.py"


def test_every_package_is_known_here() -> None:
    assert {path.parent.name for path in ROOT.glob("*/__init__.py")} - {"tests"} == set(PACKAGES)


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        (REGISTRY, "--extra-" + "index-url https://x"),
        (REGISTRY, "https://mirror.example/api/" + "pypi/simple/"),
        (MACHINE, 'path = "/' + 'home/anna/bot"'),
        (MACHINE, "cd /" + "root/x"),
    ],
)
def test_what_is_looked_for_is_found(pattern: re.Pattern[str], text: str) -> None:
    assert pattern.search(text)


def test_no_tracked_file_names_a_package_registry() -> None:
    assert {"pyproject.toml", "bot/__init__.py"} <= tracked().keys()
    assert places(REGISTRY) == []


def test_no_tracked_file_names_a_path_of_one_machine() -> None:
    assert places(MACHINE) == []


@pytest.mark.parametrize("language", ["en", "lt"])
def test_every_topic_has_an_entry_in_both_languages_of_the_department(language: str) -> None:
    topics = yaml.safe_load((CONTENT / "topics.yaml").read_text(encoding="utf-8"))["topics"]
    entries = {
        f"{path.stem}.{name}"
        for path in (CONTENT / language).glob("*.yaml")
        for name in yaml.safe_load(path.read_text(encoding="utf-8"))["entries"]
    }
    assert len(topics) > 50
    assert set(topics) == entries
