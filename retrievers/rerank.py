"""Ranks candidates by token MaxSim (late interaction) together with what found them.

MaxSim alone is not the ranking: it lost .050 nDCG@10 against the sum of the other two on Cranfield, whose questions are
long. As one of three equal voices it won .036 on squad_xquad and lost .010 there. See docs/models.md.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from retrievers.tokens import GRANITE, TokenVectors, project

CANDIDATES: Final = 60
"""How many are ranked: 20 lose .011 nDCG@10 on squad_xquad, 100 win .001 there and lose .002 on Cranfield."""

Scores = NDArray[np.float32]


class Weights(NamedTuple):
    """What each score counts in the ranking, as a z-score."""

    dense: float
    bm25: float
    maxsim: float


WEIGHTS: Final = Weights(1.0, 1.0, 1.0)


class Scale(NamedTuple):
    """Cosines of one model as another would give them: slope * value + offset."""

    slope: float
    offset: float


ALIKE: Final = {GRANITE: {"dense": Scale(1.85, -0.82), "maxsim": Scale(1.47, -0.24)}}
"""Granite's scores on MiniLM's scale, by which bars and readers are calibrated; an order stays what it is.

Granite gives unrelated texts .46 and a question's own passage .76, MiniLM .01 and .60. Least squares over the questions
of clapnq_dev with their own and with each other's passages.
"""


def scores(
    question: TokenVectors, candidates: Sequence[TokenVectors], weights: Scores | None = None
) -> Scores:
    """Return MaxSim of each candidate: the mean over the question's tokens of the best cosine, in -1..1.

    `question` is (n, 384) or projected already, `candidates` come from `tokens.unpack`, `weights` (n,) tell what
    each token of the question counts (the embedder's are the tokens' rarity). A candidate without tokens has NaN.
    Source: Khattab and Zaharia 2020, ColBERT, section 3.3.
    """
    lengths = np.array([len(rows) for rows in candidates], np.int64)
    found = np.full(len(candidates), np.nan, np.float32)
    if not len(question) or not lengths.any():
        return found
    kept = lengths > 0
    starts = np.concatenate([[0], np.cumsum(lengths[kept])[:-1]])
    rows = np.concatenate([candidate for candidate in candidates if len(candidate)])
    asked = project(question) if question.shape[1] != rows.shape[1] else question
    best = np.maximum.reduceat(rows @ asked.T, starts, axis=0)
    found[kept] = np.average(best, axis=1, weights=weights)
    return found


def fuse(dense: Scores, bm25: Scores, maxsim: Scores, weights: Weights = WEIGHTS) -> Scores:
    """Return one score a candidate in 0..1: the sum of z-scores, from 0 for the worst up to the best's MaxSim.

    A NaN, a candidate that one way did not find, counts as the lowest score that it found.
    """
    if not len(dense):
        return np.zeros(0, np.float32)
    parts = (_z(dense), _z(np.nan_to_num(bm25, nan=0.0)), _z(maxsim))
    total = np.average(parts, axis=0, weights=weights)
    best = int(np.argmax(total))
    near = maxsim[best] if not np.isnan(maxsim[best]) else dense[best]
    top = float(np.clip(np.nan_to_num(near), 0.01, 1))
    spread = float(total.max() - total.min())
    if spread == 0:
        return np.full(len(total), top, np.float32)
    return ((total - total.min()) / spread * top).astype(np.float32)


def _z(values: Scores) -> NDArray[np.float64]:
    known = values[~np.isnan(values)]
    if not len(known):
        return np.zeros(len(values))
    filled = np.where(np.isnan(values), known.min(), values).astype(np.float64)
    deviation = filled.std()
    return (filled - filled.mean()) / deviation if deviation > 1e-9 else np.zeros(len(values))
