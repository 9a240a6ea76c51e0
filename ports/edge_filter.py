"""Qdrant's filters in Qdrant Edge's types. What has no translation raises: a filter is never widened."""

from collections.abc import Sequence
from typing import Any, Final

import qdrant_edge as edge
from qdrant_client import models


class UnsupportedByEdge(NotImplementedError):
    """A call or argument of AsyncQdrantClient that the embedded engine does not serve here."""


def unsupported(what: str) -> UnsupportedByEdge:
    return UnsupportedByEdge(
        f"The embedded index does not support {what}. "
        "Use what ports/edge.py lists, or a Qdrant server (SWITCHBOARD_QDRANT_URL)."
    )


def to_filter(given: models.Filter | None) -> edge.Filter | None:
    """Return the same filter for the engine; None stays None."""
    if given is None:
        return None
    least = given.min_should
    return edge.Filter(
        must=_conditions(given.must),
        should=_conditions(given.should),
        must_not=_conditions(given.must_not),
        min_should=None
        if least is None
        else edge.MinShould(_conditions(least.conditions) or [], least.min_count),
    )


def to_id(given: Any) -> Any:
    """Return a point id as the engine takes it: a positive integer or the text of a UUID."""
    return given if isinstance(given, int) else str(given)


def _conditions(given: Sequence[Any] | Any | None) -> list[Any] | None:
    if given is None:
        return None
    return [_condition(one) for one in (given if isinstance(given, list) else [given])]


def _condition(given: Any) -> Any:
    match given:
        case models.FieldCondition():
            return _field(given)
        case models.Filter():
            return to_filter(given)
        case models.HasIdCondition(has_id=ids):
            return edge.HasIdCondition({to_id(id) for id in ids})
        case models.HasVectorCondition(has_vector=name):
            return edge.HasVectorCondition(name)
        case models.IsEmptyCondition(is_empty=field):
            return edge.IsEmptyCondition(field.key)
        case models.IsNullCondition(is_null=field):
            return edge.IsNullCondition(field.key)
        case models.NestedCondition(nested=nested):
            inner = to_filter(nested.filter)
            assert inner is not None
            return edge.NestedCondition(nested.key, inner)
        case _:
            raise unsupported(f"a filter condition of type {type(given).__name__}")


def _field(given: models.FieldCondition) -> edge.FieldCondition:
    if given.geo_bounding_box or given.geo_polygon or given.geo_radius:
        raise unsupported(f"geo filters (on {given.key!r})")
    count = given.values_count
    return edge.FieldCondition(
        given.key,
        match=None if given.match is None else _match(given.match),
        range=None if given.range is None else _range(given.range),
        values_count=None if count is None else edge.ValuesCount(**count.model_dump()),
        is_empty=given.is_empty,
        is_null=given.is_null,
    )


_MATCHES: Final[dict[type, tuple[type[Any], str]]] = {
    models.MatchValue: (edge.MatchValue, "value"),
    models.MatchAny: (edge.MatchAny, "any"),
    models.MatchExcept: (edge.MatchExcept, "except_"),
    models.MatchText: (edge.MatchText, "text"),
    models.MatchTextAny: (edge.MatchTextAny, "text_any"),
    models.MatchPhrase: (edge.MatchPhrase, "phrase"),
    models.MatchPrefix: (edge.MatchPrefix, "prefix"),
    models.MatchSubstring: (edge.MatchSubstring, "substring"),
}


def _match(given: Any) -> Any:
    if isinstance(given, models.MatchValue) and isinstance(given.value, bool):
        raise unsupported("a match on true or false (the engine reads them as numbers); keep a word instead")
    if (known := _MATCHES.get(type(given))) is None:
        raise unsupported(f"a match of type {type(given).__name__}")
    kind, field = known
    return kind(getattr(given, field))


def _range(given: models.Range | models.DatetimeRange) -> Any:
    bounds = given.model_dump()
    if isinstance(given, models.Range):
        return edge.RangeFloat(**bounds)
    return edge.RangeDateTime(**{name: at and at.isoformat() for name, at in bounds.items()})
