"""Payload indexes between qdrant_client's models and Qdrant Edge's types."""

from typing import Any

import qdrant_edge as edge
from qdrant_client import models

from ports.edge_filter import unsupported

_KEYWORD = ("is_tenant", "on_disk", "enable_hnsw", "prefix")


def to_field_index(given: Any) -> Any:
    """Return the index for the engine: any plain type, keywords with their options."""
    match given:
        case models.KeywordIndexParams(memory=None, nested=None):
            return edge.KeywordIndexParams(**{name: getattr(given, name) for name in _KEYWORD})
        case str():
            return getattr(edge.PayloadSchemaType, models.PayloadSchemaType(given).value.capitalize())
        case _:
            raise unsupported(f"a payload index given as {type(given).__name__}")


def to_index_info(given: dict[str, Any]) -> dict[str, models.PayloadIndexInfo]:
    """Return each indexed field's type and number of points; options of keyword fields with it."""
    return {name: _info(index) for name, index in given.items()}


def _info(index: Any) -> models.PayloadIndexInfo:
    kind = models.PayloadSchemaType(str(index.data_type).rpartition(".")[2].lower())
    params = None
    if isinstance(index.params, edge.KeywordIndexParams):
        options = {name: getattr(index.params, name) for name in _KEYWORD}
        params = models.KeywordIndexParams(type=models.KeywordIndexType.KEYWORD, **options)
    return models.PayloadIndexInfo(data_type=kind, params=params, points=index.points)
