"""Opens every client that the settings name, embedded or server, and closes them in reverse order."""

import os
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from langchain_core.embeddings import Embeddings
from redis.asyncio import Redis

from contracts.errors import ModelUnavailable
from ports import weights
from ports.checkpoints import Checkpoints, open_checkpoints
from ports.folder import Folder, own
from ports.llama import LlamaChat, LlamaHost
from ports.multilingual import NAME as MULTILINGUAL
from ports.multilingual import Multilingual
from ports.onnx import DEFAULT, Granite, MiniLM
from ports.qdrant import Vectors, open_vectors
from ports.settings import Settings
from ports.valkey import open_redis

if TYPE_CHECKING:
    from ports.ollama import OllamaHost

PACKAGED = "smollm2:135m"


@dataclass(frozen=True, slots=True)
class Ports:
    """Everything that is open while the process runs."""

    settings: Settings
    folder: Folder
    redis: Redis
    vectors: Vectors
    checkpoints: Checkpoints
    minilm: MiniLM
    """Reads what was found, intents and approved questions."""
    embeddings: Embeddings
    embedding_name: str
    llama: LlamaHost
    llama_name: str
    hosts: "list[OllamaHost]"
    multilingual: Callable[[], Multilingual]
    """The multilingual embedder, opened at its first use. Raises SetupError where its package is not installed."""
    granite: Callable[[], Granite]
    """The embedder of passages in English, opened at its first use."""

    def embedder(self, name: str) -> Embeddings:
        """Return the embedder of that name, configured or not. Raises ModelUnavailable where none can have it."""
        if name == self.minilm.name:
            return self.minilm
        if name == Granite.name:
            return self.granite()
        if name == MULTILINGUAL:
            return self.multilingual()
        if not self.hosts:
            raise ModelUnavailable(
                f"{name} is no packaged embedder ({Granite.name}, {self.minilm.name} and {MULTILINGUAL} are), and no "
                "model host is set for it. Set SWITCHBOARD_OLLAMA_URLS to a host that has it."
            )
        return self.hosts[0].embeddings(name)


@asynccontextmanager
async def open_ports(settings: Settings) -> AsyncGenerator[Ports]:
    """Open all ports until the block ends.

    Raises SetupError, with what to do about it, where the folder, a file or a server stands in the way.
    """
    async with AsyncExitStack() as stack:
        folder = stack.enter_context(own(settings.data_dir))
        secret = settings.redis_url.get_secret_value() if settings.redis_url else None
        redis = await stack.enter_async_context(open_redis(secret, folder.path))
        key = settings.qdrant_api_key.get_secret_value() if settings.qdrant_api_key else None
        place = folder.path / "qdrant"
        layout = settings.qdrant_layout
        vectors = await stack.enter_async_context(
            open_vectors(settings.qdrant_url, key, place, layout=layout)
        )
        database = settings.database_url.get_secret_value() if settings.database_url else None
        checkpoints = await stack.enter_async_context(open_checkpoints(database, folder.path))
        threads = settings.threads or os.cpu_count() or 1
        minilm = MiniLM(settings.models_dir, threads)
        stack.callback(minilm.close)

        @cache
        def multilingual() -> Multilingual:
            model = Multilingual(settings.models_dir, threads)
            stack.callback(model.close)
            return model

        @cache
        def granite() -> Granite:
            model = Granite(settings.models_dir, threads)
            stack.callback(model.close)
            return model

        llama = _llama(settings)
        stack.callback(llama.close)
        hosts = await stack.enter_async_context(_hosts(settings)) if settings.ollama_urls else []
        packaged: dict[str, Callable[[], Embeddings]] = {
            MiniLM.name: lambda: minilm,
            Granite.name: granite,
            MULTILINGUAL: multilingual,
        }
        named = settings.model_embedding or DEFAULT
        if named not in packaged and not hosts:
            named = DEFAULT
        yield Ports(
            settings=settings,
            folder=folder,
            redis=redis,
            vectors=vectors,
            checkpoints=checkpoints,
            minilm=minilm,
            embeddings=packaged[named]() if named in packaged else hosts[0].embeddings(named),
            embedding_name=named,
            llama=LlamaHost(llama),
            llama_name=llama.model_name,
            hosts=hosts,
            multilingual=multilingual,
            granite=granite,
        )


def _hosts(settings: Settings) -> "AbstractAsyncContextManager[list[OllamaHost]]":
    from ports.ollama import open_hosts  # 0.15 s that a server without hosts need not wait

    contexts = dict.fromkeys(_models(settings), settings.num_ctx)
    return open_hosts(settings.ollama_urls, contexts, patience=settings.model_timeout.total_seconds())


def _models(settings: Settings) -> set[str]:
    return {settings.model_primary, settings.model_fast, settings.model_analysis, settings.model_code}


def _llama(settings: Settings) -> LlamaChat:
    if settings.gguf is not None:
        return LlamaChat(
            path=settings.gguf,
            sha256=settings.gguf_sha256,
            model_name=f"{settings.gguf.stem}:latest",
            n_ctx=4096,
        )
    return LlamaChat(path=weights.locate(weights.SMOLLM2), sha256=weights.SMOLLM2.sha256, model_name=PACKAGED)
