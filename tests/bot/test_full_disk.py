"""A data folder on a disk that is really full."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
NOT_REMEMBERED = "I cannot remember things right now"


def test_on_a_full_disk_the_person_is_answered_and_told_and_the_log_says_what_was_lost(tmp_path: Path) -> None:
    probe = ["unshare", "-rm", "mount", "-t", "tmpfs", "none", tmp_path]
    if subprocess.run(probe, capture_output=True, check=False).returncode:
        pytest.skip("this machine lets nobody mount a disk of their own")
    script = Path(__file__).with_name("full_disk_check.py")
    ended = subprocess.run(
        ["unshare", "-rm", sys.executable, script, tmp_path],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    said = json.loads(ended.stdout)
    assert NOT_REMEMBERED not in said["before"]
    assert NOT_REMEMBERED in said["full"]
    assert NOT_REMEMBERED not in said["after"]
    assert "turn_not_stored" in said["log"]
    assert "hello" not in said["log"]
