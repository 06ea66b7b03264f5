"""The database: one engine, one way to open a transaction.

SQLite by default, PostgreSQL by another URL. Tables are declared beside the code that owns them, on
the `Base` from here.
"""

from integrations.database.engine import Base, Database, DatabaseUnavailable, Moment, utc_now

__all__ = ["Base", "Database", "DatabaseUnavailable", "Moment", "utc_now"]
