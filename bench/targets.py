"""What `bench runtime` measures, each behind the same four things: requests, CPU by part, the first token, the text."""

import asyncio
import json
import os
import re
import sys
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

import httpx
import orjson
import psutil

from bench import clocks
from bench.peers.kinds import FIRST, PEERS
from bench.peers.start import Running, running
from bench.processes import HANDBOOK, ROOT, Child, child, server_env
from bench.sse_text import of_runs
from bench.tap import Asked

OURS, FLOOR = "ours", "floor"
SERVER, STORE = "server", "store"
"""The parts of every cost: the server's process tree, and its Valkey or PostgreSQL."""
TOKEN_EVENT: Final = re.compile(rb"event: token")


class Target(Protocol):
    """A running server."""

    @property
    def name(self) -> str:
        """Return what it is called."""
        ...

    @property
    def port(self) -> int:
        """Return its port on 127.0.0.1."""
        ...

    @property
    def mark(self) -> re.Pattern[bytes]:
        """Return what is found in a response as soon as the first token has come."""
        ...

    @property
    def text(self) -> Callable[[bytes], str]:
        """Return how an answer's text is read from a response's body."""
        ...

    async def requests(self, questions: list[str]) -> list[Asked]:
        """Return one request for each question; what must be there before is made here."""
        ...

    def cost(self) -> Mapping[str, float]:
        """Return the CPU seconds so far, by part."""
        ...


def tree_cpu(process: psutil.Process, without: Sequence[int] = ()) -> float:
    """Return the CPU seconds of a process, of its children and of those that have ended."""
    total = 0.0
    for one in (process, *process.children(recursive=True)):
        if one.pid not in without:
            try:
                times = one.cpu_times()
            except psutil.NoSuchProcess:  # it has just ended: its parent has its seconds now
                continue
            total += times.user + times.system + times.children_user + times.children_system
    return total


@dataclass(slots=True)
class Floor:
    """The raw proxy of bench/relay.py."""

    running: Child
    name: str = FLOOR
    mark: re.Pattern[bytes] = TOKEN_EVENT
    text: Callable[[bytes], str] = of_runs

    @property
    def port(self) -> int:
        """Return its port."""
        return self.running.port

    async def requests(self, questions: list[str]) -> list[Asked]:
        """Return the questions as they are."""
        return [Asked("/", orjson.dumps({"content": question}), {}) for question in questions]

    def cost(self) -> Mapping[str, float]:
        """Return the CPU seconds so far."""
        return {SERVER: tree_cpu(self.running.process)}


@dataclass(slots=True)
class Ours:
    """`switchboard serve` with a key; its one child is its Valkey."""

    running: Child
    key: str
    clock: Path
    name: str = OURS
    mark: re.Pattern[bytes] = TOKEN_EVENT
    text: Callable[[bytes], str] = of_runs

    @property
    def port(self) -> int:
        """Return its port."""
        return self.running.port

    @property
    def headers(self) -> dict[str, str]:
        """Return what each request carries."""
        return {"Authorization": f"Bearer {self.key}"}

    async def requests(self, questions: list[str]) -> list[Asked]:
        """Return the questions, each in a conversation of its own."""
        base = f"{self.running.url}/api/v1/messaging"
        async with httpx.AsyncClient(headers=self.headers, timeout=60) as http:
            made = [await http.post(f"{base}/conversations", json={}) for _ in questions]
        paths = [f"/api/v1/messaging/conversations/{one.json()['id']}/stream" for one in made]
        bodies = [orjson.dumps({"content": question}) for question in questions]
        return [Asked(path, body, self.headers) for path, body in zip(paths, bodies, strict=True)]

    def cost(self) -> Mapping[str, float]:
        """Return the CPU seconds so far; embedder, reranker and reader are within the server's."""
        children = self.running.process.children()
        store = sum(map(tree_cpu, children))
        own = tree_cpu(self.running.process, [one.pid for one in children])
        return {SERVER: own, STORE: store, **clocks.read(self.clock)}


@dataclass(slots=True)
class Other:
    """A peer."""

    running: Running
    mark: re.Pattern[bytes] = FIRST

    @property
    def name(self) -> str:
        """Return what it is called."""
        return self.running.peer.name

    @property
    def port(self) -> int:
        """Return its port."""
        return self.running.port

    @property
    def text(self) -> Callable[[bytes], str]:
        """Return how its answers are read."""
        return self.running.peer.text

    async def requests(self, questions: list[str]) -> list[Asked]:
        """Return the questions as it wants them."""
        return await self.running.requests(questions)

    def cost(self) -> Mapping[str, float]:
        """Return the CPU seconds so far."""
        database = self.running.database
        store = {STORE: tree_cpu(database.process)} if database else {}
        return {SERVER: tree_cpu(self.running.process), **store}


@asynccontextmanager
async def ours(stub: str, folder: Path, most: int) -> AsyncGenerator[Ours]:
    """Serve the handbook with a key, every agent's bar at 0, so that each question is answered by the model."""
    env = server_env(folder / "data", stub, MAX_RUNNING=str(most))
    key, clock = await make_key(env), folder / "clock"
    arguments = ["-m", "bench.clocked", str(clock), "--port", "0", "--sample", str(HANDBOOK)]
    async with child(arguments, env) as server, httpx.AsyncClient() as http:
        target = Ours(server, key, clock)
        place = f"{server.url}/api/v1/agents/default"
        done = await http.put(place, json={"confidence_threshold": 0}, headers=target.headers)
        done.raise_for_status()
        yield target


async def make_key(env: Mapping[str, str]) -> str:
    """Create an owner's key in the data folder that the environment names, and return its secret."""
    command = [
        sys.executable,
        "switchboard.py",
        "keys",
        "create",
        "--tenant",
        "local",
        "--role",
        "owner",
        "--json",
    ]
    process = await asyncio.create_subprocess_exec(
        *command, cwd=ROOT, env=os.environ | dict(env), stdout=asyncio.subprocess.PIPE
    )
    said, _ = await process.communicate()
    return json.loads(said.splitlines()[-1])["secret"]


@asynccontextmanager
async def floor(stub: str) -> AsyncGenerator[Floor]:
    """Run the raw proxy."""
    async with child(["-m", "bench.relay", stub]) as relay:
        yield Floor(relay)


@asynccontextmanager
async def other(name: str, stub: str, folder: Path) -> AsyncGenerator[Other]:
    """Install and run a peer. Raises RuntimeError where that fails."""
    async with running(PEERS[name], stub, folder) as it:
        yield Other(it)
