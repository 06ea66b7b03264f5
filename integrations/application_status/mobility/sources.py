"""Where content comes from: a file, or a connector that is asked over HTTP."""

from __future__ import annotations

import asyncio
import os
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

import httpx2

from integrations.application_status.case import Refused, Unavailable
from integrations.application_status.mobility.records import Problem, Unreadable

LARGEST = 64 * 2**20  # bytes of one file or answer; 50,000 lines of a table are about 10
SETTLES = 2.0  # seconds after its last change; before, a file may still be being written
EVERY, AGAIN = 300.0, 30.0  # seconds between two questions to a connector, and after one without an answer
SECONDS = 20.0  # that a connector has to answer


@dataclass(frozen=True)
class Content:
    """What was read, and as of when it is: a file's last change, an answer's arrival."""

    data: bytes
    as_of: datetime


class Source(Protocol):
    async def read(self, *, afresh: bool = False) -> Content | None:
        """The whole content; None where it is as it was, or was read shortly before and not `afresh`.

        Raises Unavailable, Refused, Unreadable.
        """


class FileSource:
    """A file, and the profile that says how to read it where it has one: read anew when either changed."""

    def __init__(self, path: Path, profile: Path | None = None) -> None:
        self._path, self._profile = path, profile
        self._read: object = None

    async def read(self, *, afresh: bool = False) -> Content | None:
        return await asyncio.to_thread(self._read_new)

    def _read_new(self) -> Content | None:
        stamp = self._stamp()
        if stamp == self._read:
            return None
        if any(0 <= time.time() - changed_at / 1e9 < SETTLES for changed_at, _ in stamp):
            raise Unavailable("a file is being written")
        content = read_file(self._path)
        if self._stamp() != stamp:
            raise Unavailable("a file is being written")
        self._read = stamp
        return content

    def _stamp(self) -> list[tuple[int, int]]:
        """Time of the last change in nanoseconds and size. Raises Unreadable."""
        return [_stat(path) for path in (self._path, self._profile) if path]


class HttpSource:
    """A connector's address. The token is read anew each time, so that it can be changed."""

    def __init__(self, name: str, url: str, token: Path, http: httpx2.AsyncClient) -> None:
        self._name, self._url, self._token, self._http = name, url, token, http
        self._due = 0.0

    async def read(self, *, afresh: bool = False) -> Content | None:
        if time.monotonic() < self._due and not afresh:
            return None
        self._due = time.monotonic() + AGAIN
        token = (await asyncio.to_thread(read_file, self._token)).data.decode("latin-1").strip()
        try:
            async with asyncio.timeout(SECONDS):
                data = await self._ask(token)
        except (httpx2.HTTPError, TimeoutError) as error:
            raise Unavailable(f"{self._name}: {type(error).__name__}") from None  # its text may hold the address
        self._due = time.monotonic() + EVERY
        return Content(data, datetime.now(UTC))

    async def _ask(self, token: str) -> bytes:
        async with self._http.stream("GET", self._url, headers={"Authorization": f"Bearer {token}"}) as answer:
            if answer.status_code in (401, 403):
                raise Refused(f"{self._name}: HTTP {answer.status_code}")
            answer.raise_for_status()
            data = bytearray()
            async for part in answer.aiter_bytes():
                data += part
                if len(data) > LARGEST:
                    raise Unreadable(Problem(self._name, 1, "file", "too large"))
            return bytes(data)


def read_file(path: Path) -> Content:
    """A file's content. Raises Unreadable."""
    changed_at, size = _stat(path)
    if size > LARGEST:
        raise Unreadable(Problem(path.name, 1, "file", "too large"))
    try:
        data = path.read_bytes()
    except OSError as error:
        raise _cannot_read(path, error) from None
    return Content(data, min(datetime.fromtimestamp(changed_at / 1e9, UTC), datetime.now(UTC)))


def _stat(path: Path) -> tuple[int, int]:
    try:
        found = path.stat()
    except OSError as error:
        raise _cannot_read(path, error) from None
    return found.st_mtime_ns, found.st_size


def _cannot_read(path: Path, error: OSError) -> Unreadable:
    reason = "the file is missing" if isinstance(error, FileNotFoundError) else os.strerror(error.errno or 0)
    return Unreadable(Problem(path.name, 1, "file", reason))
