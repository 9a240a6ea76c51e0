"""What each process holds while nothing happens: asyncio tasks and file descriptors, against what it held at first."""

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Final

import psutil

from bench.chaos.node import Node
from bench.chaos.wire import BROKEN, gauge

TASKS: Final = 1
"""More tasks than at the start that are no leak: one that just ends."""
FILES: Final = 8
"""More files than after the calm case that are no leak: pools keep the connections that were needed at once."""


@dataclass(slots=True)
class Held:
    """What processes may hold."""

    ports: frozenset[int] = frozenset()
    """Whose connections do not count: those to the model and the tool are kept open until the next one is needed."""
    tasks: int | None = None
    """Of a server, when all were started."""
    files: dict[bool, int] = field(default_factory=dict[bool, int])
    """The most of any server and, under True, of any worker after the first calm case."""

    async def learn_tasks(self, nodes: list[Node]) -> None:
        """Take what the servers do now for what they do at rest."""
        counts = [await gauge(node.port, "switchboard_tasks") for node in nodes if not node.worker]
        self.tasks = max(counts)

    def learn_files(self, nodes: list[Node]) -> None:
        """Take what the processes hold now for what they may hold."""
        for node in nodes:
            self.files[node.worker] = max(self.files.get(node.worker, 0), files_of(node, self.ports))

    async def beyond(self, nodes: list[Node]) -> list[str]:
        """Return which processes hold more than they may."""
        found: list[str] = []
        for node in nodes:
            name, files = node.folder.name, files_of(node, self.ports)
            if node.worker in self.files and files > self.files[node.worker] + FILES:
                found.append(f"{name} has {files} files open, after the calm case {self.files[node.worker]}")
            if self.tasks is None or node.worker:
                continue
            try:
                tasks = await gauge(node.port, "switchboard_tasks")
            except BROKEN:
                continue
            if tasks > self.tasks + TASKS:
                found.append(f"{name} has {tasks} tasks, at the start {self.tasks}")
        return found


def files_of(node: Node, left_out: Collection[int]) -> int:
    """Return how many descriptors the process has, connections to these ports left out; 0 for one that is gone."""
    try:
        lines = [one for one in node.outside.net_connections() if one.raddr and one.raddr[1] in left_out]
        return node.outside.num_fds() - len(lines)
    except psutil.NoSuchProcess:
        return 0
