"""The embedded Valkey: it lives as long as the process that started it, and loses nothing when that is killed."""

import asyncio
import sys
from pathlib import Path

import psutil

from ports.valkey import open_redis

OWNER = """
import asyncio, sys
from pathlib import Path
from ports.valkey import open_redis

async def main():
    async with open_redis(None, Path(sys.argv[1])) as redis:
        for n in range(500):
            await redis.rpush("kept", n)
        print("written", flush=True)
        await asyncio.Event().wait()

asyncio.run(main())
"""


async def test_it_ends_with_a_killed_owner_and_keeps_what_was_written(tmp_path: Path) -> None:
    command = [sys.executable, "-c", OWNER, str(tmp_path)]
    owner = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    assert owner.stdout is not None
    assert await owner.stdout.readline() == b"written\n"
    (child,) = psutil.Process(owner.pid).children()
    owner.kill()
    await owner.wait()
    assert await asyncio.to_thread(psutil.wait_procs, [child], 10) == ([child], [])
    async with open_redis(None, tmp_path) as redis:
        assert await redis.lrange("kept", 0, -1) == [str(n).encode() for n in range(500)]


async def test_it_ends_with_its_block(tmp_path: Path) -> None:
    async with open_redis(None, tmp_path):
        (child,) = (one for one in psutil.Process().children() if str(tmp_path) in " ".join(one.cmdline()))
    assert not child.is_running()
