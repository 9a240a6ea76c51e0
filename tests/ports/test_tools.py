"""Tools over real HTTP: what goes wrong is an answer."""

import gzip
from collections.abc import Callable, Sequence
from ipaddress import ip_network

import pytest
from pydantic import ValidationError

from contracts.tools import Tool
from ports.addresses import may_be_called
from ports.settings import EVERYWHERE, Network, Settings
from ports.tools import MOST, open_tools
from tests.servers.tool import ToolServer, serving_tool


def tool_at(url: str, timeout: int = 10) -> Tool:
    return Tool(name="stock", description="Counts", url=url, timeout=timeout)


async def test_the_arguments_arrive_as_json_under_the_key() -> None:
    async with serving_tool() as server, open_tools(EVERYWHERE) as tools:
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
    async with serving_tool() as server, open_tools(EVERYWHERE) as tools:
        words = fault(server)
        found = await tools.call(tool_at(server.url, 1), {}, "key")
    assert found["ok"] is False
    assert words in found["text"]
    assert len(server.keys) == 1


async def test_a_tool_that_is_not_there_is_an_answer_too() -> None:
    async with open_tools(EVERYWHERE) as tools:
        found = await tools.call(tool_at("http://127.0.0.1:9/"), {}, "key")
    assert found == {"ok": False, "text": "The tool cannot be reached, or broke off its answer."}


async def test_of_a_long_answer_the_front_is_read_and_the_rest_is_said_to_be_missing() -> None:
    async with serving_tool() as server, open_tools(EVERYWHERE) as tools:
        server.body, server.endless = b"a" * (2 * MOST), True
        server.headers = {"Content-Length": str(10 * MOST)}
        found = await tools.call(tool_at(server.url), {}, "key")
    assert found["text"].startswith("a" * MOST + "\n(The tool's answer goes on")
    assert len(found["text"]) < MOST + 100


INSIDE: tuple[Network, ...] = (ip_network("127.0.0.1"),)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
async def test_an_address_inside_is_refused_with_what_to_set_and_nothing_is_sent(host: str) -> None:
    async with serving_tool() as server, open_tools(()) as tools:
        found = await tools.call(tool_at(server.url.replace("127.0.0.1", host)), {}, "key")
    assert found["ok"] is False
    assert f"host {host} is at " in found["text"]
    assert "SWITCHBOARD_TOOL_NETWORKS, as in " in found["text"]
    assert server.keys == []


async def test_a_network_that_is_named_may_be_called() -> None:
    async with serving_tool() as server, open_tools(INSIDE) as tools:
        found = await tools.call(tool_at(server.url), {}, "key")
    assert found["ok"] is True


async def test_a_name_that_changes_its_mind_is_called_where_it_was_checked() -> None:
    asked = list[str]()

    async def turning(name: str, port: int) -> Sequence[str]:
        asked.append(name)
        return ["169.254.169.254"] if len(asked) > 1 else ["10.0.0.7", "127.0.0.1"]

    async with serving_tool() as server, open_tools(INSIDE, turning) as tools:
        url = server.url.replace("127.0.0.1", "stock.example")
        first = await tools.call(tool_at(url), {}, "one")
        second = await tools.call(tool_at(url), {}, "two")
    assert (first["ok"], asked) == (True, ["stock.example"] * 2)
    assert server.heads[0]["host"].startswith("stock.example:")
    assert (second["ok"], server.keys) == (False, ["one"])
    assert "169.254.169.254" in second["text"]


async def test_a_redirect_inside_is_not_followed() -> None:
    async with serving_tool() as server, serving_tool() as hidden, open_tools(INSIDE) as tools:
        server.status, server.headers = 307, {"Location": hidden.url}
        found = await tools.call(tool_at(server.url), {}, "key")
    assert (found["ok"], hidden.keys) == (False, [])


@pytest.mark.parametrize(
    ("address", "able"),
    [
        ("93.184.216.34", True),
        ("2606:2800:220:1:248:1893:25c8:1946", True),
        ("127.0.0.1", False),
        ("0.0.0.0", False),
        ("10.1.2.3", False),
        ("172.16.0.1", False),
        ("192.168.1.1", False),
        ("100.64.0.1", False),
        ("169.254.169.254", False),
        ("224.0.0.1", False),
        ("::1", False),
        ("::", False),
        ("::127.0.0.1", False),
        ("fec0::1", False),
        ("240.0.0.1", False),
        ("fe80::1", False),
        ("fe80::1%eth0", False),
        ("fd00::1", False),
        ("::ffff:127.0.0.1", False),
        ("::ffff:93.184.216.34", True),
        ("64:ff9b::a00:1", False),
        ("2002:7f00:1::", False),
    ],
)
def test_only_public_addresses_may_be_called(address: str, able: bool) -> None:
    assert may_be_called(address, ()) is able
    assert may_be_called(address, EVERYWHERE) is True


def test_inside_is_open_to_a_server_on_loopback_alone_unless_networks_are_named() -> None:
    assert Settings(host="127.0.0.1").inside == EVERYWHERE
    assert Settings(host="0.0.0.0").inside == ()
    assert Settings(host="127.0.0.1", tool_networks="").inside == ()  # type: ignore[arg-type] - as the environment has it
    named = Settings(host="0.0.0.0", tool_networks="10.1.0.0/16, 127.0.0.1")  # type: ignore[arg-type]
    assert named.inside == (ip_network("10.1.0.0/16"), ip_network("127.0.0.1"))
    with pytest.raises(ValidationError, match=r"such as 10\.1\.0\.0/16"):
        Settings(tool_networks="10.1.0.0/8")  # type: ignore[arg-type]
