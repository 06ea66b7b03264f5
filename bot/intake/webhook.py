"""Takes updates that Telegram brings, and confirms each only when it is kept.

Telegram brings the updates of one chat one after another, and holds back those behind one that we refuse: their
order does not depend on who of us is quicker. What we refuse it brings again, for a day.
"""

from __future__ import annotations

import asyncio
import hmac
import json
import time
from dataclasses import dataclass, field
from typing import Any

import structlog
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from telegram import Bot

from bot.intake.backlog import read_backlog
from bot.intake.inbox import Inbox
from bot.intake.poller import HANDLED, persist
from bot.operations.web import Unreadable, read_body, refuse
from integrations.database import Database, DatabaseUnavailable

PATH = "/telegram"
LONGEST = 1_000_000  # bytes of an update
HIGHEST = 2**63 - 1  # what the database can number
LOOK_AGAIN = 1.0  # seconds for which the last look at the age counts
COME_BACK = 30  # seconds after which Telegram may try again; it obeys
CONNECTIONS = 20  # at once, of all receivers together; Telegram's default is 40

log = structlog.get_logger()


@dataclass(frozen=True)
class WebhookAddress:
    """Where Telegram finds us, and how we know it."""

    url: str
    secret: str = field(repr=False)


class Webhook:
    """The door that Telegram knocks on."""

    def __init__(self, bot: Bot, address: WebhookAddress, database: Database, inbox: Inbox) -> None:
        self._bot, self._address = bot, address
        self._database, self._inbox = database, inbox
        self._looked_at, self._is_too_old = -LOOK_AGAIN, False
        self._registered = False
        self.route = Route(PATH, self._receive, methods=["POST"])

    async def follow(self, stopping: asyncio.Event) -> None:
        """Tell Telegram where we are, then be there until told to stop. Raises InvalidToken.

        Several receivers tell the same, so that the last word changes nothing. Nobody takes it back at the end:
        Telegram keeps for whoever comes next.
        """
        self._registered = await persist(stopping, self._register)
        await stopping.wait()

    async def is_registered(self) -> bool:
        return self._registered

    async def _register(self) -> None:
        url, secret = self._address.url, self._address.secret
        await self._bot.set_webhook(url, allowed_updates=HANDLED, max_connections=CONNECTIONS, secret_token=secret)
        log.info("webhook_set", url=url)

    async def _receive(self, request: Request) -> Response:
        shown = request.headers.get("X-Telegram-Bot-Api-Secret-Token", "")
        if not hmac.compare_digest(shown.encode(), self._address.secret.encode()):
            return refuse(401)
        try:
            update = await _read_update(request)
            if await self._is_behind():
                return Response(status_code=429, headers={"Retry-After": str(COME_BACK)})
            await self._inbox.keep([update])
        except Unreadable as error:
            log.warning("request_unreadable", status=error.status)
            return refuse(error.status)
        except DatabaseUnavailable as error:
            log.error("updates_not_kept", reason=str(error))
            return Response(status_code=503)
        return Response()

    async def _is_behind(self) -> bool:
        """Whether somebody has waited too long. One request looks, those beside it go by the look before."""
        now = time.monotonic()
        if now - self._looked_at < LOOK_AGAIN:
            return self._is_too_old
        self._looked_at = now
        async with self._database.read() as session:
            backlog = await read_backlog(session)
        if backlog.is_too_old and not self._is_too_old:
            log.error("backlog_too_old", waiting=backlog.waiting, oldest=round(backlog.oldest))
        self._is_too_old = backlog.is_too_old
        return self._is_too_old


async def _read_update(request: Request) -> dict[str, Any]:
    """The update that a request brings. Raises Unreadable."""
    try:
        update = json.loads(await read_body(request, LONGEST))
    except (ValueError, RecursionError):
        raise Unreadable(400) from None
    number = update.get("update_id") if isinstance(update, dict) else None
    if type(number) is not int or not 0 <= number <= HIGHEST:
        raise Unreadable(400)
    assert isinstance(update, dict)
    return update
