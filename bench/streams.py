"""`bench streams`: 500 concurrent clients, each on a run of its own, against a bare server that sends the same.

All 500 runs wait at the model until the last has asked (bench/crowd.py), so that all streams flow at the same time.
A delay is the time from an event's log id, made when the event arises, to its arrival in this process.
"""

import asyncio
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import httpx
import orjson
import uvloop
from redis.asyncio import Redis

from bench.figures import Figure, quantile, show
from bench.processes import Child, Cpu, child, server_env
from bench.sse import Client, Seen, attach

CLIENTS: Final = 500
ROUNDS: Final = 2
PACE: Final = 10.0
"""Tokens a second and stream."""
TOKENS: Final = (60, 100)
"""Fewest and most in an answer."""
AT_ONCE: Final = 16
"""Connections that are opened at the same time."""
PATIENCE_S: Final = 90.0
DELAY_MOST: Final = 100.0
MEMORY_MOST: Final = 100.0
"""kB a stream."""
CONNECTIONS_MOST: Final = 4


@dataclass(slots=True)
class Flow:
    """What one server's streams were like."""

    seen: list[Seen] = field(default_factory=list[Seen])
    cpu: Cpu = field(default_factory=Cpu)
    """Of the server, while the streams flowed."""

    def delays(self) -> list[float]:
        """Return the delays of all events."""
        return [delay for one in self.seen for delay in one.delays]

    def per_token(self) -> float:
        """Return the microseconds of CPU for each token that the model gave, whatever was joined on the way."""
        return 1e6 * self.cpu.total / max(1, self.tokens())

    def tokens(self) -> int:
        """Return how many tokens the stub gave: its words."""
        return sum(len((one.done or "").split()) for one in self.seen)


@dataclass(slots=True)
class Measured:
    """What the benchmark saw."""

    ours: Flow = field(default_factory=Flow)
    bare: Flow = field(default_factory=Flow)
    memory: list[float] = field(default_factory=list[float])
    """kB a stream, by round; the first takes new memory, the later ones find it there."""
    run_memory: float = 0.0
    """kB a run that waits for its model, with its stream."""
    connections: int = 0
    """The most to Valkey at the same time."""


def run(
    json: bool,
    clients: int = CLIENTS,
    rounds: int = ROUNDS,
    tokens: tuple[int, int] = TOKENS,
    pace: float = PACE,
) -> int:
    """Measure and print; returns 1 where a stream is not whole or a figure misses its limit."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        seen = runner.run(measure(clients, rounds, tokens, pace))
    ours, bare = seen.ours, seen.bare
    broken = sum(not one.whole() for one in ours.seen)
    events = sum(one.events for one in ours.seen)
    figures = [
        Figure("streams that missed something", broken, "", most=0),
        Figure("delay from log to client, p50", quantile(ours.delays(), 0.5), "ms", quantile(bare.delays(), 0.5)),
        Figure(
            "delay from log to client, p99", quantile(ours.delays(), 0.99), "ms",
            quantile(bare.delays(), 0.99), DELAY_MOST,
        ),
        Figure("delay from log to client, longest", quantile(ours.delays(), 1), "ms", quantile(bare.delays(), 1)),
        Figure("CPU a token, server and Valkey", ours.per_token(), "µs", bare.per_token()),
        Figure("memory a stream", max(seen.memory), "kB", most=MEMORY_MOST),
        Figure("memory a waiting run with its stream", seen.run_memory, "kB"),
        Figure("connections to Valkey", seen.connections, "", most=CONNECTIONS_MOST),
    ]  # fmt: skip
    return show(
        "streams",
        figures,
        json,
        clients=clients,
        events=events,
        tokens=ours.tokens(),
        server_s=ours.cpu.own,
        valkey_s=ours.cpu.children,
    )


async def measure(clients: int, rounds: int, tokens: tuple[int, int], pace: float) -> Measured:
    """Let both servers' streams flow, in turns."""
    seen = Measured()
    crowd = [str(clients), str(pace), *map(str, tokens)]
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder, "data")
        async with child(["-m", "bench.crowd", *crowd]) as stub, child(["-m", "bench.bare", *crowd]) as bare:
            env = server_env(data, stub.url, MAX_RUNNING=str(2 * clients))
            async with child(["switchboard.py", "serve", "--port", "0"], env) as server:
                async with httpx.AsyncClient() as http:
                    await http.put(f"{server.url}/api/v1/agents/default", json={"confidence_threshold": 0})
                for number in range(rounds):
                    await flow_ours(server, stub, data, clients, number, seen)
                    await flow_bare(bare, clients, seen.bare)
    return seen


