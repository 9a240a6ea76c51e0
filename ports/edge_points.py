"""Which points a call means, and whether they fit the collection.

The engine logs an update before it checks it: a vector of the wrong size is refused and yet leaves a point
without vectors after the next start. So what does not fit never reaches it.
"""

from collections.abc import Sequence
from typing import Any

import qdrant_edge as edge
from qdrant_client import models

from ports.edge_filter import to_filter, to_id, unsupported
from ports.edge_schema import Schema
from ports.edge_shard import rejected


def require_vectors(schema: Schema, points: Sequence[models.PointStruct]) -> None:
    """Raise UnexpectedResponse (400) where a point's vectors are not the collection's."""
    sizes = schema.dimensions()
    for point in points:
        vectors: Any = point.vector if isinstance(point.vector, dict) else {"": point.vector}
        for name, vector in vectors.items():
            _require_vector(name, vector, sizes, schema)


def _require_vector(name: str, vector: Any, sizes: dict[str, int], schema: Schema) -> None:
    sparse = isinstance(vector, models.SparseVector)
    if name not in (schema.sparse if sparse else sizes):
        raise rejected(400, "Bad Request", f"Wrong input: Not existing vector name error: {name}")
    if sparse:
        if len(set(vector.indices)) != len(vector.values):
            raise rejected(400, "Bad Request", "Wrong input: sparse indices must be unique, one a value")
    elif len(vector) != sizes[name]:
        message = f"Wrong input: Vector dimension error: expected dim: {sizes[name]}, got {len(vector)}"
        raise rejected(400, "Bad Request", message)


def to_selection(given: Any) -> tuple[list[Any], edge.Filter | None]:
    """Return a filter where the selector is one, else the ids before it."""
    match given:
        case list():
            return [to_id(id) for id in given], None
        case models.PointIdsList(points=ids, shard_key=None):
            return [to_id(id) for id in ids], None
        case models.Filter() | models.FilterSelector(shard_key=None):
            matching = to_filter(given.filter if isinstance(given, models.FilterSelector) else given)
            assert matching is not None
            return [], matching
        case _:
            raise unsupported(f"a point selector of type {type(given).__name__}")
