"""LangChain: DirectoryLoader, RecursiveCharacterTextSplitter and QdrantVectorStore, as its documentation shows them.

The loaders are TextLoader and BSHTMLLoader: DirectoryLoader's own default, `unstructured`, fetches models over the
network. Everything else has its defaults: chunks of 4,000 characters, 200 of them shared.
"""
# pyright: basic, reportMissingImports=false
# It is run in the peer's own environment, whose packages are not here.

from pathlib import Path

from langchain_community.document_loaders import BSHTMLLoader, DirectoryLoader, TextLoader
from langchain_core.embeddings import Embeddings
from langchain_qdrant import QdrantVectorStore
from langchain_text_splitters import RecursiveCharacterTextSplitter
from shared import Counted, serve


class Ours(Embeddings):
    """LangChain's interface before the shared embedder."""

    def __init__(self, inner: Counted) -> None:
        self._inner = inner

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        return self._inner.embed(texts)

    def embed_query(self, text: str) -> list[float]:
        return self._inner.embed([text])[0]


def run(folder: Path, embedder: Counted) -> int:
    """Index the folder; return the number of points."""
    documents = [
        *DirectoryLoader(str(folder), glob="**/*.html", loader_cls=BSHTMLLoader).load(),
        *DirectoryLoader(str(folder), glob="**/*.txt", loader_cls=TextLoader).load(),
    ]
    chunks = RecursiveCharacterTextSplitter().split_documents(documents)
    store = QdrantVectorStore.from_documents(
        chunks, Ours(embedder), location=":memory:", collection_name="bulk"
    )
    return store.client.count("bulk").count


if __name__ == "__main__":
    serve(run)
