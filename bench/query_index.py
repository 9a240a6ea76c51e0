"""The index of `bench query`: 100,000 chunks with the vectors that the product gives them, made once and kept.

The vectors take most of the time (half an hour of one core and more), so they are kept apart, a file for each
thousand chunks: a run that was stopped goes on with the next file, and another setting of the index costs minutes.
"""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, replace
from itertools import groupby, islice
from pathlib import Path
from typing import Final
from zlib import crc32

import numpy as np
import orjson

from bench.query_corpus import texts
from contracts.documents import Chunk, edition_of
from ingest.embed import embed
from ingest.split import split
from ports.edge import EdgeClient
from ports.onnx import MiniLM
from retrievers.collection import Collection
from retrievers.contents import Content
from retrievers.sparse import document_vector

CHUNKS: Final = 100_000
PART: Final = 1_000
"""Chunks in one file of vectors."""
LARGE, SMALL = "bench", "bench-small"
"""Two tenants: one has nearly all, the other every fiftieth document."""
FIFTIETH: Final = 50
DEPARTMENTS: Final = 8
"""Half of the documents are for everyone, the other half for one of so many departments."""
NAME: Final = "passages"
DONE: Final = "complete"
Tell = Callable[[str, int, int], None]


def chunks_of(data: Path, count: int) -> Iterator[Chunk]:
    """Yield so many chunks, no text twice, positions anew in each document."""
    seen: set[bytes] = set()
    for document in texts(data):
        position = 0
        for chunk in split(replace(document, groups=groups_of(document.source))):
            digest = hashlib.blake2b(chunk.text.encode(), digest_size=16).digest()
            if digest in seen:
                continue
            if len(seen) == count:
                return
            seen.add(digest)
            yield replace(chunk, position=position)
            position += 1


def groups_of(source: str) -> tuple[str, ...]:
    """Return who may read the document: everyone or one department, by its name."""
    number = crc32(source.encode()) // FIFTIETH
    return () if number % 2 else (f"department-{number // 2 % DEPARTMENTS}",)


def tenant_of(source: str) -> str:
    """Return whose the document is, by its name."""
    return SMALL if crc32(source.encode()) % FIFTIETH == 0 else LARGE


def ensure_vectors(data: Path, folder: Path, count: int, encoder: MiniLM, tell: Tell) -> None:
    """Embed what is not there yet."""
    folder.mkdir(parents=True, exist_ok=True)
    chunks = chunks_of(data, count)
    for number in range(-(-count // PART)):
        part = list(islice(chunks, PART))
        made, digest = folder / f"{number:05d}.npz", digest_of(part)
        if not made.exists() or str(np.load(made)["digest"]) != digest:
            (found,) = embed([part], encoder)
            kept = orjson.dumps([asdict(chunk) for chunk in found.chunks])
            fresh = folder / "fresh.npz"
            np.savez(
                fresh,
                digest=np.array(digest),
                chunks=np.frombuffer(kept, np.uint8),
                dense=np.array(found.dense, np.float32),
                tokens=np.array(found.tokens),
            )
            fresh.replace(made)
        tell("embedding", min(count, (number + 1) * PART), count)


def digest_of(part: Sequence[Chunk]) -> str:
    """Return a digest of what the embedder is given."""
    return hashlib.sha256("\0".join(chunk.embedded_text() for chunk in part).encode()).hexdigest()


async def open_index(folder: Path, vectors: Path, count: int, tell: Tell) -> EdgeClient:
    """Open the index of the first chunks that there are vectors of, made now or kept from a run before."""
    client = EdgeClient(folder, optimize_after=1 << 60)
    if (folder / DONE).exists():
        return client
    collection = Collection(client, NAME, MiniLM.name, MiniLM.dimension)
    await collection.ensure()
    positions: Counter[str] = Counter()
    done = 0
    for number in range(-(-count // PART)):
        part = contents_of(vectors / f"{number:05d}.npz", positions)
        for tenant in (LARGE, SMALL):
            mine = [content for content in part if tenant_of(content.source) == tenant]
            begun = [edition_of(tenant, content.source, content.version) for content in mine]
            await collection.replace_all(tenant, mine, begun)  # what a file before has of a document stays
        done += sum(len(content.chunks) for content in part)
        tell("writing", min(done, count), count)
    tell("indexing", count, count)
    await client.optimize(NAME)
    (folder / DONE).write_text(str((await client.count(NAME)).count))
    return client


def contents_of(path: Path, positions: Counter[str]) -> list[Content]:
    """Return the documents of a file of vectors; one that a file before began goes on with its positions."""
    with np.load(path) as kept:
        rows, dense, tokens = orjson.loads(kept["chunks"].tobytes()), kept["dense"], kept["tokens"].tolist()
    found: list[Content] = []
    for source, group in groupby(range(len(rows)), key=lambda row: str(rows[row]["source"])):
        numbers = list(group)
        chunks = [Chunk(**rows[n] | {"position": positions[source] + at}) for at, n in enumerate(numbers)]
        positions[source] += len(numbers)
        sparse = [document_vector(chunk.embedded_text()) for chunk in chunks]
        found.append(Content(source, "v1", chunks, dense[numbers], sparse, [tokens[n] for n in numbers]))
    return found
