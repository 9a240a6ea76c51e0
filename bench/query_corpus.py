"""Real texts for 100,000 chunks: Wikipedia passages, two manuals, books and talks, then the standard library's code.

No text comes twice, and nothing is generated: what a made-up vector's neighbours are like, no real one's are.
"""

import gzip
import json
import sysconfig
import tarfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Final

from contracts.documents import Document, Section
from contracts.errors import SwitchboardError
from ingest.load import load_bytes

PASSAGES: Final = ("squad_xquad/corpus.jsonl.gz", "mtrag/pool_corpus.jsonl.gz", "cranfield/corpus.jsonl.gz")
MANUALS: Final = ("docs_corpora/postgresql-15-html.tar.xz", "docs_corpora/python3.11-doc-rst.tar.xz")
BOOKS: Final = "chunking_eval/corpora"
SUFFIXES: Final = (".html", ".rst", ".txt", ".rst.txt")


def texts(data: Path) -> Iterator[Document]:
    """Yield the documents in the same order every time."""
    for name in PASSAGES:
        yield from passages(data / name, name.split("/")[0])
    for name in MANUALS:
        yield from manual(data / name)
    for path in sorted((data / BOOKS).glob("*")):
        yield from loaded(path.read_bytes(), f"books/{path.with_suffix('.txt').name}")
    library = Path(sysconfig.get_path("stdlib"))
    for path in sorted(library.rglob("*.py")):
        place = path.relative_to(library)
        if "site-packages" not in place.parts:
            yield from loaded(path.read_bytes(), f"library/{place.as_posix()}")


def passages(path: Path, folder: str) -> Iterator[Document]:
    """Yield each row of a retrieval corpus as a document."""
    with gzip.open(path, "rt", newline="\n") as rows:
        for row in rows:
            one = json.loads(row)
            text = str(one["text"])
            yield Document(
                f"{folder}/{one['_id']}", str(one.get("title") or ""), text, (Section(0, len(text)),)
            )


def manual(path: Path) -> Iterator[Document]:
    """Yield the pages of a manual out of its archive."""
    with tarfile.open(path) as archive:
        for member in sorted(archive.getmembers(), key=lambda one: one.name):
            if member.isfile() and member.name.endswith(SUFFIXES) and (file := archive.extractfile(member)):
                name = PurePosixPath(member.name.removeprefix("./"))
                kind = ".rst" if member.name.endswith((".rst", ".rst.txt")) else name.suffix
                yield from loaded(file.read(), f"manuals/{name.with_suffix(kind)}")


def loaded(content: bytes, source: str) -> Iterator[Document]:
    """Yield the document, unless it cannot be read: test data of the library is broken on purpose."""
    try:
        yield load_bytes(content, source)
    except SwitchboardError:
        return
