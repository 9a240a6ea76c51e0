"""A line between a client and a real server, in a thread of its own: it can be cut, fall silent, or go slowly."""

import asyncio
import threading
from collections.abc import AsyncGenerator, Callable, Generator
from concurrent.futures import Future
from contextlib import asynccontextmanager, contextmanager
from typing import cast

PIECE = 65_536


class Cable:
    """Passes bytes both ways between a port of 127.0.0.1 and a server, until it is told otherwise."""

    def __init__(self, target: str | int) -> None:
        """`target`: a unix socket, or a port of 127.0.0.1."""
        self._target = target
        self._open = set[asyncio.StreamWriter]()
        self._tasks = set[asyncio.Task[None]]()
        self._flows = asyncio.Event()
        self._flows.set()
        self._wait = 0.0
        self._away = False
        self._change = threading.Condition()
        self.port = 0
        self.refused = 0
        """Connections that were asked for while it was cut."""
        self.loop: asyncio.AbstractEventLoop

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one client."""
        task = cast("asyncio.Task[None]", asyncio.current_task())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        if self._away:
            writer.transport.abort()
            with self._change:
                self.refused += 1
                self._change.notify_all()
            return
        there, back = await self._reach()
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

    async def _reach(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if isinstance(self._target, int):
            return await asyncio.open_connection("127.0.0.1", self._target)
        return await asyncio.open_unix_connection(self._target)

    async def _pour(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(PIECE):
                if self._wait:
                    await asyncio.sleep(self._wait)
                await self._flows.wait()
                writer.write(data)
                await writer.drain()
        except OSError:
            return

    def cut(self) -> None:
        """End every connection and refuse new ones."""

        def now() -> None:
            self._away, self.refused = True, 0
            for writer in self._open:
                writer.transport.abort()

        self._inside(now)

    def hang(self) -> None:
        """Let nothing pass; connections stay."""
        self._inside(self._flows.clear)

    def slow(self, seconds: float) -> None:
        """Let each piece wait."""
        self._wait = seconds

    def mend(self) -> None:
        """Let everything pass again."""

        def now() -> None:
            self._away, self._wait = False, 0.0
            self._flows.set()

        self._inside(now)

    def until_refused(self, times: int = 1) -> None:
        """Wait until that many connections were asked for in vain."""
        with self._change:
            assert self._change.wait_for(lambda: self.refused >= times, 20)

    def _inside(self, do: Callable[[], None]) -> None:
        done = Future[None]()

        def run() -> None:
            do()
            done.set_result(None)

        self.loop.call_soon_threadsafe(run)
        done.result(10)

    async def end(self) -> None:
        """End every connection and wait for what serves them."""
        self._flows.set()
        for writer in self._open:
            writer.transport.abort()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=5)


@asynccontextmanager
async def _laid(target: str | int) -> AsyncGenerator[Cable]:
    cable = Cable(target)
    cable.loop = asyncio.get_running_loop()
    server = await asyncio.start_server(cable, "127.0.0.1", 0)
    cable.port = server.sockets[0].getsockname()[1]
    try:
        yield cable
    finally:
        server.close()
        await cable.end()


@contextmanager
def cable_to(target: str | int) -> Generator[Cable]:
    """Lay a cable until the block ends."""
    laid, over = Future[Cable](), asyncio.Event()

    async def serve() -> None:
        async with _laid(target) as cable:
            laid.set_result(cable)
            await over.wait()

    thread = threading.Thread(target=asyncio.run, args=(serve(),), name="cable", daemon=True)
    thread.start()
    cable = laid.result(10)
    try:
        yield cable
    finally:
        cable.loop.call_soon_threadsafe(over.set)
        thread.join(10)
