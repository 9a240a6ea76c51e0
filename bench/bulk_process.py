"""A pipeline in a process of its own: folders in, figures out, with its CPU and memory seen from outside."""

import asyncio
import json
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import psutil

LOOK_S: Final = 0.1
"""Seconds between two looks at the memory."""
START_S: Final = 300.0


class Contestant:
    """A running pipeline, itself and all that it starts."""

    def __init__(self, name: str, process: Process) -> None:
        self.name = name
        self._process = process
        self._seen = psutil.Process(process.pid)

    @classmethod
    async def start(cls, name: str, command: Sequence[str], environment: Mapping[str, str]) -> "Contestant":
        """Start it and wait until its libraries are loaded. Raises RuntimeError."""
        process = await asyncio.create_subprocess_exec(
            *command, stdin=PIPE, stdout=PIPE, stderr=DEVNULL, env=dict(environment), limit=2**20
        )
        made = cls(name, process)
        async with asyncio.timeout(START_S):
            await made._line()
        return made

    async def take(self, folder: Path) -> dict[str, Any]:
        """Have it index a folder; returns its own figures with `cpu_s` and `rss` as seen from here."""
        assert self._process.stdin is not None
        before, looking = self._cpu(), asyncio.create_task(self._peak())
        self._process.stdin.write(json.dumps({"folder": str(folder)}).encode() + b"\n")
        try:
            found = await self._line()
        finally:
            looking.cancel()
            with suppress(asyncio.CancelledError):
                await looking
        return found | {"cpu_s": max(self._cpu() - before, found["cpu_s"]), "rss": self._most}

    async def close(self) -> None:
        """End it."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        with suppress(TimeoutError):
            async with asyncio.timeout(20):
                await self._process.wait()
                return
        self._process.kill()
        await self._process.wait()

    async def _line(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = await self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self.name} ended with status {await self._process.wait()}")
        return json.loads(line)

    async def _peak(self) -> None:
        self._most = 0
        while True:
            self._most = max(self._most, sum(one.memory_info().rss for one in self._alive()))
            await asyncio.sleep(LOOK_S)

    def _alive(self) -> list[psutil.Process]:
        with suppress(psutil.NoSuchProcess):
            return [one for one in (self._seen, *self._seen.children(recursive=True)) if one.is_running()]
        return []

    def _cpu(self) -> float:
        """Return the seconds of CPU so far, of ended children too."""
        total = 0.0
        for one in self._alive():
            with suppress(psutil.NoSuchProcess):
                used = one.cpu_times()
                total += used.user + used.system + used.children_user + used.children_system
        return total
