"""The stub model server in a thread of the test process, with a note of what it was asked and when it ended."""

import asyncio
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from bench.lines import word
from bench.stub import Stub, serving


@dataclass(slots=True)
class Model(Stub):
    """A stub whose pace a test may change at any time."""

    url: str = ""
    asked: list[Any] = field(default_factory=list[Any])
    """The body of each answer's request."""
    ends: list[float] = field(default_factory=list[float])
    """`time.monotonic()` at the end of each answer, in whatever way it came."""
    most: int = 0
    """Answers that ran at the same time."""
    change: threading.Condition = field(default_factory=threading.Condition)

    async def answer(self, path: str, body: Any, *connection: Any) -> bool:
        with self.change:
            self.asked.append(body)
            self.most = max(self.most, self.running + 1)
            self.change.notify_all()
        try:
            # not super(): a dataclass with slots is made anew, and the class that super() knows is not it
            return await Stub.answer(self, path, body, *connection)
        finally:
            with self.change:
                self.ends.append(time.monotonic())
                self.change.notify_all()

    def reset(self, tokens: int = 20, pace: float = 0.0, ttft: float = 0.0) -> None:
        """Forget what was asked, and answer like this from now on."""
        with self.change:
            assert self.change.wait_for(lambda: self.running == 0, 10), "an answer of an earlier test runs on"
        self.tokens, self.pace, self.ttft, self.broken, self.most = tokens, pace, ttft, "", 0
        self.asked.clear()
        self.ends.clear()

    def until_asked(self, times: int = 1) -> None:
        """Wait until that many answers were begun."""
        with self.change:
            assert self.change.wait_for(lambda: len(self.asked) >= times, 20)

    def until_ended(self, times: int = 1) -> float:
        """Wait until that many answers have ended and return when the last of them did."""
        with self.change:
            assert self.change.wait_for(lambda: len(self.ends) >= times, 20)
            return self.ends[times - 1]

    def text(self) -> str:
        """Return the whole answer."""
        return "".join(word(n) for n in range(self.tokens))


@contextmanager
def serving_model() -> Iterator[Model]:
    """Serve a model until the block ends."""
    model, started = Model(), Future[asyncio.AbstractEventLoop]()
    stop = asyncio.Event()

    async def main() -> None:
        async with serving(model) as url:
            model.url = url
            started.set_result(asyncio.get_running_loop())
            await stop.wait()

    thread = threading.Thread(target=asyncio.run, args=(main(),), name="model", daemon=True)
    thread.start()
    loop = started.result(10)
    try:
        yield model
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(10)


def settings_for(model: Model) -> dict[str, Any]:
    """Return the settings that make a server ask this model for everything."""
    names = {f"model_{task}": "stub:latest" for task in ("primary", "fast", "analysis", "code")}
    return {"ollama_urls": (model.url,), **names}
