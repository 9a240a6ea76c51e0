"""Folders to the index: what is new is added, what changed is replaced, and with `prune` what is gone is removed."""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from typing import Protocol

from ingest.index import index
from ingest.parts import Parts, identity_of
from ingest.report import Progress, Report
from ingest.sift import origin_of
from ingest.spool import Files, Spool, spooled
from store import documents


class Index(Protocol):
    """`ingest.index.index`, or what does the same elsewhere (ingest/ray_index.py)."""

    async def __call__(
        self,
        files: Files,
        tenant: str,
        parts: Parts,
        *,
        groups: Sequence[str] | None = None,
        check: bool = False,
        progress: Progress | None = None,
    ) -> Report: ...


async def sync(
    paths: Sequence[str],
    tenant: str,
    parts: Parts,
    *,
    prune: bool = False,
    groups: Sequence[str] | None = None,
    check: bool = False,
    workers: int | None = None,
    progress: Progress | None = None,
    by: Index = index,
) -> Report:
    """Index the folders, files and patterns for the tenant; raises BadRequest where a path names nothing.

    Running it again changes nothing. A file that fails keeps what the index held of it. `groups` and `check` are
    as `index` has them. What an earlier run left half-done is finished or taken back first; what this one replaced is
    gone at its end. `by` is what indexes the files.
    """
    started = time.perf_counter()
    parts = replace(parts, workers=workers) if workers else parts
    with spooled() as found:
        await asyncio.to_thread(found.fill, paths)
        await parts.books().settle()
        report = await by(found, tenant, parts, groups=groups, check=check, progress=progress)
        for source, error in found.clashes.items():
            report.fail(source, error)
        report.skipped = dict(found.skipped)
        if prune:
            report.deleted = await remove_gone(found, tenant, parts)
    await parts.books().settle(patient=True)
    report.failures.sort()
    report.seconds = time.perf_counter() - started
    return report


async def remove_gone(found: Spool, tenant: str, parts: Parts) -> int:
    """Remove the documents below the roots whose files no longer exist; return how many.

    One that is noted to have come from elsewhere, a folder of the same name, stays.
    """
    gone = set[str]()
    async for page in indexed(tenant, parts):
        absent = [one for one in found.absent(page) if any(root.gone(one) for root in found.roots)]
        noted = await documents.noted(parts.database, identity_of(tenant), absent)
        origins = {source: origin_of(one.stat) for source, one in noted.items()}
        gone |= {one for one in absent if any(root.lost(one, origins.get(one, "")) for root in found.roots)}
    await parts.books().remove(tenant, sorted(gone))
    return len(gone)


async def indexed(tenant: str, parts: Parts) -> AsyncIterator[list[str]]:
    """Yield the sources that the database or the index has, a page at a time, most of them twice."""
    last = ""
    while page := await documents.sources(parts.database, identity_of(tenant), last):
        yield page
        last = page[-1]
    async for pairs in parts.collection.pages(tenant):
        yield [source for source, _ in pairs]


async def remove(source: str, tenant: str, parts: Parts) -> None:
    """Remove one document."""
    await parts.books().remove(tenant, [source])
