"""What a folder holds: tables with their profiles, documents, and `connectors.yaml`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field

from integrations.application_status.mobility.ewp import read_ewp
from integrations.application_status.mobility.profile import Strict, read_profile, read_yaml
from integrations.application_status.mobility.records import Problem, Reading, Unreadable
from integrations.application_status.mobility.sources import Content
from integrations.application_status.mobility.table import read_table

CONNECTORS = "connectors.yaml"


def _check_url(url: str) -> str:
    try:
        parts = urlsplit(url)
        is_safe = parts.scheme == "https" or (parts.scheme == "http" and _is_this_machine(parts.hostname or ""))
    except ValueError:
        is_safe = False
    if not is_safe or not parts.hostname:
        raise ValueError("is no https:// address; http:// only leads to this machine, for the token is not encrypted")
    return url


def _is_this_machine(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


class Connector(Strict):
    """A service of the university that answers with a document, or with a table whose profile is `NAME.yaml`."""

    name: Annotated[str, Field(pattern=r"^[a-z0-9_-]+$")]
    url: Annotated[str, AfterValidator(_check_url)]
    token_file: Annotated[str, Field(min_length=1)]  # beside connectors.yaml, or with its whole path
    kind: Literal["ewp", "csv"]


@dataclass(frozen=True)
class Place:
    """One file or connector; `profile` where it is a table."""

    name: str
    path: Path  # of the file, or of the connector's token
    profile: Path | None
    url: str = ""  # of the connector

    def parse(self, content: Content) -> Reading:
        """What the content says. Raises Unreadable."""
        if self.profile is None:
            return read_ewp(content.data, self.name, content.as_of)
        return read_table(content.data, read_profile(self.profile), self.name, content.as_of)


def list_places(folder: Path) -> Sequence[Place]:
    """Everything that there is to read. Raises Unreadable, also where there is nothing: that is an error, not news."""
    try:
        files = sorted(path for path in folder.iterdir() if path.name[0] not in ".~" and path.is_file())
    except OSError:
        raise Unreadable(Problem(folder.name, 1, "file", "the folder cannot be read")) from None
    connectors = _connectors(folder) if folder / CONNECTORS in files else []
    documents = [Place(path.name, path, None) for path in files if path.suffix.lower() == ".xml"]
    tables = {path.stem: path for path in files if path.suffix.lower() == ".csv"}
    # A profile without its table: somebody is about to put the new one there.
    for path in files:
        if path.suffix == ".yaml" and path.name != CONNECTORS and path.stem not in {each.name for each in connectors}:
            tables.setdefault(path.stem, path.with_suffix(".csv"))
    places = [
        *documents,
        *(Place(path.name, path, path.with_suffix(".yaml")) for path in tables.values()),
        *(_place(folder, connector) for connector in connectors),
    ]
    if not places:
        raise Unreadable(Problem(folder.name, 1, "file", "the folder holds nothing to read"))
    return places


def _connectors(folder: Path) -> Sequence[Connector]:
    connectors = read_yaml(folder / CONNECTORS, list[Connector])
    names = [connector.name for connector in connectors]
    if len(set(names)) < len(names):
        raise Unreadable(Problem(CONNECTORS, 1, "name", "two connectors have the same name"))
    return connectors


def _place(folder: Path, connector: Connector) -> Place:
    profile = folder / f"{connector.name}.yaml" if connector.kind == "csv" else None
    return Place(connector.name, folder / connector.token_file, profile, connector.url)
