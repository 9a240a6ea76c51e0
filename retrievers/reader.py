"""Reads the best passages closely, with the embedder alone: answerable, extract, support.

A passage is read once as a whole, so that its sentences' tokens know their context ("it", "the second one"), and
what was read is kept for the next call: 3 passages cost 50 ms of CPU the first time, on two threads, and 2 ms again.
"""

import asyncio
import threading
from collections import OrderedDict
from collections.abc import Sequence
from typing import Any, Final, NamedTuple, Protocol

import numpy as np

from contracts.state import Citation, Passage
from retrievers.answerability import Read, probability
from retrievers.claims import contradicts, has_verbatim
from retrievers.sentences import Span, split
from retrievers.tokens import TokenVectors

READ: Final = 3
"""Passages that are read: 95% of squad_xquad's answers are among them, and each more costs 15 ms of a core."""
KEPT: Final = 512
"""Passages that stay read, about 0.25 MB each at 170 tokens."""
GAIN: Final = 0.04
"""What a further sentence must add to the mean cosine of the question's tokens."""
NEAR: Final = 0.8
"""Share of the best sentence's score that a further one must have."""
SUPPORTED: Final = 0.6
"""Mean token cosine from which a sentence in other words counts as supported: 0 of 326 sentences reached it with
another question's passages, 86% with their own (mtrag)."""


class Encoder(Protocol):
    """What is used of the embedder (ports/onnx.py)."""

    def encode(self, texts: Sequence[str]) -> Any:
        """Return `dense`, `tokens`, `spans` and `weights` of the texts; safe in any thread."""
        ...


class Found(NamedTuple):
    """A sentence of a passage and how near each token of the question is to it."""

    score: float
    near: TokenVectors
    """(question tokens,)"""
    passage: int
    span: Span


class PassageReader:
    """The Reader of contracts/context.py. One for the process; it keeps no tenant's text but by its very text."""

    def __init__(self, encoder: Encoder, kept: int = KEPT) -> None:
        self._encoder = encoder
        self._kept = kept
        self._read: OrderedDict[tuple[str, int], Read] = OrderedDict()
        self._lock = threading.Lock()

    async def answerable(self, question: str, passages: Sequence[Passage]) -> float:
        """Return the probability that the passages answer the question; 0.0 for no passages."""
        if not passages or not question.strip():
            return 0.0
        return await asyncio.to_thread(self._answerable, question, passages)

    async def extract(
        self, question: str, passages: Sequence[Passage], limit: int
    ) -> list[tuple[str, Passage]]:
        """Return up to `limit` sentences that answer, verbatim with their passage, in reading order.

        A further sentence is taken only where it covers more of the question; [] where no passage has a sentence.
        """
        if not passages or limit < 1:
            return []
        return await asyncio.to_thread(self._extract, question, passages, limit)

    async def support(self, text: str, passages: Sequence[Passage]) -> list[Citation]:
        """Return one citation for each sentence of the text, in order; `sentence` is verbatim from the text."""
        sentences = [text[first:last] for first, last in split(text)]
        if not sentences:
            return []
        return await asyncio.to_thread(self._support, sentences, passages)

    def _answerable(self, question: str, passages: Sequence[Passage]) -> float:
        (asked,) = self._texts([(question, 0)])
        return probability(asked, self._passages(passages[:READ]))

    def _extract(self, question: str, passages: Sequence[Passage], limit: int) -> list[tuple[str, Passage]]:
        (asked,) = self._texts([(question, 0)])
        read = self._passages(passages[:READ])
        found = [sentence for i, passage in enumerate(read) for sentence in ranked(asked, passage, i)]
        taken = sorted(chosen(found, asked, limit), key=lambda sentence: (sentence.passage, sentence.span))
        return [(read[item.passage].text[slice(*item.span)], passages[item.passage]) for item in taken]

    def _support(self, sentences: list[str], passages: Sequence[Passage]) -> list[Citation]:
        read = self._passages(passages)
        claims = self._texts([(sentence, 0) for sentence in sentences])
        return [citation(claim, read, passages) for claim in claims]

    def _passages(self, passages: Sequence[Passage]) -> list[Read]:
        texts: list[tuple[str, int]] = []
        for passage in passages:
            path = " > ".join(part for part in (passage["title"], *passage["headings"]) if part)
            texts.append((f"{path}\n{passage['text']}", len(path) + 1) if path else (passage["text"], 0))
        return self._texts(texts)

    def _texts(self, texts: Sequence[tuple[str, int]]) -> list[Read]:
        """Return the texts read, each with where its own part starts; those not kept are read together."""
        with self._lock:
            known = {key: self._read[key] for key in texts if key in self._read}
        missing = [key for key in dict.fromkeys(texts) if key not in known]
        encoded = self._encoder.encode([text for text, _ in missing]) if missing else None
        for i, (text, start) in enumerate(missing):
            parts = (
                (encoded.dense[i], encoded.tokens[i], encoded.spans[i], encoded.weights[i]) if encoded else ()
            )
            known[text, start] = Read(text, *parts, start=start)
        with self._lock:
            for key in texts:
                self._read[key] = known[key]
                self._read.move_to_end(key)
            while len(self._read) > self._kept:
                self._read.popitem(last=False)
        return [known[key] for key in texts]


