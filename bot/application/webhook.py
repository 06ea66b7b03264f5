"""The door for DreamApply's webhook: who knocks with the right secret has the journal read at once.

What they bring is not believed and not read: it comes in any order and several times, and the system itself is asked.
"""

from __future__ import annotations

import hmac

import structlog
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from bot.application.watching import BELL
from bot.operations.web import Unreadable, read_body, refuse
from integrations.database import Database, DatabaseUnavailable, Peers

PATH = "/dreamapply"
LONGEST = 1_000_000  # bytes

log = structlog.get_logger()


class Doorbell:
    """Rings for the watcher; `secret` is the whole Authorization header that DreamApply sends."""

    def __init__(self, database: Database, peers: Peers, secret: str) -> None:
        self._database, self._peers, self._secret = database, peers, secret
        self.route = Route(PATH, self._receive, methods=["POST"])

    async def _receive(self, request: Request) -> Response:
        shown = request.headers.get("Authorization", "")
        if not hmac.compare_digest(shown.encode(), self._secret.encode()):
            return refuse(401)
        try:
            await read_body(request, LONGEST)
            async with self._database.begin() as session:
                await self._peers.ring(session, BELL)
        except Unreadable as error:
            log.warning("request_unreadable", status=error.status)
            return refuse(error.status)
        except DatabaseUnavailable as error:
            log.error("bell_not_rung", reason=str(error))
            return Response(status_code=503)
        return Response(status_code=204)
