"""A chat model in this process: llama.cpp, loaded from a GGUF file at the first question.

The native calls run in threads of their own, one a slot, with the GIL released. Nobody waits for a native
call that was cancelled: its callback tells the engine to stop at the next token or batch of prompt tokens.
"""

import asyncio
import http.client
import json
import secrets
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, cast

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel, LanguageModelInput
from langchain_core.language_models.chat_models import agenerate_from_stream, generate_from_stream
from langchain_core.messages import AIMessage, BaseMessage, convert_to_openai_messages
from langchain_core.outputs import ChatGenerationChunk, ChatResult
from langchain_core.runnables import Runnable
from langchain_core.utils.function_calling import convert_to_openai_tool
from pydantic import PrivateAttr

from contracts.errors import ModelUnavailable
from ports.gguf import Piece, request_for, server_for, to_chunk, verify


class LlamaChat(BaseChatModel):
    """A GGUF model that answers in this process. `close` it: it holds threads and a native server."""

    path: Path
    sha256: str = ""
    """Compared before loading; empty trusts the file."""
    model_name: str = "smollm2:135m"
    n_ctx: int = 2048
    """Tokens of prompt and answer together, for each slot."""
    slots: int = 2
    """Requests that are answered at once; more wait in line."""
    n_threads: int = 1
    temperature: float = 0.0
    max_tokens: int = 512

    _server: Any = PrivateAttr(None)
    _key: str = PrivateAttr(default_factory=lambda: secrets.token_hex(16))
    _lock: threading.Lock = PrivateAttr(default_factory=threading.Lock)
    _closed: threading.Event = PrivateAttr(default_factory=threading.Event)
    _threads: ThreadPoolExecutor = PrivateAttr()

    def model_post_init(self, _context: Any, /) -> None:
        self._threads = ThreadPoolExecutor(self.slots, thread_name_prefix="llama")

    @property
    def _llm_type(self) -> str:
        return "llama"

    async def load(self) -> None:
        """Load the weights now rather than at the first question; raises DamagedWeights."""
        await asyncio.to_thread(self._engine)

    def close(self) -> None:
        """Stop what is being generated, wait for its threads and free the model. Idempotent."""
        self._closed.set()
        self._threads.shutdown(wait=True, cancel_futures=True)
        with self._lock:
            self._server = None

    def count_tokens(self, messages: Sequence[BaseMessage]) -> int:
        """Return the prompt's exact tokens, chat template applied; also of a prompt that is too long."""
        address = self._engine().listening_address.removeprefix("http://")
        connection = http.client.HTTPConnection(address, timeout=30)
        try:
            connection.request(
                "POST",
                "/v1/chat/completions/input_tokens",
                json.dumps({"messages": convert_to_openai_messages(list(messages))}),
                {"Content-Type": "application/json", "Authorization": f"Bearer {self._key}"},
            )
            return json.loads(connection.getresponse().read())["input_tokens"]
        finally:
            connection.close()

    def get_num_tokens_from_messages(
        self, messages: list[BaseMessage], tools: Sequence[Any] | None = None
    ) -> int:
        return self.count_tokens(messages)

    def bind_tools(self, tools: Sequence[Any], **kwargs: Any) -> Runnable[LanguageModelInput, AIMessage]:
        bound = self.bind(tools=[convert_to_openai_tool(tool) for tool in tools], **kwargs)
        return cast("Runnable[LanguageModelInput, AIMessage]", bound)

    def _engine(self) -> Any:
        """Return the native server; the first to ask loads it, the others wait."""
        with self._lock:
            if self._closed.is_set():
                raise self._gone()
            if self._server is None:
                verify(self.path, self.sha256)
                self._server = server_for(
                    self.path, n_ctx=self.n_ctx, slots=self.slots, n_threads=self.n_threads, key=self._key
                )
            return self._server

    def _gone(self) -> ModelUnavailable:
        return ModelUnavailable(f"The model {self.model_name} has been closed.")

    def _run(self, request: Piece, deliver: Callable[[Piece], bool], stopped: threading.Event) -> None:
        """Answer one request on this thread; `deliver` returning True stops the engine."""
        engine = self._engine()
        if not stopped.is_set():
            engine.handle_chat_completions(request, deliver)

    def _request(self, messages: list[BaseMessage], stop: list[str] | None, options: dict[str, Any]) -> Piece:
        settings = {"temperature": self.temperature, "max_tokens": self.max_tokens}
        return request_for(messages, stop, {**settings, **options})

    def _whole(self, chunk: ChatGenerationChunk | None) -> None:
        """Raise ModelUnavailable unless the chunk is an answer's last one."""
        if chunk is None or getattr(chunk.message, "chunk_position", None) != "last":
            raise ModelUnavailable(f"The model {self.model_name} broke off in the middle of its answer.")

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        pieces: list[Piece] = []

        def deliver(piece: Piece) -> bool:
            pieces.append(piece)
            return self._closed.is_set()

        self._run(self._request(messages, stop, kwargs), deliver, self._closed)
        chunks = [chunk for piece in pieces if (chunk := to_chunk(piece, self.model_name))]
        self._whole(chunks[-1] if chunks else None)
        return generate_from_stream(iter(chunks))

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        raise NotImplementedError("LlamaChat streams to asyncio only: use astream.")

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        return await agenerate_from_stream(self._astream(messages, stop, **kwargs))

    async def _astream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[ChatGenerationChunk]:
        loop = asyncio.get_running_loop()
        queue: asyncio.Queue[Piece | None] = asyncio.Queue()
        stopped = threading.Event()

        def deliver(piece: Piece) -> bool:
            if stopped.is_set() or self._closed.is_set():
                return True
            try:
                loop.call_soon_threadsafe(queue.put_nowait, piece)
            except RuntimeError:  # the loop is gone, and the reader with it
                return True
            return False

        request, chunk = self._request(messages, stop, kwargs), None
        try:
            job = loop.run_in_executor(self._threads, self._run, request, deliver, stopped)
        except RuntimeError as closed:
            raise self._gone() from closed
        job.add_done_callback(lambda done: done.cancelled() or done.exception())
        job.add_done_callback(lambda _: queue.put_nowait(None))
        try:
            while (piece := await queue.get()) is not None:
                if found := to_chunk(piece, self.model_name):
                    chunk = found
                    yield found
            await job
            self._whole(chunk)
        finally:
            stopped.set()
            job.cancel()


class LlamaHost:
    """The embedded model as a host of the pool."""

    name = "embedded"

    def __init__(self, model: LlamaChat) -> None:
        self._model = model

    async def tags(self) -> frozenset[str]:
        """Return the one name that this host serves."""
        return frozenset({self._model.model_name})

    def chat(self, model: str) -> BaseChatModel:
        """Return the model; there is only one."""
        return self._model

    def limit(self, model: str) -> int:
        """Return the context in tokens; 0 for a model that is not served here."""
        return self._model.n_ctx if model == self._model.model_name else 0

    async def continues(self, model: str) -> bool:
        """Return True: the engine leaves a last message of the assistant's open, whatever the template."""
        return True

    async def calls(self, model: str) -> bool:
        """Return False: a model of this size does not choose tools well (docs/models.md)."""
        return False

    def repeats(self, model: str) -> bool:
        """Return True: it takes the likeliest word each time."""
        return True

    async def health(self) -> str:
        """Return what serves, once the weights are loaded; raises DamagedWeights."""
        await self._model.load()
        return f"{self._model.model_name} ({self._model.path.name})"
