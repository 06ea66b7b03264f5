"""Several processes that work on one database, as far as the database and each other can tell."""

from __future__ import annotations

from integrations.database import Peers, Session


class Process(Peers):
    """One of several that all know who of them is up."""

    def __init__(self, up: set[int]) -> None:
        super().__init__()
        self._up = up
        up.add(self.number)

    def dies(self) -> None:
        self._up.remove(self.number)

    async def alive(self, session: Session) -> set[int]:
        return set(self._up)

    async def ring(self, session: Session, name: str) -> None:
        self.bell(name).set()
