"""The suite `ablate`: what each piece of retrieval is worth, question by question, on several data sets.

Each data folder has a study: a function that measures what ships and each change to it on the same questions. The
table holds the differences with their paired bootstrap intervals, so that a reader sees which piece pays and where.
"""

import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib import import_module
from pathlib import Path
from typing import Final

import numpy as np

from contracts.agents import AgentConfig
from contracts.documents import Document
from contracts.errors import BadRequest, SetupError
from contracts.identity import Identity
from evals import bootstrap
from evals.bootstrap import Estimate
from evals.cases import RetrievalData, retrieval_data
from evals.indexing import TENANT, Ingest, open_indexed
from evals.pieces import PIECES, Piece
from evals.result import Options, Result, Table
from evals.retrieval import CHUNKS, Answers, ask, quality
from retrievers.hybrid import HybridRetriever

PART: Final = 3600
"""Documents in the part of a corpus over which changes of the index are measured; each needs an index of its own."""
SHOWN: Final = ("ndcg@10", "recall@5")


@dataclass(slots=True)
class Measured:
    """What one state of the pieces came to."""

    piece: str
    """`as it is` for what ships."""
    change: str
    values: Mapping[str, Sequence[float]]
    """Each figure of each question, in one order."""
    cpu_ms: Sequence[float] = ()
    """Of each question; empty where it was not measured."""


@dataclass(slots=True)
class Group:
    """What ships, and changes to it, measured on the same questions."""

    data: str
    over: str
    """What was searched, such as `21,160 documents`."""
    base: Measured
    changed: list[Measured] = field(default_factory=list[Measured])
    figures: Sequence[str] = SHOWN


Study = Callable[[Options, Path], Awaitable[list[Group]]]

STUDIES: Final[Mapping[str, str]] = {
    "squad_xquad": "evals.ablate:passages",
    "cranfield": "evals.ablate:passages",
    "mtrag": "evals.studies:conversations",
    "chunking_eval": "evals.studies:excerpts",
}
"""Data folders and what measures pieces there, as `module:function`; a suite with pieces of its own adds its line."""


async def run(options: Options) -> Result:
    """Run the study of each data folder and return the differences. Raises SwitchboardError."""
    if options.ingest is None:
        raise SetupError("The suite indexes documents: start it as `switchboard eval ablate`.")
    groups = [group for folder, study in studies(options.data) for group in await study(options, folder)]
    result = Result("ablate", options.data.resolve().name, sum(len(_first(group)) for group in groups), {})
    for group in groups:
        result.tables.append(table(group))
        result.metrics.update(metrics(group))
    result.notes.append(
        "Differences are a change less what ships, question by question, with 95% bootstrap intervals: "
        "a piece pays where leaving it out loses."
    )
    return result


def studies(folder: Path) -> list[tuple[Path, Study]]:
    """Return what to run for a folder of data folders, or for one data folder. Raises BadRequest for neither."""
    if (folder / "qrels.tsv").is_file():
        return [(folder, passages)]
    if folder.name in STUDIES and folder.is_dir():
        return [(folder, _study(STUDIES[folder.name]))]
    found = [(folder / name, _study(where)) for name, where in STUDIES.items() if (folder / name).is_dir()]
    if not found:
        raise BadRequest(
            f"{str(folder)!r} is no folder with corpus, queries and qrels.tsv, and holds none of "
            f"{', '.join(STUDIES)}. Name one by --data."
        )
    return found


def _study(where: str) -> Study:
    module, name = where.split(":")
    return getattr(import_module(module), name)


async def passages(options: Options, folder: Path) -> list[Group]:
    """Measure the pieces of `evals.pieces` on a folder with corpus, queries and judgements."""
    assert options.ingest is not None
    data = retrieval_data(folder)
    asking = [piece for piece in PIECES if piece.asking]
    groups = [await over_one_index(data, asking, options)]
    part = replace(data, documents=part_of(data))
    indexing = [piece for piece in PIECES if piece.indexing]
    base = Piece("as it is", "")
    own = [await once(part, piece, options) for piece in (base, *indexing)]
    groups.append(Group(folder.name, f"a part of {len(part.documents):,} documents", own[0], own[1:]))
    return groups


