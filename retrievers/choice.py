"""Chooses what of the passages answers: a softmax over all their units, with signals that can be read.

A unit is read with what stands above it (blocks.py), and competes across passages: how well the passage fits and
where retrieval put it count too. The weights are fitted by evals/fit_choice.py.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from retrievers.blocks import MARK, Unit, units
from retrievers.kinds import FUNCTION, adds
from retrievers.reading import CONTENT, Floats, Read, coverage, stem
from retrievers.shown import spans_shown
from retrievers.tokens import TokenVectors

NAMES: Final = (
    "maxsim", "content", "worst", "maxsim_passage", "cosine", "words", "score", "rank", "kind", "row", "item",
)  # fmt: skip
"""The first three and `words` are of the question's tokens against the unit and what stands above it; `maxsim`,
`content` and `worst` against the headings too. `content` leaves out the most frequent words, which in "can I get"
and "how much is" say how something is asked and not what; `worst` is the least covered word that carries content."""
WEIGHTS: Final = np.array([7.19, 1.97, 4.0, 3.88, 4.21, 2.53, 3.55, 0.54, 1.37, 1.71, 0.85], np.float32)
"""Fitted to retrieved lists of 600 questions of squad_xquad and to the handbook's two development sets."""
NEAR: Final = 0.15
"""Share of the best's probability from which a further unit is taken: 1.6 units on squad_xquad, 2.1 on the handbook."""
FRAME: Final = 6.0
"""Bits of rarity up to which a token counts nothing in `content`."""


@dataclass(frozen=True, slots=True)
class Found:
    """A unit of a passage and how it answers."""

    signals: Floats
    """(11,), as NAMES."""
    passage: int
    unit: Unit


def found_in(question: Read, passage: Read, number: int, score: float) -> list[Found]:
    """Return the passage's units with their signals, in reading order; `number` is its rank from 0."""
    near = passage.tokens @ question.tokens.T
    if not len(near) or not near.shape[1]:
        return []
    weights = np.sqrt(question.rarity)
    rare = np.maximum(question.rarity - FRAME, 1e-3)
    content = question.rarity >= CONTENT
    whole = np.average(near.max(axis=0), weights=weights)
    asked = {stem(word) for word in _words(question.text)}
    made: list[Found] = []
    for unit in units(passage.text, passage.start):
        line = passage.text[slice(*unit.span)]
        own = _best(near, passage, (unit.span, *unit.above))
        if own is None or not _is_new(line, asked):
            continue
        path = _best(near, passage, ((0, passage.start), *([unit.heading] if unit.heading else [])))
        headed = own if path is None else np.maximum(own, path)
        said = " ".join(passage.text[slice(*span)] for span in (*unit.above, unit.span))
        signals = (
            np.average(headed, weights=weights),
            np.average(headed, weights=rare),
            headed[content].min() if content.any() else 1.0,
            whole,
            _cosine(question, passage, (unit.span, *(unit.above if unit.table else ()))),
            coverage(question, said),
            score,
            1 / (1 + number),
            adds(question.text, line, said),
            bool(unit.table),
            bool(MARK.match(line)) and not line[0].isalnum(),
        )
        made.append(Found(np.array(signals, np.float32), number, unit))
    return made


def _cosine(question: Read, passage: Read, spans: Sequence[tuple[int, int]]) -> float:
    """Return the question's cosine with the sum of the spans' tokens."""
    pooled = np.concatenate([passage.tokens[passage.between(span)] for span in spans]).sum(axis=0)
    return float(pooled @ question.dense) / max(float(np.linalg.norm(pooled)), 1e-9)


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
