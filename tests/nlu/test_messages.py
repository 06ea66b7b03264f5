"""What people write, read from files: every mistake is named with its place."""

from __future__ import annotations

from pathlib import Path

import pytest

from nlu.messages import Message, WrongFile, read_examples, read_labelled, read_messages


def write(folder: Path, text: str) -> Path:
    path = folder / "en/visa.yml"
    path.parent.mkdir(exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def test_examples_of_an_intent_in_several_files_come_together(tmp_path: Path) -> None:
    write(tmp_path, 'version: "3.1"\nnlu:\n- intent: visa.need\n  examples: |\n    - a visa?\n    - [visa] please\n')
    (tmp_path / "lt").mkdir()
    (tmp_path / "lt/visa.yml").write_text("nlu:\n- intent: visa.need\n  examples: |\n    - viza?\n", encoding="utf-8")
    assert read_examples(tmp_path) == {"visa.need": ["a visa?", "[visa] please", "viza?"]}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("nlu:\n- intent: [", r"visa\.yml:3: not valid YAML"),
        ("", r"visa\.yml:1: nlu: a list of intents"),
        ("nlu: visa", r"visa\.yml:1: nlu: a list of intents"),
        ("nlu:\n- intent: visa.need", r"visa\.yml: nlu: entry 1 needs the texts 'intent' and 'examples'"),
        ("nlu:\n- intent: a.b\n  examples: '- x'\n- visa", r"visa\.yml: nlu: entry 2"),
    ],
)
def test_broken_examples_are_named_with_their_place(tmp_path: Path, text: str, said: str) -> None:
    write(tmp_path, text)
    with pytest.raises(WrongFile, match=said):
        read_examples(tmp_path)


def test_a_file_of_examples_that_is_no_text_is_named(tmp_path: Path) -> None:
    write(tmp_path, "").write_bytes(b"nlu: \xff")
    with pytest.raises(WrongFile, match=r"visa\.yml: .*utf-8"):
        read_examples(tmp_path)


def test_messages_have_keys_and_a_register_and_are_of_the_language_of_their_file(tmp_path: Path) -> None:
    path = tmp_path / "lt.tsv"
    path.write_text("text\taccepted\tregister\nviza?\tvisa.need,visa.cost_time\tshort\n", encoding="utf-8")
    assert read_messages(path) == [Message("viza?", frozenset({"visa.need", "visa.cost_time"}), "short", "lt")]


@pytest.mark.parametrize("row", ["only a text", "text\tvisa.need", "text\t\tnatural", "a\tb\tc\td"])
def test_a_broken_row_is_named_with_its_line(tmp_path: Path, row: str) -> None:
    path = tmp_path / "en.tsv"
    path.write_text(f"text\taccepted\tregister\nfine\tvisa.need\tnatural\n{row}\n", encoding="utf-8")
    with pytest.raises(WrongFile, match=r"en\.tsv:3"):
        read_messages(path)


def test_labelled_texts_may_have_a_head_and_hold_any_characters(tmp_path: Path) -> None:
    path = tmp_path / "train.tsv"
    path.write_text('text\tlabel\nwhere [is](it)  "now\tcard/lost\n', encoding="utf-8")
    assert read_labelled(path) == [('where [is](it) "now', "card/lost")]
