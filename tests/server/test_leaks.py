"""After many runs that ended in many ways, nothing of them is left in the process."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from redis import Redis

from tests.servers.runtime import Runtime, running
from tests.tcp.model import Model, serving_model, settings_for
from tests.tcp.process import asking, attached

RUNS = 30
ENDING = ("RequestResponseCycle", "Runs._own")
"""A request or a run whose end the client has just read."""


@pytest.fixture(scope="module")
def model() -> Iterator[Model]:
    with serving_model() as model:
        yield model


@pytest.fixture
def server(model: Model, folder: Path) -> Iterator[Runtime]:
    with running(folder, None, **settings_for(model)) as found:
        found.http.put("/agents/default", json={"confidence_threshold": 0}).raise_for_status()
        yield found


def use(server: Runtime, model: Model, n: int) -> None:
    """Run a message to one of four ends, all of them awaited."""
    model.tokens, model.pace = (5, 0.0) if n % 4 in (0, 3) else (40, 200.0)
    question = f"Count for run {n}." + (" [[cut]]" if n % 4 == 3 else "")
    with asking(server, question) as stream:
        stream.until("token")
        match n % 4:
            case 1:
                answer = server.http.post(f"/messaging/runs/{stream.run_id()}/cancel")
                assert answer.status_code in (200, 409)  # or it has just ended by itself
            case 2:
                return _follow(server, stream.run_id())
            case _:
                stream.rest()
    return None


def _follow(server: Runtime, run_id: str) -> None:
    with attached(server, run_id) as again:
        again.rest()


def left(server: Runtime) -> list[str]:
    """Return the tasks on the server's loop once those that are ending have ended."""

    async def found() -> list[str]:
        ending = [task for task in _tasks() if any(name in _name(task) for name in ENDING)]
        if ending:
            await asyncio.wait(ending, timeout=5)
        return sorted(map(_name, _tasks()))

    return server.inside(found)


def _tasks() -> set["asyncio.Task[object]"]:
    """Return all tasks but this one and sse-starlette's one watcher a process."""
    others = asyncio.all_tasks() - {asyncio.current_task()}
    return {task for task in others if "_shutdown_watcher" not in _name(task)}


def _name(task: "asyncio.Task[object]") -> str:
    return task.get_coro().__qualname__


def test_many_runs_leave_no_task_stream_connection_key_or_file(server: Runtime, model: Model, folder: Path):
    for n in range(8):
        use(server, model, n)
    before, files = left(server), psutil.Process().num_fds()
    for n in range(RUNS):
        use(server, model, n)
    after = left(server)
    assert after == before
    assert psutil.Process().num_fds() <= files + 2  # a pooled connection more or less is none that leaks
    figures = server.http.get(f"{server.url}/metrics").text
    assert "switchboard_streams_open 0.0" in figures
    assert "switchboard_runs_live 0.0" in figures
    with Redis(unix_socket_path=str(folder.resolve() / "valkey.sock")) as redis:
        assert len(redis.client_list()) - 1 <= 4
        keys = list(redis.scan_iter(count=1000))
        assert len([key for key in keys if b":log" in key]) == RUNS + 8
        assert [key for key in keys if redis.ttl(key) < 0] == []
