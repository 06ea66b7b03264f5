"""The examples that the model learns from, and the texts that it is measured with."""

from __future__ import annotations

import json
import subprocess
from collections import Counter, defaultdict
from functools import cache
from pathlib import Path

import pytest
import yaml

from nlu.messages import read_examples, read_folder, read_messages
from nlu.server import PYTHON, environment
from nlu.training import DATA, DEVELOPMENT, ROOT
from nlu.understanding import OUT_OF_SCOPE

HELD_OUT = sorted((ROOT / "nlu/held_out").glob("*.tsv"))
LANGUAGES = sorted(path.name for path in DATA.iterdir() if path.is_dir())


@cache
def examples() -> tuple[tuple[str, str, str], ...]:
    """Language, intent and text of each example."""
    return tuple(
        (path.parent.name, intent["intent"], line.removeprefix("- ").strip())
        for path in sorted(DATA.glob("*/*.yml"))
        for intent in yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)["nlu"]
        for line in intent["examples"].splitlines()
    )


@cache
def topics() -> frozenset[str]:
    content = yaml.safe_load((ROOT / "responses/content/topics.yaml").read_text(encoding="utf-8"))
    return frozenset(content["topics"])


def normal(text: str) -> str:
    """Only the letters, in lower case; a text without any stays as it is."""
    return "".join(letter for letter in text.casefold() if letter.isalpha()) or text


def test_the_intents_are_the_topics_and_out_of_scope() -> None:
    assert {intent for _, intent, _ in examples()} == topics() | {OUT_OF_SCOPE}


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_intent_has_enough_examples(language: str) -> None:
    counts = Counter(intent for each, intent, _ in examples() if each == language)
    enough = dict.fromkeys(topics(), 15 if language == "en" else 10) | {OUT_OF_SCOPE: 60}
    assert {key: counts[key] for key, least in enough.items() if counts[key] < least} == {}


def test_no_example_stands_under_two_intents() -> None:
    intents = defaultdict(set)
    for _, intent, text in examples():
        intents[normal(text)].add(intent)
    assert {text: found for text, found in intents.items() if len(found) > 1} == {}


def test_no_example_has_the_brackets_that_rasa_reads_as_entities() -> None:
    assert [text for _, _, text in examples() if set(text) & set("[]{}")] == []


def test_no_example_is_empty() -> None:
    assert [(language, intent) for language, intent, text in examples() if not text] == []


@pytest.mark.parametrize("path", HELD_OUT, ids=lambda path: path.stem)
def test_no_held_out_text_is_in_the_training_data(path: Path) -> None:
    known = {normal(text) for _, _, text in examples()}
    texts = [line.split("\t")[0] for line in path.read_text(encoding="utf-8").splitlines()[1:]]
    assert len(texts) > 200
    assert [text for text in texts if normal(text) in known] == []


@pytest.mark.parametrize("path", HELD_OUT, ids=lambda path: path.stem)
def test_held_out_texts_expect_intents_that_exist(path: Path) -> None:
    rows = [line.split("\t") for line in path.read_text(encoding="utf-8").splitlines()[1:]]
    assert {key for row in rows for key in row[1].split(",")} <= topics() | {OUT_OF_SCOPE}


def test_training_reads_all_examples_of_all_languages() -> None:
    counts = Counter(intent for _, intent, _ in examples())
    assert {intent: len(texts) for intent, texts in read_examples(DATA).items()} == counts


@pytest.mark.parametrize("language", LANGUAGES)
def test_development_messages_are_neither_learned_nor_held_out(language: str) -> None:
    messages = read_messages(DEVELOPMENT / f"{language}.tsv")
    assert len(messages) > 100
    assert {key for message in messages for key in message.accepted} <= topics() | {OUT_OF_SCOPE}
    held_out = {normal(message.text) for message in read_messages(ROOT / f"nlu/held_out/{language}.tsv")}
    known = held_out | {normal(text) for _, _, text in examples()}
    assert [message.text for message in messages if normal(message.text) in known] == []


@pytest.mark.timeout(600)
def test_no_held_out_text_means_the_same_as_one_that_the_model_knows() -> None:
    """By the embedding itself, with the vectors that training left behind: a figure on such texts would flatter."""
    held_out = [line.split("\t")[0] for path in HELD_OUT for line in path.read_text(encoding="utf-8").splitlines()[1:]]
    known = {text for _, _, text in examples()} | {message.text for message in read_folder(DEVELOPMENT)}
    given = [json.dumps(sorted(known)), json.dumps(held_out)]
    ended = subprocess.run(
        [PYTHON, Path(__file__).with_name("near_check.py"), ROOT / "var/vectors"],
        cwd=ROOT,
        env=environment(),
        input="\n".join(given) + "\n",
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    assert json.loads(ended.stdout) == {}
