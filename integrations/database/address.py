"""Where the database is, and how PostgreSQL is connected to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy.engine.url import URL, make_url
from sqlalchemy.exc import ArgumentError

DRIVERS = {"sqlite": "sqlite+aiosqlite", "postgresql": "postgresql+psycopg"}

CONNECT_SECONDS = 5
# After fifteen seconds of silence a machine is taken for dead, by us and by the server: without this a server keeps
# the locks of a worker without power for two hours.
SILENCE = {"keepalives_idle": 6, "keepalives_interval": 3, "keepalives_count": 3}
SERVER: Mapping[str, object] = {
    "statement_timeout": "20s",
    "idle_in_transaction_session_timeout": "60s",  # a process that stands still must not keep a chat locked
    **{f"tcp_{name}": seconds for name, seconds in SILENCE.items()},
}
# What libpq is told for connections that work in the bot; a migration may take longer.
POSTGRES: Mapping[str, Any] = {
    "application_name": "biciulis",
    "connect_timeout": CONNECT_SECONDS,
    "tcp_user_timeout": 15_000,  # milliseconds
    **SILENCE,
    "options": " ".join(f"-c {name}={value}" for name, value in SERVER.items()),
}


def read_address(url: str) -> URL:
    """The address with the driver that we use: `postgresql://` is enough. Raises ValueError where it is none."""
    try:
        address = make_url(url)
        return address.set(drivername=DRIVERS[address.get_backend_name()])
    except (ArgumentError, KeyError):
        raise ValueError("is no database address, for example postgresql://user@host/biciulis") from None
