"""Tool calls through HTTP: a person says yes, the tool is called once, and the answer goes on."""

import asyncio
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path

import pytest

from tests.servers.runtime import Runtime, named, running, text_of
from tests.servers.tool import ToolServer, serving_tool
from tests.tcp.model import Model, serving_model, settings_for


@pytest.fixture
def tool() -> Iterator[ToolServer]:
    """A tool in a thread of its own, beside the server's."""
    begun, end = Future[tuple[ToolServer, asyncio.AbstractEventLoop]](), asyncio.Event()

    async def serve() -> None:
        async with serving_tool() as found:
            begun.set_result((found, asyncio.get_running_loop()))
            await end.wait()

    thread = threading.Thread(target=asyncio.run, args=(serve(),), daemon=True)
    thread.start()
    found, loop = begun.result(10)
    yield found
    loop.call_soon_threadsafe(end.set)
    thread.join(10)


@pytest.fixture
def model() -> Iterator[Model]:
    with serving_model() as found:
        found.reset(tokens=12)
        yield found


@pytest.fixture
def server(model: Model, tool: ToolServer, folder: Path) -> Iterator[Runtime]:
    with running(folder, None, **settings_for(model)) as found:
        stock = {"name": "stock", "description": "How many are left.", "url": tool.url}
        stock["parameters"] = {"type": "object", "properties": {"item": {"type": "string"}}}  # type: ignore[assignment]
        config = {"confidence_threshold": 0, "tools": [stock]}
        found.http.put("/agents/default", json=config).raise_for_status()
        yield found


QUESTION = 'How many hammers are left? [[tool:stock {"item": "hammer"}]]'


def test_a_tool_is_called_after_a_yes_once_and_its_answer_read(
    server: Runtime, model: Model, tool: ToolServer
):
    first = server.ask(QUESTION)
    (stop,) = named(first, "interrupt")
    assert (stop["kind"], stop["payload"]["tool"], stop["payload"]["arguments"]) == (
        "tool_call", "stock", {"item": "hammer"},
    )  # fmt: skip
    assert (first[-1].data["status"], tool.arguments) == ("interrupted", [])
    said = server.http.post(f"/messaging/runs/{stop['run_id']}/resume", json={"action": "approve"})
    assert said.status_code == 200
    whole = server.replay(stop["run_id"])
    assert text_of(whole) == model.text() == whole[-1].data["text"]
    assert (tool.arguments, len(tool.keys)) == ([{"item": "hammer"}], 1)
    assert model.asked[-1]["messages"][-1]["content"] == '{"stock": 7}'


def test_a_call_that_is_not_allowed_is_not_made_and_the_model_is_told(
    server: Runtime, model: Model, tool: ToolServer
):
    (stop,) = named(server.ask(QUESTION), "interrupt")
    path = f"/messaging/runs/{stop['run_id']}/resume"
    assert server.http.post(path, json={"action": "reject"}).status_code == 200
    whole = server.replay(stop["run_id"])
    assert (whole[-1].data["status"], tool.arguments) == ("completed", [])
    assert "did not allow" in model.asked[-1]["messages"][-1]["content"]
