"""Ollama hosts, through langchain-ollama, with nothing shortened or cut off in silence.

langchain-ollama 1.1 and the client under it end a stream without complaint when the connection closes before
`done`, and cannot send `truncate` or `shift`: without them Ollama drops the front of a long prompt and answers
200. Both are put right in the one client that all models of a host share. Per-request `options` would
replace `num_ctx`, which makes Ollama load the model anew: it stays what it was set to.
"""

import ssl
import time
from base64 import b64encode
from collections.abc import AsyncGenerator, AsyncIterator, Generator, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, aclosing, asynccontextmanager, contextmanager
from typing import Any, Final, NoReturn, cast
from urllib.parse import urlsplit

import httpx
import orjson
from langchain_core.language_models import LanguageModelInput
from langchain_core.messages import AIMessageChunk, BaseMessage
from langchain_core.messages.ai import UsageMetadata
from langchain_core.runnables import RunnableConfig
from langchain_ollama import ChatOllama, OllamaEmbeddings
from ollama import AsyncClient, ResponseError

from contracts.errors import ModelUnavailable, SwitchboardError, TooLong
from ports.lines import KEPT, Lines, Refused
from ports.templates import calls_tools, goes_on

NUM_CTX: Final = 8192
CONNECT_S: Final = 5.0
PATIENCE_S: Final = 120.0
"""Longest wait for the next piece of an answer."""
SHOWN_S: Final = 300.0
"""Seconds for which what a host says of a model is believed."""
HTTPX_ONLY: Final = frozenset({"accept-encoding", "connection", "content-type", "host"})
"""Headers that httpx sends for itself."""
STRICT: Final = {"/api/chat": {"truncate": False, "shift": False}, "/api/embed": {"truncate": False}}
"""What is added to a request's body, by path: overflow is an error, not a shorter prompt."""


class StrictClient(AsyncClient):
    """Ollama's client, with errors that people can read and streams that end with `done` or an error."""

    def __init__(
        self, name: str, url: str, *, login: tuple[str, str] | None, verify: ssl.SSLContext, timeout: httpx.Timeout
    ) -> None:  # fmt: skip
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=KEPT)
        super().__init__(url, auth=login, verify=verify, timeout=timeout, limits=limits, trust_env=False)
        self.name = name
        headers = {key: value for key, value in self._client.headers.items() if key not in HTTPX_ONLY}
        if login:
            headers["authorization"] = f"Basic {b64encode(':'.join(login).encode()).decode()}"
        self._lines = Lines(
            urlsplit(str(self._client.base_url)), verify, headers,
            connect=timeout.connect or CONNECT_S, patience=timeout.read or PATIENCE_S,
        )  # fmt: skip

    async def _request(self, cls: Any, *args: Any, stream: bool = False, **kwargs: Any) -> Any:
        if body := kwargs.get("json"):
            kwargs["json"] = {**body, **STRICT.get(args[1], {})}
        if stream:
            return self._parts(*args, **kwargs)
        with plain_errors(self.name):
            return await super()._request(cls, *args, **kwargs)

    def stream_chat(self, params: Mapping[str, Any]) -> AsyncGenerator[dict[str, Any]]:
        """Yield the parts of an answer; `params` are what `chat` takes, without its models in between."""
        body = {name: value for name, value in params.items() if value is not None}
        return self._parts("POST", "/api/chat", json={**body, **STRICT["/api/chat"], "stream": True})

    async def _parts(self, _method: str, path: str, *, json: Any) -> AsyncGenerator[dict[str, Any]]:
        """Yield the stream's parts as plain dicts, the last one `done`; raises ModelUnavailable otherwise."""
        part: dict[str, Any] = {}
        with plain_errors(self.name):
            async with aclosing(self._lines.post(path, json)) as parts:
                async for part in parts:
                    if error := part.get("error"):
                        raise ResponseError(str(error))
                    yield part
        if not part.get("done"):
            raise ModelUnavailable(f"The answer from {self.name} broke off before its end. Ask again.")

    async def close(self) -> None:
        """Close all connections."""
        self._lines.close()
        await super().close()


