"""Makes one question of several texts that weigh differently, such as a message and what was said before it.

Blending what the texts are asked as, rather than the texts, keeps the message itself in front: a long answer
before it adds its terms and its direction at a tenth of the weight, however long it is.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from qdrant_client import models

from retrievers.candidates import Question


def blend(parts: Sequence[Question], weights: Sequence[float]) -> Question:
    """Return one question: dense as the weighted mean, each term at its highest weight, all tokens weighted."""
    pairs = list(zip(parts, weights, strict=True))
    return replace(parts[0], dense=_dense(pairs), bm25=_terms(pairs), **_tokens(pairs))


def _dense(pairs: Sequence[tuple[Question, float]]) -> list[float] | None:
    """Return the mean of the directions, of length 1."""
    rows = [weight * _unit(np.asarray(part.dense)) for part, weight in pairs if part.dense is not None]
    return _unit(np.sum(rows, axis=0)).tolist() if rows else None


def _unit(row: Any) -> Any:
    return row / max(float(np.linalg.norm(row)), 1e-9)


def _terms(pairs: Sequence[tuple[Question, float]]) -> models.SparseVector | None:
    """Return all terms; one that several texts have counts once, as in the text where it weighs most."""
    best: dict[int, float] = {}
    for part, weight in pairs:
        if part.bm25 is not None:
            for term, value in zip(part.bm25.indices, part.bm25.values, strict=True):
                best[term] = max(best.get(term, 0.0), weight * value)
    return models.SparseVector(indices=list(best), values=list(best.values())) if best else None


def with_tokens(question: Question, encoded: Any) -> Question:
    """Return the question with the tokens of another text beside its own, such as of its words in English."""
    weights = getattr(encoded, "weights", None)
    beside = replace(question, tokens=encoded.tokens[0], weights=None if weights is None else weights[0])
    return replace(question, **_tokens([(question, 1.0), (beside, 1.0)]))


def _tokens(pairs: Sequence[tuple[Question, float]]) -> dict[str, Any]:
    """Return the tokens of all texts, and for each its rarity times its text's weight."""
    rows: list[Any] = []
    weights: list[Any] = []
    for part, weight in pairs:
        if part.tokens is not None:
            rows.append(part.tokens)
            rarity = np.ones(len(part.tokens), np.float32) if part.weights is None else part.weights
            weights.append(rarity * weight)
    if not any(map(len, rows)):
        return {}
    return {"tokens": np.concatenate(rows), "weights": np.concatenate(weights)}
