"""A table as other systems export it (CSV), read line by line: a wrong line is left out and reported."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated

from pydantic import AfterValidator, AnyHttpUrl, BaseModel, BeforeValidator, Field, ValidationError, ValidationInfo

from integrations.application_status.case import Case, Kind, State, Task
from integrations.application_status.mobility.profile import Columns, Profile, plain
from integrations.application_status.mobility.records import (
    Problem,
    Reading,
    Record,
    Unreadable,
    applicant_of,
    is_address,
)

CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
BETWEEN_ADDRESSES = re.compile(r"[\s,;:<>\"()\[\]\\]+")


def read_table(content: bytes, profile: Profile, name: str, as_of: datetime) -> Reading:
    """The cases of a table. Raises Unreadable where it is not whole, or not the table of the profile."""
    try:
        text = content.decode(profile.encoding)
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise Unreadable(Problem(name, line, "file", f"not written in {profile.encoding}")) from None
    rows = _rows(text, profile.delimiter, name)
    heading = next(rows, None)
    if heading is None:
        raise Unreadable(Problem(name, 1, "file", "empty"))
    places = _find_columns(heading.cells, profile.columns, name)
    lines = _Lines(profile, name, as_of)
    row = heading
    for row in rows:
        lines.add(row, places, width=len(heading.cells))
    if len(row.cells) < len(heading.cells) and not text.endswith(("\n", "\r")):
        raise Unreadable(Problem(name, row.line, "file", "ends within a line: it is not whole"))
    return lines.finish()


@dataclass(frozen=True)
class _Row:
    """One row; `broken` where its quotation marks are wrong, and then its cells are a guess."""

    line: int
    cells: Sequence[str]
    broken: bool = False


def _rows(text: str, delimiter: str, name: str) -> Iterator[_Row]:
    """The rows that are not empty. Raises Unreadable where a quotation mark hides where they end."""
    file = io.StringIO(text, newline="")
    rows = csv.reader(file, delimiter=delimiter, strict=True)
    while True:
        line, begin = rows.line_num + 1, file.tell()
        try:
            cells = next(rows)
        except StopIteration:
            return
        except csv.Error:
            if rows.line_num > line or file.tell() == len(text):
                message = "a quotation mark is not closed, or the file is not whole"
                raise Unreadable(Problem(name, line, "file", message)) from None
            yield _Row(line, text[begin : file.tell()].split(delimiter), broken=True)
            continue
        if cells:
            yield _Row(line, cells, broken=any(_holds_lines(cell, delimiter) for cell in cells))


def _holds_lines(cell: str, delimiter: str) -> bool:
    """Whether a cell has swallowed the next line, which would show one person another's data."""
    _, new_line, rest = cell.replace("\r", "\n").partition("\n")
    return bool(new_line) and delimiter in rest and "@" in rest


def _find_columns(headings: Sequence[str], columns: Columns, name: str) -> Mapping[str, int]:
    """Field → place in a row. Raises Unreadable."""
    named = [plain(heading) for heading in headings]
    counts = {field: named.count(plain(heading)) for field, heading in columns.headings.items()}
    wrong = [
        Problem(name, 1, field, "the table has no such column" if count == 0 else "the table has this column twice")
        for field, count in counts.items()
        if count != 1
    ]
    if wrong:
        raise Unreadable(*wrong)
    return {field: named.index(plain(heading)) for field, heading in columns.headings.items()}


def _profile(info: ValidationInfo) -> Profile:
    assert isinstance(info.context, Profile)
    return info.context


def _on_one_line(text: str) -> str:
    return " ".join(CONTROL.sub(" ", text).split())


def _check_address(text: str) -> str:
    if not is_address(text):
        raise ValueError("is no e-mail address")
    return text


def _check_title(text: str) -> str:
    if "@" in text:
        raise ValueError("holds an e-mail address")  # the cells are those of other columns
    return text


def _read_kind(word: str, info: ValidationInfo) -> Kind:
    profile = _profile(info)
    kind = profile.kind or profile.known_kinds.get(plain(word))
    if kind is None:
        raise ValueError("a word that the profile does not know")
    return kind


def _read_state(word: str, info: ValidationInfo) -> State:
    return _profile(info).known_states.get(plain(word), State.UNKNOWN)


