"""A process that reads files: path in, chunks out, in frames over its standard streams.

A process of its own rather than an executor's: a parser that hangs, crashes, eats memory or means harm takes one file
with it. What it prints goes nowhere, so it cannot break the frames; what it answers is JSON, so it cannot hand its
parent anything but text.
"""

import hashlib
import os
import pickle
import struct
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from errno import EFBIG, ENOSPC, EPERM
from pathlib import Path
from typing import Any, BinaryIO, Final, NamedTuple

import orjson

from contracts.documents import Chunk
from contracts.errors import SwitchboardError
from ingest.confine import confine
from ingest.files import read
from ingest.load import VERSION, load_bytes
from ingest.load.decode import storable
from ingest.split import VERSION as SPLIT_VERSION
from ingest.split import split

SIZE: Final = struct.Struct("!Q")
HEAD: Final = struct.Struct("!?Q")
"""Before an answer: whether it is this process's last one, and how long it is."""
MEMORY: Final = 3_000_000_000
"""Bytes of address space: beyond that a file ends its worker rather than the machine."""
LONGEST: Final = 200_000_000
"""Bytes of one answer: the parent has to hold it."""


@dataclass(frozen=True, slots=True)
class Order:
    """A file to read."""

    path: Path
    source: str
    limit: int
    groups: tuple[str, ...] = ()
    """Who may read it; empty means everyone in the tenant."""

    @property
    def name(self) -> str:
        """Return what tells its kind where the source does not: the name that a page was saved under."""
        return self.path.name if "://" in self.source else ""


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
    notes: tuple[str, ...] = ()
    """What was left out of it, a sentence each."""


def fingerprint(data: bytes, groups: tuple[str, ...] = ()) -> str:
    """Return the hex digest of the content, its readers, and the code that reads it: the same, nothing to do."""
    digest = hashlib.sha256(f"load {VERSION} split {SPLIT_VERSION} {groups}\n".encode())
    digest.update(data)
    return digest.hexdigest()


def parse(order: Order) -> Parsed:
    """Return the file's chunks; raises UnreadableDocument."""
    data = read(order.path, order.source, order.limit)
    try:
        loaded = load_bytes(data, order.source, order.name)
    except SwitchboardError as refused:
        refused.message = refused.message.replace(order.name or order.source, order.source)
        raise
    document = replace(loaded, groups=order.groups)
    digest = fingerprint(data, order.groups)
    return Parsed(order.source, digest, len(data), document.title, split(document), notes=document.notes)


class Answer(NamedTuple):
    """What became of an order."""

    parsed: Parsed
    spent: bool = False
    """The process has had its fill of memory, and ends: the next file deserves a fresh one."""


def refusal(source: str, error: str) -> Parsed:
    """Return the answer for a file that could not be read."""
    return Parsed(source, "", 0, "", [], error)


def answer(order: Order) -> Answer:
    """Return what became of the file; a refusal is an answer."""
    try:
        return Answer(parse(order))
    except SwitchboardError as refused:
        return Answer(refusal(order.source, overreach(order.source, refused) or refused.message))
    except MemoryError:
        return Answer(
            refusal(
                order.source,
                f"{order.source} needs too much memory to be read: split it, or raise SWITCHBOARD_READ_MEMORY.",
            ),
            spent=True,
        )


def overreach(source: str, refused: BaseException) -> str:
    """Return the sentence for a parser that was kept from what is none of its business; "" for any other failure."""
    for cause in causes(refused):
        match cause:
            case OSError(errno=number) if number in (EFBIG, ENOSPC):
                return f"{source} was left out: its parser wanted to write to the disk, which it may not."
            case OSError(errno=number) if number == EPERM:
                return (
                    f"{source} was left out: its parser wanted to start a program or open a connection, "
                    "which it may not."
                )
            case _:
                pass
    return ""


def causes(failure: BaseException) -> Iterator[BaseException]:
    """Yield the failure and what led to it."""
    seen: list[BaseException] = []
    at: BaseException | None = failure
    while at is not None and at not in seen:
        yield at
        seen.append(at)
        at = at.__cause__ or at.__context__


def to_order_frame(order: Order) -> bytes:
    """Return the order with its length before it."""
    body = pickle.dumps(order, pickle.HIGHEST_PROTOCOL)
    return SIZE.pack(len(body)) + body


def order_from(stream: BinaryIO) -> Order | None:
    """Return the next order, None at the stream's end."""
    head = stream.read(SIZE.size)
    if len(head) < SIZE.size:
        return None
    return pickle.loads(stream.read(SIZE.unpack(head)[0]))  # noqa: S301 - written by our own parent


def to_answer_frame(done: Answer) -> bytes:
    """Return the answer with its head before it."""
    try:
        body = orjson.dumps(done.parsed)
    except TypeError:  # half of a surrogate pair, which no database takes either
        body = orjson.dumps(mended(asdict(done.parsed)))
    if len(body) > LONGEST:
        source = done.parsed.source
        long = f"{source} holds more than {LONGEST / 1e6:,.0f} MB of text, the limit: split it."
        body = orjson.dumps(refusal(source, long))
    return HEAD.pack(done.spent, len(body)) + body


def mended(value: Any) -> Any:
    """Return the value, its texts without what cannot be stored."""
    match value:
        case str():
            return storable(value)
        case list() | tuple():
            return [mended(one) for one in value]
        case dict():
            return {name: mended(one) for name, one in value.items()}
        case _:
            return value


def main(parent: int, memory: int) -> None:
    """Answer orders until the parent closes the stream."""
    orders = os.fdopen(os.dup(0), "rb")
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(2, 1)
    tempfile.tempdir = tempfile.gettempdir()  # asked while a folder can still be tried by writing to it
    confine(parent, memory)
    spent = False
    while not spent and (order := order_from(orders)) is not None:
        done = answer(order)
        out.write(to_answer_frame(done))
        out.flush()
        spent = done.spent


if __name__ == "__main__":
    from ingest import worker

    worker.main(int(sys.argv[1]), int(sys.argv[2]))  # under its real name, for the orders' pickled classes
