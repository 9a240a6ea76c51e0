"""Documents into the index and the database, many at a time, each as a whole (graph/library.py)."""

from collections.abc import Mapping, Sequence

from ingest.embed import Embedded
from ingest.parts import Parts
from ingest.worker import Parsed
from retrievers.contents import Content
from store import documents

Ready = tuple[Parsed, Embedded]
"""A document that can be written."""


async def write(
    batch: Sequence[Ready],
    tenant: str,
    parts: Parts,
    groups: Sequence[str] | None = None,
    stats: Mapping[str, str] | None = None,
) -> None:
    """Make the documents what readers see, all in one moment: a crash before it repeats them.

    `groups`: who may read them; None leaves that as it is. `stats`: what the file system said of each file before.
    """
    contents = [to_content(*one) for one in batch]
    rows = [to_row(*one, (stats or {}).get(one[0].source, "")) for one in batch]
    await parts.books().write(tenant, contents, rows, groups, index=parts.collection)


def to_content(parsed: Parsed, embedded: Embedded) -> Content:
    """Return what the index is to hold of a document."""
    return Content(
        parsed.source, parsed.sha256, embedded.chunks, embedded.dense, embedded.sparse, embedded.tokens
    )


def to_row(parsed: Parsed, embedded: Embedded, stat: str) -> documents.Indexed:
    """Return what the database is to note of it."""
    return documents.Indexed(
        source=parsed.source,
        title=parsed.title,
        sha256=parsed.sha256,
        bytes=parsed.size,
        chunks=len(embedded.chunks),
        groups=(),
        stat=stat,
    )
