"""A private Redis for the tests, from Debian's package: a unix socket in a temporary folder, nothing on disk."""

import atexit
import functools
import os
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

import pytest
from redis import Redis
from redis.backoff import ConstantBackoff
from redis.exceptions import ConnectionError as Refused
from redis.retry import Retry


@dataclass(frozen=True)
class RedisServer:
    """A running server; `stop` may be called more than once."""

    folder: Path
    process: subprocess.Popen[bytes]

    @property
    def socket(self) -> str:
        return str(self.folder / "redis.sock")

    @property
    def url(self) -> str:
        return f"unix://{self.socket}"

    def stop(self) -> None:
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait(10)
        shutil.rmtree(self.folder, ignore_errors=True)


def require_redis() -> RedisServer:
    """Return the server of this test session, started at the first call.

    Without Redis's program the test is skipped, or fails where CI says that it must be there.
    """
    program = shutil.which("redis-server")
    if program is None:
        reason = "Redis is not installed: apt-get install redis-server"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    return _server(program)


@functools.cache
def _server(program: str) -> RedisServer:
    folder = Path(tempfile.mkdtemp(prefix="redis-"))
    options = {"port": "0", "unixsocket": str(folder / "redis.sock"), "dir": str(folder), "save": ""}
    command = [program, *(part for name, value in options.items() for part in (f"--{name}", value))]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    server = RedisServer(folder, process)
    atexit.register(server.stop)
    patient = Retry(ConstantBackoff(0.05), 200, supported_errors=(Refused, FileNotFoundError))
    with Redis(unix_socket_path=server.socket, retry=patient) as client:
        client.ping()
    return server
