"""What a reader sees while documents change: all of an edition or nothing of it, as it was when the reader began.

The database says which editions are hidden (store/editions.py). A process reads that list when the tenant's index has
a new version, and once a second: usually it is empty and costs one question to Redis. An edition that became visible
while the reader was at work is left out afterwards: its process has raised the index's version before it wrote a point.
"""

import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple, Protocol, TypeVar

from contracts.errors import IndexUnavailable

AGE_S: Final = 1.0
"""Seconds for which a list is used though the version is the same: a version that Redis lost may come again."""
LONGEST_S: Final = 3.0
"""Seconds in which a reader is done, and GRACE_S before anything that it may see is removed."""
GRACE_S: Final = 5.0
"""Seconds after which nobody reads any more what is not to be seen."""
TRIES: Final = 3
SEEN: Final = "fresh"
"""The one state of an edition in the list that is to be seen."""

Listing = Callable[[str], Awaitable[Mapping[str, str]]]
"""Return the state of each edition of a tenant that is being changed."""
Version = Callable[[str], Awaitable[int]]
"""Return the version of a tenant's index, which every change raises before its first point and after its last."""


class Known(NamedTuple):
    """A list, the version of the index under which it was read, and when, on the monotonic clock."""

    version: int
    read: float
    states: Mapping[str, str]


class Editions:
    """The lists of all tenants; each call names its own."""

    def __init__(self, listing: Listing, version: Version) -> None:
        self._listing, self._version = listing, version
        self._known: dict[str, Known] = {}

    async def view(self, tenant: str) -> "View":
        """Return what a reader who begins now is to see."""
        began = time.monotonic()
        version = await self._version(tenant)
        known = self._known.get(tenant)
        if known is None or known.version != version or began - known.read > AGE_S:
            known = Known(version, began, await self._listing(tenant))
            if len(self._known) > 10_000:
                self._known.clear()
            self._known[tenant] = known
        return View(self, tenant, known)

    async def since(self, tenant: str, known: Known) -> set[str] | None:
        """Return the editions that a reader with this list may have met, though they came after it.

        None where nothing has changed since.
        """
        if await self._version(tenant) == known.version:
            return None
        states = await self._listing(tenant)
        return {
            edition
            for edition, state in states.items()
            if state == "regrouping" or (state in ("pending", SEEN) and known.states.get(edition) != SEEN)
        }


class View:
    """What one reader sees."""

    def __init__(self, editions: Editions, tenant: str, known: Known) -> None:
        self._editions, self._tenant, self._known = editions, tenant, known
        self._began = time.monotonic()
        self.hidden = [edition for edition, state in known.states.items() if state != SEEN]
        """Editions to leave out of every question to the index."""

    async def newer(self) -> set[str] | None:
        """Return the editions to leave out of what was found, once it was; None where the reader must look again.

        It took so long that something which it was to see may be gone.
        """
        newer = await self._editions.since(self._tenant, self._known)
        if newer is None:
            return set()
        return None if time.monotonic() - self._began > LONGEST_S else newer


class Found(Protocol):
    """What a reader found: its payload names its edition."""

    payload: Mapping[str, Any]


Item = TypeVar("Item", bound=Found)


async def seen(
    editions: Editions | None, tenant: str, look: Callable[[Sequence[str]], Awaitable[list[Item]]]
) -> list[Item]:
    """Return what `look` finds with these editions hidden, as the index was at one moment.

    Without `editions` nothing changes meanwhile. Raises IndexUnavailable where it changes faster than it is read.
    """
    if editions is None:
        return await look(())
    for _ in range(TRIES):
        view = await editions.view(tenant)
        found = await look(view.hidden)
        newer = await view.newer()
        if newer is not None:
            return [one for one in found if one.payload.get("edition") not in newer] if newer else found
    raise IndexUnavailable(
        f"The index took more than {LONGEST_S:.0f} s to answer, {TRIES} times, while documents changed. "
        "Try again in a moment."
    )
