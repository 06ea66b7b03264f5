"""A new key seals everything anew, while nobody works on the database."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import select

from bot.application.tables import CodeRequest, Link, LinkedApplicant, ProviderCursor
from bot.application.vault import Vault, WrongKeys, add_seal_key, drop_old_keys, open_vault
from integrations.database import Base, Database, Occupied, Peers, Session, join

SEALED: dict[type[Base], tuple[str, ...]] = {
    CodeRequest: ("address", "applicants"),
    Link: ("address", "cases"),
    LinkedApplicant: ("applicant",),
    ProviderCursor: ("cursor",),
}


async def rotate_key(database: Database, path: Path, *, give_up: bool) -> None:
    """Put a new key into the file, seal all rows with it, and take the old ones out.

    Killed at any moment, all can still be opened. What no key of the file opens is deleted where it is to be given
    up. Raises WrongKeys, Occupied where a process works on the database, DatabaseUnavailable, and OSError.
    """
    async with join(database) as peers:
        await _be_alone(database, peers)
        if give_up:
            open_vault(path)  # with a file that is lost everything is
        keys = add_seal_key(path)
        async with database.begin() as session:
            await _seal_anew(session, Vault(path), give_up=give_up)
        await _be_alone(database, peers)  # who has come since may have read the file before
        drop_old_keys(path, keys)


async def _be_alone(database: Database, peers: Peers) -> None:
    async with database.read() as session:
        if others := await peers.alive(session) - {peers.number}:
            raise Occupied(f"{len(others)} of our processes work on the database. Stop them first.")


async def _seal_anew(session: Session, vault: Vault, *, give_up: bool) -> None:
    for table, columns in SEALED.items():
        for row in await session.scalars(select(table)):
            try:
                for column in columns:
                    if sealed := getattr(row, column):
                        setattr(row, column, vault.seal_anew(sealed))
            except WrongKeys:
                if not give_up:
                    raise
                await session.delete(row)
