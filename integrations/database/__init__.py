"""The database: one engine, one way to open a transaction.

SQLite by default, PostgreSQL by another URL. Tables are declared beside the code that owns them, on
the `Base` from here.
"""

from integrations.database.engine import Base, Database, DatabaseUnavailable, Held, Moment, insert_once, utc_now
from integrations.database.peers import Occupied, Peers, join

__all__ = [
    "Base",
    "Database",
    "DatabaseUnavailable",
    "Held",
    "Moment",
    "Occupied",
    "Peers",
    "insert_once",
    "join",
    "utc_now",
]
