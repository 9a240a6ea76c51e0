"""A short piece of `bench chaos`, the same each time: servers are killed and nothing is lost or comes twice.

A failure names its case, and `switchboard bench chaos` with these options plays it again:
`--on embedded --faults 2 --streams 6,8 --seed 7 --only CASE`.
"""

import asyncio
import json
from contextlib import suppress

import pytest

from bench.chaos import run
from bench.chaos.client import Told
from bench.chaos.line import line_to
from bench.chaos.plan import EMBEDDED, KILL, PLACES, SERVERS, Size, draw
from tests.servers.postgres import require_postgres
from tests.servers.redis import require_redis

SEED = 7
FEW = Size((6, 8), 2)


def killing(place: str) -> int:
    """Return the first case in which a server is killed."""
    return next(n for n in range(100) if KILL in {fault.kind for fault in draw(SEED, n, place, FEW).faults})


@pytest.mark.parametrize("place", PLACES)
def test_servers_that_are_killed_lose_nothing_and_tell_nothing_twice(
    place: str, capsys: pytest.CaptureFixture[str]
):
    if place == SERVERS:
        require_postgres()
        require_redis()
    code = run(True, seed=SEED, on=place, only=killing(place), streams=FEW.streams, faults=FEW.faults)
    printed = capsys.readouterr()
    body = json.loads(printed.out.splitlines()[-1])
    assert (code, {kind: body[kind] for kind in ("lost", "duplicated", "wrong", "left")}) == (
        0,
        {"lost": 0, "duplicated": 0, "wrong": 0, "left": 0},
    ), printed.err
    assert body["faults"][KILL] >= 1
    gone_on = sum(body["answered"].values())
    assert body["runs"] + body["refused"] - gone_on == draw(SEED, killing(place), place, FEW).messages()


def test_a_case_is_the_same_for_the_same_seed_and_another_for_another():
    one = draw(1, 5, EMBEDDED, FEW)
    assert draw(1, 5, EMBEDDED, FEW) == one
    assert draw(2, 5, EMBEDDED, FEW) != one


def test_a_client_drops_the_text_at_a_restart_and_sees_ids_that_do_not_rise():
    told = Told()
    for frame in (
        b'id: 5-0\nevent: token\ndata: {"text":"lost"}',
        b": heartbeat",
        b'event: restart\ndata: {"reason":""}',
        b'id: 5-1\nevent: token\ndata: {"text":"kept"}',
    ):
        told.take(frame)
    assert (told.text, told.restarts, told.rising()) == ("kept", 1, True)
    told.take(b'id: 5-1\nevent: token\ndata: {"text":" twice"}')
    assert told.rising() is False


async def test_a_line_passes_everything_until_it_is_cut():
    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(100):
            writer.write(data)
        writer.close()

    server = await asyncio.start_server(echo, "127.0.0.1", 0)
    async with server, line_to(server.sockets[0].getsockname()[1]) as line:
        reader, writer = await asyncio.open_connection("127.0.0.1", line.port)
        writer.write(b"there and back")
        assert await reader.readexactly(14) == b"there and back"
        line.cut()
        assert line.cuts == 1
        with pytest.raises((ConnectionResetError, EOFError)):
            await reader.readexactly(1)
        writer.close()
        with suppress(ConnectionResetError):
            await writer.wait_closed()
