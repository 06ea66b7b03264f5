"""A folder of exports, as another system writes them."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from integrations.application_status.case import Changes, State
from integrations.application_status.mobility import MobilityFiles

BEGIN = datetime(2026, 1, 5, 6, tzinfo=UTC)  # of the first file; each is a minute later than the one before
PROFILE = """
kind: nomination
columns: {id: Id, email: Mail, state: State, title: Host, since: Since, deadline: Until, tasks: Missing, url: Link}
states: {nominated: nominated, accepted: accepted, gone home: finished}
tasks: {separator: "|", words: {passport: passport}}
dates: {format: "%Y-%m-%d"}
"""
HEADING = "Id,Mail,State,Host,Since,Until,Missing,Link"
ADA = "1,ada@example.org,nominated,Tartu,2026-11-02,2026-12-01,passport|a form,https://x.example.org/1"
MEI = "2,mei@example.org,accepted,Köln,,,,"


class Exports:
    def __init__(self, folder: Path) -> None:
        self.folder, self._written = folder, 0

    def write(self, name: str, content: str | bytes) -> datetime:
        """Put a file there that was last changed long enough ago; gives when."""
        path, at = self.folder / name, BEGIN + timedelta(minutes=self._written)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        os.utime(path, (at.timestamp(), at.timestamp()))
        self._written += 1
        return at

    def table(self, *lines: str, profile: str = PROFILE) -> datetime:
        """The table `nominations.csv` with its profile; gives as of when it is."""
        if not (self.folder / "nominations.yaml").exists():
            self.write("nominations.yaml", profile)
        return self.write("nominations.csv", "".join(f"{line}\n" for line in (HEADING, *lines)))

    @contextmanager
    def away(self) -> Iterator[None]:
        """The folder is not there for a while, as one of another machine may be."""
        elsewhere = self.folder.rename(self.folder.with_name("away"))
        yield
        elsewhere.rename(self.folder)

    def remove(self, name: str) -> None:
        (self.folder / name).unlink()


async def states(files: MobilityFiles, applicant: str) -> Mapping[str, State]:
    """Where somebody's cases stand, by their ids."""
    return {case.id: case.state for case in await files.look_up(applicant)}


def told(changes: Changes) -> tuple[frozenset[str], frozenset[str]]:
    """Who changed, who was deleted."""
    return changes.applicants, changes.purged
