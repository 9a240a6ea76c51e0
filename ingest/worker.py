"""A process that reads files: path in, chunks out, as pickled frames over its standard streams.

A process of its own rather than an executor's: a parser that hangs or crashes takes one file with it, is killed
by its parent, and never the rest. What it prints goes nowhere, so it cannot break the frames.
"""

import hashlib
import os
import pickle
import resource
import struct
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO, Final

from contracts.documents import Chunk
from contracts.errors import SwitchboardError
from ingest.load import VERSION, load_bytes, read
from ingest.split import VERSION as SPLIT_VERSION
from ingest.split import split

SIZE: Final = struct.Struct("!Q")
MEMORY: Final = 3_000_000_000
"""Bytes of address space: beyond that a file ends its worker rather than the machine."""


@dataclass(frozen=True, slots=True)
class Order:
    """A file to read."""

    path: Path
    source: str
    limit: int
    groups: tuple[str, ...] = ()
    """Who may read it; empty means everyone in the tenant."""


@dataclass(frozen=True, slots=True)
class Parsed:
    """What became of one file."""

    source: str
    sha256: str
    size: int
    title: str
    chunks: list[Chunk]
    error: str = ""
    """The sentence that says why it cannot be read; empty where it was."""


def fingerprint(data: bytes, groups: tuple[str, ...] = ()) -> str:
    """Return the hex digest of the content, its readers, and the code that reads it: the same, nothing to do."""
    digest = hashlib.sha256(f"load {VERSION} split {SPLIT_VERSION} {groups}\n".encode())
    digest.update(data)
    return digest.hexdigest()


def parse(order: Order) -> Parsed:
    """Return the file's chunks; raises UnreadableDocument."""
    data = read(order.path, order.source, order.limit)
    document = replace(load_bytes(data, order.source), groups=order.groups)
    digest = fingerprint(data, order.groups)
    return Parsed(order.source, digest, len(data), document.title, split(document))


def answer(order: Order) -> Parsed:
    """Return what became of the file; a refusal is an answer."""
    try:
        return parse(order)
    except SwitchboardError as refused:
        return Parsed(order.source, "", 0, "", [], refused.message)
    except MemoryError:
        return Parsed(
            order.source, "", 0, "", [], f"{order.source} needs too much memory to be read: split it."
        )


def to_frame(value: object) -> bytes:
    """Return the value with its length before it."""
    body = pickle.dumps(value, pickle.HIGHEST_PROTOCOL)
    return SIZE.pack(len(body)) + body


def order_from(stream: BinaryIO) -> Order | None:
    """Return the next order, None at the stream's end."""
    head = stream.read(SIZE.size)
    if len(head) < SIZE.size:
        return None
    return pickle.loads(stream.read(SIZE.unpack(head)[0]))  # noqa: S301 - written by our own parent


def main() -> None:
    """Answer orders until the parent closes the stream."""
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    while (order := order_from(sys.stdin.buffer)) is not None:
        out.write(to_frame(answer(order)))
        out.flush()


if __name__ == "__main__":
    from ingest import worker

    worker.main()  # under its real name: pickled classes must not belong to __main__
