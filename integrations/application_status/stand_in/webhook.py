"""Tells an address what is written into the journal, as the real one's webhooks do.

What is new goes in one request, in the form of GET /journal. Where the answer is none of 200, 201, 202 and 204, it is
sent five times more, a minute apart; then it is given up, until somebody rewinds.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import httpx2

from integrations.application_status.stand_in.records import Entry, Records
from integrations.application_status.stand_in.views import tell_entry

TAKEN = frozenset({200, 201, 202, 204})
ATTEMPTS = 1 + 5
SECONDS = 10.0  # to wait for an answer


class Webhook:
    def __init__(self, records: Records, url: str, authorization: str, events: Sequence[str], pause: float) -> None:
        self.idle = asyncio.Event()  # nothing is left to tell
        self.given_up: list[int] = []  # numbers of the entries that nobody took
        self._records, self._url, self._events, self._pause = records, url, frozenset(events), pause
        self._headers = {"Authorization": authorization}
        self._cursor = records.journal[-1].id if records.journal else 0
        self._news = asyncio.Event()

    def wake(self) -> None:
        self.idle.clear()
        self._news.set()

    def rewind(self, after: int) -> None:
        """Tell again what came after the entry of this number."""
        self._cursor = after
        self.wake()

    async def follow(self) -> None:
        """Until it is cancelled."""
        async with httpx2.AsyncClient(headers=self._headers, timeout=SECONDS, trust_env=False) as http:
            while True:
                self._news.clear()
                entries = [each for each in self._records.journal if each.id > self._cursor]
                self._cursor = max([self._cursor, *(each.id for each in entries)])
                told = [each for each in entries if each.event in self._events]
                if told and not await self._tell(http, told):
                    self.given_up += [each.id for each in told]
                if not self._news.is_set():
                    self.idle.set()
                    await self._news.wait()

    async def _tell(self, http: httpx2.AsyncClient, entries: Sequence[Entry]) -> bool:
        body = {str(each.id): tell_entry(each) for each in entries}
        for attempt in range(ATTEMPTS):
            await asyncio.sleep(self._pause if attempt else 0)
            try:
                answer = await http.post(self._url, json=body)
            except httpx2.HTTPError:
                continue
            if answer.status_code in TAKEN:
                return True
        return False
