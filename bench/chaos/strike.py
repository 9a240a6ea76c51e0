"""Lets a fault happen, mends it, and notes whom it hit."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from bench.chaos.client import Client
from bench.chaos.node import Node
from bench.chaos.plan import KILL, KILL_ALL, LOG_LINE, PAUSE, SQL_LINE, STORE, TERM, Fault
from bench.chaos.rig import Rig

OUTAGES: Final = frozenset({STORE, LOG_LINE, SQL_LINE})
"""Faults after which an answer may have to be given up."""
DEATHS: Final = frozenset({KILL, KILL_ALL, TERM})
MORE: Final = ", and more"
"""Beside a fault whose runs had another one before they were heard of again."""
SOUND_S: Final = 6.0
"""After an outage nobody takes a run over until leases have been held for 5 s again."""


class Striker:
    """What has happened so far."""

    def __init__(self, rig: Rig) -> None:
        self._rig = rig
        self.happened = Counter[str]()
        self.hit = Counter[str]()
        """Runs that were being answered where it happened."""
        self.ends: list[float] = []
        """Seconds that servers took to end after SIGTERM."""
        self._killing = asyncio.Lock()

    async def strike(self, fault: Fault, clients: Sequence[Client]) -> None:
        """Let the fault happen at its moment, and mend it."""
        await asyncio.sleep(fault.at)
        nodes, first = self._rig.nodes, fault.node % len(self._rig.nodes)
        able = [node for node in (*nodes[first:], *nodes[:first]) if node.alive]
        ways: dict[str, Callable[[], Awaitable[None]]] = {
            KILL: lambda: self._kill(able[0], fault, clients),
            TERM: lambda: self._end(able[0], fault, clients),
            PAUSE: lambda: self._pause(able[0], fault, clients),
            STORE: lambda: self._store(fault, clients),
            LOG_LINE: lambda: self._line(fault, clients),
            SQL_LINE: lambda: self._line(fault, clients),
        }
        if able or fault.kind in OUTAGES:
            await ways[fault.kind]()

    def _note(self, kind: str, runs: set[str], clients: Sequence[Client]) -> None:
        self.happened[kind] += 1
        now = asyncio.get_running_loop().time()
        sound = not self._rig.outages and now - self._rig.sound_since > SOUND_S
        for client in clients:
            if client.told.run in runs and not client.told.ends:
                self.hit[kind] += 1
                client.deaths += kind in DEATHS | {PAUSE}
                if client.struck is None:
                    client.struck = (kind if sound or kind in OUTAGES else kind + MORE, now)
                elif kind in DEATHS:
                    client.struck = (kind + MORE, now)
                elif not client.struck[0].endswith(MORE):
                    client.struck = (client.struck[0] + MORE, client.struck[1])

    async def _kill(self, node: Node, fault: Fault, clients: Sequence[Client]) -> None:
        runs = await self._rig.owned(node)
        if not await node.kill():
            return
        others = any(one.alive and not one.paused for one in self._rig.nodes)
        alone = len(self._rig.nodes) == 1
        self._note(KILL if others or alone else KILL_ALL, runs, clients)
        await asyncio.sleep(fault.lasts / 10 if alone else fault.lasts)  # one that is alone is missed at once
        await self._rig.start(node)

    async def _end(self, node: Node, fault: Fault, clients: Sequence[Client]) -> None:
        self._note(TERM, await self._rig.owned(node), clients)
        self.ends.append(await node.end())
        await asyncio.sleep(fault.lasts / 10)
        await self._rig.start(node)

    async def _pause(self, node: Node, fault: Fault, clients: Sequence[Client]) -> None:
        if node.paused:
            return
        runs = await self._rig.owned(node)
        node.pause()
        self._note(PAUSE, runs, clients)
        await asyncio.sleep(fault.lasts)
        node.proceed()

    async def _store(self, fault: Fault, clients: Sequence[Client]) -> None:
        if self._killing.locked() or not self._rig.nodes[0].alive:
            return
        runs = await self._rig.unfinished()
        async with self._killing:
            with self._rig.outage():
                self._note(STORE, runs, clients)
                await self._rig.kill_store(fault.lasts)

    async def _line(self, fault: Fault, clients: Sequence[Client]) -> None:
        line = self._rig.log_line if fault.kind == LOG_LINE else self._rig.sql_line
        assert line is not None
        self.happened[f"{fault.kind} {fault.how}"] += 1
        for client in clients:
            if client.struck is not None and not client.struck[0].endswith(MORE):
                client.struck = (client.struck[0] + MORE, client.struck[1])
        with self._rig.outage():
            await line.suffer(fault)
