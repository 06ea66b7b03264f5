"""The line to one system: who asks it does not wait for long, and while it keeps failing not at all."""

from __future__ import annotations

import asyncio

from circuitbreaker import CircuitBreaker

from integrations.application_status.case import Case, Gone, Refused, StatusProvider, Unavailable

FAILURES, REST = 5, 30  # after so many in a row a system is left alone for so many seconds


class Line:
    """Asks one system about applicants."""

    def __init__(self, provider: StatusProvider) -> None:
        self._provider = provider
        self._breaker = CircuitBreaker(FAILURES, REST, (Unavailable, Refused))

    async def look_up(self, applicant: str, patience: float) -> tuple[Case, ...]:
        """The applicant's cases within so many seconds. Raises Unavailable, Refused, Gone."""
        if self._breaker.opened:
            raise Unavailable("left alone after failures")
        with self._breaker:
            return await self._ask(applicant, patience)

    async def _ask(self, applicant: str, patience: float) -> tuple[Case, ...]:
        try:
            async with asyncio.timeout(patience):
                return tuple(await self._provider.look_up(applicant))
        except TimeoutError:
            raise Unavailable("no answer in time") from None
        except (Unavailable, Refused, Gone):
            raise
        except Exception as error:  # noqa: BLE001 -- one system's trouble keeps no other from being shown
            # Without its words: they may be of what is not sent out.
            raise Unavailable(f"broken: {type(error).__name__}") from None
