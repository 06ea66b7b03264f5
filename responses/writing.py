"""Content written as files that a person can edit and that are read back equal; comments are not kept."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import yaml

from responses.content import SCHEMA, Content, Entry, Fact

# Breaks of a line that YAML's blocks do not keep as they are.
OTHER_BREAKS = re.compile("[\r\x85\u2028\u2029]")


def write_content(content: Content, folder: Path) -> None:
    """Write the content below a new or empty folder, wholly or not at all.

    Raises FileExistsError where something is there already, and OSError where the disk refuses.
    """
    target = folder.resolve()
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise FileExistsError(f"{folder} is not empty")
    target.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix=f".{target.name}-", dir=target.parent) as scratch:
        made = Path(scratch) / target.name
        for name, body in _sheets(content):
            path = made / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(_yaml({"schema": SCHEMA, **body}), encoding="utf-8")
        made.replace(target)


def _sheets(content: Content) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each file's name and body. What nothing can be read without comes last: half a folder is no content."""
    for language, areas in content.areas.items():
        for area, title in areas.items():
            keys = [key for key in content.topics if key.split(".")[0] == area]
            entries = {
                key.split(".")[1]: _entry(content.entries[language][key])
                for key in keys
                if key in content.entries[language]
            }
            yield f"{language}/{area}.yaml", {"title": title, "entries": entries}
    countries = content.countries.model_dump(exclude_defaults=True)
    classes = {name: _Inline(codes) for name, codes in content.countries.classes.items()}
    yield "countries.yaml", {**countries, "source": _Inline(countries["source"]), "classes": classes}
    facts = {name: [_fact(value) for value in values] for name, values in content.facts.items()}
    yield "facts.yaml", {"facts": {name: values[0] if len(values) == 1 else values for name, values in facts.items()}}
    topics = {key: _inlined(topic.model_dump(exclude_defaults=True)) for key, topic in content.topics.items()}
    yield "topics.yaml", {"topics": topics}


def _fact(fact: Fact) -> dict[str, Any]:
    return _inlined(fact.model_dump(exclude_defaults=True))


def _entry(entry: Entry) -> dict[str, Any]:
    body = entry.model_dump(exclude_defaults=True)
    wordings = []
    for wording in body.pop("wordings"):
        when = {aspect: one if not more else [one, *more] for aspect, (one, *more) in wording.get("when", {}).items()}
        wordings.append(({"when": _Inline(when)} if when else {}) | {"text": wording["text"]})
    return {**body, "wordings": wordings}


def _inlined(body: dict[str, Any]) -> dict[str, Any]:
    """The body with what is in its fields on one line each."""
    return {name: _Inline(value) if isinstance(value, dict | tuple) else value for name, value in body.items()}


class _Inline:
    """A table or list to be written on one line, in braces or brackets."""

    def __init__(self, value: Any) -> None:
        self.value = list(value) if isinstance(value, tuple) else value


class _Dumper(yaml.SafeDumper):
    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, indentless=False)  # items of a list stand further in than its name


def _represent_text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = '"' if OTHER_BREAKS.search(text) else "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


def _represent_inline(dumper: yaml.SafeDumper, inline: _Inline) -> yaml.Node:
    if isinstance(inline.value, dict):
        return dumper.represent_mapping("tag:yaml.org,2002:map", inline.value, flow_style=True)
    return dumper.represent_sequence("tag:yaml.org,2002:seq", inline.value, flow_style=True)


_Dumper.add_representer(str, _represent_text)
_Dumper.add_representer(_Inline, _represent_inline)


def _yaml(body: dict[str, Any]) -> str:
    return yaml.dump(body, Dumper=_Dumper, allow_unicode=True, sort_keys=False, width=10**6)
