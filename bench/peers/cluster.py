"""A throw-away PostgreSQL for a peer that needs one: Debian's programs, a temporary folder, a port on 127.0.0.1.

It keeps PostgreSQL's own durability (fsync is on): a peer's commits cost what they cost in earnest.
"""

import asyncio
import os
import pwd
import shutil
import socket
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

WAIT_S = 20.0


@dataclass(frozen=True, slots=True)
class Cluster:
    """A running PostgreSQL."""

    url: str
    process: psutil.Process


def free_port() -> int:
    """Return a port of 127.0.0.1 that nobody has at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@asynccontextmanager
async def cluster(folder: Path) -> AsyncGenerator[Cluster]:
    """Run a new cluster in the folder. Raises RuntimeError where it cannot."""
    programs, port = _programs(), free_port()
    account = _account(folder)
    made = [*account, str(programs / "initdb"), "-D", str(folder / "data"), "-U", "postgres", "--auth=trust"]
    await _run(made, folder)
    options = {
        "listen_addresses": "127.0.0.1",
        "port": port,
        "unix_socket_directories": "",
        "max_connections": 300,
    }
    settings = [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
    with (folder / "log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            *account,
            str(programs / "postgres"),
            "-D",
            str(folder / "data"),
            *settings,
            cwd=folder,
            stdout=log,
            stderr=log,
        )
    try:
        await _ready(programs, port, process, folder / "log")
        yield Cluster(f"postgresql://postgres@127.0.0.1:{port}/postgres", psutil.Process(process.pid))
    finally:
        if process.returncode is None:
            process.send_signal(2)  # the "fast" end: open sessions are closed
        await process.wait()


def _programs() -> Path:
    """Return the folder of PostgreSQL's programs."""
    found = [path.parent for path in Path("/usr/lib/postgresql").glob("*/bin/initdb")]
    found += [Path(path).parent for path in [shutil.which("initdb")] if path]
    if not found:
        raise RuntimeError("PostgreSQL is not installed: apt-get install postgresql")
    return max(found, key=lambda path: [int(part) for part in path.parts if part.isdigit()])


def _account(folder: Path) -> list[str]:
    """Make the folder; return how to become another account, which then owns it: PostgreSQL does not run as root."""
    folder.mkdir()
    if os.geteuid() != 0:
        return []
    known = {entry.pw_name: entry for entry in pwd.getpwall()}
    account = known.get("postgres") or known["nobody"]
    os.chown(folder, account.pw_uid, account.pw_gid)
    folder.parent.chmod(0o711)
    return ["setpriv", f"--reuid={account.pw_uid}", f"--regid={account.pw_gid}", "--clear-groups", "--"]


async def _run(command: list[str], folder: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        *command, cwd=folder, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    said, _ = await process.communicate()
    if process.returncode:
        raise RuntimeError(f"{Path(command[-6]).name} failed: {said.decode(errors='replace').strip()[-400:]}")


async def _ready(programs: Path, port: int, process: asyncio.subprocess.Process, log: Path) -> None:
    """Ask until it answers."""
    loop = asyncio.get_running_loop()
    until = loop.time() + WAIT_S
    while loop.time() < until and process.returncode is None:
        asked = await asyncio.create_subprocess_exec(
            str(programs / "pg_isready"), "-h", "127.0.0.1", "-p", str(port), "-q"
        )
        if await asked.wait() == 0:
            return
        await asyncio.sleep(0.1)
    raise RuntimeError(f"PostgreSQL did not start: {_last_words(log)}")


def _last_words(log: Path) -> str:
    return log.read_text(errors="replace").strip()[-400:]
