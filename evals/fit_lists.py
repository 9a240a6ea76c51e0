"""Retrieved lists to fit with: squad_xquad's questions with the passages retrieval puts first, and the handbook's.

Each question of squad_xquad has three lists: all passages, those without the gold one, and those of other articles.
They are drawn from 2,000 passages of the questions' own articles, the hardest to tell apart, not from all 21,160.
"""

import gzip
import json
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from ports.onnx import MiniLM
from retrievers.choice import Found, found_in
from retrievers.reading import Floats, Read, coverage
from retrievers.rerank import fuse, scores
from retrievers.shown import shown

QUESTIONS: Final = 600
CROWD: Final = 2000
FITTED: Final = frozenset({"", "plain_dev"})
"""The handbook's sets that may be fitted to: plain_heldout never."""
LONG: Final = 3
"""Passages of a list: as many as the reader reads."""


@dataclass(frozen=True, slots=True)
class Listed:
    """A question and a list that retrieval may give."""

    question: Read
    answers: list[str]
    kind: str
    """`gold` where the gold passage is in the list, `near` where only it was left out, `far` without its article;
    `asked` and `unasked` for the handbook's, with and without an answer."""
    passages: list[Read]
    scores: list[float]
    gold: int
    """The gold passage's place in the list; -1 where it is not there, or where any passage may answer."""

    def found(self) -> list[Found]:
        """Return all units of the list."""
        marked = enumerate(zip(self.passages, self.scores, strict=True))
        return [one for n, (text, score) in marked for one in found_in(self.question, text, n, score)]

    def holds(self, one: Found) -> bool:
        """Tell whether a unit has the answer: any of squad_xquad's spellings, all strings of the handbook's."""
        passage = self.passages[one.passage]
        if self.kind in {"asked", "unasked"}:
            said = flat(shown(passage.text, one.unit))
            return self.kind == "asked" and all(flat(answer) in said for answer in self.answers)
        line = passage.text[slice(*one.unit.span)].lower()
        return any(answer.lower() in line for answer in self.answers)

    def right(self, one: Found) -> bool:
        """Tell whether a unit has the answer where it belongs."""
        return self.holds(one) and (self.kind == "asked" or one.passage == self.gold)


def rows(path: Path) -> list[dict[str, Any]]:
    """Return the JSON lines of a file, `.gz` or plain."""
    raw = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    return [json.loads(line) for line in raw.decode().split("\n") if line]


def read(minilm: MiniLM, passages: Sequence[tuple[str, str]]) -> list[Read]:
    """Return (title, text) pairs as the embedder reads them."""
    made: list[Read] = []
    for at in range(0, len(passages), 64):
        texts = [(f"{title}\n{text}" if title else text) for title, text in passages[at : at + 64]]
        found = minilm.encode(texts)
        for i, text in enumerate(texts):
            start = len(passages[at + i][0]) + 1 if passages[at + i][0] else 0
            made.append(Read(text, found.dense[i], found.tokens[i], found.spans[i], found.weights[i], start))
    return made


def flat(text: str) -> str:
    return " ".join(text.lower().replace("|", " ").split())


def handbook(path: Path, minilm: MiniLM) -> Iterator[Listed]:
    """Yield the questions of the handbook's development sets, from what `switchboard eval handbook` has written."""
    for row in rows(path):
        if row["set"] in FITTED:
            given = row["passages"][:LONG]
            heads = [" > ".join(part for part in (one["title"], *one["headings"]) if part) for one in given]
            passages = read(minilm, [(head, one["text"]) for head, one in zip(heads, given, strict=True)])
            (question,) = read(minilm, [("", row["question"])])
            kind = "asked" if row["answerable"] else "unasked"
            yield Listed(question, row["contains"], kind, passages, [one["score"] for one in given], -1)


def squad(data: Path, minilm: MiniLM) -> Iterator[Listed]:
    """Yield each sampled question with its lists; a list that has the answer by chance is left out."""
    corpus = {row["_id"]: row for row in rows(data / "squad_xquad/corpus.jsonl.gz")}
    lines = [line.split("\t") for line in (data / "squad_xquad/qrels.tsv").read_text().split("\n")[1:]]
    gold = {line[0]: corpus[line[1]] for line in lines if len(line) > 1}
    asked = [row for row in rows(data / "squad_xquad/queries.jsonl") if row["_id"] in gold]
    random.Random(1).shuffle(asked)  # noqa: S311 - a sample, no secret
    asked = asked[:QUESTIONS]
    titles = {gold[row["_id"]]["title"] for row in asked}
    held = {row["_id"]: row for row in (gold[one["_id"]] for one in asked)}
    for id, row in corpus.items():
        if len(held) >= CROWD:
            break
        if row["title"] in titles:
            held.setdefault(id, row)
    crowd = list(held.values())
    texts = read(minilm, [(row["title"], row["text"]) for row in crowd])
    dense = np.array([text.dense for text in texts])
    for row, question in zip(asked, read(minilm, [("", row["text"]) for row in asked]), strict=True):
        right = gold[row["_id"]]
        order, marks = ranked(question, texts, dense)
        for kind in ("gold", "near", "far"):
            kept = [k for k, i in enumerate(order) if allowed(kind, crowd[i], right)][:LONG]
            ids = [crowd[order[k]]["_id"] for k in kept]
            passages = [texts[order[k]] for k in kept]
            at = ids.index(right["_id"]) if right["_id"] in ids else -1
            if passages and (at >= 0) == (kind == "gold") and (at >= 0 or not has(row["answers"], passages)):
                marked = [float(marks[k]) for k in kept]
                yield Listed(question, row["answers"], kind, passages, marked, at)


def allowed(kind: str, row: dict[str, Any], right: dict[str, Any]) -> bool:
    """Tell whether a passage may stand in a list of this kind."""
    if kind == "far":
        return row["title"] != right["title"]
    return kind == "gold" or row["_id"] != right["_id"]


def has(answers: Sequence[str], passages: Sequence[Read]) -> bool:
    """Tell whether an answer stands in one of the passages."""
    return any(answer.lower() in passage.text.lower() for answer in answers for passage in passages)


def ranked(question: Read, texts: Sequence[Read], dense: Floats) -> tuple[list[int], Floats]:
    """Return the 60 nearest passages as retrieval would rank them, best first, with their scores."""
    cosines = dense @ question.dense
    best = np.argsort(-cosines)[:60]
    words = np.array([coverage(question, texts[i].text) for i in best], np.float32)
    maxsim = scores(question.tokens, [texts[i].tokens for i in best], question.rarity)
    fused = fuse(cosines[best], words, maxsim)
    order = np.argsort(-fused)
    return [int(best[k]) for k in order], fused[order]
