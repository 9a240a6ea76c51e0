"""The server as a process of its own, for what only a process can show: signals, death and what is left after it."""

import itertools
import os
import signal
import subprocess
import sys
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import httpx

from ports.settings import Settings
from tests.servers.runtime import Event, Runtime, events
from tests.tcp.model import Model, settings_for

ROOT = Path(__file__).parents[2]


@dataclass
class Process(Runtime):
    """A server's process; `inside` does not reach into it."""

    child: "subprocess.Popen[str]"
    errors: Path

    def always_answer(self) -> None:
        """Let the default agent answer whatever it is asked."""
        self.http.put("/agents/default", json={"confidence_threshold": 0}).raise_for_status()

    def said(self, conversation: str) -> list[dict[str, Any]]:
        """Return the conversation's messages."""
        return self.http.get(f"/messaging/conversations/{conversation}/messages").json()["items"]

    def kill(self) -> None:
        """End the process as a crash would."""
        self.child.kill()
        self.child.wait(10)

    def terminate(self) -> None:
        """Send SIGTERM and wait for the end."""
        self.child.send_signal(signal.SIGTERM)
        self.child.wait(20)


@contextmanager
def process(
    folder: Path, model: Model, arguments: Sequence[str] = ("serve", "--port", "0"), **chosen: str
) -> Generator[Process]:
    """Run a server over the folder until the block ends; a worker, by its arguments, has no HTTP."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("SWITCHBOARD_")}
    own = {**settings_for(model), "ollama_urls": model.url, "data_dir": str(folder), "threads": "1", **chosen}
    env |= {f"SWITCHBOARD_{name.upper()}": value for name, value in own.items()}
    command = [sys.executable, "-m", "switchboard", *arguments]
    errors = folder.with_suffix(".stderr")
    with errors.open("a") as stderr:
        child = subprocess.Popen(command, cwd=ROOT, env=env, text=True, stdout=subprocess.PIPE, stderr=stderr)
    assert child.stdout is not None
    try:
        line = child.stdout.readline()
        assert "answers" in line, errors.read_text()
        server = Process(line.split()[-1], cast(Any, None), Settings(data_dir=folder), child, errors)
        yield server
        server.http.close()
    finally:
        if child.poll() is None:
            child.terminate()
            child.wait(20)
        child.stdout.close()


@dataclass
class Stream:
    """An open stream, read an event at a time."""

    source: Iterator[Event]
    seen: list[Event]

    def until(self, name: str, times: int = 1) -> Event:
        """Read on until an event of that name was read that often from here, and return the last."""
        for event in self.source:
            self.seen.append(event)
            times -= event.name == name
            if not times:
                return event
        raise AssertionError(f"the stream ended without {name!r}: {[event.name for event in self.seen]}")

    def rest(self) -> list[Event]:
        """Read to the end and return all that was read."""
        self.seen += self.source
        return self.seen

    def run_id(self) -> str:
        """Return the id of the run, whose first event was read."""
        return self.seen[0].data["run_id"]


@contextmanager
def asking(server: Runtime, question: str, conversation: str = "", **body: Any) -> Generator[Stream]:
    """Ask, and read the stream as far as the block wants; the connection goes with the block."""
    path = f"/messaging/conversations/{conversation or server.conversation()}/stream"
    with (
        httpx.Client(base_url=f"{server.url}/api/v1", timeout=30) as http,
        http.stream("POST", path, json={"content": question, **body}) as response,
    ):
        assert response.status_code == 200, response.read()
        yield Stream(events(response.iter_lines()), [])


@contextmanager
def attached(server: Runtime, run_id: str, after: str = "") -> Generator[Stream]:
    """Attach to a run's stream, as `asking`."""
    headers = {"Last-Event-ID": after} if after else {}
    with (
        httpx.Client(base_url=f"{server.url}/api/v1", timeout=30) as http,
        http.stream("GET", f"/messaging/runs/{run_id}/stream", headers=headers) as response,
    ):
        assert response.status_code == 200, response.read()
        yield Stream(events(response.iter_lines()), [])


def rising(found: list[Event]) -> bool:
    """Tell whether the ids rise strictly: nothing came twice, nothing out of order."""
    ids = [tuple(map(int, event.id.split("-"))) for event in found]
    return all(earlier < later for earlier, later in itertools.pairwise(ids))
