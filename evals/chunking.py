"""The suite `chunking`: how much of the exact excerpts that answer is in the text that is retrieved, and how much else.

All corpora are in one index, as in the reference. Its recall is that of five chunks of 182 tokens in the mean, and its
IoU does not depend on what is retrieved: it is that of the chunks which hold a part of the excerpts. Both are given
here at as many characters, and beside them the figures of one and the same retrieval, with less text as well.
Source: Smith and Troynikov 2024, Evaluating Chunking Strategies for Retrieval, "Metrics".
"""

import csv
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from contracts.agents import AgentConfig
from contracts.documents import Document, Section
from contracts.errors import BadRequest, SetupError, UnreadableDocument
from contracts.identity import Identity
from evals import bootstrap
from evals.bootstrap import Estimate
from evals.cases import require_folder
from evals.indexing import TENANT, Ingest, open_indexed
from evals.result import Bar, Options, Result, Table, with_interval
from retrievers.hybrid import HybridRetriever

PER_TOKEN: Final = 4.4
"""Characters of a token of these corpora: 1,444,543 in 328,208 (the paper's counts)."""
TOKENS: Final = {"": 910, "tight.": 320}
"""Tokens retrieved: those of the five chunks of the reference, and about a third of them."""
CHUNKS: Final = 50
LEAST: Final = {"recall": 0.92, "iou_of_chunks": 0.18}
"""What is to be reached."""
HELD_OUT: Final = frozenset({"pubmed", "state_of_the_union"})
"""Corpora left out where sizes were chosen; the splitter of sentences was chosen on all."""

Spans = list[tuple[int, int]]


@dataclass(frozen=True, slots=True)
class Wanted:
    """A question and the excerpts that answer it."""

    question: str
    source: str
    spans: Spans


@dataclass(frozen=True, slots=True)
class Fit:
    """How one text fits the excerpts, in characters."""

    recall: float
    precision: float
    iou: float


async def run(options: Options) -> Result:
    """Index the corpora, ask the questions, and return the figures. Raises SwitchboardError."""
    if options.ingest is None:
        raise SetupError("The chunking suite indexes documents: start it as `switchboard eval chunking`.")
    documents = corpora(options.data)
    wanted = questions(options.data, {document.source: document.text for document in documents})
    chunks = chunks_of(documents, options.ingest)
    async with open_indexed(documents, options.ingest, options.cache, options.tell, options.say) as wiring:
        whole = wiring.retriever(Identity(TENANT, "eval"), AgentConfig(), limit=CHUNKS)
        found = await ask_all(wanted, whole, options)
    return result_of(options.data.resolve().name, wanted, found, chunks)


def corpora(folder: Path) -> list[Document]:
    """Return the corpora as documents."""
    require_folder(folder)
    paths = sorted((folder / "corpora").glob("*.md"))
    if not paths:
        raise BadRequest(
            f"There is no corpora/*.md in {str(folder)!r}. Name a folder that has them by --data."
        )
    texts = {path.stem: path.read_bytes().decode("utf-8") for path in paths}
    return [Document(name, name, text, (Section(0, len(text)),)) for name, text in texts.items()]


def questions(folder: Path, texts: dict[str, str]) -> list[Wanted]:
    """Return the questions. Raises UnreadableDocument where an excerpt is not in its corpus at its place."""
    found: list[Wanted] = []
    with (folder / "questions_df.csv").open(encoding="utf-8", newline="") as file:
        for number, row in enumerate(csv.DictReader(file), 2):
            excerpts: list[dict[str, Any]] = json.loads(row["references"])
            spans = [(int(one["start_index"]), int(one["end_index"])) for one in excerpts]
            text = texts.get(row["corpus_id"], "")
            if [text[start:end] for start, end in spans] != [one["content"] for one in excerpts]:
                raise UnreadableDocument(
                    f"questions_df.csv, row {number}: an excerpt does not stand in {row['corpus_id']!r} at its place."
                )
            found.append(Wanted(row["question"], row["corpus_id"], merged(spans)))
    return found


def chunks_of(documents: Sequence[Document], ingest: Ingest) -> dict[str, Spans]:
    """Return where each corpus is cut."""
    return {one.source: [(chunk.start, chunk.end) for chunk in ingest.split(one)] for one in documents}


