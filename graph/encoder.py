"""What embeds for the index: a packaged model does it alone; others get their token vectors from MiniLM."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from langchain_core.embeddings import Embeddings

from ports.lexicon import Lexicon
from ports.multilingual import NAME as MULTILINGUAL
from ports.onnx import Encoded, Granite, MiniLM, Packaged
from ports.open import Ports
from retrievers.bridge import Bridge
from retrievers.stopwords import STOPWORDS

Encoder = Any
"""`encode(texts) -> Encoded`, `aencode(texts)`, `count_tokens(text)`; a packaged model or PairedEncoder."""


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
    if isinstance(embeddings, Packaged):
        return embeddings
    return PairedEncoder(ports.minilm, embeddings)


def questions_for(ports: Ports, embeddings: Embeddings) -> Embeddings:
    """Return what compares a question with approved ones, in the index of these embeddings.

    Granite was trained to find passages; how alike two questions are is calibrated on MiniLM, of the same dimension.
    """
    return ports.minilm if isinstance(embeddings, Granite) else embeddings


def bridge_for(ports: Ports, name: str) -> Bridge | None:
    """Return what brings questions over to English, where the index is made with the multilingual model."""
    if name != MULTILINGUAL:
        return None
    silent = frozenset[str]().union(*STOPWORDS.values())
    return Bridge(Lexicon(ports.settings.models_dir, ports.multilingual(), silent.__contains__))
