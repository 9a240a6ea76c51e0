"""Reads the best passages closely, with the embedder alone: answerable, extract, support.

A passage is read once as a whole, so that its sentences' tokens know their context ("it", "the second one"), and
what was read is kept for the next call: 3 passages cost 50 ms of CPU the first time, on two threads, and 2 ms again.
"""

import asyncio
import threading
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, Final, NamedTuple, Protocol

import numpy as np

from contracts.state import Citation, Passage
from retrievers.answerability import probability
from retrievers.choice import Found, chosen, found_in
from retrievers.claims import Claim, contradicts, to_claim
from retrievers.reading import Read
from retrievers.sentences import split
from retrievers.shown import shown

READ: Final = 3
"""Passages that are read: 95% of squad_xquad's answers are among them, and each more costs 15 ms of a core."""
KEPT: Final = 512
"""Passages that stay read, about 0.25 MB each at 170 tokens."""
EARLIER: Final = 0.25
"""What the words before a question's last sentence count: F1 of the answers of mtrag's 49 follow-ups .377 -> .382."""
SUPPORTED: Final = 0.6
"""Mean token cosine from which a sentence in other words counts as supported: 0 of 326 sentences reached it with
another question's passages, 86% with their own (mtrag)."""


PORTION: Final = 2048
"""Tokens of claims that are held against a passage in one go: 4 MB at 512 tokens of a passage."""


class Encoder(Protocol):
    """What is used of the embedder (ports/onnx.py)."""

    def encode(self, texts: Sequence[str]) -> Any:
        """Return `dense`, `tokens`, `spans` and `weights` of the texts; safe in any thread."""
        ...


class PassageReader:
    """The Reader of contracts/context.py. One for the process; it keeps no tenant's text but by its very text."""

    def __init__(self, encoder: Encoder, kept: int = KEPT) -> None:
        self._encoder = encoder
        self._kept = kept
        self._read: OrderedDict[tuple[str, int], Read] = OrderedDict()
        self._lock = threading.Lock()

    async def answerable(self, question: str, passages: Sequence[Passage]) -> float:
        """Return the probability that what is extracted from the passages answers; 0.0 for no passages."""
        if not passages or not question.strip():
            return 0.0
        return await asyncio.to_thread(self._answerable, question, passages)

    async def extract(
        self, question: str, passages: Sequence[Passage], limit: int
    ) -> list[tuple[str, Passage]]:
        """Return up to `limit` sentences, rows or list items that answer, with their passage, in reading order.

        They are verbatim but for white space and marks (shown.py). A further one is taken only where it is nearly as
        likely as the best to be the answer; [] where no passage has any.
        """
        if not passages or limit < 1:
            return []
        return await asyncio.to_thread(self._extract, question, passages, limit)

    async def support(self, text: str, passages: Sequence[Passage]) -> list[Citation]:
        """Return one citation for each sentence of the text, in order; `sentence` is verbatim from the text."""
        cut = [text[first:last] for first, last in split(text)]
        sentences = [said for said in cut if any(character.isalnum() for character in said)]
        if not sentences:
            return []
        return await asyncio.to_thread(self._support, sentences, passages)

    def _answerable(self, question: str, passages: Sequence[Passage]) -> float:
        return probability(self._found(question, passages)[1])

    def _extract(self, question: str, passages: Sequence[Passage], limit: int) -> list[tuple[str, Passage]]:
        read, found = self._found(question, passages)
        taken = sorted(chosen(found, limit), key=lambda one: (one.passage, one.unit.span))
        return [(shown(read[one.passage].text, one.unit), passages[one.passage]) for one in taken]

    def _found(self, question: str, passages: Sequence[Passage]) -> tuple[list[Read], list[Found]]:
        """Return the first passages read, and all that may answer in them."""
        asked, read = self._asked(question), self._passages(passages[:READ])
        pairs = enumerate(zip(read, passages, strict=False))
        return read, [one for n, (text, given) in pairs for one in found_in(asked, text, n, given["score"])]

    def _asked(self, question: str) -> Read:
        """Return the question read; what is said before its last sentence, such as an earlier turn, counts less."""
        (asked,) = self._texts([(question, 0)])
        *earlier, (last, _) = split(question) or [(0, 0)]
        if not earlier:
            return asked
        counts = np.where(asked.spans[:, 0] < last, EARLIER, 1.0)
        return replace(asked, rarity=(asked.rarity * counts).astype(np.float32))

    def _support(self, sentences: list[str], passages: Sequence[Passage]) -> list[Citation]:
        read = self._passages(passages)
        claims = {claim.text: claim for claim in self._texts([(sentence, 0) for sentence in sentences])}
        near = [nearest(list(claims.values()), passage) for passage in read]
        made = {
            claim.text: citation(claim.text, [found[n] for found in near], read, passages)
            for n, claim in enumerate(claims.values())
        }
        return [{**made[sentence]} for sentence in sentences]

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


