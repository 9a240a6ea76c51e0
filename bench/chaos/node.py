"""A `switchboard serve` on a port of its own that may be killed, paused, ended and started again over its folder."""

import asyncio
import os
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


class Ended(Exception):
    """It ended before it answered, and nobody had asked it to; the text is its last words."""


class Node:
    """One server."""

    def __init__(self, folder: Path, env: Mapping[str, str], launch: Launch) -> None:
        self.folder = folder
        self.port = free_port()
        self.owners = set[str]()
        """The names under which its processes have held their leases."""
        self.asked_to_end = 0
        """How often it was."""
        self._env = {name: value for name, value in os.environ.items() if not name.startswith("SWITCHBOARD_")}
        self._env |= env
        self._launch = launch
        self._process: Running | None = None
        self.paused = False

    @property
    def alive(self) -> bool:
        """Tell whether its process is there."""
        return self._process is not None and self._process.returncode is None

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
        asked = self.asked_to_end
        self._process = await self._launch(["serve", "--port", str(self.port)], self._env, said)
        until = asyncio.get_running_loop().time() + START_S
        while asyncio.get_running_loop().time() < until and self._process.returncode is None:
            try:
                if (await call(self.port, "GET", "/messaging/conversations?limit=1"))[0] == 200:
                    return True
            except BROKEN:
                pass
            await asyncio.sleep(0.05)
        if self.asked_to_end > asked:
            return False
        words = repr(said.read_text(errors="replace").strip()[-600:])
        if not self.alive:
            raise Ended(words)
        raise RuntimeError(f"A server did not answer within {START_S:.0f} s. Its last words: {words}")

    def pause(self) -> None:
        """Stop it as an overloaded machine would."""
        self._signal(signal.SIGSTOP)
        self.paused = True

    def proceed(self) -> None:
        """Let it go on."""
        self._signal(signal.SIGCONT)
        self.paused = False

    async def kill(self) -> None:
        """End it as a crash would."""
        self.asked_to_end += 1
        self._signal(signal.SIGKILL)
        self.paused = False
        await self._gone()

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
