"""The token goes to Rasa's command line, which reads a word that begins with a dash as an option."""

from __future__ import annotations

from pathlib import Path

from nlu.server import RasaServer


def test_no_token_can_be_read_as_an_option(tmp_path: Path) -> None:
    tokens = [RasaServer(tmp_path / "model", tmp_path / "log")._token for _ in range(300)]
    assert all(token.isalnum() for token in tokens)
