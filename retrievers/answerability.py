"""The probability that an answer out of the passages is right: a logistic model over signals that can be read.

It is no large model and makes no claim to understand: it asks how much of the question the likeliest sentence, row
or item covers, by meaning and by word, with the headings above it, and how clearly that one leads over all others.
Left out because they won nothing: the cosine of the whole passage (it tells the topic, not the answer), the score
of retrieval, and whether a date, number or name that is asked for is there. Fitted by evals/fit_answerability.py.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np

from retrievers.choice import NAMES as CHOICE
from retrievers.choice import Found, chances
from retrievers.reading import Floats

NAMES: Final = (*CHOICE[:5], "share")
"""The first signals of the likeliest unit, and its probability among all units."""
WEIGHTS: Final = np.array([1.77, 2.05, 0.6, 2.2, 1.33, 1.41], np.float32)
BIAS: Final = -5.28
"""Fitted to squad_xquad's lists with and without the gold passage and to the handbook's development sets, never to
clapnq_dev: AUROC there .88."""


def signals(found: Sequence[Found]) -> Floats:
    """Return the signals named in NAMES of the likeliest unit, (6,); zeros where there is none."""
    if not found:
        return np.zeros(len(NAMES), np.float32)
    likely = chances(found)
    best = int(likely.argmax())
    return np.append(found[best].signals[: len(NAMES) - 1], likely[best]).astype(np.float32)


def probability(found: Sequence[Found]) -> float:
    """Return the probability that the likeliest units hold the answer; 0.0 where there is none."""
    if not found:
        return 0.0
    return float(1 / (1 + np.exp(-(signals(found) @ WEIGHTS) - BIAS)))
