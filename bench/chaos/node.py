"""A `switchboard serve` or `worker` that may be killed, paused, ended and started again over its folder."""

import asyncio
import os
import re
import signal
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import psutil

from bench.chaos.forks import Launch, Running
from bench.chaos.wire import BROKEN, call
from bench.peers.cluster import free_port

START_S: Final = 90.0
END_S: Final = 20.0
OWNER: Final = re.compile(rb"have the owner (w_\w+)")
WORKS: Final = re.compile(rb"worker w_\w+ answers")


class Ended(Exception):
    """It ended before it answered, and nobody had asked it to; the text is its last words."""


class Node:
    """One server, or one worker."""

    def __init__(self, folder: Path, env: Mapping[str, str], launch: Launch, *, worker: bool = False) -> None:
        self.folder = folder
        self.worker = worker
        self.port = 0 if worker else free_port()
        self.owners = set[str]()
        """The names under which its processes have held their leases."""
        self.asked_to_end = 0
        """How often it was."""
        self._env = {name: value for name, value in os.environ.items() if not name.startswith("SWITCHBOARD_")}
        self._env |= env
        self._launch = launch
        self._process: Running | None = None
        self._killed = False
        self.starting = asyncio.Lock()
        self.paused = False

    @property
    def alive(self) -> bool:
        """Tell whether its process is there, and was not killed."""
        return self._process is not None and self._process.returncode is None and not self._killed

    @property
    def outside(self) -> psutil.Process:
        """Return its process as the operating system sees it."""
        assert self._process is not None
        return psutil.Process(self._process.pid)

    async def start(self) -> bool:
        """Start it and wait until it answers; False where it was killed or ended before.

        Raises Ended where it ends by itself, RuntimeError where it takes too long.
        """
        said = self.folder.with_suffix(".log")
        said.touch()
        asked, before = self.asked_to_end, said.stat().st_size
        arguments = ["worker"] if self.worker else ["serve", "--port", str(self.port)]
        process = self._process = await self._launch(arguments, self._env, said)
        self._killed = False
        until = asyncio.get_running_loop().time() + START_S
        while asyncio.get_running_loop().time() < until and process.returncode is None:
            words = await asyncio.to_thread(_rest, said, before)
            self.owners.update(name.decode() for name in OWNER.findall(words))
            if await self._answers(words):
                return True
            await asyncio.sleep(0.05)
        if self.asked_to_end > asked:
            return False
        words = repr(said.read_text(errors="replace").strip()[-600:])
        if process.returncode is not None:
            raise Ended(words)
        raise RuntimeError(f"A server did not answer within {START_S:.0f} s. Its last words: {words}")

    async def _answers(self, words: bytes) -> bool:
        if self.worker:
            return WORKS.search(words) is not None
        try:
            return (await call(self.port, "GET", "/messaging/conversations?limit=1"))[0] == 200
        except BROKEN:
            return False

    def pause(self) -> None:
        """Stop it as an overloaded machine would."""
        self._signal(signal.SIGSTOP)
        self.paused = True

    def proceed(self) -> None:
        """Let it go on."""
        self._signal(signal.SIGCONT)
        self.paused = False

    async def kill(self) -> bool:
        """End it as a crash would; False where it was dead before."""
        if not self.alive:
            return False
        self.asked_to_end += 1
        self._signal(signal.SIGKILL)
        self.paused, self._killed = False, True
        await self._gone()
        return True

    async def end(self) -> float:
        """Ask it to end and return the seconds that it took. Raises RuntimeError where it takes too long."""
        began = asyncio.get_running_loop().time()
        self.asked_to_end += 1
        if self.paused:
            self.proceed()
        self._signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(END_S):
                await self._gone()
        except TimeoutError as error:
            await self.kill()
            raise RuntimeError(f"A server did not end within {END_S:.0f} s of SIGTERM.") from error
        return asyncio.get_running_loop().time() - began

    def _signal(self, number: signal.Signals) -> None:
        if self.alive and self._process is not None:
            self._process.send_signal(number)

    async def _gone(self) -> None:
        if self._process is not None:
            await self._process.wait()


def _rest(file: Path, before: int) -> bytes:
    """Return what the file has behind that many bytes."""
    with file.open("rb") as opened:
        opened.seek(before)
        return opened.read()
