"""Child processes of a benchmark: each told its URL on stdout, its CPU and memory read from outside."""

import asyncio
import os
import re
import sys
import tempfile
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psutil

ROOT: Final = Path(__file__).parents[1]
HANDBOOK: Final = ROOT / "examples" / "handbook"
URL: Final = re.compile(rb"http://\S+")
START_S: Final = 120.0
"""Longest wait for a child's URL; a first start loads the sample."""


@dataclass(frozen=True, slots=True)
class Cpu:
    """CPU seconds of a process and of the children that still run."""

    own: float = 0.0
    children: float = 0.0

    def __sub__(self, earlier: "Cpu") -> "Cpu":
        return Cpu(self.own - earlier.own, self.children - earlier.children)

    @property
    def total(self) -> float:
        """Return both together."""
        return self.own + self.children


@dataclass(frozen=True, slots=True)
class Child:
    """A running child."""

    url: str
    process: psutil.Process

    @property
    def port(self) -> int:
        """Return the port that it serves on."""
        return int(self.url.rpartition(":")[2])

    def cpu(self) -> Cpu:
        """Return the CPU seconds so far; a server's one child is its Valkey."""
        times = [one.cpu_times() for one in (self.process, *self.process.children(recursive=True))]
        own, *rest = [one.user + one.system for one in times]
        return Cpu(own, sum(rest))

    def rss(self) -> int:
        """Return the bytes of memory of the process itself."""
        return self.process.memory_info().rss


@asynccontextmanager
async def child(arguments: Sequence[str], env: Mapping[str, str] | None = None) -> AsyncGenerator[Child]:
    """Run a Python child until the block ends. Raises RuntimeError, with its last words, where it does not start."""
    with tempfile.TemporaryFile() as errors:
        process = await asyncio.create_subprocess_exec(
            sys.executable, *arguments, cwd=ROOT, env=os.environ | dict(env or {}),
            stdout=asyncio.subprocess.PIPE, stderr=errors,
        )  # fmt: skip
        try:
            assert process.stdout is not None
            url = await _url(process.stdout)
            if not url:
                errors.seek(0)
                said = errors.read().decode(errors="replace").strip()[-600:]
                raise RuntimeError(f"{' '.join(arguments[:4])} did not start. Its last words: {said!r}")
            yield Child(url, psutil.Process(process.pid))
        finally:
            await _end(process)


async def _url(lines: asyncio.StreamReader) -> str:
    try:
        async with asyncio.timeout(START_S):
            while line := await lines.readline():
                if found := URL.search(line):
                    return found[0].decode()
    except TimeoutError:
        pass
    return ""


async def _end(process: asyncio.subprocess.Process) -> None:
    if process.returncode is not None:
        return
    process.terminate()
    try:
        async with asyncio.timeout(10):
            await process.communicate()
    except TimeoutError:
        process.kill()
        await process.communicate()


def server_env(data: Path, stub: str, **more: str) -> dict[str, str]:
    """Return the environment of a server whose every chat model is the stub."""
    models = {f"SWITCHBOARD_MODEL_{role}": "stub:latest" for role in ("PRIMARY", "FAST", "ANALYSIS", "CODE")}
    named = {f"SWITCHBOARD_{name}": value for name, value in more.items()}
    return {"SWITCHBOARD_DATA_DIR": str(data), "SWITCHBOARD_OLLAMA_URLS": stub, **models, **named}
