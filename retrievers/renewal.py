"""Points of one collection, made anew for another model from what their payload says. Pure functions.

A chunk that is too long for the new model becomes several points: the first has the chunk's id, all have its position,
and each notes what it was cut from, so that the same cut need not be made again.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID, uuid5

import orjson
from qdrant_client import models

from contracts.documents import Chunk
from retrievers.collection import BM25, DENSE
from retrievers.sparse import SparseVector

TOKENS: Final = "tokens"
WHOLE: Final = "whole"
"""In the payload of what a chunk was cut into: the digest of the chunk's own payload."""
PART_OF: Final = "part_of"
"""In the payload of each but the first: the chunk's id."""
PARTS: Final = UUID("8f0b2d0e-52d3-5a5e-9c39-6a0a1f0c6d21")
BESIDE: Final = models.PayloadSelectorExclude(exclude=[TOKENS])
"""All of a payload that does not depend on a model."""

Payload = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Renewed:
    """What a chunk became: itself, or the parts that fit into the model, with their vectors."""

    chunks: Sequence[Chunk]
    dense: Sequence[Any]
    sparse: Sequence[SparseVector]
    tokens: Sequence[str]


def chunk_of(payload: Payload) -> Chunk:
    """Return the chunk that a point was made from."""
    return Chunk(
        str(payload["source"]),
        str(payload.get("title") or ""),
        str(payload["text"]),
        int(payload.get("start") or 0),
        int(payload.get("end") or 0),
        tuple(payload.get("headings") or ()),
        payload.get("page"),
        int(payload.get("position") or 0),
    )


def points_of(id: str, payload: Payload, renewed: Renewed) -> list[models.PointStruct]:
    """Return the chunk's points; everything else in its payload stays as it is."""
    rows = zip(renewed.chunks, renewed.dense, renewed.sparse, renewed.tokens, strict=True)
    points: list[models.PointStruct] = []
    for number, (chunk, dense, (indices, values), tokens) in enumerate(rows):
        own: dict[str, Any] = {**payload, TOKENS: tokens}
        if len(renewed.chunks) > 1:
            own |= {"text": chunk.text, "start": chunk.start, "end": chunk.end, WHOLE: digest(payload)}
        if number:
            own[PART_OF] = id
        sparse = models.SparseVector.model_construct(indices=indices, values=values)
        points.append(
            models.PointStruct.model_construct(
                id=str(uuid5(PARTS, f"{id}\0{number}")) if number else id,
                vector={DENSE: [float(value) for value in dense], BM25: sparse},
                payload=own,
            )
        )
    return points


def same(old: Payload, new: Payload) -> bool:
    """Tell whether a new point was made from this payload."""
    if WHOLE in new:
        return new[WHOLE] == digest(old)
    return _plain(old) == _plain(new)


def digest(payload: Payload) -> str:
    """Return a digest of all that does not depend on a model."""
    return hashlib.blake2b(
        orjson.dumps(_plain(payload), option=orjson.OPT_SORT_KEYS), digest_size=16
    ).hexdigest()


def _plain(payload: Payload) -> dict[str, Any]:
    return {key: value for key, value in payload.items() if key != TOKENS}
