"""pg_dump, pg_restore and psql: PostgreSQL's own programs, as they are found on the PATH."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterable
from pathlib import Path
from shutil import which
from tempfile import TemporaryFile
from typing import IO, Any

import psycopg
from sqlalchemy.engine.url import URL

from integrations.database.engine import DatabaseUnavailable

# Programs of 17 and later write it, servers before that do not know it.
TOO_NEW = b"SET transaction_timeout = 0;\n"


class NoBackup(Exception):
    """A file that is no backup, or not a whole one."""


class Refused(Exception):
    """It was not done, and the sentence says what somebody has to do first."""


class Programs:
    """The programs for one database on a server of that version."""

    def __init__(self, address: URL, server: int) -> None:
        self._server = server
        _, given = address.get_dialect()().create_connect_args(address)
        password = given.pop("password", None)
        self._environment = {**os.environ, "PGAPPNAME": "biciulis"} | ({"PGPASSWORD": password} if password else {})
        self._database = f"--dbname={psycopg.conninfo.make_conninfo(**given)}"

    def dump(self, file: Path) -> None:
        """Write everything as of one moment. Raises DatabaseUnavailable."""
        options = ("--format=custom", "--no-owner", "--no-privileges", "--no-password", "--lock-wait-timeout=20s")
        done = self._run("pg_dump", *options, f"--file={file}", self._database)
        if done.returncode:
            raise DatabaseUnavailable(_reason(done.stderr))

    def version_of(self, file: Path) -> str:
        """The version of the tables in a backup, empty where it has none. Raises NoBackup."""
        done = self._run("pg_restore", "--data-only", "--table=alembic_version", "--file=-", str(file))
        if done.returncode:
            raise _damaged(file, done.stderr)
        found = re.search(rb"FROM stdin;\n(\w+)\n", done.stdout)
        return found[1].decode() if found else ""

    def restore(self, file: Path, *, instead_of: Iterable[str]) -> None:
        """Put what the file holds in the place of these tables, in one transaction that ends well only at its end.

        Raises NoBackup and DatabaseUnavailable.
        """
        read = [self._find("pg_restore"), "--no-owner", "--no-privileges", "--file=-", file]
        write = [self._find("psql"), "--no-psqlrc", "--quiet", "--no-password", self._database]
        write += ["--set=ON_ERROR_STOP=1", "--set=VERBOSITY=terse"]  # no row in a message
        with TemporaryFile() as reading_said, TemporaryFile() as writing_said:
            with (
                self._start(read, stdout=subprocess.PIPE, stderr=reading_said) as reading,
                self._start(write, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=writing_said) as writing,
            ):
                readable = _pour(reading, writing, instead_of)
            if not readable:
                raise _damaged(file, _all(reading_said))
            if writing.returncode:
                raise DatabaseUnavailable(_reason(_all(writing_said)))

    def _run(self, name: str, *arguments: str) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run([self._find(name), *arguments], env=self._environment, capture_output=True, check=False)

    def _start(self, command: list[Any], **streams: Any) -> subprocess.Popen[bytes]:
        return subprocess.Popen(command, env=self._environment, **streams)

    def _find(self, name: str) -> str:
        """The program's path. Raises Refused where it is missing or older than the server."""
        path = which(name)
        needed = f"Install the client programs of PostgreSQL {self._server} (on Debian postgresql-client)."
        if path is None:
            raise Refused(f"{name} is missing. {needed}")
        told = subprocess.run([path, "--version"], capture_output=True, text=True, check=True).stdout
        version = re.search(r"\) (\d+)", told)
        if version is None or int(version[1]) < self._server:
            raise Refused(f"{told.strip()} is older than the server. {needed}")
        return path


def _pour(reading: subprocess.Popen[bytes], writing: subprocess.Popen[bytes], instead_of: Iterable[str]) -> bool:
    """Whether the file could be read. Without COMMIT nothing stays: where it could not, and where we are killed."""
    assert reading.stdout and writing.stdin
    names = ", ".join('"{}"'.format(name.replace('"', '""')) for name in instead_of)
    try:
        with reading.stdout as script, writing.stdin as psql:
            psql.write(b"BEGIN; SET LOCAL lock_timeout = '20s'; SET client_min_messages = warning;\n")
            psql.write(f"DROP TABLE {names} CASCADE;\n".encode() if names else b"")
            psql.writelines(line for line in script if line != TOO_NEW)
            if reading.wait():
                return False
            psql.write(b"COMMIT;\n")
    except BrokenPipeError:
        pass  # psql has ended and said why
    return True


def _damaged(file: Path, said: bytes) -> NoBackup:
    return NoBackup(f"{file} is no backup of PostgreSQL, or a damaged one: {_reason(said)}")


def _reason(said: bytes) -> str:
    """The first line of what a program said, which names the error."""
    return (said.decode(errors="replace").strip().splitlines() or ["no reason given"])[0]


def _all(file: IO[bytes]) -> bytes:
    file.seek(0)
    return file.read()
