"""The whole server, as users run it: real HTTP on 127.0.0.1, real parts, in a thread of the test process."""

import asyncio
import json
import threading
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import httpx

from ports.settings import Settings
from server.serve import serve
from switchboard import indexer_for

T = TypeVar("T")
HANDBOOK = Path(__file__).parents[2] / "examples" / "handbook"


@dataclass
class Event:
    """One event as a client sees it."""

    name: str
    data: dict[str, Any]
    id: str = ""


@dataclass
class Runtime:
    """A running server and the shortest ways to talk to it."""

    url: str
    loop: asyncio.AbstractEventLoop
    settings: Settings
    http: httpx.Client = field(init=False)

    def __post_init__(self) -> None:
        self.http = httpx.Client(base_url=f"{self.url}/api/v1", timeout=60)

    def inside(self, work: Callable[[], Awaitable[T]]) -> T:
        """Run a coroutine on the server's own loop."""

        async def run() -> T:
            return await work()

        return asyncio.run_coroutine_threadsafe(run(), self.loop).result(30)

    def conversation(self) -> str:
        return self.http.post("/messaging/conversations", json={}).json()["id"]

    def ask(self, question: str, conversation: str = "", **body: Any) -> list[Event]:
        """Ask in a new conversation, or in the one given, and return all events."""
        path = f"/messaging/conversations/{conversation or self.conversation()}/stream"
        with self.http.stream("POST", path, json={"content": question, **body}) as response:
            assert response.status_code == 200, response.read()
            return list(events(response.iter_lines()))

    def replay(self, run_id: str, after: str = "") -> list[Event]:
        """Attach to a run's stream and return what comes after the cursor."""
        headers = {"Last-Event-ID": after} if after else {}
        with self.http.stream("GET", f"/messaging/runs/{run_id}/stream", headers=headers) as response:
            assert response.status_code == 200, response.read()
            return list(events(response.iter_lines()))

    def upload(self, name: str, content: bytes, **form: str) -> list[Event]:
        """Upload a document and return its job's events."""
        made = self.http.post("/documents", files={"file": (name, content)}, data=form)
        assert made.status_code == 202, made.text
        with self.http.stream("GET", f"/documents/jobs/{made.json()['job_id']}/stream") as response:
            return list(events(response.iter_lines()))


def events(lines: Iterator[str]) -> Iterator[Event]:
    """Parse a stream as the specification says; comments are passed over."""
    event = Event("", {})
    for line in lines:
        match line.partition(": "):
            case ("id", _, value):
                event.id = value
            case ("event", _, value):
                event.name = value
            case ("data", _, value):
                event.data = json.loads(value)
            case ("", "", "") if event.name:
                yield event
                event = Event("", {})
            case _:
                pass


def named(found: list[Event], name: str) -> list[dict[str, Any]]:
    """Return the data of the events of that name."""
    return [event.data for event in found if event.name == name]


def text_of(found: list[Event]) -> str:
    """Return what a client shows: the tokens after the last restart."""
    text = ""
    for event in found:
        text = "" if event.name == "restart" else text
        text += event.data["text"] if event.name == "token" else ""
    return text


@contextmanager
def running(folder: Path, sample: Path | None = HANDBOOK, **chosen: Any) -> Iterator[Runtime]:
    """Run a server over the folder until the block ends."""
    settings = Settings(data_dir=folder, port=0, **chosen)
    started: Future[Runtime] = Future()
    stops: list[Callable[[], None]] = []

    async def main() -> None:
        loop = asyncio.get_running_loop()

        def ready(url: str, stop: Callable[[], None]) -> None:
            stops.append(stop)
            started.set_result(Runtime(url, loop, settings))

        await serve(settings, indexer_for, ready, sample)

    def run() -> None:
        try:
            asyncio.run(main())
        except BaseException as error:
            if not started.done():
                started.set_exception(error)
            else:
                raise

    thread = threading.Thread(target=run, name="runtime", daemon=True)
    thread.start()
    runtime = started.result(90)
    try:
        yield runtime
    finally:
        runtime.http.close()
        stops[0]()
        thread.join(15)
        assert not thread.is_alive(), "the server did not end within 15 s"
