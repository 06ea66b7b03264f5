"""The comparison with Rasa's default pipeline; here without training that pipeline, which takes minutes."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from nlu.benchmark import DEFAULT, Measured, copy_examples, measure, table_of
from nlu.messages import Message
from nlu.training import CONFIG, read_examples

MESSAGES = [
    Message("visa please", frozenset({"a.visa"}), "natural", "en"),
    Message("room please", frozenset({"a.room"}), "natural", "en"),
]


def test_a_few_examples_of_each_intent_are_taken(tmp_path: Path) -> None:
    copy_examples("en", tmp_path / "en", 2)
    counts = {len(texts) for texts in read_examples(tmp_path).values()}
    assert counts == {2}
    copy_examples("en", tmp_path / "all/en", None)
    assert read_examples(tmp_path / "all").keys() == read_examples(tmp_path).keys()


@pytest.mark.timeout(300)
def test_a_pipeline_is_trained_served_and_asked(tmp_path: Path) -> None:
    data = tmp_path / "data/en"
    data.mkdir(parents=True)
    texts = {"a.visa": ["a visa", "visa for me"], "a.room": ["a room", "room for me"]}
    intents = [{"intent": name, "examples": "".join(f"- {text}\n" for text in each)} for name, each in texts.items()]
    (data / "a.yml").write_text(yaml.safe_dump({"nlu": intents}), encoding="utf-8")
    measured = measure(CONFIG, data.parent, MESSAGES, tmp_path, tmp_path)
    assert measured.right == 1.0
    assert min(measured.training, measured.size, measured.memory, measured.rate) > 0


def test_the_table_has_the_ratio_of_each_figure() -> None:
    table = table_of(Measured(1, 2, 3, 4, 1), Measured(2, 2, 2, 2, 0.5))
    assert list(table.columns[3].cells) == ["0.500", "1.000", "1.500", "2.000", "2.000"]


def test_the_default_pipeline_is_one_that_rasa_reads() -> None:
    assert yaml.safe_load(DEFAULT)["pipeline"][-1]["name"] == "DIETClassifier"
