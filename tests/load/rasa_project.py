"""A Rasa project as `rasa init` begins one, that answers our topics: default pipeline, one rule and answer a topic.

Only the rules decide, without the learned policies of the default: it can only be faster for that.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path

import yaml

from nlu.benchmark import DEFAULT, copy_examples
from nlu.messages import read_examples
from nlu.server import PYTHON, ROOT, environment
from nlu.training import TrainingFailed


def ensure_default(var: Path, examples: int, epochs: int) -> Path:
    """The model of so many English examples of each topic, trained where it is missing. Raises TrainingFailed."""
    model = var / f"rasa-default-{examples}-{epochs}.tar.gz"
    if model.exists():
        return model
    with tempfile.TemporaryDirectory(prefix="biciulis-") as folder:
        project = Path(folder)
        _write(project, examples, epochs)
        command = [PYTHON, "-m", "rasa", "train", "--config", project / "config.yml", "--data", project / "data"]
        command += ["--domain", project / "domain.yml", "--out", folder, "--fixed-model-name", "model"]
        log = var / "rasa-training.log"
        with log.open("wb") as output:
            ended = subprocess.run(command, cwd=ROOT, env=environment(), stdout=output, stderr=output, check=False)
        if ended.returncode:
            raise TrainingFailed(f"status {ended.returncode}, the whole log is in {log}")
        shutil.move(project / "model.tar.gz", model.with_suffix(".part"))
    model.with_suffix(".part").replace(model)
    return model


def _write(project: Path, examples: int, epochs: int) -> None:
    copy_examples("en", project / "data/en", examples)
    intents = sorted(read_examples(project / "data"))
    names = {intent: "utter_" + intent.replace(".", "_") for intent in intents}
    rules = [
        {"rule": intent, "steps": [{"intent": intent}, {"action": name}, {"action": "action_listen"}]}
        for intent, name in names.items()
    ]
    domain = {
        "version": "3.1",
        "intents": intents,
        "responses": {name: [{"text": f"Here is what we know about {intent}."}] for intent, name in names.items()},
    }
    _dump(project / "data/rules.yml", {"version": "3.1", "rules": rules})
    _dump(project / "domain.yml", domain)
    config = yaml.safe_load(DEFAULT.format(epochs=epochs)) | {"policies": [{"name": "RulePolicy"}]}
    _dump(project / "config.yml", config)


def _dump(path: Path, content: object) -> None:
    path.write_text(yaml.safe_dump(content, allow_unicode=True), encoding="utf-8")
