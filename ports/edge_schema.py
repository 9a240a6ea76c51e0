"""What a collection of the embedded index is made of, and the small JSON file that says so.

The file names the engine folder in use and is replaced atomically: a folder beside it that it does not
name is the rest of something unfinished.
"""

import os
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Final

import orjson
import qdrant_edge as edge
from qdrant_client import models

from ports.edge_filter import unsupported

FILE: Final = "collection.json"
HNSW: Final[dict[str, Any]] = {"m": 16, "ef_construct": 100, "full_scan_threshold": 10_000}
"""Qdrant's own defaults; the threshold in kilobytes of vectors."""


@dataclass(frozen=True, slots=True)
class Schema:
    """A collection's vectors, in qdrant_client's own JSON."""

    engine: str
    """Name of the engine's folder in use."""
    vectors: dict[str, dict[str, Any]]
    sparse: dict[str, dict[str, Any]]
    hnsw: dict[str, Any] = field(default_factory=dict[str, Any])
    metadata: dict[str, Any] = field(default_factory=dict[str, Any])
    optimized: int = 0
    """Points at the last optimisation."""

    def with_engine(self, engine: str, optimized: int) -> "Schema":
        return replace(self, engine=engine, optimized=optimized)

    def dimensions(self) -> dict[str, int]:
        """Return the size of each dense vector."""
        return {name: params["size"] for name, params in self.vectors.items()}


def to_schema(
    engine: str,
    vectors: Any,
    sparse: Any,
    hnsw: models.HnswConfigDiff | None,
    metadata: dict[str, Any] | None,
) -> Schema:
    """Return the schema of a new collection; what the engine cannot honour is refused."""
    if not isinstance(vectors, dict):
        vectors = {} if vectors is None else {"": vectors}
    return Schema(
        engine,
        {
            name: _known(params, {"size", "distance", "on_disk", "datatype"})
            for name, params in vectors.items()
        },
        {name: _known(params, {"modifier"}) for name, params in (sparse or {}).items()},
        {} if hnsw is None else _known(hnsw, {*HNSW, "max_indexing_threads", "on_disk", "payload_m"}),
        metadata or {},
    )


def _known(given: Any, supported: set[str]) -> dict[str, Any]:
    values = given.model_dump(mode="json", exclude_none=True)
    if unknown := values.keys() - supported:
        raise unsupported(f"{', '.join(sorted(unknown))} in {type(given).__name__}")
    return values


def to_config(schema: Schema) -> edge.EdgeConfig:
    """Return the engine's configuration, with its write-ahead log on."""
    return edge.EdgeConfig(
        vectors={name: _dense(params) for name, params in schema.vectors.items()},
        sparse_vectors={name: _sparse(params) for name, params in schema.sparse.items()},
        hnsw_config=edge.HnswIndexConfig(**{**HNSW, **schema.hnsw}),
        wal_enabled=True,
    )


def _dense(params: dict[str, Any]) -> edge.EdgeVectorParams:
    datatype = params.get("datatype")
    return edge.EdgeVectorParams(
        params["size"],
        getattr(edge.Distance, params["distance"]),
        on_disk=params.get("on_disk"),
        datatype=datatype and getattr(edge.VectorStorageDatatype, datatype.capitalize()),
    )


def _sparse(params: dict[str, Any]) -> edge.EdgeSparseVectorParams:
    return edge.EdgeSparseVectorParams(
        modifier=edge.Modifier.Idf if params.get("modifier") == "idf" else None
    )


def to_info(
    schema: Schema, info: "edge.ShardInfo", indexes: dict[str, models.PayloadIndexInfo]
) -> models.CollectionInfo:
    """Return what `get_collection` of a server tells, as far as the engine knows it."""
    return models.CollectionInfo(
        status=models.CollectionStatus.GREEN,
        optimizer_status=models.OptimizersStatusOneOf.OK,
        points_count=info.points_count,
        indexed_vectors_count=info.indexed_vectors_count,
        segments_count=info.segments_count,
        payload_schema=indexes,
        config=models.CollectionConfig(
            params=models.CollectionParams(
                vectors={name: models.VectorParams(**params) for name, params in schema.vectors.items()},
                sparse_vectors={
                    name: models.SparseVectorParams(**params) for name, params in schema.sparse.items()
                },
            ),
            hnsw_config=models.HnswConfig(**{**HNSW, **schema.hnsw}),
            optimizer_config=models.OptimizersConfig(default_segment_number=0, flush_interval_sec=0),
            metadata=schema.metadata or None,
        ),
    )


def write(folder: Path, schema: Schema) -> None:
    """Replace the collection's file atomically."""
    fresh = folder / f"{FILE}.new"
    with fresh.open("wb") as file:
        file.write(orjson.dumps(asdict(schema), option=orjson.OPT_INDENT_2))
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(folder / FILE)


def read(folder: Path) -> Schema | None:
    """Return the collection's schema, or None where its creation was never finished."""
    try:
        return Schema(**orjson.loads((folder / FILE).read_bytes()))
    except FileNotFoundError:
        return None
