"""The probability that passages answer a question: a logistic model over signals that can be read.

It is no large model and makes no claim to understand: it asks how much of the question the likeliest sentence, row
or item covers, by meaning and by word, alone and with the headings above it. Left out because they misled: the
cosine of the whole passage (it tells the topic, not the answer) and whether a date, number or name that is asked
for is there (AUROC .53). The weights are fitted by evals/fit_answerability.py.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np

from retrievers.choice import NAMES as CHOICE
from retrievers.choice import found_in, likeliest
from retrievers.reading import Floats, Read

NAMES: Final = CHOICE[:6]
"""The signals of a choice without what retrieval and the kind of question say."""


def signals(question: Read, passage: Read) -> Floats:
    """Return the signals named in NAMES of the passage's likeliest unit, (6,); zeros where there is none."""
    found = found_in(question, passage, 0, 0.0)
    return likeliest(found).signals[: len(NAMES)] if found else np.zeros(len(NAMES), np.float32)


WEIGHTS: Final = np.array([3.6, 3.88, 5.73, 0.58, 2.29, 2.75], np.float32)
BIAS: Final = -11.15
"""Fitted to squad_xquad's retrieved lists, with and without the gold passage, never to clapnq_dev: AUROC there .893."""


def probability(question: Read, passages: Sequence[Read]) -> float:
    """Return the probability that one of the passages answers the question; 0.0 for no passages."""
    if not passages:
        return 0.0
    logits = [float(signals(question, passage) @ WEIGHTS) + BIAS for passage in passages]
    return float(1 / (1 + np.exp(-max(logits))))
