"""Finds out behind the reply whether an address is known, and sends a code there: apart from the chat, so that neither
its words nor its time tell.

A letter is begun once, whatever fails or dies: one that may have been sent is rather asked for again than sent twice.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Sequence
from contextlib import AsyncExitStack, suppress

import structlog
from sqlalchemy import exists, func, select, update

from bot.application.address import is_same
from bot.application.letters import code_letter
from bot.application.linking import CODE_LASTS, HOUR, MOST_CODES, print_of_code
from bot.application.tables import CodeRequest
from bot.application.vault import Vault
from bot.stopping import pause, unless
from integrations.application_status.case import Applicant, StatusProvider
from integrations.database import Database, DatabaseUnavailable, Held, Peers, utc_now
from integrations.mail import Mail

AT_ONCE = 8  # letters in work
SECONDS_BETWEEN_LOOKS = 1.0
PROVIDER_SECONDS = 10.0  # for a provider to say whom it knows
LONGEST_FAREWELL = 6.0  # seconds for letters in work when we are told to stop

log = structlog.get_logger()


class Postman:
    """Over all processes one is at it at a time."""

    def __init__(
        self, database: Database, peers: Peers, vault: Vault, providers: Sequence[StatusProvider], mail: Mail
    ) -> None:
        self._database, self._news = database, peers.bell("letters")
        self._vault, self._providers, self._mail = vault, providers, mail
        self._letters: set[asyncio.Task[None]] = set()

    async def follow(self, stopping: asyncio.Event) -> None:
        """Send codes to those who ask for them until told to stop."""
        while not stopping.is_set():
            try:
                async with AsyncExitStack() as stack:
                    entering = stack.enter_async_context(self._database.hold("postman"))
                    if held := await unless(stopping, entering):
                        await self._lead(held, stopping)
            except DatabaseUnavailable as error:
                log.error("code_requests_not_read", reason=str(error), pause=SECONDS_BETWEEN_LOOKS)
                await pause(stopping, SECONDS_BETWEEN_LOOKS)

    async def _lead(self, held: Held, stopping: asyncio.Event) -> None:
        try:
            while not stopping.is_set():
                self._news.clear()
                for request in await self._begin(held):
                    task = asyncio.create_task(self._answer(held, request))
                    self._letters.add(task)
                    task.add_done_callback(self._ended)
                with suppress(TimeoutError):
                    async with asyncio.timeout(SECONDS_BETWEEN_LOOKS):
                        await unless(stopping, self._news.wait())
        finally:
            await self._end_letters()

    def _ended(self, letter: asyncio.Task[None]) -> None:
        self._letters.discard(letter)
        self._news.set()  # there is room for another

    async def _end_letters(self) -> None:
        if letters := list(self._letters):
            await asyncio.wait(letters, timeout=LONGEST_FAREWELL)
            for task in letters:
                task.cancel()
            await asyncio.gather(*letters, return_exceptions=True)

    async def _begin(self, held: Held) -> Sequence[CodeRequest]:
        """Those whose letters are ours to write now; who has waited for too long has given up."""
        waiting = CodeRequest.begun_at.is_(None)
        free = AT_ONCE - len(self._letters)
        async with self._database.read() as session:  # mostly nobody asks: who writes must not wait for that
            if not free or not await session.scalar(select(exists().where(waiting))):
                return ()
        now = utc_now()
        async with held.begin() as session:
            oldest = select(CodeRequest).where(waiting).order_by(CodeRequest.id).limit(free)
            begun = (await session.scalars(oldest)).all()
            for request in begun:
                request.begun_at = now
        return [request for request in begun if request.asked_at > now - CODE_LASTS]

    async def _answer(self, held: Held, request: CodeRequest) -> None:
        """Send a code where the address is known."""
        try:
            if applicants := await self._find(self._vault.open(request.address)):
                code = f"{secrets.randbelow(10**6):06}"
                if await self._keep(held, request, applicants, code):
                    await self._mail.send(code_letter(applicants[0].email, request.language, code))
                    log.info("code_sent", request=request.id)
        except Exception as error:  # noqa: BLE001 -- the others still get theirs; the reason may name the address
            log.error("code_not_sent", request=request.id, reason=type(error).__name__)

    async def _find(self, typed: str) -> Sequence[Applicant]:
        """Who is known under an address, as far as providers answer."""
        asked = await asyncio.gather(*(self._ask(provider, typed) for provider in self._providers))
        return [each for known in asked for each in known if is_same(typed, each.email)]

    async def _ask(self, provider: StatusProvider, typed: str) -> Sequence[Applicant]:
        try:
            async with asyncio.timeout(PROVIDER_SECONDS):
                return await provider.find(typed)
        except Exception as error:  # noqa: BLE001 -- the other providers count; the reason may name the address
            log.warning("applicant_not_looked_for", provider=provider.name, reason=type(error).__name__)
            return ()

    async def _keep(self, held: Held, request: CodeRequest, applicants: Sequence[Applicant], code: str) -> bool:
        """Remember by its print what the code proves; False where the address has had enough or nobody waits."""
        since = CodeRequest.begun_at > utc_now() - HOUR
        had = select(func.count()).where(
            CodeRequest.address_print == request.address_print, CodeRequest.code_print.is_not(None), since
        )
        kept = update(CodeRequest).where(CodeRequest.id == request.id, CodeRequest.used_at.is_(None))
        kept = kept.values(
            code_print=print_of_code(self._vault, request.id, code),
            applicants=self._vault.seal([[each.provider, each.id, each.email] for each in applicants]),
        )
        async with held.begin() as session:
            if (await session.scalar(had) or 0) >= MOST_CODES:
                return False
            return (await session.scalars(kept.returning(CodeRequest.id))).first() is not None
