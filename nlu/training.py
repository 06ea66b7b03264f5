"""Builds the Rasa model from nlu/config.yml, nlu/data and nlu/development, unless it was built from the same before."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import yaml

from nlu.messages import read_examples, read_folder
from nlu.server import PYTHON, ROOT, environment

CONFIG = ROOT / "nlu/config.yml"
DATA = ROOT / "nlu/data"
DEVELOPMENT = ROOT / "nlu/development"  # messages that nothing is learned from but how sure to be
EMBEDDING = "nlu.components.embedding.SentenceEmbedding"
IMPORTER = "nlu.components.examples.ExamplesImporter"
KEPT_MODELS = 3

Progress = Callable[[str, int, int], None]  # what is happening, done, of how many


class TrainingFailed(Exception):
    """Rasa could not build a model; says why and where the whole log is."""


def model_path(folder: Path, config: Path = CONFIG, data: Path = DATA, development: Path | None = DEVELOPMENT) -> Path:
    """Where the model of exactly this configuration, data and code stands or would stand."""
    digest = hashlib.sha256()
    sources = [config, ROOT / "requirements/nlu.txt", *sorted((ROOT / "nlu/components").glob("*.py"))]
    messages = sorted(development.glob("*.tsv")) if development else []
    for path in [*sources, *sorted(data.glob("*/*.yml")), *messages]:
        digest.update(f"{path.name}\0{path.parent.name}\0".encode() + path.read_bytes())
    return folder / f"{digest.hexdigest()[:16]}.tar.gz"


def check_processor(cpuinfo: Path = Path("/proc/cpuinfo")) -> None:
    """Raises TrainingFailed where TensorFlow, which Rasa imports, would be killed by the processor."""
    if cpuinfo.exists() and "avx" not in cpuinfo.read_text(encoding="ascii", errors="ignore").split():
        raise TrainingFailed(
            "this processor has no AVX instructions, without which Rasa's libraries do not run; take an x86-64 machine "
            "built after 2012, or a virtual machine that passes AVX on"
        )


def ensure_model(
    var: Path, progress: Progress, config: Path = CONFIG, data: Path = DATA, development: Path | None = DEVELOPMENT
) -> Path:
    """The model of the current data, trained now where it is missing. Raises TrainingFailed and WrongFile."""
    check_processor()
    model = model_path(var / "models", config, data, development)
    if not model.exists():
        try:
            train(model, var, progress, config, data, development)
        except OSError as error:  # the disk is full, or a folder cannot be written
            raise TrainingFailed(str(error)) from error
        _forget_old_models(model)
    return model


def train(
    model: Path,
    var: Path,
    progress: Progress,
    config: Path = CONFIG,
    data: Path = DATA,
    development: Path | None = None,
) -> None:
    """Embed all examples on every core, then let Rasa fit the classifier on the vectors.

    `development`: a folder of messages that say how much to believe what was learned; without it, some of the
    examples are kept back for that.
    """
    vectors = var / "vectors"
    examples = read_examples(data)
    messages = [(each.text, sorted(each.accepted)) for each in read_folder(development)] if development else []
    settings = yaml.safe_load(config.read_text(encoding="utf-8")) | {"importers": [{"name": IMPORTER}]}
    if settings["pipeline"][0]["name"] == EMBEDDING:
        _embed(
            sorted({text for texts in [*examples.values(), [text for text, _ in messages]] for text in texts}),
            vectors,
            progress,
        )
        settings["pipeline"][0]["cache"] = str(vectors.resolve())
    progress("Fitting the classifier", 0, 1)
    with tempfile.TemporaryDirectory(prefix="biciulis-") as folder:
        # Rasa writes into the configuration that it is given, so it gets a copy.
        (Path(folder) / "config.yml").write_text(yaml.safe_dump(settings), encoding="utf-8")
        given = json.dumps({"examples": examples, "development": messages})
        (Path(folder) / "examples.json").write_text(given, encoding="utf-8")
        command = ["train", "nlu", "--config", f"{folder}/config.yml", "--nlu", f"{folder}/examples.json"]
        _run_rasa([*command, "--out", folder, "--fixed-model-name", "model"], var / "log/training.log")
        model.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(Path(folder) / "model.tar.gz", model.with_suffix(".part"))
    model.with_suffix(".part").replace(model)
    progress("Fitting the classifier", 1, 1)


def _embed(texts: list[str], vectors: Path, progress: Progress) -> None:
    done = [0, 0]
    shares = (texts[0::2], texts[1::2])

    def run(share: int) -> None:
        command: list[str | Path] = [PYTHON, "-m", "nlu.components.vectors", str(vectors)]
        with subprocess.Popen(
            command, cwd=ROOT, env=environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as process:
            assert process.stdin and process.stdout
            process.stdin.write("\n".join(json.dumps(text) for text in shares[share]))
            process.stdin.close()
            for line in process.stdout:
                done[share] = int(line)
                progress("Reading the examples", sum(done), len(texts))
        if process.returncode:
            raise TrainingFailed(f"embedding the examples ended with status {process.returncode}")

    with ThreadPoolExecutor(len(shares)) as pool:
        list(pool.map(run, range(len(shares))))


def _run_rasa(arguments: list[str], log_file: Path) -> None:
    log_file.parent.mkdir(parents=True, exist_ok=True)
    every_core = environment() | {"OPENBLAS_NUM_THREADS": str(os.cpu_count() or 1)}
    with log_file.open("wb") as log:
        ended = subprocess.run(
            [PYTHON, "-m", "rasa", *arguments],
            cwd=ROOT,
            env=every_core,
            stdout=log,
            stderr=subprocess.STDOUT,
            check=False,
        )
    if ended.returncode:
        last = log_file.read_text(encoding="utf-8", errors="replace").strip().splitlines()[-1:]
        raise TrainingFailed(f"{' '.join(last)} (status {ended.returncode}, the whole log is in {log_file})")


def _forget_old_models(newest: Path) -> None:
    others = sorted(newest.parent.glob("*.tar.gz"), key=lambda path: path.stat().st_mtime, reverse=True)
    for path in others[KEPT_MODELS:]:
        path.unlink()
