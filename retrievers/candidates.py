"""What goes into the index and what comes out of it: a question as it is asked, a chunk as it was found."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from qdrant_client import models

from retrievers.tokens import MINILM

NAN: Final = float("nan")


@dataclass(slots=True)
class Question:
    """A question as the index is asked it."""

    dense: list[float] | None = None
    bm25: models.SparseVector | None = None
    tokens: NDArray[np.float32] | None = None
    weights: NDArray[np.float32] | None = None
    space: int = MINILM
    """The tokens' space: candidates of another have no MaxSim."""


@dataclass(slots=True)
class Candidate:
    """A chunk that one of the lists found."""

    id: str
    rank: float = 0.0
    """Reciprocal ranks, summed."""
    dense: float = NAN
    bm25: float = NAN
    maxsim: float = NAN
    score: float = 0.0
    payload: Mapping[str, Any] = field(default_factory=dict[str, Any])
