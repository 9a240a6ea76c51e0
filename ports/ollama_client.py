"""The one client that all models of an Ollama host share, with nothing shortened or cut off in silence.

The client under langchain-ollama ends a stream without complaint when the connection closes before `done`, and cannot
send `truncate` or `shift`: without them Ollama drops the front of a long prompt and answers 200.
"""

import ssl
from base64 import b64encode
from collections.abc import AsyncGenerator, Generator, Mapping
from contextlib import aclosing, contextmanager
from typing import Any, Final
from urllib.parse import urlsplit

import httpx
import orjson
from ollama import AsyncClient, ResponseError

from contracts.errors import ModelUnavailable, SwitchboardError, TooLong
from ports.lines import KEPT, Lines, Refused

CONNECT_S: Final = 5.0
PATIENCE_S: Final = 120.0
"""Longest wait for the next piece of an answer."""
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