class Near(NamedTuple):
    """How near a passage comes to a claim."""

    score: float
    sentence: int
    """The number of the nearest sentence; -1 where either has no tokens."""


def citation(
    sentence: str, near: Sequence[Near], read: Sequence[Read], passages: Sequence[Passage]
) -> Citation:
    """Return which passages support the sentence, best first, and how well the best does."""
    claimed = to_claim(sentence)
    scored = [(likeness(claimed, passage, near[i]), i) for i, passage in enumerate(read)]
    best = max((score for score, _ in scored), default=0.0)
    held = sorted(((score, i) for score, i in scored if score >= SUPPORTED), key=lambda item: -item[0])
    return {
        "sentence": sentence,
        "passages": [passages[i]["id"] for _, i in held],
        "supported": bool(held),
        "score": round(min(max(best, 0.0), 1.0), 4),
    }


def likeness(claimed: Claim, passage: Read, near: Near) -> float:
    """Return how well the passage backs the claim: 1.0 verbatim, little where a number, name or negation differs."""
    if claimed.flat in passage.said.flat:
        return 1.0
    if near.sentence < 0:
        return near.score
    if contradicts(claimed, passage.said, denied=passage.denials[near.sentence]):
        return min(near.score, SUPPORTED / 2)
    return near.score


def nearest(claims: Sequence[Read], passage: Read) -> list[Near]:
    """Return for each claim how near the passage's nearest sentence comes; the last of several as near.

    For each token of a claim the nearest in the sentence, averaged by rarity; all claims and sentences in one go.
    """
    found = [Near(0.0, -1)] * len(claims)
    with_tokens = [n for n, claim in enumerate(claims) if len(claim.tokens)]
    _, edges = passage.parts
    if not len(edges) or not with_tokens:
        return found
    inside = edges[:-1] if edges[-1] == len(passage.tokens) else edges
    for some in _portions(with_tokens, claims):
        near = passage.tokens @ np.concatenate([claims[n].tokens for n in some]).T
        rarity = np.concatenate([claims[n].rarity for n in some])
        starts = np.cumsum([0, *(len(claims[n].rarity) for n in some[:-1])])
        best = np.maximum.reduceat(near, inside, axis=0)[::2] * rarity
        scores = np.add.reduceat(best, starts, axis=1) / np.add.reduceat(rarity, starts)
        at = len(scores) - 1 - scores[::-1].argmax(axis=0)
        for column, n in enumerate(some):
            found[n] = Near(float(scores[at[column], column]), int(at[column]))
    return found


def _portions(numbers: Sequence[int], claims: Sequence[Read]) -> Iterator[list[int]]:
    """Yield the claims' numbers in portions of at most PORTION tokens, or of one claim."""
    held, size = list[int](), 0
    for n in numbers:
        length = len(claims[n].tokens)
        if held and size + length > PORTION:
            yield held
            held, size = [], 0
        held.append(n)
        size += length
    yield held
