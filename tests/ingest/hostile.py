"""A reader's process with parsers that mean harm: what the file holds says which harm. All else is the real one."""

import ctypes
import os
import subprocess
import sys
import tempfile
import time

from contracts.documents import Document
from ingest import load, worker


def eat(text: str) -> None:
    kept = list[bytearray]()
    while True:
        kept.append(bytearray(50_000_000))


def tell(text: str) -> None:
    """Say, where a pipe is named for it, that the harm begins."""
    for pipe in text.split()[1:]:
        with open(pipe, "wb") as told:
            told.write(b".")


def loop(text: str) -> None:
    tell(text)
    while True:
        pass


def crash(text: str) -> None:
    ctypes.string_at(0)


def leave(text: str) -> None:
    sys.exit(7)


def chatter(text: str) -> None:
    print("x" * 100_000)
    os.write(1, b"\xff" * 100_000)
    sys.stdin.read()


def fork(text: str) -> None:
    os.fork()


def run(text: str) -> None:
    subprocess.run(["sleep", "60"], check=True)


def fill(text: str) -> None:
    with tempfile.TemporaryFile() as file:
        for _ in range(100):
            file.write(b"0" * 1_000_000)


def once(text: str) -> None:
    """Crash the first time: the file notes that it was there before."""
    mark = text.split()[1]
    try:
        os.mkdir(mark)
    except FileExistsError:
        return
    ctypes.string_at(0)


def sleep(text: str) -> None:
    tell(text)
    time.sleep(300)


HARM = {
    made.__name__: made for made in (eat, loop, crash, leave, chatter, fork, run, fill, once, sleep)
}  # fmt: skip
parse = load.parse


def harmful(kind: str, data: bytes, source: str) -> Document:
    text = data.decode()
    HARM.get(text.split()[0], len)(text)
    return parse(kind, data, source)


if __name__ == "__main__":
    load.parse = harmful
    worker.main(int(sys.argv[1]), int(sys.argv[2]))