def _read_moment(text: str, info: ValidationInfo) -> datetime | None:
    dates = _profile(info).dates
    if not text or dates is None:
        return None
    try:
        return dates.read(text, at_the_end=info.field_name == "deadline")
    except ValueError:
        raise ValueError("not written as the profile says") from None  # strptime's own message shows the cell


def _read_tasks(text: str, info: ValidationInfo) -> tuple[Task, ...]:
    profile = _profile(info)
    words = (_on_one_line(word) for word in text.split(profile.tasks.separator))
    known = ((word, profile.known_tasks.get(plain(word))) for word in words if word)
    return tuple(Task(what) if what else Task("other", word) for word, what in known)


Short = Annotated[str, Field(min_length=1, max_length=300), BeforeValidator(_on_one_line)]


class _Line(BaseModel):
    id: Short
    email: Annotated[str, AfterValidator(_check_address)]
    kind: Annotated[Kind, BeforeValidator(_read_kind), Field(validate_default=True)] = Kind.NOMINATION
    state: Annotated[State, BeforeValidator(_read_state)]
    title: Annotated[Short, AfterValidator(_check_title)]
    since: Annotated[datetime | None, BeforeValidator(_read_moment)] = None
    deadline: Annotated[datetime | None, BeforeValidator(_read_moment)] = None
    tasks: Annotated[tuple[Task, ...], BeforeValidator(_read_tasks), Field(max_length=30)] = ()
    url: Annotated[AnyHttpUrl | None, BeforeValidator(lambda text: text or None)] = None


@dataclass
class _Lines:
    """Collects the cases of one table, and what is wrong with it."""

    profile: Profile
    name: str
    as_of: datetime
    records: dict[str, Record] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    spoilt: set[str] = field(default_factory=set)
    unknown: set[str] = field(default_factory=set)

    def add(self, row: _Row, places: Mapping[str, int], *, width: int) -> None:
        if row.broken:
            self._leave_out(row, ("file", "the quotation marks are wrong"))
        elif len(row.cells) != width:
            self._leave_out(row, ("file", f"{len(row.cells)} cells where there are {width} columns"))
        else:
            self._read(row, {field: row.cells[place].strip() for field, place in places.items()})

    def finish(self) -> Reading:
        """What was collected. Raises Unreadable where no line was right: then it is the table that is wrong."""
        if self.problems and not self.records:
            raise Unreadable(*self.problems)
        return Reading(
            self.name,
            self.as_of,
            tuple(self.records.values()),
            problems=tuple(self.problems),
            spoilt=frozenset(self.spoilt),
            unknown=frozenset(self.unknown),
        )

    def _read(self, row: _Row, cells: Mapping[str, str]) -> None:
        try:
            line = _Line.model_validate({"kind": "", **cells}, context=self.profile)
        except ValidationError as error:
            wrong = [(str(each["loc"][0]), each["msg"].removeprefix("Value error, ")) for each in error.errors()]
            self._leave_out(row, *wrong)
            return
        if line.state is State.UNKNOWN and plain(cells["state"]) not in self.profile.known_states:
            self._report(row, "state", "a word that the profile does not know")
            self.unknown.add(cells["state"])
        if before := self.records.get(line.id):
            self._report(row, "id", "stands here a second time: this line counts")
            self.spoilt.add(applicant_of(before.email))
        self.records[line.id] = Record(self._case(line), line.email, line=row.line)

    def _case(self, line: _Line) -> Case:
        return Case(
            provider="mobility",
            id=f"{self.name.rpartition('.')[0] or self.name}:{line.id}",
            kind=line.kind,
            state=line.state,
            title=line.title,
            since=line.since,
            as_of=self.as_of,
            deadline=line.deadline,
            tasks=line.tasks,
            url=str(line.url or ""),
        )

    def _leave_out(self, row: _Row, *wrong: tuple[str, str]) -> None:
        for field_, message in wrong:
            self._report(row, field_, message)
        words = (word for cell in row.cells for word in BETWEEN_ADDRESSES.split(cell))
        self.spoilt |= {applicant_of(word) for word in words if is_address(word)}

    def _report(self, row: _Row, field_: str, message: str) -> None:
        self.problems.append(Problem(self.name, row.line, field_, message))
