"""Content files: read into Content, with every mistake reported by file, line and field.

All mistakes are found in one pass; content with a mistake is never returned.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, TypeVar

import yaml
from babel import Locale
from pydantic import BeforeValidator, Field, ValidationError

from responses.content import SCHEMA, SOURCE_LANGUAGES, Content, Countries, Entry, Fact, Key, Topic, Wording, _Strict
from responses.markup import facts_linked, facts_named, mistakes
from responses.policy import overlaps

FOLDER = Path(__file__).parent / "content"
Way = tuple[str | int, ...]  # the way to a field, ("entries", "need", "wordings", 0, "text")
Model = TypeVar("Model", bound="_File")


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


class _File(_Strict):
    schema_: Annotated[int, Field(alias="schema")]


def _one_or_many(value: object) -> object:
    return value if isinstance(value, list) else (value,)


class _FactsFile(_File):
    facts: dict[str, Annotated[tuple[Fact, ...], BeforeValidator(_one_or_many), Field(min_length=1)]]


class _TopicsFile(_File):
    topics: dict[Key, Topic]


class _CountriesFile(_File, Countries):
    def table(self) -> Countries:
        return Countries.model_validate(self.model_dump(exclude={"schema_"}))


class _AreaFile(_File):
    title: Annotated[str, Field(min_length=1, max_length=30)]
    entries: dict[str, Entry]


def read_content(folder: Path = FOLDER) -> Content:
    """All content below the folder. Raises Malformed with every problem found."""
    reading = _Reading(folder)
    content = reading.read()
    if reading.problems or content is None:
        raise Malformed(reading.problems)
    return content


class _Reading:
    """One pass over the folder, remembering the line of every field."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lines: dict[tuple[str, Way], int] = {}
        self.problems: list[Problem] = []

    def read(self) -> Content | None:
        facts = self._load("facts.yaml", _FactsFile)
        topics = self._load("topics.yaml", _TopicsFile)
        countries = self._load("countries.yaml", _CountriesFile)
        if not (facts and topics and countries):
            return None
        named = facts.facts
        self._check_validity(named)
        self._check_topics(topics, named)
        self._check_countries(countries)
        languages = [path.name for path in sorted(self._folder.iterdir()) if path.is_dir()]
        for language in SOURCE_LANGUAGES:
            if language not in languages:
                self._report(language, (), "this language's folder is missing")
        areas: dict[str, dict[str, str]] = {}
        entries: dict[str, dict[str, Entry]] = {}
        for language in languages:
            areas[language], entries[language] = self._read_language(language, topics, named)
        return Content(named, topics.topics, countries.table(), areas, entries)

    def _read_language(
        self, language: str, topics: _TopicsFile, facts: dict[str, tuple[Fact, ...]]
    ) -> tuple[dict[str, str], dict[str, Entry]]:
        titles: dict[str, str] = {}
        entries: dict[str, Entry] = {}
        expected: dict[str, list[str]] = {}
        for key in topics.topics:
            area, name = key.split(".")
            expected.setdefault(area, []).append(name)
        present = {path.stem for path in (self._folder / language).glob("*.yaml")}
        for area in sorted(present - expected.keys()):
            self._report(f"{language}/{area}.yaml", (), f"topics.yaml has no area '{area}'")
        for area, names in expected.items():
            name = f"{language}/{area}.yaml"
            file = self._load(name, _AreaFile)
            if file is None:
                continue
            titles[area] = file.title
            for missing in [topic for topic in names if topic not in file.entries]:
                self._report(name, ("entries",), f"the wording of '{area}.{missing}' is missing")
            for unknown in [topic for topic in file.entries if topic not in names]:
                self._report(name, ("entries", unknown), f"topics.yaml has no key '{area}.{unknown}'")
            for topic in [topic for topic in names if topic in file.entries]:
                key = f"{area}.{topic}"
                entries[key] = file.entries[topic]
                self._check_entry(name, language, ("entries", topic), entries[key], topics.topics[key], facts)
        return titles, entries

    def _check_entry(
        self, file: str, language: str, way: Way, entry: Entry, topic: Topic, facts: dict[str, tuple[Fact, ...]]
    ) -> None:
        if language in SOURCE_LANGUAGES and entry.version is None:
            self._report(file, way, "version is missing: this language is a source of translations")
        if language not in SOURCE_LANGUAGES and (entry.translates is None or entry.made_by is None):
            self._report(file, way, "translates and made_by are missing: this language is a translation")
        for index, wording in enumerate(entry.wordings):
            self._check_wording(file, (*way, "wordings", index), wording, topic, facts)
        for first, second in overlaps([wording.when for wording in entry.wordings]):
            self._report(
                file, (*way, "wordings", second), f"meets the same person as wording {first}; make the cases disjoint"
            )

    def _check_wording(
        self, file: str, way: Way, wording: Wording, topic: Topic, facts: dict[str, tuple[Fact, ...]]
    ) -> None:
        if bool(wording.when) == (way[-1] == 0):
            self._report(file, way, "the first wording, and only it, is for everybody and has no 'when'")
        for aspect in wording.when:
            if aspect not in topic.varies_by:
                self._report(file, (*way, "when"), f"topics.yaml does not say that the answer varies by {aspect}")
        for mistake in mistakes(wording.text):
            self._report(file, (*way, "text"), mistake)
        for name, _ in facts_named(wording.text):
            if name not in facts:
                self._report(file, (*way, "text"), f"facts.yaml has no fact '{name}'")
        for name in facts_linked(wording.text):
            if not all(fact.url for fact in facts.get(name, ())):
                self._report(file, (*way, "text"), f"a link's href names '{name}', which is no link")

    def _check_validity(self, facts: dict[str, tuple[Fact, ...]]) -> None:
        for name, values in facts.items():
            spans = sorted(
                (value.valid_from or value.seen.min, value.valid_until or value.seen.max) for value in values
            )
            if any(later[0] <= earlier[1] for earlier, later in pairwise(spans)):
                self._report("facts.yaml", ("facts", name), "two values hold on the same day")
            if len({value.type for value in values}) > 1:
                self._report("facts.yaml", ("facts", name), "its values have different types")

    def _check_topics(self, topics: _TopicsFile, facts: dict[str, tuple[Fact, ...]]) -> None:
        for key, topic in topics.topics.items():
            if topic.source and not any(fact.url for fact in facts.get(topic.source, ())):
                self._report("topics.yaml", ("topics", key, "source"), f"facts.yaml has no link '{topic.source}'")
            for other in topic.related:
                if other not in topics.topics or other == key:
                    self._report("topics.yaml", ("topics", key, "related"), f"there is no other key '{other}'")

    def _check_countries(self, countries: Countries) -> None:
        seen: set[str] = set()
        known = Locale("en").territories
        for name, codes in countries.classes.items():
            for index, code in enumerate(codes):
                if code not in known or code in seen:
                    what = "stands in two classes" if code in seen else "is no country code"
                    self._report("countries.yaml", ("classes", name, index), f"'{code}' {what}")
                seen.add(code)

    def _load(self, name: str, model: type[Model]) -> Model | None:
        try:
            text = (self._folder / name).read_text(encoding="utf-8")
            node = yaml.compose(text, Loader=yaml.CBaseLoader)
        except FileNotFoundError:
            self._report(name, (), "the file is missing")
            return None
        except UnicodeDecodeError:
            self._report(name, (), "the file is not UTF-8 text")
            return None
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            line = mark.line + 1 if mark else 1
            self.problems.append(Problem(self._shown(name), line, "file", f"not valid YAML: {error.problem}"))
            return None
        except yaml.reader.ReaderError as error:
            line = text.encode()[: error.position].count(b"\n") + 1  # LibYAML counts bytes
            self.problems.append(Problem(self._shown(name), line, "file", f"not valid YAML: {error.reason}"))
            return None
        data = self._plain(name, node, ()) if node else {}
        if isinstance(data, dict) and str(data.get("schema", "")).isdigit() and int(data["schema"]) > SCHEMA:
            self._report(
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
                self._report(name, way, each["msg"].removeprefix("Value error, "))
            return None

    def _plain(self, name: str, node: yaml.Node, way: Way) -> Any:
        """The node as dicts, lists and strings; notes the line of each and reports double keys."""
        self._lines[name, way] = node.start_mark.line + 1
        if isinstance(node, yaml.MappingNode):
            plain: dict[str, Any] = {}
            for key, value in node.value:
                if not isinstance(key, yaml.ScalarNode):
                    self._lines[name, (*way, "{}")] = key.start_mark.line + 1
                    self._report(name, (*way, "{}"), "a key must be a word, not a list or braces")
                    continue
                if key.value in plain:
                    self._lines[name, (*way, key.value)] = key.start_mark.line + 1
                    self._report(name, (*way, key.value), "stands here a second time")
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

    def _report(self, name: str, way: Way, message: str) -> None:
        line, inside = 1, way
        while inside:
            if (name, inside) in self._lines:
                line = self._lines[name, inside]
                break
            inside = inside[:-1]
        self.problems.append(Problem(self._shown(name), line, ".".join(map(str, way)) or "file", message))

    def _shown(self, name: str) -> str:
        return f"{self._folder.name}/{name}"
