"""Hands the examples to Rasa, once and as they are.

Rasa's own reader parses every example for markup, checks each file against a schema and copies all
examples for every file, and the data are asked for twice: half a minute for 26,000 examples, which we
need not (the tests check the files).
"""

from __future__ import annotations

import hashlib
import json
from functools import cached_property
from pathlib import Path
from typing import Any

from rasa.shared.core.domain import Domain
from rasa.shared.core.training_data.structures import StoryGraph
from rasa.shared.importers.importer import TrainingDataImporter
from rasa.shared.nlu.constants import INTENT, TEXT
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData
from rasa.shared.utils.io import read_model_configuration

ACCEPTED = "accepted"  # of a development message: the intents that are right


class Example(Message):
    """A message that is never changed but for its features, so it is known by its text and intent alone."""

    def fingerprint(self) -> str:
        return self._fingerprint

    @cached_property
    def _fingerprint(self) -> str:
        return hashlib.sha256(f"{self.get(INTENT)}\0{self.get(TEXT)}".encode()).hexdigest()

    def __deepcopy__(self, memo: dict[int, Any]) -> Example:
        return self


class ExamplesImporter(TrainingDataImporter):
    """Reads one JSON file: {"examples": {intent: [text, …]}, "development": [[text, [intent, …]], …]}."""

    def __init__(self, config_file: str, domain_path: object, training_data_paths: list[str]) -> None:
        self._config_file = config_file
        read = json.loads(Path(training_data_paths[0]).read_text(encoding="utf-8"))
        examples = [
            Example({TEXT: text, INTENT: intent}) for intent, texts in read["examples"].items() for text in texts
        ]
        development = [
            Example({TEXT: text, INTENT: accepted[0], ACCEPTED: accepted}) for text, accepted in read["development"]
        ]
        self._data = TrainingData(examples + development)

    def get_nlu_data(self, language: str | None = None) -> TrainingData:
        return self._data

    def get_config(self) -> dict[str, Any]:
        config: dict[str, Any] = read_model_configuration(self._config_file)
        return config

    def get_config_file_for_auto_config(self) -> str:
        return self._config_file

    def get_domain(self) -> Domain:
        return Domain.empty()

    def get_stories(self, exclusion_percentage: int | None = None) -> StoryGraph:
        return StoryGraph([])
