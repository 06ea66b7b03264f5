"""The published content of this process: loaded once, looked up again when something newer is published."""

from __future__ import annotations

import asyncio

import structlog

from integrations.database import Database, DatabaseUnavailable
from responses.catalogue import Catalogue
from responses.publishing import newest_publication, published

SECONDS_BETWEEN_LOOKS = 10

log = structlog.get_logger()


class NothingPublished(Exception):
    """The database holds no content yet."""


class Library:
    """Holds the current catalogue."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._number = 0
        self._catalogue: Catalogue | None = None

    def current(self) -> Catalogue:
        """The newest catalogue that was read. Raises NothingPublished before the first."""
        if self._catalogue is None:
            raise NothingPublished
        return self._catalogue

    async def open(self) -> None:
        """Read what is published. Raises NothingPublished where that is nothing."""
        found = await published(self._database)
        if found is None:
            raise NothingPublished
        self._number, content = found
        self._catalogue = Catalogue(content)

    async def follow(self) -> None:
        """Keep up with new publications until cancelled; the old content stays while the database is away."""
        while True:
            await asyncio.sleep(SECONDS_BETWEEN_LOOKS)
            try:
                if await newest_publication(self._database) != self._number:
                    await self.open()
                    log.info("content_renewed", publication=self._number)
            except DatabaseUnavailable as error:
                log.warning("content_not_renewed", reason=str(error))
