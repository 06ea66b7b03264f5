"""The figures by which the model is judged: counted by hand here, so that they can be believed there."""

from __future__ import annotations

from pathlib import Path

import pytest

from nlu.evaluation import (
    CEILINGS,
    FLOORS,
    HELD_OUT,
    Result,
    below_floor,
    calibration_error,
    confusions,
    figures,
    main,
    weigh,
)
from nlu.evaluation_page import page
from nlu.messages import Message, read_folder
from nlu.understanding import OUT_OF_SCOPE, Guess, Understanding


def message(*accepted: str, language: str = "en", register: str = "natural") -> Message:
    return Message("…", frozenset(accepted), register, language)


def understood(*guesses: tuple[str, float]) -> Understanding:
    return Understanding(tuple(Guess(*guess) for guess in guesses))


def result(accepted: str, *guesses: tuple[str, float], language: str = "en", register: str = "natural") -> Result:
    return weigh(message(accepted, language=language, register=register), understood(*guesses))


@pytest.mark.parametrize(
    ("accepted", "guesses", "outcome"),
    [
        ("visa.need", [("visa.need", 0.9)], "right"),
        ("visa.documents", [("visa.need", 0.9)], "wrong"),
        ("visa.documents", [("visa.need", 0.5), ("visa.documents", 0.4)], "asked"),
        ("housing.apply", [("visa.need", 0.5), ("visa.documents", 0.4)], "sent_on"),
        ("visa.need", [(OUT_OF_SCOPE, 0.9), ("visa.need", 0.1)], "sent_on"),
        ("visa.need", [], "sent_on"),
        (OUT_OF_SCOPE, [("visa.need", 0.9)], "answered"),
        (OUT_OF_SCOPE, [("talk.greet", 0.9)], "sent_on"),
        (OUT_OF_SCOPE, [("visa.need", 0.5), ("visa.documents", 0.4)], "asked"),
        (OUT_OF_SCOPE, [(OUT_OF_SCOPE, 0.9)], "sent_on"),
    ],
)
def test_an_outcome_is_what_the_asker_meets(accepted: str, guesses: list[tuple[str, float]], outcome: str) -> None:
    assert result(accepted, *guesses).outcome == outcome


def test_one_of_several_accepted_keys_is_enough() -> None:
    weighed = weigh(message("visa.need", "visa.documents"), understood(("visa.documents", 0.9)))
    assert weighed.right
    assert weighed.outcome == "right"


def test_the_mean_counts_languages_alike_however_many_messages_they_have() -> None:
    results = [result("visa.need", ("visa.need", 0.9))] * 3 + [
        result("visa.need", ("visa.documents", 0.9), language="lt")
    ]
    found = figures(results)
    assert found["right"] == 0.5
    assert found["worst_language"] == 0.0
    assert found["languages"]["lt"]["outcomes"]["wrong"] == 1.0
    assert found["answered_wrongly"] == 0.25


def test_noisy_rows_and_messages_out_of_scope_are_counted_apart() -> None:
    found = figures(
        [
            result("visa.need", ("visa.need", 0.9)),
            result("visa.need", ("visa.documents", 0.9), register="typo"),
            result(OUT_OF_SCOPE, ("visa.need", 0.9), register="oos"),
            result(OUT_OF_SCOPE, (OUT_OF_SCOPE, 0.9), register="oos"),
        ]
    )
    assert (found["right"], found["noisy"], found["answered_out_of_scope"]) == (0.5, 0.0, 0.5)
    assert found["languages"]["en"]["out_of_scope_found"] == 0.5


def test_out_of_scope_takes_no_place_among_the_three_choices() -> None:
    guesses = [(OUT_OF_SCOPE, 0.4), ("visa.need", 0.2), ("visa.documents", 0.15), ("housing.apply", 0.1)]
    assert result("housing.apply", *guesses).among_three
    assert not result("housing.apply", ("visa.lost", 0.3), *guesses).among_three


def test_a_model_as_sure_as_it_is_right_has_no_calibration_error() -> None:
    sure = [result("visa.need", ("visa.need", 0.75))] * 3 + [result("visa.need", ("visa.documents", 0.75))]
    assert calibration_error(sure) == pytest.approx(0)
    boastful = [result("visa.need", ("visa.documents", 0.95))] * 4
    assert calibration_error(boastful) == pytest.approx(0.95)
    assert calibration_error([]) == 0


def test_confusions_name_what_was_meant_and_what_was_found() -> None:
    results = [result("visa.need", ("visa.documents", 0.9))] * 2 + [result("visa.need", ("visa.need", 0.9))]
    assert confusions(results) == [("visa.need", "visa.documents", 2)]


def test_a_figure_on_its_floor_passes_and_one_below_is_named() -> None:
    found = {name: floor for name, (floor, _) in {**FLOORS, **CEILINGS}.items()}
    assert below_floor(found) == []
    assert below_floor(found | {"noisy": 0.5}) == [f"noisy 0.500 is below {FLOORS['noisy'][0]}"]
    assert "answered_wrongly" in below_floor(found | {"answered_wrongly": 0.5})[0]


def test_the_page_shows_every_group_and_marks_what_is_below_its_floor() -> None:
    found = figures([result("visa.need", ("visa.<b>", 0.9), register="typo"), result("visa.need", ("visa.need", 0.7))])
    shown = page(found, FLOORS)
    assert '<span class="bad">' in shown
    assert "visa.&lt;b&gt;" in shown
    assert "<svg" in shown
    assert "typo" in shown


def test_the_held_out_messages_of_all_languages_are_read() -> None:
    messages = read_folder(HELD_OUT)
    assert {each.language for each in messages} == set("ar az de en es fr lt pl ru tr uk zh".split())  # noqa: SIM905
    assert all(each.text and each.accepted for each in messages)


def test_a_file_that_is_missing_or_broken_ends_with_status_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = tmp_path / "broken.tsv"
    broken.write_text("no label\n", encoding="utf-8")
    for path, said in ((tmp_path / "missing.tsv", "missing.tsv"), (broken, "broken.tsv:1")):
        assert main(["bench", "--train", str(path), "--test", str(path)]) == 2
        assert said in capsys.readouterr().err


@pytest.mark.timeout(300)
def test_any_data_set_can_be_measured_with_the_real_model(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = ["a visa please\tvisa/need", "visa for me\tvisa/need", "rent a room\troom", "room in a house\troom"]
    (tmp_path / "train.tsv").write_text("\n".join(lines), encoding="utf-8")
    (tmp_path / "test.tsv").write_text("my visa\tvisa/need\nquiet room\troom\nnothing\tnever seen\n", encoding="utf-8")
    files = ["--train", str(tmp_path / "train.tsv"), "--test", str(tmp_path / "test.tsv")]
    assert main(["--var", str(tmp_path / "var"), "bench", *files, "--shots", "2"]) == 0
    assert "accuracy 0.6667" in capsys.readouterr().out
