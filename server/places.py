"""How many answers may be written at the same time, and how long one takes."""

from collections.abc import Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from server.live import Live


class Places:
    """Counts the runs that write an answer; the others cost next to nothing and are not counted."""

    def __init__(self, most: int) -> None:
        self.most = most
        self._taken = 0
        self._mean_s = 5.0

    def full(self) -> bool:
        """Tell whether another answer has to wait."""
        return self._taken >= self.most

    def take(self, live: "Live") -> None:
        """Give the run a place."""
        if not live.answering:
            live.answering = True
            self._taken += 1

    @contextmanager
    def held(self) -> Generator[None]:
        """Keep one place from others while the run that gets it is looked for."""
        self._taken += 1
        try:
            yield
        finally:
            self._taken -= 1

    def leave(self, live: "Live") -> None:
        """Take the place back and learn from the time it took."""
        if live.answering:
            live.answering = False
            self._taken -= 1
            usage = live.usage()
            if usage:
                self._mean_s += 0.2 * (usage["total_ms"] / 1000 - self._mean_s)

    def expected_wait(self, position: int) -> float:
        """Return the seconds until the run at this position has its answer."""
        return round(self._mean_s * (1 + position / self.most), 1)
