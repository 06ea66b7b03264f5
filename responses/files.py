"""Content files: read into Content, with every mistake reported by file, line and field.

All mistakes are found in one pass; content with a mistake is never returned.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

from pydantic import BeforeValidator, Field

from responses.checks import Facts, check_countries, check_entry, check_topics, check_translation, check_validity
from responses.content import FALLBACK_LANGUAGE, SOURCE_LANGUAGES, Content, Countries, Entry, Fact, Key, Topic
from responses.sheets import Malformed, Problem, Sheet, Sheets, Way

__all__ = ["FOLDER", "Malformed", "Problem", "read_content"]

FOLDER = Path(__file__).parent / "content"


def _one_or_many(value: object) -> object:
    return value if isinstance(value, list) else (value,)


class _FactsFile(Sheet):
    facts: dict[str, Annotated[tuple[Fact, ...], BeforeValidator(_one_or_many), Field(min_length=1)]]


class _TopicsFile(Sheet):
    topics: dict[Key, Topic]


class _CountriesFile(Sheet, Countries):
    def table(self) -> Countries:
        return Countries.model_validate(self.model_dump(exclude={"schema_"}))


class _AreaFile(Sheet):
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
    """One pass over the folder."""

    def __init__(self, folder: Path) -> None:
        self._sheets = Sheets(folder)
        self._faulty: set[tuple[str, str]] = set()  # language and key of answers that are wrong by themselves

    @property
    def problems(self) -> list[Problem]:
        return self._sheets.problems

    def read(self) -> Content | None:
        facts = self._sheets.load("facts.yaml", _FactsFile)
        topics = self._sheets.load("topics.yaml", _TopicsFile)
        countries = self._sheets.load("countries.yaml", _CountriesFile)
        if not (facts and topics and countries):
            return None
        self._report_all("facts.yaml", (), check_validity(facts.facts))
        self._report_all("topics.yaml", (), check_topics(topics.topics, facts.facts))
        self._report_all("countries.yaml", (), check_countries(countries))
        languages = [path.name for path in sorted(self._sheets.folder.iterdir()) if path.is_dir()]
        for language in SOURCE_LANGUAGES:
            if language not in languages:
                self._sheets.report(language, (), "this language's folder is missing")
        areas: dict[str, dict[str, str]] = {}
        entries: dict[str, dict[str, Entry]] = {}
        for language in languages:
            areas[language], entries[language] = self._read_language(language, topics.topics, facts.facts)
        self._compare_with_english(entries)
        return Content(facts.facts, topics.topics, countries.table(), areas, entries)

    def _read_language(
        self, language: str, topics: dict[str, Topic], facts: Facts
    ) -> tuple[dict[str, str], dict[str, Entry]]:
        titles: dict[str, str] = {}
        entries: dict[str, Entry] = {}
        expected: dict[str, list[str]] = {}
        for key in topics:
            area, name = key.split(".")
            expected.setdefault(area, []).append(name)
        present = {path.stem for path in (self._sheets.folder / language).glob("*.yaml")}
        for area in sorted(present - expected.keys()):
            self._sheets.report(f"{language}/{area}.yaml", (), f"topics.yaml has no area '{area}'")
        for area, names in expected.items():
            file = self._sheets.load(f"{language}/{area}.yaml", _AreaFile)
            if file is None:
                continue
            titles[area] = file.title
            self._check_names(f"{language}/{area}.yaml", area, names, file)
            for key in [f"{area}.{name}" for name in names if name in file.entries]:
                entries[key] = file.entries[key.split(".")[1]]
                if self._report_entry(language, key, check_entry(language, entries[key], topics[key], facts)):
                    self._faulty.add((language, key))
        return titles, entries

    def _check_names(self, name: str, area: str, names: list[str], file: _AreaFile) -> None:
        for missing in [topic for topic in names if topic not in file.entries]:
            self._sheets.report(name, ("entries",), f"the wording of '{area}.{missing}' is missing")
        for unknown in [topic for topic in file.entries if topic not in names]:
            self._sheets.report(name, ("entries", unknown), f"topics.yaml has no key '{area}.{unknown}'")

    def _compare_with_english(self, entries: dict[str, dict[str, Entry]]) -> None:
        english = entries.get(FALLBACK_LANGUAGE, {})
        for language, answers in entries.items():
            for key, entry in answers.items():
                # What is wrong by itself is told once, not in eleven other languages too.
                if key in english and not {(language, key), (FALLBACK_LANGUAGE, key)} & self._faulty:
                    self._report_entry(language, key, check_translation(entry, english[key]))

    def _report_entry(self, language: str, key: str, found: Iterable[tuple[Way, str]]) -> bool:
        area, name = key.split(".")
        return self._report_all(f"{language}/{area}.yaml", ("entries", name), found)

    def _report_all(self, name: str, way: Way, found: Iterable[tuple[Way, str]]) -> bool:
        """Report each; whether there was any."""
        before = len(self.problems)
        for inside, message in found:
            self._sheets.report(name, (*way, *inside), message)
        return len(self.problems) > before
