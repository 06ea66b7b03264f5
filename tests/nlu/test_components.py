"""The parts of the Rasa pipeline, in Rasa's environment: each check stands in components_check.py."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest

from nlu.server import PYTHON, ROOT, environment

pytestmark = pytest.mark.timeout(300)  # Rasa starts slowly on a busy machine

SCRIPT = Path(__file__).with_name("components_check.py")
CHECKS = re.findall(r"^def (check_\w+)", SCRIPT.read_text(encoding="utf-8"), re.MULTILINE)


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    ended = subprocess.run(
        [PYTHON, SCRIPT, tmp_path_factory.mktemp("components")],
        cwd=ROOT,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    return json.loads(ended.stdout.splitlines()[-1])


@pytest.mark.parametrize("check", CHECKS)
def test_component(results: dict[str, str], check: str) -> None:
    assert results[check] == "right", results[check]


def test_every_check_was_run(results: dict[str, str]) -> None:
    assert set(results) == set(CHECKS)
    assert len(CHECKS) > 10
