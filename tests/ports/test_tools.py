"""Tools over real HTTP: what goes wrong is an answer."""

import gzip
from collections.abc import Callable

import pytest

from contracts.tools import Tool
from ports.tools import MOST, open_tools
from tests.servers.tool import ToolServer, serving_tool


def tool_at(url: str, timeout: int = 10) -> Tool:
    return Tool(name="stock", description="Counts", url=url, timeout=timeout)


async def test_the_arguments_arrive_as_json_under_the_key() -> None:
    async with serving_tool() as server, open_tools() as tools:
        found = await tools.call(tool_at(server.url), {"item": "Ölkanne"}, "run_1:act0:0")
    assert found == {"ok": True, "text": '{"stock": 7}'}
    assert (server.arguments, server.keys) == ([{"item": "Ölkanne"}], ["run_1:act0:0"])


def error(server: ToolServer) -> str:
    server.status, server.body = 500, b"out of order"
    return "status 500: out of order"


def redirect(server: ToolServer) -> str:
    server.status, server.headers = 302, {"Location": server.url}
    return "it points elsewhere"


def bomb(server: ToolServer) -> str:
    server.body, server.headers = gzip.compress(b"0" * 1000), {"Content-Encoding": "gzip"}
    return "an encoding that was not asked for"


def cut(server: ToolServer) -> str:
    server.headers = {"Content-Length": "100"}
    return "broke off its answer"


def silent(server: ToolServer) -> str:
    server.silent = True
    return "did not answer within 1 s"


@pytest.mark.parametrize("fault", [error, redirect, bomb, cut, silent])
async def test_a_tool_that_fails_says_how(fault: Callable[[ToolServer], str]) -> None:
    async with serving_tool() as server, open_tools() as tools:
        words = fault(server)
        found = await tools.call(tool_at(server.url, 1), {}, "key")
    assert found["ok"] is False
    assert words in found["text"]
    assert len(server.keys) == 1


async def test_a_tool_that_is_not_there_is_an_answer_too() -> None:
    async with open_tools() as tools:
        found = await tools.call(tool_at("http://127.0.0.1:9/"), {}, "key")
    assert found == {"ok": False, "text": "The tool cannot be reached, or broke off its answer."}


async def test_of_a_long_answer_the_front_is_read_and_the_rest_is_said_to_be_missing() -> None:
    async with serving_tool() as server, open_tools() as tools:
        server.body, server.endless = b"a" * (2 * MOST), True
        server.headers = {"Content-Length": str(10 * MOST)}
        found = await tools.call(tool_at(server.url), {}, "key")
    assert found["text"].startswith("a" * MOST + "\n(The tool's answer goes on")
    assert len(found["text"]) < MOST + 100
