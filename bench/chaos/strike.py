"""Lets a fault happen, mends it, and notes whom it hit."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from bench.chaos.client import Client
from bench.chaos.node import Node
from bench.chaos.plan import CALM, KILL, KILL_ALL, LOG_LINE, PAUSE, SQL_LINE, STORE, TERM, Fault
from bench.chaos.rig import Rig

OUTAGES: Final = frozenset({STORE, LOG_LINE, SQL_LINE})
"""Faults after which an answer may have to be given up."""


class Striker:
    """What has happened so far."""

    def __init__(self, rig: Rig) -> None:
        self._rig = rig
        self.happened = Counter[str]()
        self.hit = Counter[str]()
        """Runs that were being answered where it happened."""
        self.ends: list[float] = []
        """Seconds that servers took to end after SIGTERM."""

    async def strike(self, fault: Fault, clients: Sequence[Client]) -> None:
        """Let the fault happen at its moment, and mend it."""
        await asyncio.sleep(fault.at)
        node = self._rig.nodes[fault.node % len(self._rig.nodes)]
        ways: dict[str, Callable[[], Awaitable[None]]] = {
            KILL: lambda: self._kill(node, fault, clients),
            TERM: lambda: self._end(node, fault, clients),
            PAUSE: lambda: self._pause(node, fault, clients),
            STORE: lambda: self._store(fault, clients),
            LOG_LINE: lambda: self._line(fault),
            SQL_LINE: lambda: self._line(fault),
        }
        if fault.kind == CALM:
            self.happened[CALM] += 1
        else:
            await ways[fault.kind]()

    def _note(self, kind: str, runs: set[str], clients: Sequence[Client]) -> None:
        self.happened[kind] += 1
        now = asyncio.get_running_loop().time()
        for client in clients:
            if client.told.run in runs and not client.told.ends:
                self.hit[kind] += 1
                if kind in {KILL, KILL_ALL, TERM, PAUSE}:
                    client.deaths += 1
                fresh = client.struck is None or kind in {KILL, KILL_ALL, TERM}
                client.struck = (kind, now) if fresh else client.struck

    async def _kill(self, node: Node, fault: Fault, clients: Sequence[Client]) -> None:
        if not node.alive:
            return
        runs = await self._rig.owned(node)
        await node.kill()
        others = any(one.alive and not one.paused for one in self._rig.nodes)
        alone = len(self._rig.nodes) == 1
        self._note(KILL if others or alone else KILL_ALL, runs, clients)
        await asyncio.sleep(fault.lasts / 10 if alone else fault.lasts)  # one that is alone is missed at once
        await self._rig.start(node)

    async def _end(self, node: Node, fault: Fault, clients: Sequence[Client]) -> None:
        if not node.alive or self._rig.mending.locked():
            return
        self._note(TERM, await self._rig.owned(node), clients)
        self.ends.append(await node.end())
        await asyncio.sleep(fault.lasts / 10)
        await self._rig.start(node)

    async def _pause(self, node: Node, fault: Fault, clients: Sequence[Client]) -> None:
        if not node.alive or node.paused:
            return
        runs = await self._rig.owned(node)
        node.pause()
        self._note(PAUSE, runs, clients)
        await asyncio.sleep(fault.lasts)
        node.proceed()

    async def _store(self, fault: Fault, clients: Sequence[Client]) -> None:
        self._note(STORE, await self._rig.unfinished(), clients)
        await self._rig.kill_store(fault.lasts)

    async def _line(self, fault: Fault) -> None:
        line = self._rig.log_line if fault.kind == LOG_LINE else self._rig.sql_line
        assert line is not None
        self.happened[f"{fault.kind} {fault.how}"] += 1
        await line.suffer(fault)
