"""A web host over real HTTP: pages by path, with validators, redirects and whatever a bad host does."""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email.utils import formatdate


@dataclass
class Reply:
    """What a path answers."""

    body: bytes = b""
    type: str = "text/html; charset=utf-8"
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict[str, str])
    etag: str = ""
    modified: str = ""
    cut: bool = False
    """The connection ends in the middle of the body."""
    silent: bool = False
    """Nothing is answered."""
    endless: bool = False
    """The body has no end."""


@dataclass
class SiteServer:
    """The host's pages, and the requests that it got."""

    url: str = ""
    replies: dict[str, Reply | Callable[[], Reply]] = field(
        default_factory=dict[str, Reply | Callable[[], Reply]]
    )
    asked: list[str] = field(default_factory=list[str])
    """Method and path of each request, and ` 304` where that was the answer."""
    heads: list[dict[str, str]] = field(default_factory=list[dict[str, str]])
    names: list[str | None] = field(default_factory=list[str | None])
    """What TLS clients called the host."""
    tasks: set[asyncio.Task[None]] = field(default_factory=set[asyncio.Task[None]])

    def put(self, path: str, body: str | bytes, **more: object) -> Reply:
        """Answer the path with the body."""
        made = self.replies[path] = Reply(body.encode() if isinstance(body, str) else body, **more)  # type: ignore[arg-type]
        return made

    def sitemap(self, path: str, *pages: str, index: bool = False) -> Reply:
        """List the pages, or the sitemaps, at the path."""
        root, one = ("sitemapindex", "sitemap") if index else ("urlset", "url")
        entries = "".join(f"<{one}><loc>{self.at(page)}</loc></{one}>" for page in pages)
        space = "http://www.sitemaps.org/schemas/sitemap/0.9"
        xml = f'<?xml version="1.0"?><{root} xmlns="{space}">{entries}</{root}>'
        return self.put(path, xml, type="application/xml")

    def at(self, path: str) -> str:
        """Return the address of a path; an address stays as it is."""
        return path if "://" in path else self.url + path

    def count(self, path: str) -> int:
        """Return how often the path was asked for."""
        return sum(one.split(" ")[1] == path for one in self.asked)

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            await self.answer(reader, writer)
        writer.close()
        with contextlib.suppress(ConnectionError, ssl.SSLError):
            await writer.wait_closed()

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode().strip().split("\r\n")
        head = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
        method, path, _ = first.split(" ")
        self.heads.append(head)
        reply = self.replies.get(path, Reply(b"Nothing here.", status=404))
        reply = reply() if callable(reply) else reply
        same = (reply.etag and head.get("if-none-match") == reply.etag) or (
            reply.modified and head.get("if-modified-since") == reply.modified
        )
        status = 304 if same else reply.status
        self.asked.append(f"{method} {path}{' 304' if same else ''}")
        if reply.silent:
            await reader.read()
            return
        body = b"" if same else reply.body
        said = {"Content-Type": reply.type, "Connection": "close", "Date": formatdate(usegmt=True)}
        said |= {"ETag": reply.etag} if reply.etag else {}
        said |= {"Last-Modified": reply.modified} if reply.modified else {}
        length = len(body) * 2 if reply.cut else len(body)
        said |= {} if reply.endless else {"Content-Length": str(length)}
        said |= reply.headers
        out = [f"HTTP/1.1 {status} -", *(f"{name}: {value}" for name, value in said.items()), "", ""]
        writer.write("\r\n".join(out).encode() + body)
        while reply.endless:
            writer.write(body)
            await writer.drain()


@asynccontextmanager
async def serving_site(tls: ssl.SSLContext | None = None) -> AsyncIterator[SiteServer]:
    """Serve a host on a free port of 127.0.0.1."""
    site = SiteServer()
    if tls:
        tls.sni_callback = lambda _, name, __: site.names.append(name)
    server = await asyncio.start_server(site, "127.0.0.1", 0, ssl=tls)
    scheme = "https" if tls else "http"
    site.url = f"{scheme}://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield site
    finally:
        server.close()
        for task in site.tasks:
            task.cancel()
        if site.tasks:
            await asyncio.wait(site.tasks, timeout=5)