def ranked(question: Read, passage: Read, number: int) -> list[Found]:
    """Return the passage's sentences with their scores, in reading order.

    A question or a heading answers nothing itself: what it scores passes to the sentence that follows it.
    """
    near = passage.tokens @ question.tokens.T
    found: list[Found] = []
    handed: TokenVectors | None = None
    for span in passage.sentences():
        rows = near[passage.between(span)]
        if not len(rows) or not rows.shape[1]:
            continue
        best = rows.max(axis=0)
        if handed is not None:
            best = np.maximum(best, handed)
        said = passage.text[slice(*span)]
        handed = best if leads_in(said) else None
        if handed is None:
            found.append(Found(float(np.average(best, weights=question.rarity)), best, number, span))
    return found


def leads_in(sentence: str) -> bool:
    """Tell whether a sentence only announces the next: a question, a heading, "as follows:"."""
    return sentence.endswith(("?", "？", "؟", ":")) or sentence.startswith("#")


def chosen(found: Sequence[Found], question: Read, limit: int) -> list[Found]:
    """Return the best sentence and those that add to it, best first."""
    rest = sorted(found, key=lambda sentence: -sentence.score)
    taken = rest[:1]
    while rest and 0 < len(taken) < limit:
        covered = np.max([sentence.near for sentence in taken], axis=0)
        near = [
            sentence
            for sentence in rest
            if sentence.score >= NEAR * taken[0].score and all(sentence is not item for item in taken)
        ]
        gains = [gain(sentence, covered, question) for sentence in near]
        if max(gains, default=0.0) < GAIN:
            break
        taken.append(near[int(np.argmax(gains))])
    return taken


def gain(sentence: Found, covered: TokenVectors, question: Read) -> float:
    """Return what the sentence adds to the mean cosine of the question's tokens."""
    return float(np.average(np.maximum(sentence.near - covered, 0), weights=question.rarity))


def citation(claim: Read, read: Sequence[Read], passages: Sequence[Passage]) -> Citation:
    """Return which passages support the sentence, best first, and how well the best does."""
    scored = [(likeness(claim, passage), i) for i, passage in enumerate(read)]
    best = max((score for score, _ in scored), default=0.0)
    held = sorted(((score, i) for score, i in scored if score >= SUPPORTED), key=lambda item: -item[0])
    return {
        "sentence": claim.text,
        "passages": [passages[i]["id"] for _, i in held],
        "supported": bool(held),
        "score": round(min(max(best, 0.0), 1.0), 4),
    }


def likeness(claim: Read, passage: Read) -> float:
    """Return how well the passage backs the claim: 1.0 verbatim, 0.0 where a number, name or negation differs."""
    own = passage.text[passage.start :]
    if has_verbatim(claim.text, own):
        return 1.0
    if not len(claim.tokens) or not len(passage.tokens):
        return 0.0
    near = passage.tokens @ claim.tokens.T
    scores = [
        (float(np.average(near[part].max(axis=0), weights=claim.rarity)), span)
        for span in passage.sentences()
        if (part := passage.between(span)).stop > part.start
    ]
    score, span = max(scores, default=(0.0, (0, 0)))
    if contradicts(claim.text, passage.text, passage.text[slice(*span)]):
        return min(score, SUPPORTED / 2)
    return score
