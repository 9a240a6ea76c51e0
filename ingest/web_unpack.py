"""What comes packed, unpacked a piece at a time: a bomb is met by the limit and not by the memory."""

import zlib
from collections.abc import Iterator
from typing import Final

from contracts.errors import UnreadableDocument

GZIP: Final = b"\x1f\x8b"
"""Begins a file in gzip."""
PIECE: Final = 1 << 20
"""Bytes of a piece, at most."""


class Unpacker:
    """Unpacks a body a piece at a time, so that a bomb is met by the limit and not by the memory."""

    def __init__(self, address: str, packed: bool) -> None:
        self._address = address
        self._stream = zlib.decompressobj(wbits=47) if packed else None  # gzip or zlib, by its head

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Yield what the bytes unpack to."""
        if self._stream is None:
            yield data
            return
        try:
            while data and not self._stream.eof:
                piece = self._stream.decompress(data, PIECE)
                data = self._stream.unconsumed_tail
                yield piece
        except zlib.error as cause:
            raise UnreadableDocument(f"{self._address} was sent packed, and damaged. Try again.") from cause

    def require_whole(self) -> None:
        """Raise UnreadableDocument where the body ended too early."""
        if self._stream is not None and not self._stream.eof:
            raise UnreadableDocument(f"{self._address} broke off while it was fetched. Try again.")


def unpacker_for(address: str, encoding: str) -> Unpacker:
    """Return the unpacker for an encoding. Raises UnreadableDocument for one that was not asked for."""
    if encoding not in ("", "identity", "gzip", "x-gzip", "deflate"):
        raise UnreadableDocument(
            f"{address} was sent in the encoding {encoding[:40]!r}, which was not asked for."
        )
    return Unpacker(address, packed=encoding not in ("", "identity"))


def unpacked(data: bytes, limit: int) -> bytes:
    """Return the data, unpacked where it is gzip; raises UnreadableDocument over `limit` bytes or for damage."""
    if not data.startswith(GZIP):
        return data
    out = bytearray()
    for piece in pieces_of(data):
        out += piece
        if len(out) > limit:
            raise UnreadableDocument(f"it unpacks to more than {limit:,} bytes, the limit")
    return bytes(out)


def pieces_of(data: bytes) -> Iterator[bytes]:
    """Yield what gzip data unpacks to, a piece of at most PIECE bytes at a time; raises UnreadableDocument."""
    try:
        while data:
            unpacker = zlib.decompressobj(wbits=31)
            while not unpacker.eof:
                piece = unpacker.decompress(data, PIECE)
                data = unpacker.unconsumed_tail
                if not piece and not data and not unpacker.eof:
                    raise UnreadableDocument("its gzip data breaks off")
                yield piece
            data = unpacker.unused_data
    except zlib.error as cause:
        raise UnreadableDocument("its gzip data is damaged") from cause
