"""Forks `switchboard` commands from a process that has imported everything and has opened nothing.

A start by `exec` is 4 s of imports on a busy core, 10 s where no bytecode is kept; this way it is what the program
itself does. Orders are lines of JSON on stdin, what happens is told in lines on stdout; with the end of stdin all ends.

    {"start": ["serve"], "env": {…}, "log": "…"}  ->  {"started": 123}, and when it is over {"ended": 123, "code": -9}
    {"signal": 9, "to": 123}
"""

import gc
import json
import os
import select
import signal
import socket
import sys
import threading
from contextlib import suppress
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any, BinaryIO, Final

COMMANDS: Final = ("switchboard", "server.serve", "server.worker")
LATER: Final = (
    "uvloop", "uvicorn.protocols.http.auto", "uvicorn.protocols.websockets.auto", "uvicorn.lifespan.off",
    "ingest.index", "ingest.parts", "ingest.report", "ingest.walk", "alembic.command", "store.sqlite",
    "store.postgres", "sqlalchemy.dialects.postgresql.psycopg", "langgraph.checkpoint.postgres.aio",
)  # fmt: skip
"""What the commands import only when they are under way."""
THREADED: Final = "onnxruntime"
"""Starts a thread when it is imported, which no fork would have: each child imports it by itself, in 0.1 s."""


def load() -> ModuleType:
    """Import everything but THREADED and return what stands in its place. Raises RuntimeError where a thread runs."""
    gc.disable()
    stand_in = ModuleType(THREADED)
    vars(stand_in)["InferenceSession"] = object  # named in a signature
    sys.modules[THREADED] = stand_in
    for name in (*COMMANDS, *LATER):
        import_module(name)
    gc.enable()
    gc.collect()
    gc.freeze()  # so that no child's collections touch, and thereby copy, what all share
    threads = _threads()
    if threads > 1:
        raise RuntimeError(f"{threads - 1} threads run after the imports: a fork would lack them.")
    return stand_in


def _threads() -> int:
    """Return how many threads this process has, those of C libraries too where the system tells."""
    listed = Path("/proc/self/task")
    return len(list(listed.iterdir())) if listed.is_dir() else threading.active_count()


def unload(stand_in: ModuleType) -> None:
    """Put the real module in the place of the one that stood in for it."""
    del sys.modules[THREADED]
    real = import_module(THREADED)
    for module in list(sys.modules.values()):
        if vars(module).get(THREADED) is stand_in:
            setattr(module, THREADED, real)


@dataclass(slots=True)
class Starter:
    """The process that forks."""

    answers: BinaryIO
    living: set[int] = field(default_factory=set[int])
    wake: socket.socket = field(init=False)
    """Readable when a child has ended."""
    woken: socket.socket = field(init=False)
    became: int = -1
    """Written to by a child that has become what was ordered."""

    def __post_init__(self) -> None:
        self.wake, self.woken = socket.socketpair()
        self.woken.setblocking(False)
        signal.set_wakeup_fd(self.woken.fileno())
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.signal(signal.SIGINT, signal.SIG_IGN)

    def run(self) -> dict[str, Any] | None:
        """Do what is ordered until there are no orders; in a child, return the order that it is to become."""
        rest = b""
        while True:
            ready, _, _ = select.select([0, self.wake], [], [])
            if self.wake in ready:
                self.wake.recv(4096)
                self.reap()
            if 0 not in ready:
                continue
            data = os.read(0, 65_536)
            if not data:
                self.end()
                return None
            *lines, rest = (rest + data).split(b"\n")
            for line in lines:
                order = json.loads(line)
                if "start" not in order:
                    self.send(order["to"], order["signal"])
                elif not self.fork():
                    return order

    def fork(self) -> bool:
        """Fork; False in the child. The child is told of once it has become a process of its own."""
        became, self.became = os.pipe()
        if not (pid := os.fork()):
            os.close(became)
            return False
        os.close(self.became)
        os.read(became, 1)
        os.close(became)
        self.living.add(pid)
        self.tell({"started": pid})
        return True

    def send(self, pid: int, number: int) -> None:
        """Send the signal to a child that was not reaped yet: its pid is still its own."""
        if pid in self.living:
            os.kill(pid, number)

    def reap(self) -> None:
        """Tell of every child that has ended."""
        while self.living:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if not pid:
                return
            self.gone(pid, status)

    def gone(self, pid: int, status: int) -> None:
        """Tell of a child that was reaped."""
        self.living.discard(pid)
        with suppress(BrokenPipeError):
            self.tell({"ended": pid, "code": os.waitstatus_to_exitcode(status)})

    def tell(self, answer: dict[str, int]) -> None:
        """Write one line."""
        self.answers.write(json.dumps(answer).encode() + b"\n")
        self.answers.flush()

    def end(self) -> None:
        """Kill what still runs: whoever gave the orders is gone."""
        for pid in self.living:
            os.kill(pid, signal.SIGKILL)
        while self.living:
            self.gone(*os.wait())

    def become(self, order: dict[str, Any]) -> None:
        """Turn this child into the process that was ordered, in a session of its own."""
        os.setsid()
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        for one in (self.wake, self.woken, self.answers):
            one.close()
        nothing = os.open(os.devnull, os.O_RDONLY)
        log = os.open(order["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        for source, target in ((nothing, 0), (log, 1), (log, 2)):
            os.dup2(source, target)
        os.close(nothing)
        os.close(log)
        os.environ.clear()
        os.environ.update(order["env"])
        sys.argv = ["switchboard", *order["start"]]
        os.write(self.became, b".")
        os.close(self.became)


def main() -> int:
    """Fork on order; in a child, run the command and return its exit code."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what an import prints is no answer
    stand_in = load()
    starter = Starter(answers)
    starter.tell({"ready": os.getpid()})
    order = starter.run()
    if order is None:
        return 0
    starter.become(order)
    unload(stand_in)
    return import_module("switchboard").main()


if __name__ == "__main__":
    sys.exit(main())
