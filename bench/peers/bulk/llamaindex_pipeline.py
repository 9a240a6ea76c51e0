"""LlamaIndex: SimpleDirectoryReader and VectorStoreIndex over QdrantVectorStore, as their documentation shows them.

All defaults: chunks of 1,024 tokens of its own tokenizer, 200 shared, file names embedded with the text, batches of 10.
SimpleDirectoryReader reads HTML as text, tags included.
"""
# pyright: basic, reportMissingImports=false
# It is run in the peer's own environment, whose packages are not here.

from pathlib import Path
from typing import Any

from llama_index.core import SimpleDirectoryReader, StorageContext, VectorStoreIndex
from llama_index.core.embeddings import BaseEmbedding
from llama_index.vector_stores.qdrant import QdrantVectorStore
from pydantic import PrivateAttr
from qdrant_client import QdrantClient
from shared import Counted, serve


class Ours(BaseEmbedding):
    """LlamaIndex's interface before the shared embedder."""

    _inner: Counted = PrivateAttr()

    def __init__(self, inner: Counted, **others: Any) -> None:
        super().__init__(model_name="minilm", **others)
        self._inner = inner

    def _get_text_embeddings(self, texts: list[str]) -> list[list[float]]:
        return self._inner.embed(texts)

    def _get_text_embedding(self, text: str) -> list[float]:
        return self._inner.embed([text])[0]

    def _get_query_embedding(self, query: str) -> list[float]:
        return self._inner.embed([query])[0]

    async def _aget_query_embedding(self, query: str) -> list[float]:
        return self._get_query_embedding(query)


def run(folder: Path, embedder: Counted) -> int:
    """Index the folder; return the number of points."""
    documents = SimpleDirectoryReader(str(folder), recursive=True).load_data()
    client = QdrantClient(":memory:")
    storage = StorageContext.from_defaults(vector_store=QdrantVectorStore("bulk", client=client))
    VectorStoreIndex.from_documents(documents, storage_context=storage, embed_model=Ours(embedder))
    return client.count("bulk").count


if __name__ == "__main__":
    serve(run)
