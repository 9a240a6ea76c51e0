"""The suite `identifiers`: is the place found where a name is defined, by the name itself and by the last part of it.

The names and their places come from the documents' own structure: directives of the Python manual, terms of the
PostgreSQL manual's definition lists. BM25 alone is asked, exactly, over the chunks that the ingest makes; without the
embedder this takes a minute.
"""

import lzma
import re
import tarfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from lxml import html
from numpy.typing import NDArray

from contracts.documents import Chunk
from contracts.errors import BadRequest, SetupError, SwitchboardError
from evals import bootstrap, metrics
from evals.bootstrap import Estimate
from evals.indexing import Ingest
from evals.result import Options, Result, Table, with_interval
from retrievers.sparse import document_vector, query_vector

CORPORA: Final = {"python": "python3.11-doc-rst.tar.xz", "postgresql": "postgresql-15-html.tar.xz"}
MOST: Final = 600
"""Names of a corpus that are asked for, evenly spread."""
DEPTH: Final = 10
DIRECTIVE: Final = re.compile(
    r"^ *\.\. (?:py:)?(?:function|class|method|attribute|data|exception|module|decorator|option)::"
    r"\s*(?:async |abstractmethod )?([\w.\-]{3,})",
    re.M,
)


@dataclass(frozen=True, slots=True)
class Defined:
    """A name where it is defined."""

    name: str
    source: str
    at: int
    """Offset into the document's text."""


async def run(options: Options) -> Result:
    """Cut the documents, ask for the names, and return the figures. Raises SwitchboardError."""
    if options.ingest is None or options.ingest.load is None:
        raise SetupError("The suite reads documents: start it as `switchboard eval identifiers`.")
    flat: dict[str, Estimate] = {}
    rows: list[list[str]] = []
    asked = 0
    for corpus, archive in CORPORA.items():
        folder = unpacked(options.data / archive, options.cache / "docs" / corpus)
        chunks, places = read(folder, options.ingest, options)
        for kind, queries in {"name": whole(places), "part": parts(places)}.items():
            figures = figures_of(Index(chunks), chunks, queries)
            flat |= {f"{corpus}.{kind}.{name}": bootstrap.mean(values) for name, values in figures.items()}
            rows.append([f"{corpus}, by {kind}", str(len(queries)), *shown(figures)])
            asked += len(queries)
    result = Result("identifiers", options.data.resolve().name, asked, flat)
    result.tables = [
        Table("Names where they are defined, BM25 alone", ["asked", "n", "recall@5", "mrr@10"], rows)
    ]
    return result


def unpacked(archive: Path, folder: Path) -> Path:
    """Return the folder that the archive is unpacked into. Raises BadRequest."""
    done = folder / ".complete"
    if not done.exists():
        try:
            with tarfile.open(archive) as file:
                file.extractall(folder, filter="data")
        except (OSError, tarfile.TarError, lzma.LZMAError) as error:
            raise BadRequest(
                f"{archive.name} cannot be unpacked from {str(archive.parent)!r}: {error}."
            ) from error
        done.touch()
    return folder


def read(folder: Path, ingest: Ingest, options: Options) -> tuple[list[Chunk], list[Defined]]:
    """Return the chunks of all documents, and the names that they define."""
    assert ingest.load is not None
    chunks: list[Chunk] = []
    places: list[Defined] = []
    paths = sorted(path for path in folder.rglob("*") if path.name.endswith((".rst", ".rst.txt", ".html")))
    for number, path in enumerate(paths, 1):
        source = str(path.relative_to(folder))
        try:
            document = ingest.load(path, source)
        except SwitchboardError:
            continue
        chunks += ingest.split(document)
        places += defined(path, source, document.text)
        options.tell("reading", number, len(paths))
    return chunks, places


