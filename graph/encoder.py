"""What embeds for the index: sentence vectors from the chosen model, token vectors from MiniLM in any case."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from langchain_core.embeddings import Embeddings

from ports.onnx import Encoded, MiniLM
from ports.open import Ports

Encoder = Any
"""`encode(texts) -> Encoded`, `aencode(texts)`, `count_tokens(text)`; MiniLM or PairedEncoder."""


class PairedEncoder:
    """Sentence vectors from one model, token vectors from MiniLM; made on the loop that owns the connections.

    Rows of both are L2-normalised.
    """

    def __init__(self, minilm: MiniLM, embeddings: Embeddings) -> None:
        self._minilm = minilm
        self._embeddings = embeddings
        self._loop = asyncio.get_running_loop()

    def count_tokens(self, text: str) -> int:
        """Return the text's length in MiniLM's tokens."""
        return self._minilm.count_tokens(text)

    def encode(self, texts: Sequence[str]) -> Encoded:
        """Return the vectors of the texts; blocks, so call it from a thread: the connections are the loop's."""
        return asyncio.run_coroutine_threadsafe(self.aencode(texts), self._loop).result()

    async def aencode(self, texts: Sequence[str]) -> Encoded:
        """Return the vectors of the texts."""
        own, rows = await asyncio.gather(
            self._minilm.aencode(texts), self._embeddings.aembed_documents(list(texts))
        )
        dense = np.asarray(rows, np.float32)
        return replace(own, dense=dense / np.linalg.norm(dense, axis=1, keepdims=True))


def encoder_for(ports: Ports, embeddings: Embeddings) -> Encoder:
    """Return the encoder of an index that is made with these embeddings."""
    if embeddings is ports.minilm:
        return ports.minilm
    return PairedEncoder(ports.minilm, embeddings)
