"""What the chaos breaks: one embedded server, or servers and workers over one Redis and one PostgreSQL.

Of two servers the first answers what it accepts (`SWITCHBOARD_ANSWERS=here`), the second leaves it to the two workers.
"""

import asyncio
import sqlite3
from collections.abc import AsyncGenerator, Generator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import psutil
import psycopg
from redis.asyncio import Redis
from redis.exceptions import RedisError

from bench.chaos.daemon import Store, store
from bench.chaos.forks import Launch, forking, program
from bench.chaos.held import Held
from bench.chaos.line import Line, line_to
from bench.chaos.model import NOTE, SEND, counting
from bench.chaos.node import Ended, Node
from bench.chaos.plan import EMBEDDED
from bench.chaos.receiver import Receiver, receiving
from bench.chaos.wire import BROKEN, call
from bench.peers.cluster import cluster
from bench.processes import server_env

NAMES: Final = {"server-1": "here", "server-2": "workers", "worker-1": "here", "worker-2": "here"}
"""The processes and who writes the answers to what each accepts, which a worker does not."""
LOG_S: Final = 300
OPTIONS: Final = {
    "THREADS": "1",
    "MODEL_TIMEOUT": "PT9S",
    "MAX_RUNNING": "1000",
    "LOG_TTL": f"PT{LOG_S}S",
    "TOOL_NETWORKS": "127.0.0.1",
}
AGENT: Final = {"confidence_threshold": 0, "escalation": {"limit": 1000, "per": 60}}
CLERK: Final = "clerk"
"""The agent that has tools."""
CAREFUL: Final = "careful"
"""The agent whose every answer a person looks at first."""
UNFINISHED: Final = "SELECT id, owner, status FROM runs WHERE finished_at IS NULL"


