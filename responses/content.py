"""Content as plain data: the shape of the files under responses/content and of what is answered from.

English and Lithuanian are written by the department; every other language translates them and says
which version it translates and whether a machine or a person made it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from responses.figures import Kind, Link, Value, parse_value
from responses.policy import VALUES, Aspect

SCHEMA = 1
SOURCE_LANGUAGES = ("en", "lt")
FALLBACK_LANGUAGE = "en"  # what a language lacks is said in it, and translations are compared with it


class Strict(BaseModel):
    """Nothing unknown is taken, nothing changes."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def _one_or_many(value: object) -> object:
    return (value,) if isinstance(value, str) else value


Values = Annotated[tuple[str, ...], BeforeValidator(_one_or_many)]
Key = Annotated[str, Field(pattern=r"^[a-z_]+\.[a-z_]+$")]


class Source(Strict):
    title: str
    url: Annotated[str, Field(pattern=r"^https://")]


class Fact(Strict):
    """One value with where it comes from, when it was seen there and who looks after it."""

    type: Kind
    value: str
    source: Source
    seen: date
    review_by: date
    owner: str
    needs_review: bool
    note: str = ""
    valid_from: date | None = None
    valid_until: date | None = None

    @cached_property
    def parsed(self) -> Value:
        return parse_value(self.type, self.value)

    @property
    def url(self) -> str | None:
        return self.parsed.url if isinstance(self.parsed, Link) else None

    @model_validator(mode="after")
    def _check(self) -> Fact:
        try:
            _ = self.parsed
        except ValueError as error:
            raise ValueError(f"'{self.value}' is no {self.type}: expected {error}") from None
        if self.review_by < self.seen:
            raise ValueError("review_by lies before seen")
        if self.valid_from and self.valid_until and self.valid_until < self.valid_from:
            raise ValueError("valid_until lies before valid_from")
        return self

    def holds_on(self, day: date) -> bool:
        return (self.valid_from or day) <= day <= (self.valid_until or day)


def value_on(values: Sequence[Fact], day: date) -> Fact:
    """The value that holds on a day; where none does, the last one that did, before the first one that will."""
    begun = [value for value in values if (value.valid_from or day) <= day]
    if begun:
        return max(begun, key=lambda value: value.valid_until or date.max)
    return min(values, key=lambda value: value.valid_from or date.min)


class Topic(Strict):
    """What an answer is in every language: what it depends on, where to check it, what comes next."""

    kind: Literal["answer", "action"] = "answer"
    varies_by: tuple[Aspect, ...] = ()
    source: str | None = None
    related: Annotated[tuple[Key, ...], Field(max_length=3)] = ()


class Wording(Strict):
    """One text of an answer and the case it is for; no conditions: for everybody."""

    when: dict[Aspect, Values] = {}
    text: Annotated[str, Field(min_length=1, max_length=900)]

    @model_validator(mode="after")
    def _check(self) -> Wording:
        for aspect, values in self.when.items():
            if unknown := set(values) - set(VALUES[aspect]):
                raise ValueError(f"{aspect} knows no '{sorted(unknown)[0]}', only {', '.join(VALUES[aspect])}")
        return self


class Entry(Strict):
    """An answer in one language: a button's title, the question, and a wording for each case."""

    title: Annotated[str, Field(min_length=1, max_length=34)]
    question: Annotated[str, Field(min_length=1, max_length=90)]
    version: int | None = None
    translates: int | None = None
    made_by: Literal["machine", "person"] | None = None
    wordings: Annotated[tuple[Wording, ...], Field(min_length=1)]


class Countries(Strict):
    """Which entry rules a passport has: classes of countries by ISO code, `visa_required` for the rest."""

    source: Source
    seen: date
    review_by: date
    needs_review: bool
    classes: dict[Literal["eu", "visa_free", "restricted"], tuple[str, ...]]

    def citizenship_of(self, country: str) -> str:
        return next((name for name, codes in self.classes.items() if country in codes), "visa_required")


@dataclass(frozen=True)
class Content:
    """All that the assistant may say. A fact has several values where a later one is known already."""

    facts: Mapping[str, tuple[Fact, ...]]
    topics: Mapping[str, Topic]
    countries: Countries
    areas: Mapping[str, Mapping[str, str]]  # language → area → its name in the menu
    entries: Mapping[str, Mapping[str, Entry]]  # language → key → entry
