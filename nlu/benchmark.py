"""Our pipeline beside the one that Rasa starts every project with, on the same examples, in one run.

`python -m nlu.benchmark [LANGUAGE …]` trains both on examples of these languages (English where none is
named), serves each from one process and lets it read the held-out messages of the same languages.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml
from rich.console import Console
from rich.table import Table

from nlu.evaluation import HELD_OUT
from nlu.messages import Message, WrongFile, read_messages
from nlu.server import RasaServer
from nlu.training import CONFIG, DATA, TrainingFailed, train

# What `rasa init` writes, without the parts for responses and entities, which we do not have.
DEFAULT = """
recipe: default.v1
language: en
assistant_id: default
pipeline:
- name: WhitespaceTokenizer
- name: RegexFeaturizer
- name: LexicalSyntacticFeaturizer
- name: CountVectorsFeaturizer
- name: CountVectorsFeaturizer
  analyzer: char_wb
  min_ngram: 1
  max_ngram: 4
- name: DIETClassifier
  epochs: {epochs}
  constrain_similarities: true
"""
EPOCHS = 100  # Rasa's own
WARM_UP = 10  # messages before the clock starts


@dataclass(frozen=True)
class Measured:
    """One pipeline: seconds of training, bytes of the model, megabytes resident, messages a second, share right."""

    training: float
    size: int
    memory: float
    rate: float
    right: float


def measure(config: Path, data: Path, messages: Sequence[Message], var: Path, vectors: Path) -> Measured:
    """Train and serve one pipeline. `vectors`: a folder for the embedding, empty for an honest time."""
    model = var / f"{config.stem}.tar.gz"
    started = time.perf_counter()
    train(model, vectors, lambda what, done, total: None, config, data)
    training = time.perf_counter() - started
    memory, rate, right = asyncio.run(_serve(model, messages, var / "rasa.log"))
    return Measured(training, model.stat().st_size, memory, rate, right)


async def _serve(model: Path, messages: Sequence[Message], log: Path) -> tuple[float, float, float]:
    server = RasaServer(model, log)
    await server.start()
    try:
        if not await server.wait_ready():
            raise TrainingFailed(f"the language model does not start, see {log}")
        for message in messages[:WARM_UP]:
            await server.parse(message.text)
        started = time.perf_counter()
        understood = [await server.parse(message.text) for message in messages]
        seconds = time.perf_counter() - started
        memory = _resident(server.pid or 0)
    finally:
        await server.stop()
    pairs = zip(messages, understood, strict=True)
    right = sum(bool(each.ranking) and each.ranking[0].key in message.accepted for message, each in pairs)
    return memory, len(messages) / seconds, right / len(messages)


def _resident(pid: int) -> float:
    lines = Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS")) / 1024


def compare(languages: Sequence[str], examples: int | None = None, epochs: int = EPOCHS) -> Table:
    """A table of both pipelines, ours first, and the ratio of ours to the default, which learns in `epochs` rounds."""
    with tempfile.TemporaryDirectory(prefix="biciulis-") as folder:
        var = Path(folder)
        for language in languages:
            copy_examples(language, var / "data" / language, examples)
        (var / "default.yml").write_text(DEFAULT.format(epochs=epochs), encoding="utf-8")
        messages = [message for language in languages for message in read_messages(HELD_OUT / f"{language}.tsv")]
        ours = measure(CONFIG, var / "data", messages, var, var)
        default = measure(var / "default.yml", var / "data", messages, var, var)
    return table_of(ours, default)


def table_of(ours: Measured, default: Measured) -> Table:
    """Each figure of both, and the ratio of ours to the default's."""
    table = Table("", "ours", "Rasa's default", "ratio")
    for name in Measured.__dataclass_fields__:
        one, other = getattr(ours, name), getattr(default, name)
        table.add_row(name, f"{one:.3f}", f"{other:.3f}", f"{one / other:.3f}")
    return table


def copy_examples(language: str, folder: Path, examples: int | None) -> None:
    """Copy the first `examples` of each intent, or all."""
    folder.mkdir(parents=True)
    for path in (DATA / language).glob("*.yml"):
        intents = yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)["nlu"]
        kept = [
            f"- intent: {intent['intent']}\n  examples: |\n"
            + "".join(f"    {line}\n" for line in intent["examples"].splitlines()[:examples])
            for intent in intents
        ]
        (folder / path.name).write_text('version: "3.1"\nnlu:\n' + "".join(kept), encoding="utf-8")


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m nlu.benchmark", description=__doc__)
    parser.add_argument("languages", nargs="*", help="two-letter codes; en where none is given")
    parser.add_argument("--examples", type=int, help="of each intent and language; all where not given")
    parser.add_argument(
        "--epochs", type=int, default=EPOCHS, help="of the default's; fewer to see its memory and speed"
    )
    given = parser.parse_args(arguments)
    try:
        Console().print(compare(given.languages or ["en"], given.examples, given.epochs))
    except (TrainingFailed, WrongFile) as error:
        print(f"The language model could not be built: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
