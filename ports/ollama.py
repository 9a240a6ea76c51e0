"""Ollama hosts, through langchain-ollama: their models, what these can do, and their one pool of connections."""

import ssl
import time
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, Final, NoReturn
from urllib.parse import urlsplit

import httpx
import orjson
from langchain_ollama import OllamaEmbeddings

from contracts.errors import ModelUnavailable
from ports.ollama_chat import OllamaChat
from ports.ollama_client import CONNECT_S, PATIENCE_S, StrictClient, plain_errors
from ports.templates import calls_tools, goes_on

NUM_CTX: Final = 8192
SHOWN_S: Final = 300.0
"""Seconds for which what a host says of a model is believed."""


class OllamaVectors(OllamaEmbeddings):
    """OllamaEmbeddings for asyncio alone: the synchronous client would cut long texts in silence."""

    def embed_documents(self, texts: list[str]) -> NoReturn:
        raise NotImplementedError("OllamaVectors is for asyncio: use aembed_documents.")


class OllamaHost:
    """One Ollama server: its models, and whether it is well."""

    def __init__(
        self, url: str, models: Mapping[str, int], keep_alive: str, verify: ssl.SSLContext, timeout: httpx.Timeout
    ) -> None:  # fmt: skip
        parts = urlsplit(url)
        self.name = parts.netloc.rpartition("@")[2]
        """Host and port; never the user and password that the URL may carry."""
        self._url, self._models, self._keep_alive = url, models, keep_alive
        login = (parts.username, parts.password or "") if parts.username else None
        self._verify = verify
        self._client = StrictClient(self.name, url, login=login, verify=verify, timeout=timeout)
        self._chats: dict[str, OllamaChat] = {}
        self._vectors: dict[str, OllamaVectors] = {}
        self._shown: dict[str, tuple[float, Any]] = {}
        """What the host said of each model, and when."""

    def limit(self, model: str) -> int:
        """Return the model's context in tokens; sent with every request, so that the model stays loaded."""
        return self._models.get(model, NUM_CTX)

    def chat(self, model: str) -> OllamaChat:
        """Return the chat model, the same object each time."""
        if model not in self._chats:
            made = OllamaChat(
                model=model, num_ctx=self.limit(model), keep_alive=self._keep_alive, **self._made_with()
            )
            made._async_client = self._client  # pyright: ignore[reportPrivateUsage]: one connection pool a host
            self._chats[model] = made
        return self._chats[model]

    def embeddings(self, model: str) -> OllamaVectors:
        """Return the embedding model, the same object each time; a text over its context is an error."""
        if model not in self._vectors:
            made = OllamaVectors(model=model, **self._made_with())
            made._async_client = self._client  # pyright: ignore[reportPrivateUsage]: one connection pool a host
            self._vectors[model] = made
        return self._vectors[model]

    async def tags(self) -> frozenset[str]:
        """Return the names of the models that are there, tag included; raises ModelUnavailable."""
        return frozenset(model["name"] for model in (await self._ask("/api/tags"))["models"])

    async def health(self) -> str:
        """Return the server's version; raises ModelUnavailable."""
        return f"Ollama {(await self._ask('/api/version'))['version']}"

    async def continues(self, model: str) -> bool:
        """Tell whether the model goes on from a last message of its own; False where the host does not say."""
        return goes_on(await self._show(model))

    async def calls(self, model: str) -> bool:
        """Tell whether the model calls tools; False where the host does not say."""
        return calls_tools(await self._show(model))

    def repeats(self, model: str) -> bool:
        """Return False: its words are drawn by chance."""
        return False

    async def _show(self, model: str) -> Any:
        """Return what the host says of the model; nothing where it does not answer."""
        now = time.monotonic()
        at, shown = self._shown.get(model, (-SHOWN_S, {}))
        if now - at >= SHOWN_S:
            try:
                shown = await self._ask("/api/show", {"model": model})
            except ModelUnavailable:
                return {}
            self._shown[model] = now, shown
        return shown

    async def _ask(self, path: str, body: Any = None) -> Any:
        """Return what the host says about itself, or in answer to a body; it gets 5 s, loading or not."""
        with plain_errors(self.name):
            http = self._client._client  # pyright: ignore[reportPrivateUsage]: the same connections
            response = await http.request("POST" if body else "GET", path, json=body, timeout=5.0)
            response.raise_for_status()
            return orjson.loads(response.content)

    async def close(self) -> None:
        """Close the host's connections."""
        await self._client.close()

    def _made_with(self) -> dict[str, Any]:
        return {"base_url": self._url, "client_kwargs": {"verify": self._verify}}


@asynccontextmanager
async def open_hosts(
    urls: Sequence[str],
    models: Mapping[str, int] | None = None,
    *,
    keep_alive: str = "30m",
    patience: float = PATIENCE_S,
) -> AsyncGenerator[list[OllamaHost]]:
    """Open the hosts and close their connections at the end; nothing is asked of them yet.

    `models` maps a model to its context in tokens, NUM_CTX for those not listed. `patience` is the longest
    wait in seconds for the next piece of an answer, the first one (a model that loads) included.
    """
    timeout = httpx.Timeout(patience, connect=min(CONNECT_S, patience))
    verify: ssl.SSLContext = httpx.create_ssl_context()
    async with AsyncExitStack() as stack:
        hosts: list[OllamaHost] = []
        for url in urls:
            host = OllamaHost(url, models or {}, keep_alive, verify, timeout)
            stack.push_async_callback(host.close)
            hosts.append(host)
        yield hosts
