"""Chooses what of the passages answers: a softmax over all their units, with signals that can be read.

A unit is read with what stands above it (blocks.py), and competes across passages: how well the passage fits and
where retrieval put it count too. The weights are fitted by evals/fit_choice.py.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from retrievers.blocks import Unit, units
from retrievers.kinds import FUNCTION, adds
from retrievers.reading import Floats, Read, coverage, stem
from retrievers.shown import spans_shown
from retrievers.tokens import TokenVectors

NAMES: Final = (
    "maxsim", "maxsim_headed", "maxsim_passage", "words", "words_headed", "cosine", "score", "rank", "kind",
)  # fmt: skip
WEIGHTS: Final = np.array([4.58, 5.22, 4.63, 1.53, 2.39, 3.61, 3.03, 1.21, 1.06], np.float32)
"""Fitted to the first three passages of 1,190 retrieved lists of squad_xquad: the best has the gold answer in .756
(in articles that were not fitted), plain MaxSim in .745, with the headings in .761."""
NEAR: Final = 0.25
"""Share of the best's probability from which a further unit is taken: on the same lists up to three units, 1.5 on
average, have the answer in .845; from .5 on 1.3 units in .809, from .1 on 1.9 in .874."""


@dataclass(frozen=True, slots=True)
class Found:
    """A unit of a passage and how it answers."""

    signals: Floats
    """(9,), as NAMES."""
    near: TokenVectors
    """(question tokens,): the best cosine of each with the unit and what stands above it."""
    passage: int
    unit: Unit


def found_in(question: Read, passage: Read, number: int, score: float) -> list[Found]:
    """Return the passage's units with their signals, in reading order; `number` is its rank from 0."""
    near = passage.tokens @ question.tokens.T
    if not len(near) or not near.shape[1]:
        return []
    weights = np.sqrt(question.rarity)
    whole = np.average(near.max(axis=0), weights=weights)
    asked = {stem(word) for word in _words(question.text)}
    made: list[Found] = []
    for unit in units(passage.text, passage.start):
        own = _best(near, passage, (unit.span, *unit.above))
        if own is None or not _is_new(passage.text[slice(*unit.span)], asked):
            continue
        path = _best(near, passage, ((0, passage.start), *([unit.heading] if unit.heading else [])))
        headed = own if path is None else np.maximum(own, path)
        said = " ".join(passage.text[slice(*span)] for span in (*unit.above, unit.span))
        heads = passage.text[: passage.start] + (passage.text[slice(*unit.heading)] if unit.heading else "")
        read = [
            passage.tokens[passage.between(span)] for span in (unit.span, *(unit.above if unit.table else ()))
        ]
        rows = np.concatenate(read).sum(axis=0)
        signals = (
            np.average(own, weights=weights),
            np.average(headed, weights=weights),
            whole,
            coverage(question, said),
            coverage(question, f"{heads} {said}"),
            rows @ question.dense / max(float(np.linalg.norm(rows)), 1e-9),
            score,
            1 / (1 + number),
            adds(question.text, passage.text[slice(*unit.span)]),
        )
        made.append(Found(np.array(signals, np.float32), own, number, unit))
    return made


def _best(near: TokenVectors, passage: Read, spans: Sequence[tuple[int, int]]) -> TokenVectors | None:
    """Return each question token's best cosine with the tokens in the spans; None where they have none."""
    rows = [near[part] for span in spans if (part := passage.between(span)).stop > part.start]
    return np.concatenate(rows).max(axis=0) if rows else None


def _is_new(text: str, asked: set[str]) -> bool:
    """Tell whether a text says more than the question does."""
    return any(stem(word) not in asked and word not in FUNCTION for word in _words(text))


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", text.lower())


def chosen(found: Sequence[Found], limit: int) -> list[Found]:
    """Return the likeliest unit and those that come near to it, best first; one of a table that is shown whole."""
    likely = chances(found) if found else np.zeros(0, np.float32)
    taken: list[Found] = []
    for at in np.argsort(-likely, kind="stable").tolist():
        if len(taken) == limit or likely[at] < NEAR * likely.max():
            break
        lines = {(one.passage, span) for one in taken for span in spans_shown(one.unit)}
        if (found[at].passage, found[at].unit.span) not in lines:
            taken.append(found[at])
    return taken


def likeliest(found: Sequence[Found]) -> Found:
    """Return the one that most probably answers; `found` has one at least."""
    return found[int(chances(found).argmax())]


def chances(found: Sequence[Found]) -> Floats:
    """Return the probability of each to be the answer, given that one of them is."""
    logits = np.array([one.signals @ WEIGHTS for one in found], np.float32)
    powers = np.exp(logits - logits.max())
    return powers / powers.sum()
