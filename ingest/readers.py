"""Worker processes that read files: each has one file at a time, limits for it, and a successor."""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Sequence
from typing import Final

from pydantic import TypeAdapter

from ingest.worker import HEAD, LONGEST, MEMORY, Answer, Order, Parsed, refusal, to_order_frame

SECONDS: Final = 60.0
"""The longest that one file may take."""
STARTUP: Final = 60.0
"""On top of that, for a fresh process on a busy machine."""
PATIENCE: Final = 5
"""Times SECONDS for a file whose process hardly gets to work."""
ENOUGH, IDLE = 0.8, 0.02
"""Of SECONDS: so much CPU time is all that a file gets, with less than so much a turn its process waits for nothing."""
ENDING: Final = 1.0
"""Seconds in which a process that closed its end is gone."""
PARSED: Final = TypeAdapter(Parsed)
# -P: the caller's folder must not come first, it may hold an `ingest` of its own.
WORKER: Final = (sys.executable, "-P", "-m", "ingest.worker")


class Lost(Exception):
    """The process ended before its answer was whole."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code
        """As `asyncio` has it: the negative number of the signal that ended it."""

    def said_of(self, source: str) -> str:
        """Return the sentence for the file that it was busy with."""
        if self.code == -signal.SIGKILL:
            return f"{source} was left out: the system ended its parser, as it does when memory runs out. Split it."
        how = f"with {signal.Signals(-self.code).name}" if self.code < 0 else f"with status {self.code}"
        return f"{source} is damaged: its parser crashed on it ({how})."


class Reader:
    """One worker process, started with its first file and again after it was lost."""

    def __init__(
        self, seconds: float = SECONDS, memory: int = MEMORY, program: Sequence[str] = WORKER
    ) -> None:
        self.seconds, self.memory, self._program = seconds, memory, program
        self._process: asyncio.subprocess.Process | None = None
        self._used = False

    @property
    def pid(self) -> int | None:
        """Return the process's id, None while there is none."""
        return self._process.pid if self._process else None

    async def read(self, order: Order) -> Parsed:
        """Return what became of the file. Never raises for the file's sake: it may hang or crash the process.

        After a crash it is read once more in a fresh process: the first may have died of something else.
        """
        try:
            try:
                return await self._read(order)
            except Lost:
                return await self._read(order)
        except Lost as lost:
            return refusal(order.source, lost.said_of(order.source))
        except TimeoutError:
            return refusal(
                order.source,
                f"{order.source} took longer than {self.seconds:g} s to read: split it, or raise "
                "SWITCHBOARD_READ_TIMEOUT.",
            )

    async def _read(self, order: Order) -> Parsed:
        """Return the answer to the order. Raises Lost, and TimeoutError."""
        process = self._process or await self._start()
        whole = False
        try:
            done = await self._in_time(process, order)
            whole = self._used = not done.spent
            return done.parsed
        except (asyncio.IncompleteReadError, ConnectionError, ValueError) as cut:
            raise Lost(await code_of(process)) from cut
        finally:
            if not whole:  # a half-read answer must not be taken for the next file's
                await self.close()

    async def _in_time(self, process: asyncio.subprocess.Process, order: Order) -> Answer:
        """Return the answer of a process that works, or waits, no longer than it may. Raises TimeoutError.

        On a busy machine it gets little done in the time; so long as that is not the file's fault, it has more of it.
        """
        before = worked(process.pid)
        answer = asyncio.ensure_future(exchange(process, order))
        try:
            for turn in range(1, PATIENCE + 1):
                seconds = self.seconds if self._used or turn > 1 else self.seconds + STARTUP
                await asyncio.wait([answer], timeout=seconds)
                if answer.done():
                    return await answer
                share = (worked(process.pid) - before) / self.seconds
                if share > ENOUGH or share < IDLE * turn:
                    break
            raise TimeoutError
        finally:
            answer.cancel()
            await asyncio.wait([answer])

    async def close(self) -> None:
        """End the process, whatever it is doing, and what it may have started."""
        process, self._process, self._used = self._process, None, False
        if process is None:
            return
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
        await process.wait()

    async def _start(self) -> asyncio.subprocess.Process:
        pipe, none = asyncio.subprocess.PIPE, asyncio.subprocess.DEVNULL
        command = (*self._program, str(os.getpid()), str(self.memory))
        self._process = await asyncio.create_subprocess_exec(
            *command, stdin=pipe, stdout=pipe, stderr=none, env=environment(), start_new_session=True
        )
        return self._process


def worked(pid: int) -> float:
    """Return the CPU seconds that a process has used; 0 where it has ended."""
    import psutil  # needed for few files, and slow to load

    with contextlib.suppress(psutil.Error):
        used = psutil.Process(pid).cpu_times()
        return used.user + used.system
    return 0.0


async def code_of(process: asyncio.subprocess.Process) -> int:
    """Return the exit code of a process that is ending; 0 where it only fell silent."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(ENDING):
            return await process.wait()
    return 0


async def exchange(process: asyncio.subprocess.Process, order: Order) -> Answer:
    """Send the order and return the answer.

    Raises IncompleteReadError where the process ends instead, and ValueError for anything but an answer.
    """
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(to_order_frame(order))
    await process.stdin.drain()
    spent, size = HEAD.unpack(await process.stdout.readexactly(HEAD.size))
    if size > LONGEST:
        raise ValueError(f"an answer of {size} bytes")
    return Answer(PARSED.validate_json(await process.stdout.readexactly(size)), spent)


def environment() -> dict[str, str]:
    """Return this process's environment without our settings, which hold secrets, and with one thread a library."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("SWITCHBOARD_")}
    return {**kept, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "2"}
