"""What stands before several receivers: one address, each connection to the next of them that listens."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from itertools import count

PIECE = 65_536  # bytes


@asynccontextmanager
async def proxy(ports: Sequence[int], host: str = "127.0.0.1", port: int = 0) -> AsyncIterator[str]:
    """Gives the address, with a port of its own where none is given.

    Where none of the receivers listens, the connection is closed at once.
    """
    turns = count()
    open_now: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        open_now.add(task)
        try:
            first = next(turns)
            for number in range(len(ports)):
                try:
                    inner = await asyncio.open_connection("127.0.0.1", ports[(first + number) % len(ports)])
                except OSError:
                    continue
                await _join(reader, writer, *inner)
                return
        finally:
            open_now.discard(task)
            writer.close()

    server = await asyncio.start_server(serve, host, port)
    yield f"http://{host}:{server.sockets[0].getsockname()[1]}"
    server.close()
    for task in open_now:
        task.cancel()
    await asyncio.gather(*open_now, return_exceptions=True)


async def _join(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    inner_reader: asyncio.StreamReader,
    inner_writer: asyncio.StreamWriter,
) -> None:
    """Until either side ends."""
    ways = [asyncio.create_task(_copy(*way)) for way in ((reader, inner_writer), (inner_reader, writer))]
    try:
        await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for way in ways:
            way.cancel()
        await asyncio.gather(*ways, return_exceptions=True)
        inner_writer.close()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while piece := await reader.read(PIECE):
        writer.write(piece)
        await writer.drain()
