"""One YAML file read into a model, with every mistake reported by file, line and field."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, TypeVar

import yaml
from pydantic import Field, ValidationError

from responses.content import SCHEMA, Strict

EMPTY = yaml.MappingNode("tag:yaml.org,2002:map", [], yaml.Mark("", 0, 0, 0, "", 0))
Way = tuple[str | int, ...]  # the way to a field, ("entries", "need", "wordings", 0, "text")


@dataclass(frozen=True, order=True)
class Problem:
    """One mistake in a content file."""

    file: str
    line: int
    field: str
    message: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.field}: {self.message}"


class Malformed(Exception):
    """Content that cannot be used: where and why, one problem a line."""

    def __init__(self, problems: list[Problem]) -> None:
        self.problems = sorted(set(problems))
        super().__init__("\n".join(map(str, self.problems)))


class Sheet(Strict):
    """What every file of ours begins with."""

    schema_: Annotated[int, Field(alias="schema")]


Model = TypeVar("Model", bound=Sheet)


class Sheets:
    """The files of one folder; remembers the line of every field and what is wrong."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._lines: dict[tuple[str, Way], int] = {}
        self.problems: list[Problem] = []

    def load(self, name: str, model: type[Model]) -> Model | None:
        """The file, or None where it cannot be used, which is then reported."""
        node = self._compose(name)
        if node is None:
            return None
        data = self._plain(name, node, ())
        if isinstance(data, dict) and str(data.get("schema", "")).isdigit() and int(data["schema"]) > SCHEMA:
            self.report(
                name, ("schema",), f"written for a newer Bičiulis (schema {data['schema']}, this one reads {SCHEMA})"
            )
            return None
        try:
            return model.model_validate(data)
        except ValidationError as error:
            for each in error.errors(include_url=False):
                way = self._known_way(name, each["loc"])
                if each["type"] == "missing":
                    way = (*way, each["loc"][-1])
                self.report(name, way, each["msg"].removeprefix("Value error, "))
            return None

    def report(self, name: str, way: Way, message: str) -> None:
        """Note a mistake in a field; its line is that of the field, or of what it is missing in."""
        line, inside = 1, way
        while inside:
            if (name, inside) in self._lines:
                line = self._lines[name, inside]
                break
            inside = inside[:-1]
        self.problems.append(Problem(self._shown(name), line, ".".join(map(str, way)) or "file", message))

    def _compose(self, name: str) -> yaml.Node | None:
        """The file's YAML, or None where it has none, which is reported; an empty file is an empty table."""
        text = ""
        try:
            text = (self.folder / name).read_text(encoding="utf-8")
            return yaml.compose(text, Loader=yaml.CBaseLoader) or EMPTY
        except FileNotFoundError:
            self.report(name, (), "the file is missing")
        except UnicodeDecodeError:
            self.report(name, (), "the file is not UTF-8 text")
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            line = mark.line + 1 if mark else 1
            self.problems.append(Problem(self._shown(name), line, "file", f"not valid YAML: {error.problem}"))
        except yaml.reader.ReaderError as error:
            line = text.encode()[: error.position].count(b"\n") + 1  # LibYAML counts bytes
            self.problems.append(Problem(self._shown(name), line, "file", f"not valid YAML: {error.reason}"))
        return None

    def _plain(self, name: str, node: yaml.Node, way: Way) -> Any:
        """The node as dicts, lists and strings; notes the line of each and reports double keys."""
        self._lines[name, way] = node.start_mark.line + 1
        if isinstance(node, yaml.MappingNode):
            plain: dict[str, Any] = {}
            for key, value in node.value:
                if not isinstance(key, yaml.ScalarNode):
                    self._lines[name, (*way, "{}")] = key.start_mark.line + 1
                    self.report(name, (*way, "{}"), "a key must be a word, not a list or braces")
                    continue
                if key.value in plain:
                    self._lines[name, (*way, key.value)] = key.start_mark.line + 1
                    self.report(name, (*way, key.value), "stands here a second time")
                plain[key.value] = self._plain(name, value, (*way, key.value))
                self._lines[name, (*way, key.value)] = key.start_mark.line + 1
            return plain
        if isinstance(node, yaml.SequenceNode):
            return [self._plain(name, item, (*way, index)) for index, item in enumerate(node.value)]
        return node.value

    def _known_way(self, name: str, way: Way) -> Way:
        """Pydantic's location without what is not in the file: the index of an only value, marks such as [key]."""
        known: Way = ()
        for step in way:
            if (name, (*known, step)) in self._lines:
                known = (*known, step)
        return known

    def _shown(self, name: str) -> str:
        return f"{self.folder.name}/{name}"
