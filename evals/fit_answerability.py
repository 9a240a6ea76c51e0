"""Fits the weights of retrievers/answerability.py: `python -m evals.fit_answerability DATA MODELS`.

Positive: a question of squad_xquad with the passage that answers it. Negative: with the nearest other passage of
the same article, and with the nearest of another article. clapnq_dev is held out entirely and only reported.
"""

import gzip
import json
import random
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ports.onnx import MiniLM
from retrievers.answerability import BIAS, NAMES, WEIGHTS, Read, coverage, signals
from retrievers.rerank import fuse, scores

Floats = NDArray[np.float64]
RIDGE: Final = 1.0
QUESTIONS: Final = 600
CROWD: Final = 2000
"""Passages of each kind among which the nearest negative is looked for."""


@dataclass(frozen=True, slots=True)
class Pairs:
    """Questions with a passage each, and whether it answers."""

    signals: Floats
    answered: NDArray[np.bool_]


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


def squad(data: Path, minilm: MiniLM) -> Pairs:
    """Return each sampled question with its passage, a near one of its article and one of another."""
    corpus = {row["_id"]: row for row in rows(data / "squad_xquad/corpus.jsonl.gz")}
    lines = [
        line.split("\t") for line in (data / "squad_xquad/qrels.tsv").read_text().split("\n")[1:] if line
    ]
    gold = {question: passage for question, passage, _ in lines}
    asked = [row for row in rows(data / "squad_xquad/queries.jsonl") if row["_id"] in gold]
    random.Random(1).shuffle(asked)  # noqa: S311 - a sample, no secret
    asked = asked[:QUESTIONS]
    titles = {corpus[gold[row["_id"]]]["title"] for row in asked}
    crowd = [row for row in corpus.values() if row["title"] in titles][:CROWD]
    held = read(minilm, [(row["title"], row["text"]) for row in crowd])
    found: list[Floats] = []
    answered: list[bool] = []
    for row, question in zip(asked, read(minilm, [("", row["text"]) for row in asked]), strict=True):
        right = corpus[gold[row["_id"]]]
        same = [
            i
            for i, one in enumerate(crowd)
            if one["title"] == right["title"] and one["text"] != right["text"]
        ]
        away = [i for i, one in enumerate(crowd) if one["title"] != right["title"]]
        hit = next((i for i, one in enumerate(crowd) if one["text"] == right["text"]), None)
        for i, label in (
            (hit, True),
            (nearest(question, held, same), False),
            (nearest(question, held, away), False),
        ):
            if i is not None:
                found.append(signals(question, held[i]).astype(np.float64))
                answered.append(label)
    return Pairs(np.array(found), np.array(answered))


def nearest(question: Read, held: Sequence[Read], among: Sequence[int]) -> int | None:
    """Return the passage that retrieval would put first; picked by one signal alone, it would discredit that one."""
    if not among:
        return None
    cosines = np.array([held[i].dense @ question.dense for i in among], np.float32)
    best = [among[i] for i in np.argsort(-cosines)[:30]]
    dense = np.sort(cosines)[::-1][:30]
    words = np.array([coverage(question, held[i].text) for i in best], np.float32)
    maxsim = scores(question.tokens, [held[i].tokens for i in best], question.rarity)
    return best[int(np.argmax(fuse(dense, words, maxsim)))]


def clapnq(data: Path, minilm: MiniLM) -> Pairs:
    """Return the held-out questions with their passages."""
    groups = [rows(data / f"clapnq_dev/clapnq_dev_{kind}.jsonl") for kind in ("answerable", "unanswerable")]
    asked = [row for group in groups for row in group]
    questions = read(minilm, [("", row["input"]) for row in asked])
    passages = read(minilm, [(row["passages"][0]["title"], row["passages"][0]["text"]) for row in asked])
    found = [signals(*pair).astype(np.float64) for pair in zip(questions, passages, strict=True)]
    return Pairs(np.array(found), np.arange(len(asked)) < len(groups[0]))


def fit(pairs: Pairs) -> tuple[Floats, float]:
    """Return weights and bias of the logistic regression, ridge 1, classes balanced; by Newton's method."""
    x = np.column_stack([pairs.signals, np.ones(len(pairs.signals))])
    share = pairs.answered.mean()
    balance = np.where(pairs.answered, 0.5 / share, 0.5 / (1 - share))
    ridge = np.diag([RIDGE] * len(NAMES) + [1e-6])
    weights = np.zeros(x.shape[1])
    for _ in range(50):
        p = 1 / (1 + np.exp(-x @ weights))
        slope = x.T @ (balance * (p - pairs.answered)) + ridge @ weights
        weights -= np.linalg.solve((x.T * (balance * p * (1 - p))) @ x + ridge, slope)
    return weights[:-1], float(weights[-1])


def auroc(scores: Floats, answered: NDArray[np.bool_]) -> float:
    """Return the probability that an answered pair scores above an unanswered one; ties count half."""
    above = scores[answered][:, None] - scores[~answered][None, :]
    return float((above > 0).mean() + (above == 0).mean() / 2)


def interval(scores: Floats, answered: NDArray[np.bool_], draws: int = 1000) -> tuple[float, float]:
    """Return the 95% bootstrap interval of the AUROC."""
    chance = np.random.default_rng(1)
    found: list[float] = []
    while len(found) < draws:
        drawn = chance.integers(0, len(scores), len(scores))
        if 0 < answered[drawn].sum() < len(drawn):
            found.append(auroc(scores[drawn], answered[drawn]))
    low, high = np.percentile(found, [2.5, 97.5])
    return float(low), float(high)


def main(data: Path, models: Path) -> None:
    """Print the fitted weights, and the AUROC of these and of those in the code on the held-out set."""
    minilm = MiniLM(models)
    fitted, held = squad(data, minilm), clapnq(data, minilm)
    minilm.close()
    weights, bias = fit(fitted)
    for name, weight in zip(NAMES, weights, strict=True):
        print(f"{name:18} {weight:+.2f}")
    print(f"{'bias':18} {bias:+.2f}")
    for title, w, b in (("fitted", weights, bias), ("in the code", WEIGHTS, BIAS)):
        logits = held.signals @ w + b
        low, high = interval(logits, held.answered)
        brier = np.mean((1 / (1 + np.exp(-logits)) - held.answered) ** 2)
        area = auroc(logits, held.answered)
        print(f"{title}: clapnq_dev AUROC {area:.3f} ({low:.3f} to {high:.3f}), Brier {brier:.3f}")
    for i, name in enumerate(NAMES):
        print(f"  {name:18} alone {auroc(held.signals[:, i], held.answered):.3f}")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