async def over_one_index(data: RetrievalData, pieces: Sequence[Piece], options: Options) -> Group:
    """Ask each question of what ships and of each change in turn, so that a busy moment strikes all alike."""
    assert options.ingest is not None
    async with open_indexed(
        data.documents, options.ingest, options.cache, options.tell, options.say
    ) as wiring:
        ships = wiring.retriever(Identity(TENANT, "eval"), AgentConfig(), limit=CHUNKS)
        retrievers = [ships, *(piece.asking(ships) for piece in pieces if piece.asking)]
        answers = await ask_each(list(data.queries.values()), retrievers, options)
    base, *changed = (
        Measured(piece.name, piece.change, figures(data, one), one.cpu_ms)
        for piece, one in zip((Piece("as it is", ""), *pieces), answers, strict=True)
    )
    return Group(data.folder.resolve().name, f"{len(data.documents):,} documents", base, changed)


async def ask_each(
    queries: Sequence[str], retrievers: Sequence[HybridRetriever], options: Options
) -> list[Answers]:
    """Return what each retriever found. A question's vectors are made before: they cost each of them the same."""
    answers = [Answers() for _ in retrievers]
    for number, query in enumerate(queries, 1):
        await retrievers[0].ainvoke(query)
        for retriever, own in zip(retrievers, answers, strict=True):
            await ask(query, retriever, own)
        options.tell("asking", number, len(queries))
    return answers


async def once(data: RetrievalData, piece: Piece, options: Options) -> Measured:
    """Measure one change of the index, over an index of its own."""
    assert options.ingest is not None
    ingest: Ingest = piece.indexing(options.ingest) if piece.indexing else options.ingest
    options.say(f"{piece.name}: {piece.change or 'what ships'}, {time.strftime('%H:%M')}")
    group = await over_one_index(data, [], replace(options, ingest=ingest))
    return replace(group.base, piece=piece.name, change=piece.change)


def part_of(data: RetrievalData) -> list[Document]:
    """Return the documents that are relevant to a question, and others spread evenly, PART in all."""
    wanted = {source for grades in data.relevant.values() for source in grades}
    others = [document.source for document in data.documents if document.source not in wanted]
    room = max(0, PART - len(wanted))
    step = max(1.0, len(others) / room) if room else 0
    wanted |= {others[int(at * step)] for at in range(min(room, len(others)))}
    return [document for document in data.documents if document.source in wanted]


def figures(data: RetrievalData, answers: Answers) -> dict[str, list[float]]:
    """Return each figure of each question."""
    return quality([data.relevant[query] for query in data.queries], answers)


def difference(group: Group, one: Measured, name: str) -> Estimate:
    """Return how far a change lies above what ships, question by question."""
    return bootstrap.mean(np.subtract(one.values[name], group.base.values[name]))


def table(group: Group) -> Table:
    """Return what ships in the first row, and each change with its differences below."""
    head = ["piece", "change", *(cell for name in group.figures for cell in (name, "difference")), "CPU ms"]
    rows = [
        [
            one.piece,
            one.change,
            *(cell for name in group.figures for cell in _cells(group, one, name)),
            f"{np.mean(one.cpu_ms):.1f}" if len(one.cpu_ms) else "–",
        ]
        for one in (group.base, *group.changed)
    ]
    note = "CPU of a query without reading the question, which is the same for all."
    return Table(f"{group.data}: {group.over}, {len(_first(group)):,} questions", head, rows, note)


def _cells(group: Group, one: Measured, name: str) -> tuple[str, str]:
    value = f"{np.mean(one.values[name]):.3f}"
    if one is group.base:
        return value, ""
    ahead = difference(group, one, name)
    return value, f"{ahead.value:+.3f} ({ahead.low:+.3f} to {ahead.high:+.3f})"


def metrics(group: Group) -> dict[str, Estimate]:
    """Return the figures of what ships, and each difference, under names that tell data, piece and change."""
    prefix = f"{group.data}.part" if group.over.startswith("a part") else group.data
    found = {f"{prefix}.{name}": bootstrap.mean(group.base.values[name]) for name in group.figures}
    for one in group.changed:
        for name in group.figures:
            found[f"{prefix}.{one.piece} {one.change}.{name}"] = difference(group, one, name)
    return found


def _first(group: Group) -> Sequence[float]:
    """Return the figure of each question that is as good as any to count them by."""
    return group.base.values[group.figures[0]]
