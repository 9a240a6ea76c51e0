"""Ollama's API for one embedding model, over real HTTP: vectors of another length, and a window that is kept.

The vectors are of the texts' words, so that a question finds what shares its words. `hold` lets so many texts through
and keeps the rest waiting, so that a test can act, or kill, in the middle.
"""

import asyncio
import functools
import hashlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tests.servers.ollama import serving

MODEL = "words:latest"
SIZE = 48


def vector_of(text: str, size: int = SIZE) -> list[float]:
    """Return the sum of the words' random vectors."""
    total = np.full(size, 1e-3)
    for word in text.lower().split():
        total += _word(word.strip(".,?!:"), size)
    return (total / np.linalg.norm(total)).tolist()


@functools.cache
def _word(word: str, size: int) -> Any:
    seed = int.from_bytes(hashlib.sha256(word.encode()).digest()[:4])
    return np.random.default_rng(seed).normal(size=size)


class Embedder:
    """The routes."""

    def __init__(self, size: int, window: int) -> None:
        self.size, self.window = size, window
        self.embedded = 0
        """Texts that were embedded."""
        self.most: int | None = None
        self.reached = threading.Event()
        """Set when the texts that may pass have passed, and one more has come."""

    def hold(self, most: int) -> None:
        """Let so many more texts through, and keep the next ones waiting."""
        self.reached.clear()
        self.most = self.embedded + most

    def release(self) -> None:
        """Let everything through."""
        self.most = None

    async def embed(self, request: Request) -> Response:
        body = await request.json()
        if body["model"] not in (MODEL, MODEL.removesuffix(":latest")):
            return JSONResponse({"error": f"model '{body['model']}' not found"}, 404)
        given = body["input"]
        texts = [given] if isinstance(given, str) else given
        if any(len(text.split()) > self.window for text in texts) and body.get("truncate") is False:
            return JSONResponse({"error": "the input length exceeds the context length"}, 400)
        while self.most is not None and self.embedded + len(texts) > self.most:
            self.reached.set()
            await asyncio.sleep(0.01)
        self.embedded += len(texts)
        return JSONResponse(
            {"model": body["model"], "embeddings": [vector_of(text, self.size) for text in texts]}
        )

    async def version(self, request: Request) -> Response:
        return JSONResponse({"version": "0.13.0"})

    async def tags(self, request: Request) -> Response:
        return JSONResponse({"models": [{"name": MODEL, "model": MODEL}]})


@contextmanager
def embedder(size: int = SIZE, window: int = 100_000) -> Iterator[tuple[str, Embedder]]:
    """Serve the model; gives the URL and the routes."""
    it: Any = Embedder(size, window)
    routes = [
        Route("/api/embed", it.embed, methods=["POST"]),
        Route("/api/version", it.version),
        Route("/api/tags", it.tags),
    ]
    with serving(Starlette(routes=routes)) as url:
        yield url, it
        it.release()
