"""Servers and workers that are forked rather than started anew: the asking side of bench/starter.py."""

import asyncio
import os
import sys
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final, Protocol

import orjson

from bench.processes import ROOT

READY_S: Final = 120.0
"""Longest wait for the imports."""


class Running(Protocol):
    """A process as `asyncio` has it: what a node needs of one."""

    pid: int

    @property
    def returncode(self) -> int | None:
        """Return the exit code; None while it runs."""
        ...

    def send_signal(self, signal: int) -> None:
        """Send it a signal."""
        ...

    async def wait(self) -> int:
        """Return its exit code once it has ended."""
        ...


Launch = Callable[[Sequence[str], Mapping[str, str], Path], Awaitable[Running]]
"""Starts `switchboard` with arguments and environment; what it says goes to the end of the file."""


class Fork:
    """A child of the starter."""

    def __init__(self, forks: "Forks", pid: int) -> None:
        self._forks, self.pid = forks, pid
        self.returncode: int | None = None
        self._over = asyncio.Event()

    def over(self, code: int) -> None:
        """Note that it has ended."""
        self.returncode = code
        self._over.set()

    def send_signal(self, signal: int) -> None:
        """Send it a signal, if it is still there when that arrives."""
        self._forks.order({"signal": int(signal), "to": self.pid})

    async def wait(self) -> int:
        """Return its exit code once it has ended."""
        await self._over.wait()
        assert self.returncode is not None
        return self.returncode


class Forks:
    """Starts children and hears of their ends."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._asked = deque[asyncio.Future[Fork]]()
        self._living = dict[int, Fork]()
        self.ready = asyncio.Event()

    async def start(self, arguments: Sequence[str], env: Mapping[str, str], log: Path) -> Fork:
        """Fork `switchboard` with these arguments; what it says goes to the end of `log`."""
        started = asyncio.get_running_loop().create_future()
        self._asked.append(started)
        self.order({"start": arguments, "env": env, "log": str(log)})
        return await started

    def order(self, what: Mapping[str, object]) -> None:
        """Write an order."""
        assert self._process.stdin is not None
        self._process.stdin.write(orjson.dumps(what) + b"\n")

    async def hear(self) -> None:
        """Take in what the starter tells until it ends."""
        assert self._process.stdout is not None
        while line := await self._process.stdout.readline():
            match orjson.loads(line):
                case {"started": int(pid)}:
                    fork = self._living[pid] = Fork(self, pid)
                    self._asked.popleft().set_result(fork)
                case {"ended": int(pid), "code": int(code)}:
                    self._living.pop(pid).over(code)
                case _:
                    self.ready.set()


async def program(arguments: Sequence[str], env: Mapping[str, str], log: Path) -> Running:
    """Start `switchboard` as a program of its own, imports and all."""
    with log.open("ab") as said:
        return await asyncio.create_subprocess_exec(
            sys.executable, "-m", "switchboard", *arguments, cwd=ROOT, env=env, stdout=said, stderr=said
        )


@asynccontextmanager
async def forking() -> AsyncGenerator[Forks]:
    """Run a starter until the block ends, and with it every child. Raises RuntimeError where it cannot import."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("SWITCHBOARD_")}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bench.starter", cwd=ROOT, env=env, start_new_session=True,
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    forks = Forks(process)
    hearing = asyncio.create_task(forks.hear())
    ready = asyncio.create_task(forks.ready.wait())
    try:
        await asyncio.wait([hearing, ready], timeout=READY_S, return_when=asyncio.FIRST_COMPLETED)
        if not forks.ready.is_set():
            raise RuntimeError("The process that forks servers did not start. Its last words are above.")
        yield forks
    finally:
        ready.cancel()
        assert process.stdin is not None
        process.stdin.close()
        await process.wait()
        await hearing
