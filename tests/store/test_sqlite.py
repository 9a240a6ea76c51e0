"""What SQLite alone promises: nothing committed is lost to kill -9, and nothing deleted stays in the file."""

import asyncio
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from store import conversations, ends, messages, runs
from store.engine import engine_for
from tests.store.places import ANN, Place, open_place, sqlite_place

_WRITER = """
import asyncio, sys
from contracts.identity import Identity
from store import conversations, runs
from store.engine import engine_for

async def main():
    database, who = engine_for(sys.argv[1]), Identity("acme", "ann")
    while True:
        place = (await conversations.create(database, who))["id"]
        asked = await runs.accept(database, who, place, "default", "kept?")
        print(place, asked.run_id, flush=True)

asyncio.run(main())
"""


@pytest.fixture
def file(tmp_path: Path) -> Iterator[Place]:
    with sqlite_place(tmp_path) as place:
        yield place


async def test_what_was_accepted_survives_kill_9(file: Place) -> None:
    writer = await asyncio.create_subprocess_exec(
        sys.executable, "-c", _WRITER, file, stdout=asyncio.subprocess.PIPE
    )
    assert writer.stdout is not None
    told = [await writer.stdout.readline() for _ in range(50)]
    writer.send_signal(signal.SIGKILL)
    told += [line for line in (await writer.communicate())[0].splitlines(True) if line.endswith(b"\n")]
    async with open_place(file) as database:
        for line in told:
            conversation_id, run_id = line.decode().split()
            assert (await conversations.get(database, ANN, conversation_id))["active_run"] == run_id
            assert len((await messages.listing(database, ANN, conversation_id))["items"]) == 1


async def test_deleted_text_is_gone_from_the_file(file: Place) -> None:
    async with open_place(file) as database:
        made = await conversations.create(database, ANN)
        asked = await runs.accept(database, ANN, made["id"], "default", "xyzzy-secret " * 500)
        await ends.finish(database, ANN, asked.run_id, "completed", "ok", {})
        await conversations.remove(database, ANN, made["id"])
    stored = await asyncio.to_thread(Path(file.removeprefix("sqlite:///")).read_bytes)
    assert b"xyzzy-secret" not in stored


async def test_a_cancelled_caller_does_not_undo_or_block_the_next(file: Place) -> None:
    async with open_place(file) as database:
        made = await conversations.create(database, ANN)
        asking = asyncio.create_task(runs.accept(database, ANN, made["id"], "default", "hi"))
        await asyncio.sleep(0)
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
        after = await conversations.create(database, ANN)
        first = await conversations.get(database, ANN, made["id"])
        assert (first["messages"], first["active_run"] is not None) in {(0, False), (1, True)}
        assert (await conversations.get(database, ANN, after["id"]))["messages"] == 0


async def test_power_loss_can_be_guarded_against_by_the_url(tmp_path: Path) -> None:
    for query, level in (("", 1), ("?synchronous=FULL", 2)):
        database = engine_for(f"sqlite:///{tmp_path}/a.db{query}")
        read = await database.read(lambda connection: connection.execute(text("PRAGMA synchronous")).scalar())
        await database.dispose()
        assert read == level