@dataclass(slots=True)
class Rig:
    """The servers and workers and what stands behind them."""

    nodes: list[Node]
    sql: str
    """PostgreSQL's URL, or SQLite's file."""
    redis: Redis
    store: Store | None = None
    log_line: Line | None = None
    sql_line: Line | None = None
    held: Held = field(default_factory=Held)
    given_up: set[str] = field(default_factory=set[str])
    """Runs that a case left without an end: later cases do not wait for them again."""
    lingering: dict[str, float] = field(default_factory=dict[str, float])
    """Since when each run has been over and had a checkpoint."""
    receiver: Receiver = field(default_factory=Receiver)
    starts: list[float] = field(default_factory=list[float])
    """Seconds from each start of a server to its first answer."""
    in_vain: int = 0
    """Starts that an outage ended."""
    outages: int = 0
    """Of Redis, PostgreSQL and the lines to them, that go on."""
    sound_since: float = 0.0
    """When the last of them was over."""

    @property
    def servers(self) -> list[Node]:
        """Return those that have HTTP."""
        return [node for node in self.nodes if not node.worker]

    @contextmanager
    def outage(self) -> Generator[None]:
        """Note that something behind the servers is out of order until the block ends."""
        self.outages += 1
        try:
            yield
        finally:
            self.outages -= 1
            self.sound_since = asyncio.get_running_loop().time()

    async def start(self, node: Node) -> None:
        """Start a server or worker. Raises RuntimeError with its last words where it ends and nothing explains it."""
        clock = asyncio.get_running_loop().time
        async with node.starting:  # one start at a time: the one before notices that its process was killed
            began = clock()
            while not node.alive:
                try:
                    if not await node.start():
                        return
                except Ended as words:  # whoever looks after a server starts it again
                    if not self.outages and self.sound_since < began:
                        raise RuntimeError(f"A server does not start. Its last words: {words}") from words
                    self.in_vain += 1
                else:
                    if not self.outages and self.sound_since < began:
                        self.starts.append(clock() - began)

    async def leases(self) -> set[str]:
        """Return the names of the processes that hold a lease; none while Redis does not answer."""
        try:
            keys: Any = await self.redis.keys("sb:lease:*")
        except (RedisError, OSError):
            return set()
        return {key.decode().rpartition(":")[2] for key in keys}

    async def rows(self, query: str) -> list[tuple[Any, ...]]:
        """Return what the database says, asked behind the servers' backs."""
        return await asyncio.to_thread(_rows, self.sql, query)

    async def owned(self, node: Node) -> set[str]:
        """Return the unfinished runs of a server."""
        return {id for id, owner, _ in await self.rows(UNFINISHED) if owner in node.owners}

    async def unfinished(self) -> set[str]:
        """Return the runs without an end, but those of which that was told already."""
        return {row[0] for row in await self.rows(UNFINISHED)} - self.given_up

    async def kept(self) -> set[str]:
        """Return the runs that have a checkpoint."""
        file = self.sql.replace("switchboard.sqlite", "checkpoints.sqlite")
        return {
            row[0]
            for row in await asyncio.to_thread(_rows, file, "SELECT DISTINCT thread_id FROM checkpoints")
        }

    async def without_expiry(self) -> list[str]:
        """Return the keys that would stay for ever, or longer than a log whose end is in the database alone."""
        found: list[str] = []
        async for key in self.redis.scan_iter(match="sb:*", count=1000):
            left: int = await self.redis.ttl(key)
            if left == -1 or left > 2 * LOG_S + 86_400:
                found.append(f"{key.decode()} ({left} s)")
        return found

    async def any(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        """Ask the servers until one of them answers."""
        while True:
            for node in self.servers:
                try:
                    status, said = await call(node.port, method, path, body)
                except BROKEN:
                    continue
                if status < 500:
                    return status, said
            await asyncio.sleep(0.2)

    async def kill_store(self, mended_after: float) -> None:
        """Kill Redis and start it again; an embedded server does the second itself."""
        if self.store is not None:
            await self.store.kill()
            await asyncio.sleep(mended_after)
            await self.store.start()
            return
        with suppress(psutil.NoSuchProcess):
            for child in self.nodes[0].outside.children():
                if "valkey" in child.name():
                    child.kill()


def _rows(sql: str, query: str) -> list[tuple[Any, ...]]:
    if sql.startswith("postgresql"):
        with psycopg.connect(sql) as connection:
            return list(connection.execute(query.encode()))
    with closing(sqlite3.connect(f"file:{sql}?mode=ro", uri=True, timeout=20)) as connection:
        return list(connection.execute(query))


@asynccontextmanager
async def rig(place: str, folder: Path, *, cold: bool = False) -> AsyncGenerator[Rig]:
    """Start everything in the folder and end it with the block. `cold`: each server is a program of its own."""
    async with AsyncExitStack() as stack:
        launch: Launch = program if cold else (await stack.enter_async_context(forking())).start
        model = await stack.enter_async_context(counting())
        made = await (_embedded if place == EMBEDDED else _servers)(stack, folder, model, launch)
        made.receiver = await stack.enter_async_context(receiving())
        try:
            await made.start(made.nodes[0])  # it makes the tables
            await asyncio.gather(*(made.start(node) for node in made.nodes[1:]))
            await made.any("PUT", "/agents/default", AGENT)
            tools = [made.receiver.tool(NOTE, approve=False), made.receiver.tool(SEND, approve=True)]
            await made.any("PUT", f"/agents/{CLERK}", {**AGENT, "tools": tools})
            await made.any("PUT", f"/agents/{CAREFUL}", {**AGENT, "approve_below": 1})
            made.held.ports = frozenset(
                int(url.rstrip("/").rpartition(":")[2]) for url in (model, made.receiver.url)
            )
            await made.held.learn_tasks(made.nodes)
            yield made
        finally:
            await asyncio.gather(*(node.end() for node in made.nodes if node.alive), return_exceptions=True)


async def _embedded(stack: AsyncExitStack, folder: Path, model: str, launch: Launch) -> Rig:
    data = folder / "one"
    redis = await stack.enter_async_context(Redis(unix_socket_path=str(data / "valkey.sock")))
    node = Node(data, server_env(data, model, **OPTIONS), launch)
    return Rig([node], str(data / "switchboard.sqlite"), redis)


async def _servers(stack: AsyncExitStack, folder: Path, model: str, launch: Launch) -> Rig:
    database = await stack.enter_async_context(cluster(folder / "postgresql"))
    behind = await stack.enter_async_context(store(folder / "redis"))
    sql_line = await stack.enter_async_context(line_to(int(database.url.rpartition(":")[2].split("/")[0])))
    log_line = await stack.enter_async_context(line_to(behind.port))
    urls = {
        "REDIS_URL": f"redis://127.0.0.1:{log_line.port}",
        "DATABASE_URL": f"postgresql://postgres@127.0.0.1:{sql_line.port}/postgres",
    }
    nodes = list[Node]()
    for name, answers in NAMES.items():
        env = server_env(folder / name, model, **OPTIONS, **urls, ANSWERS=answers)
        nodes.append(Node(folder / name, env, launch, worker=name.startswith("worker")))
    redis = await stack.enter_async_context(Redis(port=behind.port))
    return Rig(nodes, database.url, redis, behind, log_line, sql_line)


def weight(nodes: Sequence[Node]) -> tuple[int, int]:
    """Return the bytes of memory and the open file descriptors of the servers that run."""
    found: list[psutil.Process] = [node.outside for node in nodes if node.alive]
    return sum(one.memory_info().rss for one in found), sum(one.num_fds() for one in found)
