"""What every request passes first: size, origin and the headers that keep a browser safe. Plain ASGI."""

from collections.abc import Iterable
from typing import Final
from urllib.parse import urlsplit

import orjson
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from contracts.errors import BadRequest, Forbidden, SwitchboardError, TooLarge
from server.auth import Gate

BODY_LIMIT: Final = 1_000_000
"""Bytes of a request body; an upload has its own, larger limit."""

HEADERS: Final = (
    (
        b"content-security-policy",
        b"default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; form-action 'self'; "
        b"frame-ancestors 'none'",
    ),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
)
LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "::1"})


class Body:
    """A request's body as it comes: stops at the limit one that declared no length."""

    def __init__(self, receive: Receive, limit: int) -> None:
        self._receive = receive
        self._limit = limit
        self._seen = 0
        self.over = False

    async def receive(self) -> Message:
        """Return the next message. Raises TooLarge over the limit; a parser may take that for a fault of its own."""
        message = await self._receive()
        self._seen += len(message.get("body", b""))
        if self._seen > self._limit:
            self.over = True
            raise _too_large(self._limit)
        return message


class Shield:
    """Refuses what is too large or comes from another site's page."""

    def __init__(self, app: ASGIApp, *, upload_limit: int, on_loopback: bool, gate: Gate) -> None:
        self._app = app
        self._gate = gate
        self._upload_limit = upload_limit + 10_000  # the multipart frame around the file
        self._on_loopback = on_loopback

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or answer it here."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = {name: value.decode("latin-1") for name, value in scope["headers"]}
        limit = self._upload_limit if scope["path"] == "/api/v1/documents" else BODY_LIMIT
        body = Body(receive, limit)

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], *HEADERS]
            if not body.over:  # else the one answer is ours
                await send(message)

        try:
            self._require_size(headers, limit)
            self._require_same_site(headers)
            if limit != BODY_LIMIT and scope["method"] == "POST":  # before 50 MB are read for nobody
                await self._gate.identify({name.decode(): value for name, value in headers.items()})
            await self._app(scope, body.receive, guarded)
        except SwitchboardError as error:
            body.over = False
            await _answer(guarded, error)
        else:
            if body.over:
                body.over = False
                await _answer(guarded, _too_large(limit))

    def _require_size(self, headers: dict[bytes, str], limit: int) -> None:
        declared = headers.get(b"content-length", "0")
        if not declared.isdecimal():
            raise BadRequest(f"Content-Length is {declared[:20]!r}; it must be a number of bytes.")
        if int(declared) > limit:
            raise _too_large(limit)

    def _require_same_site(self, headers: dict[bytes, str]) -> None:
        """Refuse a page of another site, and a foreign name that was made to point at this machine."""
        host = headers.get(b"host", "")
        name = urlsplit(f"//{host}").hostname or ""
        if self._on_loopback and name not in LOOPBACK:
            raise Forbidden(f"This server answers on loopback only, not as {name[:80]!r}.")
        origin = headers.get(b"origin")
        own = origin == "null" and headers.get(b"sec-fetch-site") == "same-origin"
        if origin and not own and urlsplit(origin).netloc != host:
            raise Forbidden(f"A page of {origin[:80]!r} may not use this server.")


def _too_large(limit: int) -> TooLarge:
    return TooLarge(f"The request is over the limit of {limit:,} bytes. Send less, or send it in parts.")


async def _answer(send: Send, error: SwitchboardError) -> None:
    headers: Iterable[tuple[bytes, bytes]] = [
        (b"content-type", b"application/json"),
        (b"connection", b"close"),
    ]
    await send({"type": "http.response.start", "status": error.status, "headers": list(headers)})
    await send({"type": "http.response.body", "body": orjson.dumps(error.body())})
