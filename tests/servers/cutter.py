"""A proxy to a unix socket that loses what it is told to lose: a cable between a client and a real Redis."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff


class Cutter:
    """Cuts the connection after a number of bytes in one direction; what was under way the other way is lost too."""

    def __init__(self, target: str) -> None:
        self._target = target
        self.asked: int | None = None
        """Bytes of requests that still get through before the cut; None for all."""
        self.answered: int | None = None
        """Bytes of replies likewise."""
        self.lost = 0
        """Connections that were cut."""

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_unix_connection(self._target)
        pair = [
            asyncio.create_task(_pour(reader, back, self._ask)),
            asyncio.create_task(_pour(there, writer, self._answer)),
        ]
        await asyncio.wait(pair, return_when=asyncio.FIRST_COMPLETED)
        for task in pair:
            task.cancel()
        await asyncio.wait(pair)
        back.close()
        writer.close()

    def _ask(self, size: int) -> int:
        self.asked, through = self._pass(self.asked, size)
        return through

    def _answer(self, size: int) -> int:
        self.answered, through = self._pass(self.answered, size)
        return through

    def _pass(self, left: int | None, size: int) -> tuple[int | None, int]:
        """Return what is left and how many of the bytes get through; fewer than all is the cut."""
        if left is None:
            return None, size
        if left >= size:
            return left - size, size
        self.lost += 1
        return None, left


async def _pour(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, through: Callable[[int], int]
) -> None:
    while data := await reader.read(65_536):
        count = through(len(data))
        writer.write(data[:count])
        await writer.drain()
        if count < len(data):
            return


@asynccontextmanager
async def cutting(socket: str) -> AsyncGenerator[tuple[Redis, Cutter]]:
    """Give a client that does not try again by itself, behind a cutter before the server at the socket."""
    cutter = Cutter(socket)
    server = await asyncio.start_server(cutter, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server, Redis(port=port, retry=Retry(NoBackoff(), 0)) as through:
        yield through, cutter
