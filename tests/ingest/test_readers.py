"""One bad file costs one file: a reader that hangs or dies is replaced."""

import os
import signal
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
