"""The profile beside a table: what its columns are called, what its words mean, how it writes dates."""

from __future__ import annotations

import codecs
from collections.abc import Iterator, Mapping
from datetime import datetime, time
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, model_validator

from integrations.application_status.case import Kind, State
from integrations.application_status.mobility.records import Problem, Unreadable
from integrations.application_status.mobility.sources import read_file

Way = tuple[str | int, ...]  # ("columns", "email")
What = Literal[
    "passport", "transcript", "diploma", "english", "motivation", "cv", "photo", "fee", "recommendation", "other"
]
Word = TypeVar("Word")
Read = TypeVar("Read")


def _check_encoding(name: str) -> str:
    try:
        "a".encode(name)  # also refuses what codecs.lookup knows and is none of text, such as rot13
    except LookupError:
        raise ValueError("is no encoding of text, for example utf-8 or cp1257") from None
    # With or without a mark at its beginning: programs of the same office write both.
    return "utf-8-sig" if codecs.lookup(name).name == "utf-8" else name


def _check_format(text: str) -> str:
    day = datetime(2026, 11, 24, 13, 5)  # noqa: DTZ001 -- only whether the format keeps the day
    try:
        kept = datetime.strptime(day.strftime(text), text).date() == day.date()  # noqa: DTZ007 -- likewise
    except ValueError:
        kept = False
    if not kept:
        raise ValueError("does not say day, month and year, for example %Y-%m-%d or %d.%m.%Y %H:%M")
    return text


def _check_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError("is no time zone, for example Europe/Vilnius") from None
    return name


@lru_cache(maxsize=4096)  # a table has the same days again and again, and reading them was a third of its time
def _read_moment(text: str, format_: str) -> datetime:
    return datetime.strptime(text, format_)  # noqa: DTZ007 -- the profile's zone is set by the caller


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Columns(Strict):
    """The headings of the columns; those that the table does not have are left out."""

    id: str
    email: str
    state: str
    title: str
    kind: str = ""
    since: str = ""
    deadline: str = ""
    tasks: str = ""
    url: str = ""

    @cached_property
    def headings(self) -> Mapping[str, str]:
        """Field → heading, of those that are there."""
        return {name: heading for name, heading in self if heading}


class Dates(Strict):
    format: Annotated[str, AfterValidator(_check_format)]
    zone: Annotated[str, AfterValidator(_check_zone)] = "Europe/Vilnius"

    def read(self, text: str, *, at_the_end: bool) -> datetime:
        """The moment that a cell names; a day alone is its beginning, or its end. Raises ValueError."""
        moment = _read_moment(text, self.format)
        if not 1900 <= moment.year < 2200:
            raise ValueError("no year of ours")
        if at_the_end and not self._has_time:
            moment = datetime.combine(moment, time(23, 59))
        return moment if moment.tzinfo else moment.replace(tzinfo=ZoneInfo(self.zone))

    @cached_property
    def _has_time(self) -> bool:
        return any(sign in self.format for sign in ("%H", "%I", "%T", "%X", "%c"))


class Tasks(Strict):
    """How a cell lists what is still missing, and which of its words are ours (see case.Task.what)."""

    separator: Annotated[str, Field(min_length=1)] = ","
    words: dict[str, What] = {}


class Profile(Strict):
    encoding: Annotated[str, AfterValidator(_check_encoding)] = "utf-8-sig"
    delimiter: Annotated[str, Field(pattern=r'^[^"\r\n]$')] = ","
    kind: Kind | None = None  # of every line, where no column says it
    kinds: dict[str, Kind] = {}
    columns: Columns
    states: dict[str, State]
    tasks: Tasks = Tasks()
    dates: Dates | None = None

    @model_validator(mode="after")
    def _fits_together(self) -> Profile:
        if (self.kind is None) == (not self.columns.kind):
            raise ValueError("say either `kind`, or `columns: kind` with `kinds`")
        if self.dates is None and (self.columns.since or self.columns.deadline):
            raise ValueError("`dates` is missing: how `since` and `deadline` are written")
        return self

    @cached_property
    def known_kinds(self) -> Mapping[str, Kind]:
        return _plain_keys(self.kinds)

    @cached_property
    def known_states(self) -> Mapping[str, State]:
        return _plain_keys(self.states)

    @cached_property
    def known_tasks(self) -> Mapping[str, What]:
        return _plain_keys(self.tasks.words)


def _plain_keys(words: Mapping[str, Word]) -> Mapping[str, Word]:
    return {plain(word): meaning for word, meaning in words.items()}


def plain(word: str) -> str:
    """A word as it is compared: without its case and with single spaces."""
    return " ".join(word.split()).casefold()


def read_profile(path: Path) -> Profile:
    """The profile in a file. Raises Unreadable."""
    return read_yaml(path, Profile)


def read_yaml(path: Path, model: type[Read]) -> Read:
    """What a YAML file says, in a model's form. Raises Unreadable naming the line of every mistake."""
    try:
        node = yaml.compose(read_file(path).data, Loader=yaml.CBaseLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise Unreadable(Problem(path.name, mark.line + 1 if mark else 1, "file", "not valid YAML")) from None
    except yaml.YAMLError:
        raise Unreadable(Problem(path.name, 1, "file", "not valid YAML")) from None
    lines: dict[Way, int] = {(): 1}
    doubles: list[Way] = []
    data = _read_node(node, (), lines, doubles) if node else {}
    problems = [(way, "stands here a second time") for way in doubles]
    try:
        read = TypeAdapter(model).validate_python(data)
    except ValidationError as error:
        problems += [(each["loc"], each["msg"].removeprefix("Value error, ")) for each in error.errors()]
    if problems:
        raise Unreadable(*(_problem(path.name, way, message, lines) for way, message in problems))
    return read


def _read_node(node: yaml.Node, way: Way, lines: dict[Way, int], doubles: list[Way]) -> Any:
    """The node as dicts, lists and strings; notes the line of each and which keys stand twice."""
    lines.setdefault(way, node.start_mark.line + 1)
    if isinstance(node, yaml.MappingNode):
        read: dict[str, Any] = {}
        for key, value in node.value:
            name = str(key.value)
            if name in read:
                doubles.append((*way, name))
            lines[*way, name] = key.start_mark.line + 1
            read[name] = _read_node(value, (*way, name), lines, doubles)
        return read
    if isinstance(node, yaml.SequenceNode):
        return [_read_node(item, (*way, index), lines, doubles) for index, item in enumerate(node.value)]
    return node.value


def _problem(name: str, way: Way, message: str, lines: Mapping[Way, int]) -> Problem:
    line = next(lines[inside] for inside in _outwards(way) if inside in lines)
    return Problem(name, line, ".".join(map(str, way)) or "file", message)


def _outwards(way: Way) -> Iterator[Way]:
    """The way itself, then what it is in, and so on to the whole file."""
    return (way[:length] for length in range(len(way), -1, -1))
