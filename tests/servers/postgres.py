"""A private PostgreSQL for the tests, from Debian's package: a unix socket in a temporary folder, no fsync."""

import atexit
import functools
import os
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest

_ACCOUNTS = ("postgres", "nobody")


@dataclass(frozen=True)
class PostgresServer:
    """A running server; `stop` may be called more than once."""

    folder: Path
    process: subprocess.Popen[bytes]

    def url(self, database: str = "postgres") -> str:
        return f"postgresql://postgres@/{database}?host={self.folder}"

    def create(self, database: str) -> str:
        """Create an empty database and return its URL."""
        with psycopg.connect(self.url(), autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE "{database}"')
        return self.url(database)

    def drop(self, database: str) -> None:
        with psycopg.connect(self.url(), autocommit=True) as connection:
            connection.execute(f'DROP DATABASE "{database}" WITH (FORCE)')

    def stop(self) -> None:
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)


def require_postgres() -> PostgresServer:
    """Return the server of this test session, started at the first call.

    Without PostgreSQL's programs the test is skipped, or fails where CI says that they must be there.
    """
    programs = _programs()
    if programs is None:
        reason = "PostgreSQL is not installed: apt-get install postgresql"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    return _server(programs)


def _programs() -> Path | None:
    found = [path.parent for path in Path("/usr/lib/postgresql").glob("*/bin/initdb")]
    found += [Path(path).parent for path in [shutil.which("initdb")] if path]
    return max(found, key=lambda path: [int(part) for part in path.parts if part.isdigit()], default=None)


@functools.cache
def _server(programs: Path) -> PostgresServer:
    folder = Path(tempfile.mkdtemp(prefix="pg-"))
    as_account = _as_account(folder)
    data = folder / "data"
    _run([*as_account, programs / "initdb", "-D", data, "-U", "postgres", "--no-sync", *_LOCALE], folder)
    settings = {
        "listen_addresses": "",
        "unix_socket_directories": str(folder),
        "fsync": "off",
        "synchronous_commit": "off",
        "full_page_writes": "off",
        "max_connections": "60",
    }
    options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
    log = (folder / "log").open("wb")
    command = [str(part) for part in (*as_account, programs / "postgres", "-D", data, *options)]
    process = subprocess.Popen(command, cwd=folder, stdout=log, stderr=log)
    log.close()
    server = PostgresServer(folder, process)
    atexit.register(server.stop)
    ready = [programs / "pg_isready", "-h", folder, "-U", "postgres", "-q"]
    _await(ready, server)
    return server


_LOCALE = ("--encoding=UTF8", "--locale=C.UTF-8", "--auth=trust")


def _as_account(folder: Path) -> list[str]:
    """PostgreSQL refuses to run as root: hand the folder to another account and become it."""
    if os.geteuid() != 0:
        return []
    import pwd

    known = {entry.pw_name: entry for entry in pwd.getpwall()}
    account = next(known[name] for name in _ACCOUNTS if name in known)
    os.chown(folder, account.pw_uid, account.pw_gid)
    ids = [f"--reuid={account.pw_uid}", f"--regid={account.pw_gid}", "--clear-groups"]
    return ["setpriv", *ids, "--"]


def _run(command: list[object], folder: Path) -> None:
    done = subprocess.run([str(part) for part in command], cwd=folder, capture_output=True, text=True)
    if done.returncode:
        pytest.fail(f"{command[0]} failed: {done.stderr.strip()}")


def _await(ready: list[object], server: PostgresServer) -> None:
    """Ask until the server answers: each question waits for the socket by itself."""
    for _ in range(200):
        if server.process.poll() is not None:
            pytest.fail(f"PostgreSQL did not start: {(server.folder / 'log').read_text().strip()}")
        if subprocess.run([str(part) for part in ready], cwd=server.folder).returncode == 0:
            return
        try:
            server.process.wait(0.05)
        except subprocess.TimeoutExpired:
            continue
    pytest.fail("PostgreSQL did not answer within 10 s")