async def ask_all(
    wanted: Sequence[Wanted], whole: HybridRetriever, options: Options
) -> dict[str, list[list[tuple[str, int, int]]]]:
    """Return the spans found for each question, whole passages and parts of them, within each number of tokens."""
    found: dict[str, list[list[tuple[str, int, int]]]] = {}
    for number, one in enumerate(wanted, 1):
        passages = await spans_of(whole, one.question)
        for prefix, tokens in TOKENS.items():
            room = int(tokens * PER_TOKEN)
            parts = whole.model_copy(update={"characters": room})
            found.setdefault(prefix, []).append(await spans_of(parts, one.question))
            found.setdefault(f"{prefix}whole.", []).append(within(passages, room))
        options.tell("asking", number, len(wanted))
    return found


async def spans_of(retriever: HybridRetriever, question: str) -> list[tuple[str, int, int]]:
    """Return the places of the passages, best first."""
    said = [one.metadata for one in await retriever.ainvoke(question)]
    return [(str(one["source"]), int(one["start"]), int(one["end"])) for one in said]


def within(passages: Sequence[tuple[str, int, int]], room: int) -> list[tuple[str, int, int]]:
    """Return the first passages, the last one cut so that all of them are of that many characters."""
    kept: list[tuple[str, int, int]] = []
    for source, start, end in passages:
        if room > 0:
            kept.append((source, start, min(end, start + room)))
            room -= end - start
    return kept


def merged(spans: Sequence[tuple[int, int]]) -> Spans:
    """Return the same characters as spans that do not overlap, in order."""
    kept: Spans = []
    for start, end in sorted(spans):
        if kept and start <= kept[-1][1]:
            kept[-1] = (kept[-1][0], max(end, kept[-1][1]))
        else:
            kept.append((start, end))
    return kept


def fit(wanted: Wanted, found: Sequence[tuple[str, int, int]]) -> Fit:
    """Return how what was found fits the excerpts: text of other corpora is surplus."""
    by_source: dict[str, Spans] = {}
    for source, start, end in found:
        by_source.setdefault(source, []).append((start, end))
    total = sum(_length(merged(spans)) for spans in by_source.values())
    mine = merged(by_source.get(wanted.source, []))
    hit = sum(
        max(0, min(end, last) - max(start, first)) for start, end in mine for first, last in wanted.spans
    )
    asked = _length(wanted.spans)
    return Fit(hit / asked, hit / total if total else 0.0, hit / (total + asked - hit))


def _length(spans: Spans) -> int:
    return sum(end - start for start, end in spans)


def touched(wanted: Wanted, chunks: dict[str, Spans]) -> list[tuple[str, int, int]]:
    """Return the chunks that hold a part of the excerpts: what a perfect retrieval would find."""
    return [
        (wanted.source, start, end)
        for start, end in chunks[wanted.source]
        if any(start < last and first < end for first, last in wanted.spans)
    ]


def result_of(
    data: str,
    wanted: Sequence[Wanted],
    found: dict[str, list[list[tuple[str, int, int]]]],
    chunks: dict[str, Spans],
) -> Result:
    """Return the figures: of parts of passages, of whole ones, and of the chunks themselves."""
    flat: dict[str, Estimate] = {}
    rows: list[list[str]] = []
    for prefix, spans in found.items():
        fits = [fit(one, each) for one, each in zip(wanted, spans, strict=True)]
        apart = [each.recall for one, each in zip(wanted, fits, strict=True) if one.source in HELD_OUT]
        cells = {
            f"{prefix}{name}": bootstrap.mean([getattr(one, name) for one in fits])
            for name in Fit.__annotations__
        }
        cells[f"{prefix}held_out.recall"] = bootstrap.mean(apart or [one.recall for one in fits])
        tokens = sum(sum(end - start for _, start, end in each) for each in spans) / len(spans) / PER_TOKEN
        flat |= cells
        label = re.sub(r"^$", "parts", prefix.replace(".", " ").strip())
        rows.append([label, f"{tokens:.0f}", *(with_interval(key, one) for key, one in cells.items())])
    own = [fit(one, touched(one, chunks)) for one in wanted]
    flat["iou_of_chunks"] = bootstrap.mean([one.iou for one in own])
    result = Result("chunking", data, len(wanted), flat)
    result.bars = [
        Bar(f"{name} is {flat[name].value:.3f}, at least {bar} is asked", flat[name].value >= bar)
        for name, bar in LEAST.items()
    ]
    head = ["retrieved", "tokens", "recall", "precision", "IoU", "recall, corpora held out"]
    note = (
        f"IoU of the chunks that hold a part of the excerpts: {with_interval('iou', flat['iou_of_chunks'])}."
    )
    result.tables = [Table("Excerpts found", head, rows, note)]
    count = sum(map(len, chunks.values()))
    result.notes.append(
        f"{len(chunks)} corpora, {count:,} chunks, {len(wanted)} questions, all asked of one index."
    )
    return result
