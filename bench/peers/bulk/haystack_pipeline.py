"""Haystack: FileTypeRouter, its converters, DocumentSplitter and DocumentWriter over QdrantDocumentStore.

All defaults: chunks of 200 words, none shared; HTML through trafilatura; batches of 32 as in Haystack's own embedders.
"""
# pyright: basic, reportMissingImports=false
# It is run in the peer's own environment, whose packages are not here.

from pathlib import Path

from haystack import Document, Pipeline, component
from haystack.components.converters import HTMLToDocument, TextFileToDocument
from haystack.components.joiners import DocumentJoiner
from haystack.components.preprocessors import DocumentSplitter
from haystack.components.routers import FileTypeRouter
from haystack.components.writers import DocumentWriter
from haystack_integrations.document_stores.qdrant import QdrantDocumentStore
from shared import Counted, serve

BATCH = 32


@component
class Ours:
    """Haystack's interface before the shared embedder."""

    def __init__(self, inner: Counted) -> None:
        self._inner = inner

    @component.output_types(documents=list[Document])
    def run(self, documents: list[Document]) -> dict[str, list[Document]]:
        for start in range(0, len(documents), BATCH):
            some = documents[start : start + BATCH]
            for document, vector in zip(
                some, self._inner.embed([one.content or "" for one in some]), strict=True
            ):
                document.embedding = vector
        return {"documents": documents}


def run(folder: Path, embedder: Counted) -> int:
    """Index the folder; return the number of points."""
    store = QdrantDocumentStore(":memory:", embedding_dim=384)
    line = Pipeline()
    line.add_component("router", FileTypeRouter(mime_types=["text/html", "text/plain"]))
    line.add_component("html", HTMLToDocument())
    line.add_component("text", TextFileToDocument())
    line.add_component("joiner", DocumentJoiner())
    line.add_component("splitter", DocumentSplitter())
    line.add_component("embedder", Ours(embedder))
    line.add_component("writer", DocumentWriter(store))
    line.connect("router.text/html", "html.sources")
    line.connect("router.text/plain", "text.sources")
    line.connect("html.documents", "joiner.documents")
    line.connect("text.documents", "joiner.documents")
    line.connect("joiner", "splitter")
    line.connect("splitter", "embedder")
    line.connect("embedder", "writer")
    line.run({"router": {"sources": [path for path in sorted(folder.rglob("*")) if path.is_file()]}})
    return store.count_documents()


if __name__ == "__main__":
    serve(run)
