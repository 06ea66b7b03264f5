"""`python -m bot ask --jsonl`: one JSON object a line, in and out."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Awaitable, Callable
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import pytest

from bot import jsonl
from bot.conversation.dialogue import Dialogue
from bot.jsonl import BadLine, answer_lines
from responses.catalogue import Catalogue
from tests.conftest import ScriptedNlu

Ask = Callable[[str | bytes], Awaitable[list[dict[str, Any]]]]


@pytest.fixture
def ask(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, dialogue: Dialogue, catalogue: Catalogue) -> Ask:
    """Answers lines from one file into another, which stand in for standard input and output."""
    questions, answers = tmp_path / "in.jsonl", tmp_path / "out.jsonl"

    async def run(lines: str | bytes) -> list[dict[str, Any]]:
        questions.write_bytes(lines.encode() if isinstance(lines, str) else lines)
        with questions.open() as stdin, answers.open("w", encoding="utf-8") as stdout, redirect_stdout(stdout):
            monkeypatch.setattr(sys, "stdin", stdin)
            await answer_lines(dialogue, catalogue)
        return [json.loads(line) for line in answers.read_text(encoding="utf-8").splitlines()]

    return run


@pytest.fixture(autouse=True)
def meanings(nlu: ScriptedNlu) -> None:
    nlu.meanings |= {
        "I am from India, do I need a visa?": {"visa.need": 0.912345, "visa.late": 0.05},
        "How long does a visa take?": {"visa.cost_time": 0.9},
        "and for master's?": {"out_of_scope": 0.5},
        "Kiek trunka gauti vizą studijoms?": {"visa.cost_time": 0.9},
    }


def line(**fields: Any) -> str:
    return json.dumps(fields, ensure_ascii=False) + "\n"


async def test_an_answer_has_the_fields_that_are_documented(ask: Ask) -> None:
    [answer] = await ask(line(text="I am from India, do I need a visa?"))
    documented = re.search(r"Out, in the same order: ([^.]+)\.", jsonl.__doc__ or "")
    assert documented
    assert list(answer) == documented[1].replace("\n", " ").split(", ")
    text, facts, milliseconds = answer.pop("answer"), answer.pop("facts"), answer.pop("ms")
    assert text.startswith("Your country: India\n\nYes, you need one of the two:")
    assert "permit_time" in facts
    assert milliseconds >= 0
    assert answer == {
        "language": "en",
        "outcome": "answer",
        "key": "visa.need",
        "keys": ["visa.need"],
        "ranking": [["visa.need", 0.9123], ["visa.late", 0.05]],
        "entities": {"country": "IN"},
        "choices": [
            "For my studies",
            "How to get the permit",
            "National (D) visa for exchange",
            "Registration for EU citizens",
            "Another country",
        ],
    }


async def test_the_status_of_an_application_is_an_action(ask: Ask, nlu: ScriptedNlu) -> None:
    nlu.meanings["What about my application?"] = {"admission.status": 0.95}
    [answer] = await ask(line(text="What about my application?"))
    assert (answer["outcome"], answer["key"], answer["keys"]) == ("action", "admission.status", ["admission.status"])
    assert answer["answer"].startswith("You see the status in your account in")


async def test_answers_come_in_the_order_of_the_questions(ask: Ask) -> None:
    lines = [
        line(text="How long does a visa take?"),
        "\n",
        line(text="?"),
        line(text="I am from India, do I need a visa?"),
    ]
    assert [answer["key"] for answer in await ask("".join(lines))] == ["visa.cost_time", None, "visa.need"]


async def test_the_last_line_needs_no_end(ask: Ask) -> None:
    assert len(await ask('{"text": "hello"}')) == 1
    assert await ask("") == []


async def test_a_chat_is_remembered_and_others_are_not_mixed_in(ask: Ask) -> None:
    question = {"text": "I am from India, do I need a visa?"}
    more = {"text": "and for master's?"}
    answers = await ask(
        line(**question, chat="a") + line(**more, chat="b") + line(**question) + line(**more) + line(**more, chat="a")
    )
    assert [answer["key"] for answer in answers] == ["visa.need", None, "visa.need", None, "visa.need"]


async def test_a_profile_and_a_language_are_taken_into_account(ask: Ask) -> None:
    nothing, country, small, group, level = await ask(
        line(text="viza", language="lt")
        + line(text="I am from India, do I need a visa?", profile={"level": "exchange"})
        + line(text="?", profile={"citizenship": "in", "stage": "admitted", "direction": "incoming"})
        + line(text="?", profile={"citizenship": "eu"}, language="xx")
        + line(text="?", language="lt", profile=None)
    )
    assert (nothing["language"], level["language"], group["language"]) == ("lt", "lt", "en")
    assert country["answer"].startswith(
        "Your country: India\nStudies: Exchange (one or two semesters)\n\nFor an exchange of one or two semesters"
    )
    assert small["outcome"] == "fallback"


async def test_an_answer_while_the_model_is_away_has_no_ranking(ask: Ask, nlu: ScriptedNlu) -> None:
    nlu.away = True
    [answer] = await ask(line(text="How long does a visa take?"))
    assert (answer["outcome"], answer["ranking"], answer["entities"], answer["keys"]) == ("fallback", [], {}, [])


async def test_answers_in_lithuanian_are_written_as_letters(ask: Ask, tmp_path: Path) -> None:
    await ask(line(text="Kiek trunka gauti vizą studijoms?"))
    assert "Šaltinis" in (tmp_path / "out.jsonl").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("bad", "complaint"),
    [
        ("{", "stdin:2: line: not JSON: "),
        ("[" * 100_000, "stdin:2: line: not JSON: "),
        ('{"text": ' + "1" * 5000 + "}", "stdin:2: line: not JSON: "),
        (b'{"text": "\xff"}', "stdin:2: line: not UTF-8"),
        ('"hello"', "stdin:2: line: "),
        ("{}", "stdin:2: text: Field required"),
        ('{"text": 7}', "stdin:2: text: "),
        ('{"text": "x", "txet": "y"}', "stdin:2: txet: Extra inputs are not permitted"),
        ('{"text": "x", "language": "english"}', "stdin:2: language: "),
        ('{"text": "x", "chat": 5}', "stdin:2: chat: "),
        ('{"text": "x", "profile": {"age": "20"}}', "stdin:2: profile.age: Extra inputs are not permitted"),
        (
            '{"text": "x", "profile": {"level": "king"}}',
            "stdin:2: profile.level: 'king' is not known; expected bachelor,",
        ),
        (
            '{"text": "x", "profile": {"citizenship": "SU"}}',
            "stdin:2: profile.citizenship: 'SU' is not known; expected eu,",
        ),
        (
            '{"text": "x", "profile": {"stage": "in"}}',
            "stdin:2: profile.stage: 'in' is not known; expected prospective,",
        ),
    ],
    ids=lambda value: str(value)[:40],
)
async def test_a_bad_line_is_named_with_its_field(ask: Ask, tmp_path: Path, bad: str | bytes, complaint: str) -> None:
    raw = bad if isinstance(bad, bytes) else bad.encode()
    with pytest.raises(BadLine) as refused:
        await ask(line(text="hello").encode() + raw + b"\n" + line(text="hello").encode())
    assert str(refused.value).startswith(complaint)
    assert "\n" not in str(refused.value)
    assert len((tmp_path / "out.jsonl").read_text(encoding="utf-8").splitlines()) == 1
