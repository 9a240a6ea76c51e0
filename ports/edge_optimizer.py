"""When and how the embedded index is optimized: in idle time, by a child process, on a copy.

Meanwhile reads and writes go on. What they feel: the copy (writes wait, 0.1 s for 20,000 points) and the
exchange (both wait, about 0.5 s), and the child's load on the processor, at low priority.
"""

import asyncio
import logging
import signal
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Final

from ports.edge_shard import Shard

log = logging.getLogger("switchboard.edge")

STOPPED: Final = (-signal.SIGTERM, -signal.SIGINT)
"""How the child ends where everything is stopped, by a service manager or from the keyboard: nothing failed."""
BUSY: Final = 4
"""At this many times the threshold the optimizer no longer waits for idle time."""
CHILD: Final = """
import os, signal, sys
signal.signal(signal.SIGINT, signal.SIG_DFL)
import qdrant_edge
os.nice(10)
shard = qdrant_edge.EdgeShard.load(sys.argv[1])
shard.optimize()
shard.flush()
shard.close()
"""


class Optimizer:
    """Optimizes collections after many writes. All changes to a shard go through the one thread of `writes`."""

    def __init__(self, writes: ThreadPoolExecutor, idle: float, after: int) -> None:
        self._writes = writes
        self._idle = idle
        self._after = after
        self._timers: dict[Shard, asyncio.TimerHandle] = {}
        self._running: dict[Shard, asyncio.Task[None]] = {}

    def written(self, shard: Shard) -> None:
        """Note a write: the collection is optimized once enough has come and nothing more does."""
        if (timer := self._timers.pop(shard, None)) is not None:
            timer.cancel()
        if shard.pending >= self._after:
            wait = 0.0 if shard.pending >= BUSY * self._after else self._idle
            self._timers[shard] = asyncio.get_running_loop().call_later(wait, self._start, shard)

    async def run(self, shard: Shard) -> None:
        """Optimize now, or wait for the optimization that is going on."""
        await asyncio.shield(self._start(shard))

    def busy(self) -> bool:
        """Tell whether an optimization is going on or planned."""
        return bool(self._timers or self._running)

    async def stop(self, shard: Shard) -> None:
        """End what is going on or planned for the shard."""
        if (timer := self._timers.pop(shard, None)) is not None:
            timer.cancel()
        if (task := self._running.get(shard)) is not None:
            task.cancel()
            await asyncio.wait([task])

    async def close(self) -> None:
        for shard in {*self._timers, *self._running}:
            await self.stop(shard)

    def _start(self, shard: Shard) -> asyncio.Task[None]:
        if (task := self._running.get(shard)) is None:
            task = self._running[shard] = asyncio.create_task(self._optimize(shard))
            task.add_done_callback(partial(self._ended, shard))
        return task

    async def _optimize(self, shard: Shard) -> None:
        fresh = shard.fresh_folder()
        try:
            await self._off(shard.copy, fresh)
            if await optimized(fresh):
                await self._off(shard.adopt, fresh)
        finally:
            await self._off(shard.abandon, fresh)

    async def _off(self, call: Callable[[Path], None], fresh: Path) -> None:
        await asyncio.get_running_loop().run_in_executor(self._writes, call, fresh)

    def _ended(self, shard: Shard, task: asyncio.Task[None]) -> None:
        self._running.pop(shard, None)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.warning("The index could not be optimized: %s", error)


async def optimized(folder: Path) -> bool:
    """Tell whether the child process came to its end; it ends with this coroutine."""
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-P", "-c", CHILD, str(folder), stdin=asyncio.subprocess.DEVNULL
    )
    try:
        code = await child.wait()
    finally:
        if child.returncode is None:
            child.kill()
            await child.wait()
    if code and code not in STOPPED:
        log.warning("The index could not be optimized: its process ended with code %s.", code)
    return code == 0
