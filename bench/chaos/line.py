"""A TCP line to a server that can be cut, lose the rest of what is under way, hang, go slowly or refuse."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import cast

from bench.chaos.plan import Fault

PIECE = 65_536


class Line:
    """Passes bytes both ways between its clients and a port of 127.0.0.1."""

    def __init__(self, target: int) -> None:
        self._target = target
        self._open = set[asyncio.StreamWriter]()
        self.tasks = set[asyncio.Task[None]]()
        """Those that serve the clients. Each ends by itself: Python 3.11 reports a cancelled one as a failure."""
        self._flows = asyncio.Event()
        self._flows.set()
        self._wait = 0.0
        """Seconds that each piece waits."""
        self._left: int | None = None
        """Bytes that still pass before the line is cut; None for all."""
        self._refuses = False
        self.port = 0
        self.cuts = 0
        """Connections that were cut."""

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one client."""
        task = cast("asyncio.Task[None]", asyncio.current_task())
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)
        if self._refuses:
            writer.transport.abort()
            return
        try:
            there, back = await asyncio.open_connection("127.0.0.1", self._target)
        except OSError:
            writer.transport.abort()
            return
        pair = {writer, back}
        self._open |= pair
        ways = [asyncio.create_task(self._pour(*way)) for way in ((reader, back), (there, writer))]
        await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        for way in ways:
            way.cancel()
        await asyncio.wait(ways)
        self._open -= pair
        for one in pair:
            one.transport.abort()

    async def _pour(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(PIECE):
                if self._wait:
                    await asyncio.sleep(self._wait)
                await self._flows.wait()
                if self._left is not None and (left := self._left) < len(data):
                    self._left = None
                    writer.write(data[:left])
                    await writer.drain()
                    self.cut()
                    return
                if self._left is not None:
                    self._left -= len(data)
                writer.write(data)
                await writer.drain()
        except OSError:
            return

    def cut(self) -> None:
        """End every connection."""
        self.cuts += len(self._open) // 2
        for writer in list(self._open):
            writer.transport.abort()

    def proceed(self) -> None:
        """Let everything pass again."""
        self._left, self._wait, self._refuses = None, 0.0, False
        self._flows.set()

    async def suffer(self, fault: Fault) -> None:
        """Let the fault happen, and end it."""
        match fault.how:
            case "cut":
                self.cut()
            case "lose":
                self._left = fault.size
                await asyncio.sleep(fault.lasts)
                self._left = None
            case "slow":
                self._wait = fault.size / 1000
                await asyncio.sleep(fault.lasts)
                self._wait = 0.0
            case "hang":
                self._flows.clear()
                await asyncio.sleep(fault.lasts)
                self._flows.set()
            case _:
                self._refuses = True
                self.cut()
                await asyncio.sleep(fault.lasts)
                self._refuses = False


@asynccontextmanager
async def line_to(target: int) -> AsyncGenerator[Line]:
    """Serve a line on a port of its own until the block ends."""
    line = Line(target)
    server = await asyncio.start_server(line, "127.0.0.1", 0)
    line.port = server.sockets[0].getsockname()[1]
    try:
        yield line
    finally:
        server.close()
        line.proceed()
        line.cut()
        if line.tasks:
            await asyncio.wait(line.tasks)