def defined(path: Path, source: str, text: str) -> Iterator[Defined]:
    """Yield the names that a file's structure defines, with the place in the text that was read of it."""
    if path.suffix != ".html":
        yield from (Defined(one[1], source, one.start(1)) for one in DIRECTIVE.finditer(text))
        return
    at = 0
    for name in terms_in(path.read_text("utf-8", "replace")):
        line = re.compile(rf"^[^\w\n]*{re.escape(name)}", re.M).search(text, at)
        if line:
            yield Defined(name, source, line.start())
            at = line.end()


def terms_in(raw: str) -> list[str]:
    """Return the names in the terms of an HTML page's definition lists, in order."""
    found = html.fromstring(raw.encode()).xpath(
        '//dt//code[@class="varname" or @class="function" or @class="option"]'
    )
    names = [" ".join(code.text_content().split()).lstrip("-") for code in found]
    return [name for name in names if re.fullmatch(r"[\w.\-]{4,}", name)]


def whole(places: Sequence[Defined]) -> dict[str, list[Defined]]:
    """Return some of the names with the places where each is defined."""
    named: dict[str, list[Defined]] = {}
    for place in places:
        named.setdefault(place.name, []).append(place)
    return dict(list(named.items())[:: max(1, len(named) // MOST)])


def parts(places: Sequence[Defined]) -> dict[str, list[Defined]]:
    """Return last parts of names: after the last dot, or without the first word of several."""
    named: dict[str, list[Defined]] = {}
    for place in places:
        part = place.name.rpartition(".")[2] if "." in place.name else place.name.partition("_")[2]
        if len(part) > 3:
            named.setdefault(part, []).append(place)
    return dict(list(named.items())[:: max(1, len(named) // MOST)])


class Index:
    """BM25 over chunks, each scored, as the index scores them."""

    def __init__(self, chunks: Sequence[Chunk]) -> None:
        self._size = len(chunks)
        posted: dict[int, tuple[list[int], list[float]]] = {}
        for number, chunk in enumerate(chunks):
            for term, weight in zip(*document_vector(chunk.embedded_text()), strict=True):
                numbers, weights = posted.setdefault(term, ([], []))
                numbers.append(number)
                weights.append(weight)
        self._posted = {
            term: (np.array(numbers), np.array(weights)) for term, (numbers, weights) in posted.items()
        }

    def best(self, query: str) -> NDArray[np.int64]:
        """Return the chunks' numbers, best first, at most DEPTH, without those that share no term."""
        scores = np.zeros(self._size)
        for term, weight in zip(*query_vector(query), strict=True):
            if posted := self._posted.get(term):
                numbers, weights = posted
                idf = np.log((self._size - len(numbers) + 0.5) / (len(numbers) + 0.5) + 1)
                scores[numbers] += weight * idf * weights
        top = np.argsort(-scores, kind="stable")[:DEPTH]
        return top[scores[top] > 0]


def figures_of(
    index: Index, chunks: Sequence[Chunk], queries: dict[str, list[Defined]]
) -> dict[str, list[float]]:
    """Return recall@5 and MRR of each name; a definition in one of several places is enough for the latter."""
    found: dict[str, list[float]] = {"recall@5": [], "mrr@10": []}
    for name, places in queries.items():
        ranked = [str(number) for number in index.best(name)]
        gold = {str(number): 1.0 for number in covering(chunks, places)}
        if gold:
            found["recall@5"].append(metrics.recall(ranked, gold, 5))
            found["mrr@10"].append(metrics.reciprocal_rank(ranked, gold, DEPTH))
    return found


def covering(chunks: Sequence[Chunk], places: Sequence[Defined]) -> list[int]:
    """Return the numbers of the chunks in which the places lie."""
    wanted: dict[str, list[int]] = {}
    for place in places:
        wanted.setdefault(place.source, []).append(place.at)
    return [
        number
        for number, chunk in enumerate(chunks)
        if any(chunk.start <= at < chunk.end for at in wanted.get(chunk.source, ()))
    ]


def shown(figures: dict[str, list[float]]) -> list[str]:
    """Return the figures as the table shows them."""
    return [with_interval(name, bootstrap.mean(values)) for name, values in figures.items()]
