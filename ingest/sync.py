"""Folders to the index: what is new is added, what changed is replaced, and with `prune` what is gone is removed."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import replace

from ingest.index import index
from ingest.parts import Parts, identity_of
from ingest.report import Progress, Report
from ingest.walk import Walk, walk
from store import documents


async def sync(
    paths: Sequence[str],
    tenant: str,
    parts: Parts,
    *,
    prune: bool = False,
    workers: int | None = None,
    progress: Progress | None = None,
) -> Report:
    """Index the folders, files and patterns for the tenant; raises BadRequest where a path names nothing.

    Running it again changes nothing. A file that fails keeps what the index held of it.
    """
    started = time.perf_counter()
    found = await asyncio.to_thread(walk, paths)
    parts = replace(parts, workers=workers) if workers else parts
    report = await index(found.files, tenant, parts, progress=progress)
    for source, error in found.clashes.items():
        report.fail(source, error)
    report.skipped = dict(found.skipped)
    if prune:
        report.deleted = await remove_gone(found, tenant, parts)
    report.failures.sort()
    report.seconds = time.perf_counter() - started
    return report


async def remove_gone(found: Walk, tenant: str, parts: Parts) -> int:
    """Remove the documents below the roots whose files no longer exist; return how many."""
    rows = await documents.digests(parts.database, identity_of(tenant))
    indexed = set(rows) | set(await parts.collection.sources(tenant))
    here = {file.source for file in found.files} | set(found.clashes)
    gone = [source for source in sorted(indexed - here) if any(root.gone(source) for root in found.roots)]
    for source in gone:
        await remove(source, tenant, parts)
    return len(gone)


async def remove(source: str, tenant: str, parts: Parts) -> None:
    """Remove one document: its chunks first, so that a crash in between leaves the row to find it by."""
    await parts.bump(tenant)
    await parts.collection.delete(tenant, source)
    await parts.bump(tenant)
    who = identity_of(tenant)
    entry = await documents.by_source(parts.database, who, source)
    if entry:
        await documents.remove(parts.database, who, entry["id"])
