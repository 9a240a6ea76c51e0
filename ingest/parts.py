"""What an ingest works on: opened and closed by its caller, the server or the command."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from collections.abc import Collection as Names
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from contracts.identity import Identity
from graph.library import Library
from ingest.embed import Encoder
from ingest.files import LARGEST
from ingest.readers import SECONDS
from ingest.renew import renew
from ingest.worker import MEMORY
from retrievers.contents import Content, Stored
from store.engine import Database

if TYPE_CHECKING:
    from graph.wiring import Wiring


class Collection(Protocol):
    """What is used of the index (retrievers/collection.py)."""

    async def replace_all(self, tenant: str, contents: Sequence[Content], keep: Names[str] = ()) -> Any:
        """Write the documents' chunks, then remove whatever else they had but the editions to `keep`."""
        ...

    async def remove(self, tenant: str, editions: Sequence[str]) -> Any:
        """Remove the chunks of these editions."""
        ...

    async def regroup(self, tenant: str, source: str, groups: Sequence[str]) -> Any:
        """Set who may read the document's chunks."""
        ...

    async def held(self, tenant: str, versions: Mapping[str, str]) -> set[str]:
        """Return the sources whose chunks of this version are there."""
        ...

    async def stored(self, tenant: str, source: str, version: str, most: int) -> list[Stored]:
        """Return the chunks of one version of a document in order, with their vectors; none where there are more."""
        ...

    async def delete(self, tenant: str, source: str) -> Any:
        """Remove the document's chunks."""
        ...

    async def sources(self, tenant: str, among: Sequence[str] | None = None) -> dict[str, str]:
        """Return the version of each source that has chunks, or of those `among`."""
        ...

    def pages(self, tenant: str) -> AsyncIterator[list[tuple[str, str]]]:
        """Yield sources and versions, a page at a time."""
        ...


@dataclass(frozen=True, slots=True)
class Parts:
    """The index, the embedder and the database, and how much one file may take."""

    collection: Collection
    encoder: Encoder
    database: Database
    bump: Callable[[str], Awaitable[Any]]
    """Told the tenant whose documents changed, so that remembered answers are dropped."""
    limit: int = LARGEST
    """Bytes of one file."""
    workers: int = 2
    """Processes that read files; started with the first files."""
    seconds: float = SECONDS
    """The longest that reading one file may take."""
    memory: int = MEMORY
    """Bytes of address space that reading one file may take."""
    library: Library | None = None
    """Through which documents change; None makes one of the parts above, for an index that nobody reads meanwhile."""

    def books(self) -> Library:
        """Return what documents are changed through."""
        if self.library is not None:
            return self.library
        return Library(lambda: self.collection, self.database, self.bump, grace=0, alone=True)


def parts_over(wiring: "Wiring", workers: int = 2) -> Parts:
    """Return the parts over what is open, with the settings' limits."""
    settings = wiring.ports.settings
    wiring.indexes.renew = renew
    return Parts(
        wiring.collection,
        wiring.encoder,
        wiring.database,
        wiring.bump,
        limit=settings.max_upload,
        workers=workers,
        seconds=settings.read_timeout.total_seconds(),
        memory=settings.read_memory,
        library=wiring.library,
    )


def identity_of(tenant: str) -> Identity:
    """Return who writes the documents of a tenant: the ingest itself."""
    return Identity(tenant=tenant, user="ingest", role="operator")
