"""Brings a corpus into an index of its own with the ingest's functions, and keeps it for the next run.

The ingest is a sibling that must not be imported: switchboard.py hands its functions in. A kept index is named by
its texts and by the chunks and vectors that the code makes of some of them, so a change of either makes a new one.
"""

import asyncio
import hashlib
import os
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol

import numpy as np

from contracts.documents import Chunk, Document
from evals.progress import Tell
from graph.wiring import Wiring, open_wiring
from ports.onnx import DEFAULT, PACKAGED
from ports.settings import Settings

TENANT: Final = "eval"
VERSION: Final = "eval"
"""The version of every source: the folder's name carries what it was made from."""
BATCH: Final = 64
"""Documents that are cut and embedded together."""
DONE: Final = "complete"
"""In the data folder once everything is in and optimized."""
PROBES: Final = 24
"""Documents, the longest and evenly spread ones, whose chunks and vectors name an index."""


class Vectors(Protocol):
    """A document's chunks with their vectors (ingest/embed.py)."""

    chunks: list[Chunk]
    dense: list[Any]
    sparse: list[Any]
    tokens: list[Any]


Batch = Sequence[Document]
IndexFiles = Callable[[Sequence[tuple[Path, str]], str, list[str], Tell], Awaitable[dict[str, Any]]]
"""Files with their sources, the tenant, the groups, and who is told; returns the ingest's report."""


@dataclass(frozen=True, slots=True)
class Ingest:
    """The ingest's functions, as the composition root hands them in."""

    split: Callable[[Document], list[Chunk]]
    embed: Callable[[Sequence[list[Chunk]], Any], Sequence[Any]]
    """Chunks of several documents and the encoder; returns Vectors for each document."""
    files_for: Callable[[Wiring], IndexFiles]
    """What indexes files on disk, for the handbook."""
    load: Callable[[Path, str], Document] | None = None
    """Reads one file under the name given, for the suite `ingest`; raises SwitchboardError."""


def embedded_settings(folder: Path) -> Settings:
    """Return the operator's settings over a data folder of our own: no server that holds real data is touched."""
    return Settings(data_dir=folder, redis_url=None, qdrant_url=None, database_url=None)


@asynccontextmanager
async def open_indexed(
    documents: Sequence[Document], ingest: Ingest, cache: Path, tell: Tell, say: Callable[[str], None]
) -> AsyncGenerator[Wiring]:
    """Open the parts over an index of the documents, made now or kept from a run before."""
    name = await asyncio.to_thread(fingerprint, documents, ingest)
    async with open_wiring(embedded_settings(cache / name)) as wiring:
        done = wiring.ports.folder.path / DONE
        if done.exists():
            say(f"Index: {int(done.read_text()):,} chunks, kept from an earlier run in {cache}.")
        else:
            chunks = await fill(documents, ingest, wiring, tell)
            done.write_text(str(chunks))
            say(f"Index: {chunks:,} chunks, made now and kept in {cache} for the next run.")
        yield wiring


async def fill(documents: Sequence[Document], ingest: Ingest, wiring: Wiring, tell: Tell) -> int:
    """Index what is missing and bring the index into its fastest form; return the number of chunks.

    One batch is written while the next is embedded. A run that was stopped goes on where it was.
    """
    held = await wiring.collection.sources(TENANT)
    missing = [document for document in documents if held.get(document.source) != VERSION]
    batches = [missing[start : start + BATCH] for start in range(0, len(missing), BATCH)]
    done = len(documents) - len(missing)

    def vectors(batch: Batch) -> Sequence[Vectors]:
        return ingest.embed([ingest.split(document) for document in batch], wiring.encoder)

    async for batch, found in one_ahead(batches, vectors):
        for document, one in zip(batch, found, strict=True):
            await wiring.collection.replace(
                TENANT, document.source, VERSION, one.chunks, one.dense, one.sparse, one.tokens
            )
        done += len(batch)
        tell("indexing", done, len(documents))
    await wiring.optimize()
    return await wiring.collection.count(TENANT)


async def one_ahead(
    batches: Sequence[Batch], work: Callable[[Batch], Sequence[Vectors]]
) -> AsyncGenerator[tuple[Batch, Sequence[Vectors]]]:
    """Yield each batch with what the work made of it in a thread, where the next is under way meanwhile."""
    coming: asyncio.Task[Sequence[Vectors]] | None = None
    try:
        for number, batch in enumerate(batches):
            found = await (coming or asyncio.to_thread(work, batch))
            rest = batches[number + 1 : number + 2]
            coming = asyncio.create_task(asyncio.to_thread(work, rest[0])) if rest else None
            yield batch, found
    finally:
        if coming is not None:
            await asyncio.wait([coming])


def fingerprint(documents: Sequence[Document], ingest: Ingest) -> str:
    """Return a name for the index: a digest of the texts, and of what today's code makes of some of them."""
    settings = Settings()
    digest = hashlib.sha256(f"{settings.model_embedding} {settings.ollama_urls}".encode())
    for document in documents:
        digest.update(f"\0{document.source}\0{document.title}\0{document.text}".encode())
    model = PACKAGED.get(settings.model_embedding, PACKAGED[DEFAULT])
    encoder = model(settings.models_dir, settings.threads or os.cpu_count() or 1)
    try:
        found = ingest.embed([ingest.split(document) for document in probes(documents)], encoder)
    finally:
        encoder.close()
    for one in found:
        digest.update(repr((one.chunks, one.sparse, one.tokens)).encode())
        digest.update(np.asarray(one.dense, np.float32).tobytes())
    return digest.hexdigest()[:16]


def probes(documents: Sequence[Document]) -> list[Document]:
    """Return the longest documents and some evenly spread over the corpus, each once."""
    longest = sorted(documents, key=lambda document: -len(document.text))[: PROBES // 2]
    spread = documents[:: max(1, len(documents) // (PROBES // 2))][: PROBES // 2]
    return list({document.source: document for document in (*longest, *spread)}.values())
