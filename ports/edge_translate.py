"""Points, queries and results between qdrant_client's models and Qdrant Edge's types. Pure functions."""

from collections.abc import Sequence
from typing import Any, TypeVar

import numpy as np
import qdrant_edge as edge
from pydantic import BaseModel
from qdrant_client import models
from qdrant_client.http import models as http

from ports.edge_filter import to_filter, to_id, unsupported

Model = TypeVar("Model", bound=BaseModel)
RRF_K = 2
"""The server's own default. Source: Qdrant documentation, hybrid queries."""
LIMIT = 10
"""The server's own default."""


def to_point(given: Any) -> edge.Point:
    """Return the point for the engine."""
    vector: Any = given.vector
    vectors = vector if isinstance(vector, dict) else {"": vector}
    named = {name: to_vector(value) for name, value in vectors.items()}
    return edge.Point(to_id(given.id), named, given.payload or {})


def to_vector(given: Any) -> Any:
    match given:
        case list():
            return given
        case models.SparseVector(indices=indices, values=values):
            return edge.SparseVector(indices, values)
        case np.ndarray():
            return given.tolist()
        case _:
            raise unsupported(f"a vector given as {type(given).__name__}")


def to_payload_selector(given: Any) -> Any:
    """Return which payload to fetch; None fetches none, as the server does."""
    match given:
        case None:
            return False
        case bool() | list():
            return given
        case models.PayloadSelectorInclude(include=keys):
            return edge.PayloadSelector.Include(keys)
        case models.PayloadSelectorExclude(exclude=keys):
            return edge.PayloadSelector.Exclude(keys)
        case _:
            raise unsupported(f"a payload selector of type {type(given).__name__}")


def to_request(given: models.QueryRequest) -> edge.QueryRequest:
    """Return the query for the engine; a prefetch without a fusion query is refused by the engine."""
    if given.lookup_from is not None or given.shard_key is not None:
        raise unsupported("`lookup_from` or `shard_key` in a query")
    return edge.QueryRequest(
        limit=LIMIT if given.limit is None else given.limit,
        offset=given.offset or 0,
        query=_query(given.query, given.using),
        prefetches=_prefetches(given.prefetch),
        filter=to_filter(given.filter),
        score_threshold=given.score_threshold,
        params=_params(given.params),
        with_payload=to_payload_selector(given.with_payload),
        with_vector=given.with_vector or False,
    )


def _prefetches(given: Any) -> list[edge.Prefetch]:
    if given is None:
        return []
    return [_prefetch(one) for one in (given if isinstance(given, list) else [given])]


def _prefetch(given: models.Prefetch) -> edge.Prefetch:
    if given.lookup_from is not None:
        raise unsupported("`lookup_from` in a prefetch")
    return edge.Prefetch(
        limit=LIMIT if given.limit is None else given.limit,
        query=_query(given.query, given.using),
        prefetches=_prefetches(given.prefetch),
        filter=to_filter(given.filter),
        score_threshold=given.score_threshold,
        params=_params(given.params),
    )


def _query(given: Any, using: str | None) -> Any:
    match given:
        case None:
            return None
        case models.NearestQuery(nearest=nearest, mmr=None):
            return _query(nearest, using)
        case models.FusionQuery(fusion=models.Fusion.RRF):
            return edge.Fusion.Rrf(RRF_K)
        case models.FusionQuery(fusion=models.Fusion.DBSF):
            return edge.Fusion.Dbsf()
        case models.RrfQuery(rrf=rrf):
            return edge.Fusion.Rrf(RRF_K if rrf.k is None else rrf.k, rrf.weights)
        case list() | np.ndarray() | models.SparseVector():
            return edge.Query.Nearest(to_vector(given), using)
        case _:
            raise unsupported(f"a query of type {type(given).__name__}")


def _params(given: models.SearchParams | None) -> edge.SearchParams | None:
    if given is None:
        return None
    if given.quantization is not None:
        raise unsupported("`quantization` among the search parameters")
    corpus = given.idf.corpus if isinstance(given.idf, models.IdfCorpusParams) else None
    return edge.SearchParams(
        hnsw_ef=given.hnsw_ef,
        exact=given.exact or False,
        indexed_only=given.indexed_only or False,
        acorn=None if given.acorn is None else edge.AcornSearchParams(**given.acorn.model_dump()),
        idf=None if corpus is None else edge.IdfParams(to_filter(corpus)),
    )


def to_response(found: Sequence[edge.ScoredPoint]) -> http.QueryResponse:
    """Return what was found, best first. Built without validation: the engine's values are already typed."""
    return _made(http.QueryResponse, points=[_scored(point) for point in found])


def _scored(point: edge.ScoredPoint) -> models.ScoredPoint:
    return _made(
        models.ScoredPoint,
        id=from_id(point.id),
        version=point.version,
        score=point.score,
        payload=point.payload,
        vector=_vectors(point.vector),
        shard_key=None,
        order_value=None,
    )


def to_record(found: edge.Record) -> models.Record:
    return _made(
        models.Record,
        id=from_id(found.id),
        payload=found.payload,
        vector=_vectors(found.vector),
        shard_key=None,
        order_value=None,
    )


def _made(kind: type[Model], **fields: Any) -> Model:
    """Return the model with all of its fields given, as `model_construct` would: 2.5 µs instead of 5.2."""
    made = kind.__new__(kind)
    object.__setattr__(made, "__dict__", fields)
    object.__setattr__(made, "__pydantic_fields_set__", set(fields))
    object.__setattr__(made, "__pydantic_extra__", None)
    object.__setattr__(made, "__pydantic_private__", None)
    return made


def from_id(given: Any) -> Any:
    """Return a point id as the server would: an integer or the text of a UUID."""
    return given if given is None or isinstance(given, int) else str(given)


def _vectors(given: Any) -> Any:
    if not isinstance(given, dict):
        return given
    return {
        name: models.SparseVector(indices=value.indices, values=value.values)
        if isinstance(value, edge.SparseVector)
        else value
        for name, value in given.items()
    }
