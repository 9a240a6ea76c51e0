"""One bad file costs one file: a reader that hangs or dies is replaced."""

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from ingest.readers import Reader
from ingest.worker import Order


@pytest.fixture
def order(tmp_path: Path) -> Order:
    (tmp_path / "a.txt").write_text("Words.")
    return Order(tmp_path / "a.txt", "x/a.txt", 1000)


async def test_a_file_that_hangs_its_reader_is_given_up(order: Order, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "hang.txt")
    reader = Reader(seconds=0.3)
    try:
        assert (await reader.read(order)).error == ""
        hung = await reader.read(Order(tmp_path / "hang.txt", "x/hang.txt", 1000))
        assert hung.error == "x/hang.txt took longer than 0.3 s to read: split it, or leave it out."
        assert [chunk.text for chunk in (await reader.read(order)).chunks] == ["Words."]
    finally:
        await reader.close()


async def test_a_file_that_crashes_its_reader_is_reported(order: Order) -> None:
    reader = Reader()
    try:
        await reader.read(order)
        assert reader.pid is not None
        os.kill(reader.pid, signal.SIGSEGV)
        crashed = await reader.read(order)
        assert crashed.error == "x/a.txt is damaged: the program that reads it crashed on it."
        assert (await reader.read(order)).error == ""
    finally:
        await reader.close()


async def test_a_refusal_travels_as_its_sentence(tmp_path: Path) -> None:
    reader = Reader()
    try:
        refused = await reader.read(Order(tmp_path / "gone.txt", "x/gone.txt", 1000))
    finally:
        await reader.close()
    assert refused.error == "x/gone.txt cannot be opened: No such file or directory."


async def test_a_reader_whose_read_was_cancelled_gives_the_next_file_its_own_answer(
    order: Order, tmp_path: Path
) -> None:
    (tmp_path / "b.txt").write_text("Others.")
    reader = Reader()
    try:
        await reader.read(order)
        cut = asyncio.create_task(reader.read(order))
        await asyncio.sleep(0)  # its order is with the process now
        cut.cancel()
        await asyncio.wait([cut])
        assert cut.cancelled()
        other = await reader.read(Order(tmp_path / "b.txt", "x/b.txt", 1000))
        assert (other.source, [chunk.text for chunk in other.chunks]) == ("x/b.txt", ["Others."])
    finally:
        await reader.close()


HUNGRY = """
import resource
from pathlib import Path
from ingest.worker import Order, answer

answer(Order(Path("small.json"), "small.json", 10_000_000))
used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + 60_000_000,) * 2)
print(answer(Order(Path("hungry.json"), "hungry.json", 10_000_000)).error)
"""


def test_a_file_for_which_memory_is_lacking_is_not_called_damaged(tmp_path: Path) -> None:
    (tmp_path / "small.json").write_text("[1]")
    (tmp_path / "hungry.json").write_text("[[" + "{}," * 3_000_000 + "{}]]")
    root = Path(__file__).parents[2]
    command = [sys.executable, "-c", HUNGRY]
    said = subprocess.run(
        command, cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(root)}, capture_output=True, check=True
    )
    assert said.stdout.decode() == "hungry.json needs too much memory to be read: split it.\n"