async def flow_ours(
    server: Child, stub: Child, data: Path, clients: int, number: int, seen: Measured
) -> None:
    """Start the runs, weigh them and a second set of clients, then let them flow."""
    empty = server.rss()
    async with httpx.AsyncClient(base_url=f"{server.url}/api/v1/messaging", timeout=PATIENCE_S) as http:
        made = [(await http.post("/conversations", json={})).json()["id"] for _ in range(clients)]
    paths = [f"/api/v1/messaging/conversations/{id}/stream" for id in made]
    bodies = [orjson.dumps({"content": f"Hello, nice to meet you! {number}-{n}"}) for n in range(clients)]
    opened = await open_all(server.port, "POST", paths, bodies)
    if ended := sum(client.seen.ended.is_set() for client in opened):
        raise RuntimeError(f"{ended} of {clients} streams ended before the model was asked")
    attached = server.rss()
    seen.run_memory = max(seen.run_memory, (attached - empty) / clients / 1000)
    again = await open_all(server.port, "GET", [client.seen.headers["location"] for client in opened])
    seen.memory.append((server.rss() - attached) / clients / 1000)
    for client in again:
        client.close()
    await left(server, clients)
    before = server.cpu()
    await start(stub)
    seen.connections = max(seen.connections, await connections(data))
    await all_ended(opened)
    used = server.cpu() - before
    seen.ours.seen += [client.seen for client in opened]
    seen.ours.cpu = Cpu(seen.ours.cpu.own + used.own, seen.ours.cpu.children + used.children)


async def flow_bare(bare: Child, clients: int, flow: Flow) -> None:
    """Let the bare server's streams flow."""
    opened = await open_all(bare.port, "GET", ["/"] * clients)
    before = bare.cpu()
    starter = await attach(bare.port, "GET", "/")
    await all_ended([*opened, starter])
    used = bare.cpu() - before
    flow.seen += [client.seen for client in opened]
    flow.cpu = Cpu(flow.cpu.own + used.own, 0.0)


async def open_all(
    port: int, method: str, paths: Sequence[str], bodies: Sequence[bytes] = ()
) -> list[Client]:
    """Open the streams, a few at a time, and wait until each has had its decision."""
    turn = asyncio.Semaphore(AT_ONCE)

    async def one(path: str, body: bytes) -> Client:
        async with turn:
            client = await attach(port, method, path, body)
            await client.seen.decided.wait()
            return client

    async with asyncio.timeout(PATIENCE_S):
        return list(await asyncio.gather(*map(one, paths, bodies or [b""] * len(paths))))


async def left(server: Child, clients: int) -> None:
    """Wait until the server serves no more than these clients."""
    async with asyncio.timeout(PATIENCE_S), httpx.AsyncClient() as http:
        while f"switchboard_streams_open {clients}.0" not in (await http.get(f"{server.url}/metrics")).text:  # noqa: ASYNC110 - another process
            await asyncio.sleep(0.05)


async def start(stub: Child) -> None:
    """Take the barrier's last place: the stub answers everybody."""
    body = {"model": "stub:latest", "messages": [{"role": "user", "content": "Go."}]}
    async with (
        httpx.AsyncClient(timeout=PATIENCE_S) as http,
        http.stream("POST", f"{stub.url}/api/chat", json=body) as response,
    ):
        await anext(response.aiter_bytes())


async def all_ended(clients: Sequence[Client]) -> None:
    """Wait for the end of all streams."""
    async with asyncio.timeout(PATIENCE_S):
        await asyncio.gather(*(client.seen.ended.wait() for client in clients))
    for client in clients:
        client.close()


async def connections(data: Path) -> int:
    """Return how many connections the server's Valkey has, this one left out."""
    async with Redis(unix_socket_path=str(data / "valkey.sock")) as redis:
        return len(await redis.client_list()) - 1
