"""Reads evaluation data: JSON Lines, plain or gzip, and tab-separated judgements; says which line is broken.

Lines end at "\\n" alone: U+2028 and U+0085 stand inside of texts.
"""

import gzip
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from contracts.documents import Document, Section
from contracts.errors import BadRequest, UnreadableDocument

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class RetrievalData:
    """A corpus, questions, and which documents answer which."""

    folder: Path
    documents: list[Document]
    """`source` is the corpus id."""
    queries: dict[str, str]
    """Text by id; only those that have a judgement above 0."""
    relevant: dict[str, dict[str, float]]
    """Grades above 0 by query and document."""


@dataclass(frozen=True, slots=True)
class Judged:
    """A question, the passages it comes with, and whether they answer it."""

    id: str
    question: str
    passages: list[tuple[str, str]]
    """Title and text."""
    answerable: bool


@dataclass(frozen=True, slots=True)
class Asked:
    """A question to the handbook and what a right answer has."""

    id: str
    question: str
    answerable: bool
    source: str = ""
    contains: list[str] = field(default_factory=list[str])
    """Strings that a right answer has, all of them."""
    history: list[Row] = field(default_factory=list[Row])
    """The conversation before, as turns."""
    ways: list[str] = field(default_factory=list[str])
    """Where no fact is asked for, such as a greeting: the ways to respond that are right."""


def retrieval_data(folder: Path) -> RetrievalData:
    """Read a retrieval data folder. Raises BadRequest for what is not there, UnreadableDocument for a broken line."""
    require_folder(folder)
    relevant = qrels(one_of(folder, "qrels.tsv"))
    path = one_of(folder, "queries.jsonl", "queries.jsonl.gz")
    queries = {text(row, "_id", where): text(row, "text", where) for where, row in json_lines(path)}
    for query in relevant.keys() - queries.keys():
        raise UnreadableDocument(f"qrels.tsv judges the query {query!r}, which {path.name} does not have.")
    path = one_of(folder, "corpus.jsonl", "corpus.jsonl.gz")
    documents = list(corpus(path))
    known = {document.source for document in documents}
    for query, grades in relevant.items():
        for missing in grades.keys() - known:
            raise UnreadableDocument(
                f"qrels.tsv names the document {missing!r} for {query!r}, which {path.name} does not have."
            )
    return RetrievalData(folder, documents, {id: queries[id] for id in queries if id in relevant}, relevant)


def corpus(path: Path) -> Iterator[Document]:
    """Yield the corpus's documents, each a source of its own named by its id."""
    seen: set[str] = set()
    for where, row in json_lines(path):
        id, body = text(row, "_id", where), text(row, "text", where)
        if id in seen:
            raise UnreadableDocument(f"{where}: the id {id!r} is there twice. Give each document its own.")
        seen.add(id)
        yield Document(id, str(row.get("title") or ""), body, (Section(0, len(body)),))


def qrels(path: Path) -> dict[str, dict[str, float]]:
    """Return the grades above 0 by query and document; the header is passed over."""
    grades: dict[str, dict[str, float]] = {}
    for number, line in lines(path):
        cells = line.split("\t")
        if number == 1 and cells[0] == "query-id":
            continue
        try:
            query, document, grade = cells[0], cells[1], float(cells[2])
        except (IndexError, ValueError) as error:
            raise UnreadableDocument(
                f"{path.name}, line {number}: expected `query-id<TAB>corpus-id<TAB>score`, found {line[:80]!r}."
            ) from error
        if grade > 0:
            grades.setdefault(query, {})[document] = grade
    if not grades:
        raise UnreadableDocument(f"{path.name} has no judgement above 0, so there is nothing to measure.")
    return grades


def judged(folder: Path) -> list[Judged]:
    """Read `*_answerable.jsonl` and `*_unanswerable.jsonl`, rows of `id, input, passages: [{title, text}]`."""
    require_folder(folder)
    cases: list[Judged] = []
    for answerable, name in ((True, "*_answerable.jsonl*"), (False, "*_unanswerable.jsonl*")):
        paths = sorted(folder.glob(name))
        if not paths:
            raise BadRequest(
                f"There is no file {name} in {str(folder)!r}. Name a folder that has one by --data."
            )
        cases += [case(row, where, answerable) for path in paths for where, row in json_lines(path)]
    return cases


def case(row: Row, where: str, answerable: bool) -> Judged:
    """Return one row as a question with its passages."""
    passages = row.get("passages")
    if not isinstance(passages, list) or not all(
        isinstance(one, dict) for one in cast("list[Any]", passages)
    ):
        raise UnreadableDocument(f"{where}: `passages` must be a list of objects with `title` and `text`.")
    found = [(str(one.get("title") or ""), text(one, "text", where)) for one in cast("list[Row]", passages)]
    return Judged(str(row.get("id", where)), text(row, "input", where), found, answerable)


def asked(path: Path) -> list[Asked]:
    """Read the handbook's questions."""
    found: list[Asked] = []
    for where, row in json_lines(path):
        try:
            found.append(Asked(**row))
        except TypeError as error:
            raise UnreadableDocument(
                f"{where}: a question has id, question, answerable, source, contains, history, ways; "
                f"found {sorted(row)}."
            ) from error
    return found


def json_lines(path: Path) -> Iterator[tuple[str, Row]]:
    """Yield each line's object with its place, such as `corpus.jsonl, line 3`; empty lines are passed over."""
    for number, line in lines(path):
        where = f"{path.name}, line {number}"
        try:
            row = json.loads(line)
        except ValueError as error:
            raise UnreadableDocument(f"{where} is not JSON ({error}). Correct or remove the line.") from error
        if not isinstance(row, dict):
            raise UnreadableDocument(f"{where}: expected an object, found {line[:40]!r}.")
        yield where, cast(Row, row)


def lines(path: Path) -> Iterator[tuple[int, str]]:
    """Yield the lines that are not empty, with their numbers from 1."""
    opened = gzip.open if path.suffix == ".gz" else open
    number = 0
    try:
        with opened(path, "rt", encoding="utf-8-sig", newline="\n") as file:
            for number, line in enumerate(file, 1):
                kept = line.removesuffix("\n").removesuffix("\r")
                if kept.strip():
                    yield number, kept
    except UnicodeDecodeError as error:
        raise UnreadableDocument(f"{path.name}, after line {number}: this is not UTF-8 text.") from error
    except FileNotFoundError as error:
        raise BadRequest(f"There is no file {str(path)!r}.") from error
    except (OSError, EOFError) as error:
        raise UnreadableDocument(f"{path.name}, after line {number}: cannot be read ({error}).") from error


def text(row: Row, key: str, where: str) -> str:
    """Return a string that the row must have; a number is taken as its digits."""
    value = row.get(key)
    if isinstance(value, str) or (isinstance(value, int) and not isinstance(value, bool)):
        return str(value)
    raise UnreadableDocument(f"{where}: the field {key!r} is missing or is no text.")


def require_folder(folder: Path) -> None:
    """Raise BadRequest unless the folder is there."""
    if not folder.is_dir():
        raise BadRequest(f"There is no folder {str(folder)!r}. Name the evaluation data by --data.")


def one_of(folder: Path, *names: str) -> Path:
    """Return the first of the files that is there; raises BadRequest."""
    for name in names:
        if (folder / name).is_file():
            return folder / name
    wanted = " or ".join(names)
    raise BadRequest(
        f"There is no {wanted} in {str(folder)!r}. A retrieval folder holds corpus.jsonl, queries.jsonl, qrels.tsv."
    )
