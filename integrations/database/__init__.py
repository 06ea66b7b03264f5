"""The database: one engine, one way to open a transaction.

SQLite by default, PostgreSQL by another URL. Tables are declared beside the code that owns them, on
the `Base` from here.
"""

from sqlalchemy.ext.asyncio import AsyncSession as Session

from integrations.database.engine import (
    Base,
    Database,
    DatabaseUnavailable,
    Held,
    Moment,
    insert_once,
    take_turn,
    utc_now,
)
from integrations.database.peers import Occupied, Peers, join

__all__ = [
    "Base",
    "Database",
    "DatabaseUnavailable",
    "Held",
    "Moment",
    "Occupied",
    "Peers",
    "Session",
    "insert_once",
    "join",
    "take_turn",
    "utc_now",
]
