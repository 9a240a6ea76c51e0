"""A peer as a running server: installed, started in a temporary folder, its CPU read from outside."""

import asyncio
import os
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import httpx
import psutil

from bench.peers.cluster import Cluster, cluster, free_port
from bench.peers.install import CACHE, ensure
from bench.peers.kinds import Peer, Place
from bench.tap import Asked

START_S: Final = 90.0


@dataclass(frozen=True, slots=True)
class Running:
    """A peer that answers."""

    peer: Peer
    port: int
    process: psutil.Process
    database: Cluster | None

    async def requests(self, questions: list[str]) -> list[Asked]:
        """Return one request for each question; threads are made here, before the clock runs."""
        threads = await self._threads(len(questions)) if self.peer.threads else [""] * len(questions)
        return [self.peer.asked(*both) for both in zip(threads, questions, strict=True)]

    async def _threads(self, count: int) -> list[str]:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{self.port}", timeout=60) as http:
            made = [await http.post("/threads", json={}) for _ in range(count)]
        return [answer.raise_for_status().json()["thread_id"] for answer in made]


@asynccontextmanager
async def running(peer: Peer, stub: str, folder: Path, cache: Path = CACHE) -> AsyncGenerator[Running]:
    """Install and run a peer until the block ends. Raises RuntimeError with its last words where it does not start."""
    environment = await ensure(peer.name, cache)
    async with AsyncExitStack() as stack:
        database = await stack.enter_async_context(cluster(folder / f"{peer.name}-sql")) if peer.sql else None
        own = folder / peer.name
        place = Place(own, free_port(), stub, database.url if database else "")
        for name, text in peer.files(place).items():
            (own / name).parent.mkdir(parents=True, exist_ok=True)
            (own / name).write_text(text)
        process = await stack.enter_async_context(_process(peer, place, environment))
        yield Running(peer, place.port, process, database)


@asynccontextmanager
async def _process(peer: Peer, place: Place, environment: Path) -> AsyncGenerator[psutil.Process]:
    """Run the peer's program until the block ends."""
    program, *arguments = peer.command(place)
    path = f"{environment / 'bin'}{os.pathsep}{os.environ.get('PATH', '')}"
    env = os.environ | {"BENCH_STUB_URL": place.stub, "PATH": path, **peer.env(place)}
    with (place.folder / "log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            str(environment / "bin" / program), *arguments, cwd=place.folder, env=env, stdout=log, stderr=log
        )
    try:
        await _answers(peer.name, place, process)
        yield psutil.Process(process.pid)
    finally:
        await _end(process)


async def _answers(name: str, place: Place, process: asyncio.subprocess.Process) -> None:
    """Wait until its port is open."""
    until = asyncio.get_running_loop().time() + START_S
    while asyncio.get_running_loop().time() < until and process.returncode is None:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", place.port)
        except OSError:
            await asyncio.sleep(0.2)
        else:
            writer.close()
            return
    said = (place.folder / "log").read_text(errors="replace").strip()[-600:]
    raise RuntimeError(f"{name} did not start within {START_S:.0f} s. Its last words: {said!r}")


async def _end(process: asyncio.subprocess.Process) -> None:
    """End the program and what it started."""
    if process.returncode is not None:
        return
    children = psutil.Process(process.pid).children(recursive=True)
    process.terminate()
    try:
        async with asyncio.timeout(10):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()
    for child in children:
        if child.is_running():
            child.kill()
