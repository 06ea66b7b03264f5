"""Run by Alembic. The address and, for a new migration, the tables come from the caller: see schema.py."""

from typing import Any, Literal

from alembic import context
from sqlalchemy import NullPool, create_engine, func, select
from sqlalchemy.types import TypeDecorator


def render_item(kind: str, item: Any, _: object) -> str | Literal[False]:
    """A column type of ours is written as the plain type below it: a migration imports nothing of ours."""
    return f"sa.{item.impl!r}" if kind == "type" and isinstance(item, TypeDecorator) else False


config = context.config
engine = create_engine(config.attributes["url"], connect_args=config.attributes["connect_args"], poolclass=NullPool)
with engine.connect() as connection:
    if engine.dialect.name == "postgresql":  # one process migrates, the others wait here and find it done
        connection.execute(select(func.pg_advisory_lock(*config.attributes["lock"])))
        connection.commit()
    context.configure(
        connection=connection,
        target_metadata=config.attributes["tables"],
        render_as_batch=True,  # SQLite cannot alter a table in place
        transaction_per_migration=True,
        render_item=render_item,
    )
    with context.begin_transaction():
        context.run_migrations()
