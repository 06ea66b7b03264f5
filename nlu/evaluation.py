"""Measures what the model makes of messages that it never learned from.

`python -m nlu.evaluation` reads nlu/held_out, writes a page and a JSON file into var/evaluation and
fails below the floors. `leave-out` does the same for each language with a model that has not seen it.
`bench --train FILE --test FILE` runs the same pipeline on any other data set.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import statistics
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

from rich.console import Console
from rich.progress import track
from rich.table import Table

from nlu.evaluation_page import page
from nlu.messages import Message, WrongFile, read_folder, read_labelled, read_messages
from nlu.server import ROOT, RasaServer
from nlu.training import CONFIG, DATA, DEVELOPMENT, TrainingFailed, ensure_model, train
from nlu.understanding import OUT_OF_SCOPE, Guess, Understanding, judge

HELD_OUT = ROOT / "nlu/held_out"
NOISY = {"typo", "ascii", "translit", "mixed", "nonnative"}
BINS = 10  # of confidence, for the calibration
CONFUSIONS = 20

# What no change may fall below, and what we want (docs/quality.md says how far we are).
FLOORS = {
    "right": (0.88, 0.95),
    "worst_language": (0.80, 0.90),
    "among_three": (0.96, 0.99),
    "noisy": (0.82, 0.92),
}
CEILINGS = {"answered_out_of_scope": (0.05, 0.01), "answered_wrongly": (0.05, 0.02), "calibration_error": (0.05, 0.02)}


@dataclass(frozen=True)
class Result:
    """What the model and the thresholds made of a message."""

    message: Message
    ranking: tuple[Guess, ...]
    outcome: str  # right, asked, sent_on, wrong; for what is out of scope answered, asked, sent_on

    @property
    def in_scope(self) -> bool:
        return OUT_OF_SCOPE not in self.message.accepted

    @property
    def right(self) -> bool:
        return bool(self.ranking) and self.ranking[0].key in self.message.accepted

    @property
    def among_three(self) -> bool:
        topics = [guess.key for guess in self.ranking if guess.key != OUT_OF_SCOPE][:3]
        return any(key in self.message.accepted for key in topics)


def weigh(message: Message, understanding: Understanding) -> Result:
    """Judge an understanding as a conversation would, and compare with what is accepted."""
    verdict = judge(understanding)
    hit = any(key in message.accepted for key in verdict.keys)
    match verdict.outcome:
        case "answer" if OUT_OF_SCOPE in message.accepted:
            # "talk to a person", a greeting in return: nobody is misled by these
            outcome = "sent_on" if verdict.keys[0].startswith(("talk.", "contact.human")) else "answered"
        case "answer":
            outcome = "right" if hit else "wrong"
        case "clarify":
            outcome = "asked" if hit or OUT_OF_SCOPE in message.accepted else "sent_on"
        case _:
            outcome = "sent_on"
    return Result(message, understanding.ranking, outcome)


def figures(results: Sequence[Result]) -> dict[str, Any]:
    """All figures of a run, shares from 0 to 1."""
    inside = [result for result in results if result.in_scope]
    outside = [result for result in results if not result.in_scope]
    languages = sorted({result.message.language for result in results})
    by_language = {
        language: _summary([result for result in results if result.message.language == language])
        for language in languages
    }
    right = {language: summary["right"] for language, summary in by_language.items()}
    return {
        "messages": len(results),
        "right": statistics.fmean(right.values()),
        "worst_language": min(right.values()),
        "among_three": _share(result.among_three for result in inside),
        "noisy": _share(result.right for result in inside if result.message.register in NOISY),
        "answered_out_of_scope": _share(result.outcome == "answered" for result in outside),
        "answered_wrongly": _share(result.outcome == "wrong" for result in inside),
        "calibration_error": calibration_error(results),
        "outcomes": _summary(results)["outcomes"],
        "languages": by_language,
        "registers": {
            register: _summary([result for result in results if result.message.register == register])
            for register in sorted({result.message.register for result in results})
        },
        "calibration": calibration(results),
        "confusions": confusions(inside),
    }


def calibration(results: Sequence[Result]) -> list[tuple[float, float, int]]:
    """For each bin of confidence that has messages: mean confidence, share that was right, how many."""
    bins: dict[int, list[Result]] = {}
    for result in results:
        if result.ranking:
            bins.setdefault(min(int(result.ranking[0].confidence * BINS), BINS - 1), []).append(result)
    return [
        (
            statistics.fmean(result.ranking[0].confidence for result in inside),
            _share(result.right for result in inside),
            len(inside),
        )
        for _, inside in sorted(bins.items())
    ]


def calibration_error(results: Sequence[Result]) -> float:
    """Expected calibration error: how far confidence and share of right ones lie apart, over all bins."""
    bins = calibration(results)
    return sum(abs(sure - right) * many for sure, right, many in bins) / max(sum(many for *_, many in bins), 1)


def confusions(results: Iterable[Result]) -> list[tuple[str, str, int]]:
    """The most frequent mistakes: a key that was meant, the one found, how often."""
    pairs = Counter(
        (min(result.message.accepted), result.ranking[0].key if result.ranking else "–")
        for result in results
        if not result.right
    )
    return [(meant, found, many) for (meant, found), many in pairs.most_common(CONFUSIONS)]


def below_floor(found: dict[str, Any]) -> list[str]:
    """A sentence for each figure that is worse than its floor."""
    under = [f"{name} {found[name]:.3f} is below {floor}" for name, (floor, _) in FLOORS.items() if found[name] < floor]
    over = [f"{name} {found[name]:.3f} is above {top}" for name, (top, _) in CEILINGS.items() if found[name] > top]
    return under + over


async def parse_all(model: Path, messages: Sequence[Message], log: Path) -> list[Result]:
    """What the real server makes of the messages, in their order."""
    server = RasaServer(model, log)
    await server.start()
    try:
        if not await server.wait_ready():
            raise TrainingFailed(f"the language model does not start, see {log}")
        progress = track(messages, "Reading messages", console=Console(stderr=True), transient=True)
        return [weigh(message, await server.parse(message.text)) for message in progress]
    finally:
        await server.stop()


def evaluate(var: Path) -> int:
    """Measure the current model on the held-out messages; the status says whether the floors hold."""
    model = ensure_model(var, _show)
    found = figures(asyncio.run(parse_all(model, read_folder(HELD_OUT), var / "log/rasa.log")))
    folder = var / "evaluation"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "figures.json").write_text(json.dumps(found, indent=1, ensure_ascii=False), encoding="utf-8")
    (folder / "index.html").write_text(page(found, {**FLOORS, **CEILINGS}), encoding="utf-8")
    Console().print(_table(found))
    print(f"Page with pictures: {folder / 'index.html'}")
    for sentence in (failures := below_floor(found)):
        print(sentence, file=sys.stderr)
    return 1 if failures else 0


def leave_out(var: Path, languages: Sequence[str]) -> int:
    """Right first and among three in each language, by a model that learned none of it."""
    rights = []
    for language in languages:
        with tempfile.TemporaryDirectory(prefix="biciulis-") as folder:
            others = [each for each in (*DATA.iterdir(), *DEVELOPMENT.iterdir()) if each.stem != language]
            for path in others:
                (Path(folder) / path.name).symlink_to(path)
            model = Path(folder) / "model.tar.gz"
            train(model, var, _show, data=Path(folder), development=Path(folder))
            results = asyncio.run(parse_all(model, read_messages(HELD_OUT / f"{language}.tsv"), var / "log/rasa.log"))
        summary = _summary(results)
        rights.append(summary["right"])
        print(f"{language}\tright {summary['right']:.3f}\tamong three {summary['among_three']:.3f}", flush=True)
    print(f"mean\tright {statistics.fmean(rights):.3f}")
    return 0


def bench(var: Path, train_file: Path, test_file: Path, shots: int | None, seeds: int) -> int:
    """Accuracy on another data set, with `shots` examples an intent drawn anew for each seed."""
    examples, tests = read_labelled(train_file), read_labelled(test_file)
    names = {label: f"i{number}" for number, label in enumerate(sorted({label for _, label in examples}))}
    messages = [Message(text, frozenset({names.get(label, "unknown")}), "bench", "xx") for text, label in tests]
    scores = []
    for seed in range(seeds):
        with tempfile.TemporaryDirectory(prefix="biciulis-") as folder:
            (Path(folder) / "xx").mkdir()
            (Path(folder) / "xx/bench.yml").write_text(_draw(examples, names, shots, seed), encoding="utf-8")
            train(Path(folder) / "model.tar.gz", var, _show, CONFIG, Path(folder))
            results = asyncio.run(parse_all(Path(folder) / "model.tar.gz", messages, var / "log/rasa.log"))
        scores.append(_share(result.right for result in results))
        print(f"seed {seed}\taccuracy {scores[-1]:.4f}", flush=True)
    print(f"mean\taccuracy {statistics.fmean(scores):.4f}\tintents {len(names)}\ttest {len(tests)}")
    return 0


def _draw(examples: Sequence[tuple[str, str]], names: dict[str, str], shots: int | None, seed: int) -> str:
    by_label: dict[str, list[str]] = {}
    for text, label in examples:
        by_label.setdefault(label, []).append(text)
    chance = random.Random(seed)  # noqa: S311 -- to draw examples, not secrets
    parts = []
    for label, texts in sorted(by_label.items()):
        drawn = texts if shots is None or shots >= len(texts) else chance.sample(texts, shots)
        parts.append(f"- intent: {names[label]}\n  examples: |\n" + "".join(f"    - {text}\n" for text in drawn))
    return 'version: "3.1"\nnlu:\n' + "".join(parts)


def _summary(results: Sequence[Result]) -> dict[str, Any]:
    inside = [result for result in results if result.in_scope]
    outside = [result for result in results if not result.in_scope]
    return {
        "messages": len(results),
        "right": _share(result.right for result in inside),
        "among_three": _share(result.among_three for result in inside),
        "out_of_scope_found": _share(result.right for result in outside),
        "answered_out_of_scope": _share(result.outcome == "answered" for result in outside),
        "outcomes": {
            outcome: _share(result.outcome == outcome for result in inside)
            for outcome in ("right", "asked", "sent_on", "wrong")
        },
    }


def _share(hits: Iterable[bool]) -> float:
    values = list(hits)
    return sum(values) / len(values) if values else 0.0


def _table(found: dict[str, Any]) -> Table:
    table = Table("", "right", "of three", "answered", "asked", "sent on", "wrong", "oos found", "oos answered")
    for name, each in [*found["languages"].items(), *found["registers"].items()]:
        shares = [each["right"], each["among_three"], *each["outcomes"].values()]
        shares += [each["out_of_scope_found"], each["answered_out_of_scope"]]
        table.add_row(name, *(f"{share:.3f}" for share in shares))
    table.add_section()
    for name, (floor, aim) in {**FLOORS, **CEILINGS}.items():
        table.add_row(name, f"{found[name]:.3f}", f"floor {floor}", f"aim {aim}")
    return table


def _show(what: str, done: int, total: int, *, stream: TextIO = sys.stderr) -> None:
    if done in (0, total):
        print(f"{what}: {done} of {total}", file=stream)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m nlu.evaluation", description=__doc__)
    parser.add_argument("--var", type=Path, default=ROOT / "var", help="folder for models, vectors and the page")
    commands = parser.add_subparsers(dest="command")
    leave = commands.add_parser("leave-out", help="each language by a model that has not seen it")
    leave.add_argument("languages", nargs="*", default=sorted(path.stem for path in HELD_OUT.glob("*.tsv")))
    other = commands.add_parser("bench", help="the same pipeline on another data set (TSV: text, label)")
    other.add_argument("--train", type=Path, required=True)
    other.add_argument("--test", type=Path, required=True)
    other.add_argument("--shots", type=int, help="examples an intent; all where not given")
    other.add_argument("--seeds", type=int, default=1)
    given = parser.parse_args(arguments)
    try:
        match given.command:
            case "leave-out":
                return leave_out(given.var, given.languages)
            case "bench":
                return bench(given.var, given.train, given.test, given.shots, given.seeds)
        return evaluate(given.var)
    except WrongFile as error:
        print(error, file=sys.stderr)
        return 2
    except TrainingFailed as error:
        print(f"The language model could not be built: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
