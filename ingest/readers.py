"""Worker processes that read files: each has one file at a time, a time limit for it, and a successor."""

import asyncio
import contextlib
import pickle
import sys
from typing import Final

from ingest.worker import SIZE, Order, Parsed, to_frame

SECONDS: Final = 60.0
"""The longest that one file may take."""
STARTUP: Final = 60.0
"""On top of that, for a fresh process on a busy machine."""


class Reader:
    """One worker process, started with its first file and again after it was lost."""

    def __init__(self, seconds: float = SECONDS) -> None:
        self.seconds = seconds
        self._process: asyncio.subprocess.Process | None = None
        self._used = False

    @property
    def pid(self) -> int | None:
        """Return the process's id, None while there is none."""
        return self._process.pid if self._process else None

    async def read(self, order: Order) -> Parsed:
        """Return what became of the file. Never raises for the file's sake: it may hang or crash the process."""
        process = self._process or await self._start()
        seconds = self.seconds if self._used else self.seconds + STARTUP
        whole = False
        try:
            async with asyncio.timeout(seconds):
                parsed = await exchange(process, order)
            whole = self._used = True
        except TimeoutError:
            return refusal(
                order,
                f"{order.source} took longer than {self.seconds:g} s to read: split it, or leave it out.",
            )
        except (asyncio.IncompleteReadError, ConnectionError):
            return refusal(order, f"{order.source} is damaged: the program that reads it crashed on it.")
        finally:
            if not whole:  # a half-read answer must not be taken for the next file's
                await self.close()
        return parsed

    async def close(self) -> None:
        """End the process, whatever it is doing."""
        process, self._process, self._used = self._process, None, False
        if process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()

    async def _start(self) -> asyncio.subprocess.Process:
        pipe, none = asyncio.subprocess.PIPE, asyncio.subprocess.DEVNULL
        # -P: the caller's folder must not come first, it may hold an `ingest` of its own.
        command = (sys.executable, "-P", "-m", "ingest.worker")
        self._process = await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe, stderr=none)
        return self._process


async def exchange(process: asyncio.subprocess.Process, order: Order) -> Parsed:
    """Send the order and return the answer; raises IncompleteReadError where the process ends instead."""
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(to_frame(order))
    await process.stdin.drain()
    head = await process.stdout.readexactly(SIZE.size)
    return pickle.loads(await process.stdout.readexactly(SIZE.unpack(head)[0]))  # noqa: S301 - our own child


def refusal(order: Order, error: str) -> Parsed:
    """Return the answer for a file that could not be read."""
    return Parsed(order.source, "", 0, "", [], error)
