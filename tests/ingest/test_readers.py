"""One bad file costs one file: a reader that hangs or dies is replaced."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import psutil
import pytest

from ingest.readers import Reader, environment
from ingest.worker import Order

ROOT = Path(__file__).parents[2]
HOSTILE = Path(__file__).with_name("hostile.py")


@pytest.fixture
def order(tmp_path: Path) -> Order:
    (tmp_path / "a.txt").write_text("Words.")
    return Order(tmp_path / "a.txt", "x/a.txt", 1000)


@pytest.fixture
async def hostile() -> AsyncIterator[Reader]:
    """A real reader whose parser does what the file says."""
    reader = Reader(seconds=20, memory=1_500_000_000, program=(sys.executable, str(HOSTILE)))
    yield reader
    await reader.close()


def file_of(folder: Path, harm: str) -> Order:
    path = folder / f"{harm.split()[0]}.txt"
    path.write_text(harm)
    return Order(path, f"x/{path.name}", 1000)


SENTENCES = {
    "eat": "needs too much memory to be read: split it, or raise SWITCHBOARD_READ_MEMORY.",
    "loop": "took longer than 0.5 s to read: split it, or raise SWITCHBOARD_READ_TIMEOUT.",
    "crash": "is damaged: its parser crashed on it (with SIGSEGV).",
    "leave": "is damaged: its parser crashed on it (with status 7).",
    "fork": "was left out: its parser wanted to start a program or open a connection, which it may not.",
    "run": "was left out: its parser wanted to start a program or open a connection, which it may not.",
    "fill": "was left out: its parser wanted to write to the disk, which it may not.",
}


@pytest.mark.parametrize("harm", SENTENCES)
async def test_a_parser_that_means_harm_takes_one_file_with_it(
    hostile: Reader, order: Order, tmp_path: Path, harm: str
) -> None:
    assert (await hostile.read(order)).error == ""
    hostile.seconds = 0.5 if harm == "loop" else 20
    refused = await hostile.read(file_of(tmp_path, harm))
    assert refused.error == f"x/{harm}.txt {SENTENCES[harm]}"
    assert [chunk.text for chunk in (await hostile.read(order)).chunks] == ["Words."]
    assert states_of_children() <= {psutil.STATUS_SLEEPING, psutil.STATUS_RUNNING}


def states_of_children() -> set[str]:
    return {child.status() for child in psutil.Process().children()}


async def test_what_a_parser_prints_or_reads_is_not_the_conversation(
    hostile: Reader, order: Order, tmp_path: Path
) -> None:
    said = await hostile.read(file_of(tmp_path, "chatter"))
    assert [chunk.text for chunk in said.chunks] == ["chatter"]
    assert [chunk.text for chunk in (await hostile.read(order)).chunks] == ["Words."]


async def test_a_file_is_read_again_where_its_reader_died_once(
    hostile: Reader, order: Order, tmp_path: Path
) -> None:
    await hostile.read(order)
    assert hostile.pid is not None
    os.kill(hostile.pid, signal.SIGKILL)  # as the kernel does when another program needs the memory
    assert (await hostile.read(order)).error == ""
    assert (await hostile.read(file_of(tmp_path, f"once {tmp_path}/mark"))).error == ""


PARENT = """
import asyncio, sys
from pathlib import Path
from ingest.readers import Reader
from ingest.worker import Order

async def main():
    reader = Reader(seconds=300, program=(sys.executable, sys.argv[1]))
    await reader.read(Order(Path(sys.argv[2]), "words.txt", 1000))
    print(reader.pid, flush=True)
    await reader.read(Order(Path(sys.argv[3]), "hang.txt", 1000))

asyncio.run(main())
"""


@pytest.mark.parametrize("harm", ["sleep", "loop"])
async def test_a_reader_dies_with_its_parent_whatever_it_is_busy_with(
    order: Order, tmp_path: Path, harm: str
) -> None:
    os.mkfifo(tmp_path / "busy")
    hang = file_of(tmp_path, f"{harm} {tmp_path}/busy")
    command = (sys.executable, "-c", PARENT, str(HOSTILE), str(order.path), str(hang.path))
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    parent = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE, env=env)
    assert parent.stdout is not None
    child = psutil.Process(int(await parent.stdout.readline()))
    assert await asyncio.to_thread((tmp_path / "busy").read_bytes) == b"."
    parent.kill()
    await parent.wait()
    await asyncio.to_thread(child.wait, 20)


async def test_a_pipe_in_a_files_place_is_refused_and_hangs_nobody(order: Order, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "hang.txt")
    reader = Reader(seconds=30)
    try:
        refused = await reader.read(Order(tmp_path / "hang.txt", "x/hang.txt", 1000))
    finally:
        await reader.close()
    assert refused.error == "x/hang.txt is a pipe, not a file: leave it out, or save what it holds."


async def test_no_secret_of_ours_reaches_a_reader(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SWITCHBOARD_JWT_SECRET", "hidden")
    assert "hidden" not in environment().values()


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
print(answer(Order(Path("hungry.json"), "hungry.json", 10_000_000)).parsed.error)
"""


def test_a_file_for_which_memory_is_lacking_is_not_called_damaged(tmp_path: Path) -> None:
    (tmp_path / "small.json").write_text("[1]")
    (tmp_path / "hungry.json").write_text("[[" + "{}," * 3_000_000 + "{}]]")
    command = [sys.executable, "-c", HUNGRY]
    said = subprocess.run(
        command, cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, check=True
    )
    assert said.stdout.decode() == (
        "hungry.json needs too much memory to be read: split it, or raise SWITCHBOARD_READ_MEMORY.\n"
    )
