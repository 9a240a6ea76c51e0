"""The parts of passages that are worth their room, where a caller says how many characters it has.

A passage that fits a question in one sentence has four others beside it. Within the same room, parts of many passages
hold more of what was asked for than a few whole ones, and whole ones hold more than fewer with their neighbours: the
figures are in docs/retrieval.md.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate, pairwise
from math import log
from typing import Final

import numpy as np

from retrievers.candidates import Candidate
from retrievers.sparse import query_terms, terms

READ: Final = 25
"""Passages that are taken apart, the best ones: 2 ms each for the first time."""
LENGTH: Final = 200
"""Characters up to which sentences that follow one another are one part."""
COVERED: Final = 4.0
"""What covering all of the question's words counts, against one standard deviation of the passages' scores."""
SHORT: Final = 40
"""Characters: what is shorter, such as "Fig. 3.", goes with what stands before it."""
END: Final = re.compile(r"(?<=[.!?…])[\"'”’)\]]*\s+|(?<=[。！？])\s*|\n+")
"""Where a sentence, a line or a row ends, before lower case too; retrievers/sentences.py is too careful for this."""


@dataclass(slots=True)
class Part:
    """Sentences that follow one another in a passage."""

    candidate: Candidate
    start: int
    end: int
    """In the passage's text."""
    worth: float


def excerpts(ranked: Sequence[Candidate], query: str, characters: int) -> list[Candidate]:
    """Return parts of the candidates, of that many characters at most in all, best first.

    Parts that touch are one. The first is cut short where it alone has more.
    """
    read = ranked[:READ]
    rarity = _rarity(query, [set(terms(one.payload["text"])) for one in ranked])
    scale = float(np.std([one.score for one in ranked])) if ranked else 0.0
    parts = [part for one in read for part in _parts(one, rarity, scale or 1.0, min(LENGTH, characters))]
    kept: list[Part] = []
    left = characters
    for part in sorted(parts, key=lambda part: -part.worth):
        if part.end - part.start <= left or not kept:
            part.end = min(part.end, part.start + characters)
            kept.append(part)
            left -= part.end - part.start
    return [_cut(part) for part in _touching(kept)]


def _rarity(query: str, texts: Sequence[set[str]]) -> Mapping[str, float]:
    """Return what each of the question's terms counts, 1 in all: one that all passages have, or none, tells nothing.

    Source: BM25's idf (Robertson and Zaragoza 2009, equation 3.1), counted over the passages found.
    """
    weights: dict[str, float] = {}
    for term, weight in query_terms(query).items():
        holding = sum(term in text for text in texts)
        if holding:
            weights[term] = weight * log(1 + (len(texts) - holding + 0.5) / (holding + 0.5))
    total = sum(weights.values()) or 1.0
    return {term: weight / total for term, weight in weights.items()}


def _parts(candidate: Candidate, rarity: Mapping[str, float], scale: float, most: int) -> list[Part]:
    """Return the sentences in parts, what covers most of the question first; only one alone is longer than `most`."""
    text: str = candidate.payload["text"]
    spans = _sentences(text)
    said = [rarity.keys() & set(terms(text[start:end])) for start, end in spans]
    runs: list[tuple[float, int, int, int]] = []
    for first in range(len(spans)):
        for last, known in enumerate(accumulate(said[first:], set.union), first):
            length = spans[last][1] - spans[first][0]
            if last > first and length > most:
                break
            runs.append((sum(rarity[term] for term in known), length, first, last))
    taken: set[int] = set()
    found: list[Part] = []
    for covered, _, first, last in sorted(runs, key=lambda run: (-round(run[0], 3), -run[1])):
        if taken.isdisjoint(range(first, last + 1)):
            taken.update(range(first, last + 1))
            worth = candidate.score / scale + COVERED * covered
            found.append(Part(candidate, spans[first][0], spans[last][1], worth))
    return found


def _sentences(text: str) -> list[tuple[int, int]]:
    """Return the spans of the sentences, which leave nothing between them."""
    edges = sorted({0, *(found.end() for found in END.finditer(text)), len(text)})
    spans: list[tuple[int, int]] = []
    for start, end in pairwise(edges):
        if spans and (end - start < SHORT or spans[-1][1] - spans[-1][0] < SHORT):
            spans[-1] = (spans[-1][0], end)
        else:
            spans.append((start, end))
    return spans


def _touching(kept: Sequence[Part]) -> list[Part]:
    """Return the parts, those of one passage with nothing but white space between them made one, best first."""
    joined: list[Part] = []
    for part in sorted(kept, key=lambda part: (part.candidate.id, part.start)):
        before = joined[-1] if joined else None
        if before and before.candidate is part.candidate:
            between = part.candidate.payload["text"][before.end : part.start]
            if not between.strip():
                joined[-1] = replace(before, end=part.end, worth=max(before.worth, part.worth))
                continue
        joined.append(part)
    return sorted(joined, key=lambda part: (-part.worth, part.candidate.id, part.start))


def _cut(part: Part) -> Candidate:
    """Return the candidate with the part's text, and with its place in the document."""
    payload = part.candidate.payload
    text = payload["text"][part.start : part.end].rstrip()
    start = int(payload["start"]) + part.start
    return replace(
        part.candidate, payload={**payload, "text": text, "start": start, "end": start + len(text)}
    )
