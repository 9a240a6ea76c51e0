"""CPU clocks in a file that another process reads: one float64 of seconds for each of PARTS."""

import mmap
import struct
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, TypeVar

T = TypeVar("T")
PARTS: Final = ("embedder", "reranker", "reader")
SIZE: Final = 8 * len(PARTS)


class Clocks:
    """The CPU seconds of threads in each part, less those of another part inside it."""

    def __init__(self, file: Path) -> None:
        file.write_bytes(bytes(SIZE))
        with file.open("r+b") as opened:
            self._map = mmap.mmap(opened.fileno(), SIZE)
        self._lock = threading.Lock()
        self._thread = threading.local()

    def around(self, part: str, work: Callable[..., T]) -> Callable[..., T]:
        """Return the function with its own CPU seconds added to the part's."""
        at = 8 * PARTS.index(part)

        def run(*args: Any, **kwargs: Any) -> T:
            outer = getattr(self._thread, "inside", 0.0)
            self._thread.inside = 0.0
            start = time.thread_time()
            try:
                return work(*args, **kwargs)
            finally:
                spent = time.thread_time() - start
                self._add(at, spent - self._thread.inside)
                self._thread.inside = outer + spent

        return run

    def _add(self, at: int, seconds: float) -> None:
        with self._lock:
            struct.pack_into("<d", self._map, at, struct.unpack_from("<d", self._map, at)[0] + seconds)


def read(file: Path) -> dict[str, float]:
    """Return the seconds of each part so far."""
    return dict(zip(PARTS, struct.unpack(f"<{len(PARTS)}d", file.read_bytes()), strict=True))
