"""What people write, in files: examples to learn from (YAML), messages to measure with (tab-separated)."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml


class WrongFile(Exception):
    """A file of examples or messages that cannot be read; names file, line and what is wrong."""


@dataclass(frozen=True)
class Message:
    """A message with the keys that a fair judge would accept for it."""

    text: str
    accepted: frozenset[str]
    register: str
    language: str


def read_examples(data: Path) -> dict[str, list[str]]:
    """The examples of each intent, over all languages, from Rasa's files `<language>/<area>.yml`. Raises WrongFile."""
    by_intent: dict[str, list[str]] = {}
    for path in sorted(data.glob("*/*.yml")):
        for intent in _intents(path):
            texts = [line.removeprefix("- ").strip() for line in intent["examples"].splitlines()]
            by_intent.setdefault(intent["intent"], []).extend(texts)
    return by_intent


def _intents(path: Path) -> list[dict[str, str]]:
    try:
        read: Any = yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise WrongFile(f"{path}:{line}: not valid YAML: {error.problem}") from error
    except (OSError, UnicodeDecodeError) as error:
        raise WrongFile(f"{path}: {error}") from error
    intents = read.get("nlu") if isinstance(read, dict) else None
    if not isinstance(intents, list):
        raise WrongFile(f"{path}:1: nlu: a list of intents is expected")
    for number, intent in enumerate(intents, start=1):
        fields = [intent.get(name) if isinstance(intent, dict) else None for name in ("intent", "examples")]
        if not all(isinstance(field, str) for field in fields):
            raise WrongFile(f"{path}: nlu: entry {number} needs the texts 'intent' and 'examples'")
    return intents


def read_folder(folder: Path) -> list[Message]:
    """All messages of all languages. Raises WrongFile."""
    return [message for path in sorted(folder.glob("*.tsv")) for message in read_messages(path)]


def read_messages(path: Path) -> list[Message]:
    """The messages of one language: text, accepted keys, register. Raises WrongFile."""
    messages = []
    for number, fields in _rows(path):
        if len(fields) != 3 or not all(fields):
            raise WrongFile(f"{path}:{number}: a message needs text, accepted keys and register, apart by tabs")
        messages.append(Message(fields[0], frozenset(fields[1].split(",")), fields[2], path.stem))
    return messages


def read_labelled(path: Path) -> list[tuple[str, str]]:
    """Texts with their labels; a first line "text, label" is passed over. Raises WrongFile."""
    rows = []
    for number, fields in _rows(path, header=False):
        if len(fields) != 2 or not all(field.strip() for field in fields):
            raise WrongFile(f"{path}:{number}: a line needs a text and a label, apart by a tab")
        rows.append((" ".join(fields[0].split()), fields[1].strip()))
    return rows[1:] if rows[:1] == [("text", "label")] else rows


def _rows(path: Path, *, header: bool = True) -> list[tuple[int, list[str]]]:
    try:
        with path.open(encoding="utf-8", newline="") as file:
            rows = list(enumerate(csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE), start=1))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise WrongFile(f"{path}: {error}") from error
    return rows[1:] if header else rows
