"""`python -m bot ask --jsonl`: the conversation for other programs, one JSON object a line.

In: {"text", "language"?, "profile"?: {"citizenship", "level", "stage", "direction"}, "chat"?}. Lines
with the same chat are one conversation. Out, in the same order: language, outcome, key, keys, ranking,
entities, answer, choices, facts, ms. Nothing is stored.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from dataclasses import replace
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from bot.conversation.dialogue import Dialogue
from bot.conversation.person import Person
from bot.conversation.reply import Reply
from bot.rendering import plain_text
from locales import languages
from nlu.entities import country_names
from responses.catalogue import Catalogue
from responses.policy import VALUES, Aspect

RANKED = 5


class BadLine(Exception):
    """A line of the input that makes no sense: says which, which field and why."""


class Profile(BaseModel):
    model_config = ConfigDict(extra="forbid")

    citizenship: str | None = None  # a country's ISO code, or a class of countries
    level: str | None = None
    stage: str | None = None
    direction: str | None = None


class Question(BaseModel):
    model_config = ConfigDict(extra="forbid")

    text: str
    language: Annotated[str, Field(pattern="^[a-z]{2}$")] | None = None
    profile: Profile | None = None
    chat: str | None = None


async def answer_lines(dialogue: Dialogue, catalogue: Catalogue) -> None:
    """Answer standard input on standard output until its end. Raises BadLine."""
    people: dict[str, Person] = {}
    number = 0
    while raw := await asyncio.to_thread(sys.stdin.buffer.readline):
        number += 1
        if not raw.strip():
            continue
        question = _read(raw, number)
        known = people.get(question.chat, Person()) if question.chat else Person()
        person = _introduce(known, question, catalogue, number)
        started = time.perf_counter()
        turn = await dialogue.hear(question.text, person)
        if question.chat:
            people[question.chat] = turn.person
        print(json.dumps(_describe(turn.reply, time.perf_counter() - started), ensure_ascii=False), flush=True)


def _read(raw: bytes, number: int) -> Question:
    try:
        return Question.model_validate(json.loads(raw))
    except UnicodeDecodeError:
        raise BadLine(f"stdin:{number}: line: not UTF-8") from None
    except json.JSONDecodeError as error:
        raise BadLine(f"stdin:{number}: line: not JSON: {error.msg}") from None
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise BadLine(f"stdin:{number}: {'.'.join(map(str, first['loc'])) or 'line'}: {first['msg']}") from None
    except (ValueError, RecursionError) as error:  # a number too long, brackets too deep
        raise BadLine(f"stdin:{number}: line: not JSON: {error}") from None


def _introduce(person: Person, question: Question, catalogue: Catalogue, number: int) -> Person:
    if question.language in languages():
        person = replace(person, language=question.language)
    profile: dict[Aspect, str] = question.profile.model_dump(exclude_none=True) if question.profile else {}  # type: ignore[assignment]  # its fields are the aspects
    for aspect, value in profile.items():
        if value in VALUES[aspect]:
            person = person.with_aspect(aspect, value)
        elif aspect == "citizenship" and value.upper() in country_names("en"):
            person = person.with_country(value.upper(), catalogue.citizenship_of)
        else:
            raise BadLine(
                f"stdin:{number}: profile.{aspect}: '{value}' is not known; expected {', '.join(VALUES[aspect])}"
            )
    return person


def _describe(reply: Reply, seconds: float) -> dict[str, Any]:
    understanding = reply.understanding
    return {
        "language": reply.language,
        "outcome": reply.outcome,
        "key": reply.key,
        "keys": list(reply.keys),
        "ranking": [[guess.key, round(guess.confidence, 4)] for guess in understanding.ranking[:RANKED]]
        if understanding
        else [],
        "entities": dict(understanding.entities) if understanding else {},
        "answer": plain_text(reply.text),
        "choices": [choice.label for choice in reply.choices],
        "facts": list(reply.facts),
        "ms": round(1000 * seconds, 1),
    }
