"""Which processes a trial consists of; that they do their work is tested where it is done."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.__main__ import commands
from bot.settings import Settings
from tests.trial import Numbers, main, programs


def commands_of(settings: Settings, ports: list[int]) -> dict[str, str]:
    found = programs(settings, {"NLU_TOKEN": "a token"}, ports, Numbers(workers=2, receivers=len(ports), rasa=2))
    return {program.name: str(program.command[3]) for program in found}


def test_a_trial_has_as_many_processes_as_are_asked_for(tmp_path: Path) -> None:
    settings = Settings(_env_file=None, data_dir=tmp_path)
    rasa, workers = (
        dict.fromkeys(["understand-1", "understand-2"], "understand"),
        dict.fromkeys(["work-1", "work-2"], "work"),
    )
    receivers = dict.fromkeys(["receive-1", "receive-2"], "receive")
    assert commands_of(settings, [8081, 8082]) == rasa | receivers | workers
    assert commands_of(settings, []) == rasa | {"poll": "poll"} | workers
    known = {str(command.name or getattr(command.callback, "__name__", "")) for command in commands.registered_commands}
    assert {"understand", "receive", "poll", "work"} <= known


def test_a_trial_on_sqlite_is_refused_in_a_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("BICIULIS_DATABASE_URL", "sqlite:///var/biciulis.sqlite")
    assert main([]) == 2
    assert "BICIULIS_DATABASE_URL" in capsys.readouterr().err
