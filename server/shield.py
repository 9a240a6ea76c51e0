"""What every request passes first: size, origin and the headers that keep a browser safe. Plain ASGI."""

from typing import Final
from urllib.parse import urlsplit

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from contracts.errors import BadRequest, Forbidden, SwitchboardError, TooLarge
from server.answers import answer_of
from server.auth import Gate

BODY_LIMIT: Final = 1_000_000
"""Bytes of a request body; an upload has its own, larger limit."""
FRAME: Final = 10_000
"""Bytes of the multipart form around an uploaded file, at most."""
UPLOADS: Final = "/api/v1/documents"
GUARDED: Final = frozenset({"/openapi.json"})
"""Routes of FastAPI's own, which ask for no key by themselves."""

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
    """Refuses what is too large, comes from another site's page, or asks without a key for what needs one."""

    def __init__(self, app: ASGIApp, *, upload_limit: int, on_loopback: bool, gate: Gate) -> None:
        self._app = app
        self._gate = gate
        self._upload_limit = upload_limit + FRAME
        self._on_loopback = on_loopback

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or answer it here."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = {name: value.decode("latin-1") for name, value in scope["headers"]}
        limit = self._upload_limit if scope["path"] == UPLOADS else BODY_LIMIT
        body = Body(receive, limit)

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], *HEADERS]
            if not body.over:  # else the one answer is ours
                await send(message)

        try:
            _require_size(headers, limit)
            self._require_same_site(headers)
            path, method = scope["path"], scope["method"]
            if path in GUARDED or (path == UPLOADS and method == "POST"):  # before 50 MB are read for nobody
                await self._gate.identify({name.decode(): value for name, value in headers.items()})
            await self._app(scope, body.receive, guarded)
        except SwitchboardError as error:
            body.over = False
            await _answer(scope, receive, guarded, error)
        else:
            if body.over:
                body.over = False
                await _answer(scope, receive, guarded, _too_large(limit))

    def _require_same_site(self, headers: dict[bytes, str]) -> None:
        """Refuse a page of another site, and a foreign name that was made to point at this machine."""
        host = headers.get(b"host", "")
        name = urlsplit(f"//{host}").hostname or ""
        if self._on_loopback and name not in LOOPBACK:
            raise Forbidden(
                f"This server answers on loopback only, not as {name[:80]!r}. Open it as 127.0.0.1, or serve on "
                "another address with SWITCHBOARD_HOST and a key."
            )
        origin = headers.get(b"origin")
        own = origin == "null" and headers.get(b"sec-fetch-site") == "same-origin"
        if origin and not own and urlsplit(origin).netloc != host:
            raise Forbidden(
                f"A page of {origin[:80]!r} may not use this server, which is {host[:80]!r}. Open its own page; a "
                "proxy in front of it has to pass the Host header on."
            )


def _require_size(headers: dict[bytes, str], limit: int) -> None:
    declared = headers.get(b"content-length", "0")
    if not declared.isdecimal():
        raise BadRequest(f"Content-Length is {declared[:20]!r}; it must be a number of bytes.")
    if int(declared) > limit:
        raise _too_large(limit)


def _too_large(limit: int) -> TooLarge:
    if limit == BODY_LIMIT:
        return TooLarge(f"The request is over the limit of {limit:,} bytes. Send less, or send it in parts.")
    return too_large(limit - FRAME)


def too_large(limit: int) -> TooLarge:
    """Return what is said of an uploaded file over the limit."""
    return TooLarge(f"The file is over the limit of {limit:,} bytes. Split it, or ingest it from disk.")


async def _answer(scope: Scope, receive: Receive, send: Send, error: SwitchboardError) -> None:
    """Answer without the rest of the body, which is why the connection ends here."""
    response = answer_of(error)
    response.headers["connection"] = "close"
    await response(scope, receive, send)
