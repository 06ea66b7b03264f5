"""What the assistant knows of the person it talks to, and where the conversation stands."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

NOT_SAID = "not_said"  # the person would rather not say: the general wording is read out


@dataclass(frozen=True)
class Person:
    """One person in one chat. Every field but the language may be unknown."""

    language: str = "en"
    country: str | None = None  # of citizenship, ISO code
    citizenship: str | None = None  # eu, visa_free, visa_required, restricted or not_said
    level: str | None = None
    stage: str | None = None
    direction: str | None = None
    topic: str | None = None  # the key last answered or about to be
    asked: str | None = None  # what we asked last: an aspect of the case, "country", "question", "address" or "code"
    consent: bool = False  # whether the texts of messages may be kept

    def with_country(self, country: str, citizenship_of: Callable[[str], str]) -> Person:
        return replace(self, country=country, citizenship=citizenship_of(country))

    def with_aspect(self, aspect: str, value: str) -> Person:
        country = None if aspect == "citizenship" else self.country
        return replace(self, country=country, **{aspect: value})  # type: ignore[arg-type]  # aspects are texts

    @property
    def case(self) -> dict[str, str]:
        """What is known of what answers depend on."""
        known = {aspect: getattr(self, aspect) for aspect in ("citizenship", "level", "stage", "direction")}
        return {aspect: value for aspect, value in known.items() if value}

    def forget_context(self) -> Person:
        """The same person at the beginning of a conversation."""
        return replace(self, topic=None, asked=None)

    def as_dict(self) -> dict[str, Any]:
        return {name: value for name, value in asdict(self).items() if value is not None}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Person:
        names = {field.name for field in fields(cls)}
        return cls(**{name: value for name, value in values.items() if name in names})
