"""The pages of a process: whether it lives, whether it can work, its figures, and where it receives, the webhooks.

Only the webhooks are for the outside: a reverse proxy passes on those paths.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence

import structlog
import uvicorn
from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4
from sqlalchemy import select
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from bot.operations.figures import write_figures
from integrations.database import Database, DatabaseUnavailable

LONGEST_CHECK = 2.0  # seconds: what does not answer by then is not ready
LONGEST_GOODBYE = 5  # seconds for requests that are being answered when we are told to stop

Check = Callable[[], Awaitable[bool]]
log = structlog.get_logger()


class Unreadable(Exception):
    """A request that does not bring what it should, with the status that says why."""

    def __init__(self, status: int) -> None:
        self.status = status


def build_pages(database: Database, checks: Mapping[str, Check], more: Sequence[Route] = ()) -> Starlette:
    """`checks` are the parts that this process needs besides the database, by name."""
    parts = {"database": lambda: _answers(database), **checks}

    async def health(request: Request) -> Response:
        return PlainTextResponse("ok\n")

    async def readiness(request: Request) -> Response:
        ready = await asyncio.gather(*map(_holds, parts.values()))
        return JSONResponse(dict(zip(parts, ready, strict=True)), 200 if all(ready) else 503)

    async def figures(request: Request) -> Response:
        return Response(await write_figures(database), media_type=CONTENT_TYPE_PLAIN_0_0_4)

    pages = [Route("/healthz", health), Route("/readyz", readiness), Route("/metrics", figures)]
    return Starlette(routes=[*pages, *more])


async def read_body(request: Request, longest: int) -> bytes:
    """Not with `request.body()`, which takes as much as it is given. Raises Unreadable."""
    body = bytearray()
    try:
        async for piece in request.stream():
            body += piece
            if len(body) > longest:
                raise Unreadable(413)
    except ClientDisconnect:
        raise Unreadable(400) from None
    return bytes(body)


def refuse(status: int) -> Response:
    """Without a word why. What is still being sent is not read."""
    return Response(status_code=status, headers={"Connection": "close"})


def listen(host: str, port: int) -> socket.socket:
    """A socket on this address. Raises OSError where it is taken or not this machine's."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # Named TCP, or asyncio would let the second half of an answer wait for the first to be acknowledged.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise OSError(f"nobody can listen on {host}:{port}: {error.strerror}") from error
    return listener


async def serve(pages: Starlette, listener: socket.socket, stopping: asyncio.Event) -> None:
    """Answer until told to stop."""
    server = _Server(
        uvicorn.Config(
            pages,
            log_config=None,  # through our own logs
            access_log=False,  # a line for each message, with the path of whoever tries one
            server_header=False,
            lifespan="off",
            ws="none",
            timeout_graceful_shutdown=LONGEST_GOODBYE,
        )
    )
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    log.info("serving", address="{}:{}".format(*listener.getsockname()[:2]))
    told = asyncio.create_task(stopping.wait())
    await asyncio.wait([serving, told], return_when=asyncio.FIRST_COMPLETED)
    told.cancel()
    server.should_exit = True
    await serving


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield  # the process is told to stop, and tells us


async def _answers(database: Database) -> bool:
    async with database.read() as session:
        await session.execute(select(1))
    return True


async def _holds(check: Check) -> bool:
    try:
        async with asyncio.timeout(LONGEST_CHECK):
            return await check()
    except (TimeoutError, DatabaseUnavailable):
        return False
