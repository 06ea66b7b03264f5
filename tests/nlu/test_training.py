"""A tiny model is really trained, once (conftest.py); these tests look at what came of it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import yaml

from nlu.training import CONFIG, TrainingFailed, check_processor, ensure_model, model_path, train
from tests.nlu.conftest import OLD_MODELS, Tiny

pytestmark = pytest.mark.timeout(300)  # Rasa starts slowly on a busy machine

TEXTS = 36


def refuse(*step: object) -> None:
    raise AssertionError(f"nothing was to be done, but: {step}")


def test_the_model_stands_where_its_sources_say(tiny: Tiny) -> None:
    assert tiny.model == model_path(tiny.var / "models", CONFIG, tiny.data, None)
    assert tiny.model.read_bytes()[:2] == b"\x1f\x8b"  # gzip
    assert list((tiny.var / "models").glob("*.part")) == []


def test_progress_is_told_from_the_first_example_to_the_end(tiny: Tiny) -> None:
    reading = [done for what, done, total in tiny.steps if (what, total) == ("Reading the examples", TEXTS)]
    assert reading[-1] == TEXTS == max(reading)
    assert tiny.steps[len(reading) :] == [("Fitting the classifier", 0, 1), ("Fitting the classifier", 1, 1)]


def test_what_is_trained_is_not_trained_again(tiny: Tiny) -> None:
    before = tiny.model.stat().st_mtime_ns
    assert ensure_model(tiny.var, refuse, data=tiny.data, development=None) == tiny.model
    assert tiny.model.stat().st_mtime_ns == before


def test_only_the_newest_models_are_kept(tiny: Tiny) -> None:
    kept = {path.name for path in (tiny.var / "models").iterdir()}
    assert kept == {tiny.model.name, *(f"{name}.tar.gz" for name in OLD_MODELS[-2:])}


def test_the_configuration_is_left_as_it_was(tiny: Tiny) -> None:
    pipeline = yaml.safe_load(CONFIG.read_text(encoding="utf-8"))["pipeline"]
    assert "cache" not in pipeline[0]
    assert (tiny.var / "log/training.log").exists()


def test_other_data_or_another_configuration_gives_another_model(tiny: Tiny, tmp_path: Path) -> None:
    data, config = tmp_path / "data", tmp_path / "nlu/config.yml"
    shutil.copytree(tiny.data, data)
    config.parent.mkdir()
    shutil.copy(CONFIG, config)
    assert model_path(tmp_path, config, data, None).name == tiny.model.name  # copies are the same

    paths = {model_path(tmp_path, config, data, None), model_path(tmp_path, config, data)}
    file = data / "en/all.yml"
    file.write_text(file.read_text(encoding="utf-8").replace("hello", "hallo"), encoding="utf-8")
    paths.add(model_path(tmp_path, config, data, None))
    file.rename(data / "lt/more.yml")
    paths.add(model_path(tmp_path, config, data, None))
    config.write_text(config.read_text(encoding="utf-8").replace("max_iter: ", "max_iter: 1"), encoding="utf-8")
    paths.add(model_path(tmp_path, config, data, None))
    assert len(paths) == 5


def test_a_broken_configuration_names_the_log(tiny: Tiny, tmp_path: Path) -> None:
    settings = yaml.safe_load(CONFIG.read_text(encoding="utf-8"))
    settings["pipeline"][1]["name"] = "nlu.components.classifier.NoSuchClassifier"
    config = tmp_path / "config.yml"
    config.write_text(yaml.safe_dump(settings), encoding="utf-8")
    model, log = tmp_path / "model.tar.gz", tmp_path / "log/training.log"
    shutil.copytree(tiny.var / "vectors", tmp_path / "vectors")
    with pytest.raises(TrainingFailed) as failed:
        train(model, tmp_path, lambda *step: None, config, tiny.data)
    assert str(log) in str(failed.value)
    assert "status 1" in str(failed.value)
    assert "NoSuchClassifier" in log.read_text(encoding="utf-8")
    assert not model.exists()


def test_vectors_that_cannot_be_kept_end_the_training(tiny: Tiny, tmp_path: Path) -> None:
    (tmp_path / "vectors").write_text("a file where a folder is needed", encoding="utf-8")
    with pytest.raises(TrainingFailed, match="embedding the examples ended with status 1"):
        ensure_model(tmp_path, lambda *step: None, data=tiny.data, development=None)
    assert not (tmp_path / "models").exists()


def test_a_folder_that_cannot_be_written_ends_the_training(tiny: Tiny, tmp_path: Path) -> None:
    shutil.copytree(tiny.var / "vectors", tmp_path / "vectors")
    (tmp_path / "log").write_text("a file where a folder is needed", encoding="utf-8")
    with pytest.raises(TrainingFailed, match="File exists"):
        ensure_model(tmp_path, lambda *step: None, data=tiny.data, development=None)
    assert not (tmp_path / "models").exists()


def test_a_processor_that_rasa_does_not_run_on_is_named(tmp_path: Path) -> None:
    cpuinfo = tmp_path / "cpuinfo"
    cpuinfo.write_text("flags : fpu sse4_2 avx avx2\n", encoding="ascii")
    check_processor(cpuinfo)
    check_processor(tmp_path / "missing")  # no Linux: nothing is known
    cpuinfo.write_text("flags : fpu sse4_2\n", encoding="ascii")
    with pytest.raises(TrainingFailed, match="no AVX instructions"):
        check_processor(cpuinfo)