@contextmanager
def plain_errors(name: str) -> Generator[None]:
    """Raise the client's errors as ours: TooLong for an overfull context, else ModelUnavailable."""
    try:
        yield
    except Refused as failure:
        raise refused(name, ResponseError(failure.text, failure.status)) from failure
    except ResponseError as failure:
        raise refused(name, failure) from failure
    except (httpx.TimeoutException, TimeoutError) as failure:
        raise ModelUnavailable(
            f"The model host {name} sent nothing in time. Try again in a moment."
        ) from failure
    except (httpx.HTTPError, OSError) as failure:
        raise ModelUnavailable(
            f"The model host {name} does not answer, or broke off. Check that Ollama runs there."
        ) from failure
    except orjson.JSONDecodeError as failure:
        raise ModelUnavailable(
            f"The answer from {name} broke off in the middle of a line. Ask again."
        ) from failure


def refused(name: str, failure: ResponseError) -> SwitchboardError:
    """Return our error for one that Ollama sent."""
    text = failure.error[:300]
    if 300 <= failure.status_code < 400:
        return ModelUnavailable(
            f"The model host {name} redirects elsewhere. Set the URL that it redirects to."
        )
    if "context" in text.lower() and ("exceed" in text.lower() or "too long" in text.lower()):
        return TooLong(f"The prompt does not fit into the model's context on {name}: {text}")
    if failure.status_code == 404:
        return ModelUnavailable(f"The model host {name} says: {text}. Run `ollama pull` for it there.")
    return ModelUnavailable(f"The model host {name} failed: {text or failure.status_code}")


EMPTY: Final = AIMessageChunk(content="")


class OllamaChat(ChatOllama):
    """ChatOllama for asyncio alone, with `max_tokens` as other models have it and a fixed `num_ctx`."""

    def _chat_params(
        self, messages: list[BaseMessage], stop: list[str] | None = None, **kwargs: Any
    ) -> dict[str, Any]:
        options = dict(kwargs.pop("options", None) or {})
        for argument, option in (
            ("max_tokens", "num_predict"),
            ("temperature", "temperature"),
            ("seed", "seed"),
        ):
            if argument in kwargs:
                options[option] = kwargs.pop(argument)
        params = super()._chat_params(messages, stop, **kwargs)
        params["options"] = {**params["options"], **options, "num_ctx": self.num_ctx}
        return params

    async def astream(
        self, input: LanguageModelInput, config: RunnableConfig | None = None, *, stop: list[str] | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[AIMessageChunk]:  # fmt: skip
        """Stream plain text straight from the host; with callbacks, tools or reasoning as ChatOllama does.

        LangChain's run manager and its chunks cost as much again as reading the line.
        """
        if config or not isinstance(input, list) or kwargs.keys() & {"tools", "reasoning"} or self.reasoning:
            async for chunk in super().astream(input, config, stop=stop, **kwargs):
                yield chunk
            return
        params = self._chat_params(cast("list[BaseMessage]", input), stop, **kwargs)
        async with aclosing(cast(StrictClient, self._async_client).stream_chat(params)) as parts:
            async for part in parts:
                yield to_chunk(part)

    def _create_chat_stream(self, *args: Any, **kwargs: Any) -> Iterator[Any]:
        raise NotImplementedError("OllamaChat is for asyncio: use ainvoke or astream.")


def to_chunk(part: Mapping[str, Any]) -> AIMessageChunk:
    """Return the chunk of one line of a plain answer; the last one has the counts and why it ended."""
    text = (part.get("message") or {}).get("content") or ""
    if not part.get("done"):
        return EMPTY.model_copy(update={"content": text})  # 3 µs; a new one, which pydantic checks, takes 9
    read, wrote = part.get("prompt_eval_count") or 0, part.get("eval_count") or 0
    return AIMessageChunk(
        content=text,
        response_metadata={key: value for key, value in part.items() if key != "message"},
        usage_metadata=UsageMetadata(input_tokens=read, output_tokens=wrote, total_tokens=read + wrote),
        chunk_position="last",
    )


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
