"""One page from the web into a file: checked addresses, limits on size, time and redirects, and manners.

Only http and https, no credentials, no proxy of the environment, no step down from https to http. Each redirect is
checked like the first address; ports/addresses.py connects to the very address that was checked.
"""

import asyncio
import tempfile
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

import httpx

from contracts.errors import BadRequest, TooLarge, UnreadableDocument
from ingest.files import LARGEST, require_size
from ingest.web_names import charset_of, name_for, to_utf8
from ingest.web_unpack import unpacker_for
from ports.addresses import Checked, NotAllowed, Resolve, look_up
from ports.web_address import host_of, to_address

if TYPE_CHECKING:
    from ports.settings import Network, Settings

REDIRECTS: Final = 5
PORTS: Final = frozenset({80, 443, 8080, 8443})
"""At which public hosts are asked: others are hardly ever pages, and often services that a request could harm."""
SILENT_S: Final = 20.0
"""Longest wait for a connection or for the next bytes."""
PATIENCE_S: Final = 30.0
"""Longest wait that a busy host may ask for."""
PER_HOST: Final = 2
"""Requests to one host at the same time."""
HEAD: Final = 4096
AGENT: Final = "Switchboard/0.1 (document ingest)"
GONE: Final = (404, 410)
BUSY: Final = (429, 503)
REFUSED: Final = (401, 403, 407)


class Answered(UnreadableDocument):
    """The server answered, but not with a page."""

    def __init__(self, message: str, answer: int) -> None:
        super().__init__(message)
        self.answer = answer
        """The HTTP status."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What fetching may reach and take."""

    inside: "tuple[Network, ...]" = ()
    """Networks that are allowed besides public ones."""
    size: int = LARGEST
    """Bytes of a page, unpacked."""
    seconds: float = 60.0
    """For a page, redirects included; waiting until its host may be asked is not."""
    delay: float = 0.2
    """Seconds between two requests to a host."""
    pages: int = 10_000
    """Of one sitemap."""


def limits_from(settings: "Settings") -> Limits:
    """Return the settings' limits."""
    return Limits(
        inside=settings.web_networks,
        size=settings.max_upload,
        seconds=settings.web_timeout.total_seconds(),
        delay=settings.web_delay.total_seconds(),
        pages=settings.web_pages,
    )


@dataclass(frozen=True, slots=True)
class Seen:
    """What a server said of a page when it was last fetched, to ask whether it changed since."""

    etag: str = ""
    modified: str = ""

    def headers(self) -> dict[str, str]:
        """Return the conditions of a request; none where the server said nothing."""
        found = {"If-None-Match": self.etag, "If-Modified-Since": self.modified}
        return {name: value for name, value in found.items() if value}


@dataclass(frozen=True, slots=True)
class Page:
    """What became of a request."""

    address: str
    """As it was asked for."""
    state: Literal["whole", "unchanged", "gone"]
    path: Path = Path()
    """Holds the page where it is whole; its name says the kind. Whoever takes it removes it."""
    size: int = 0
    seen: Seen = Seen()


class Pace:
    """When each host may be asked again; shared by all that ask."""

    def __init__(self) -> None:
        self.delays: dict[str, float] = {}
        """Of hosts that ask for more than the limits' delay."""
        self._next: dict[str, float] = {}
        self._places: dict[str, asyncio.Semaphore] = {}
        self._first: dict[str, asyncio.Lock] = {}

    @asynccontextmanager
    async def turn(self, host: str, delay: float) -> AsyncGenerator[None]:
        """Wait until the host may be asked again; whoever gives up waiting takes no turn from the others.

        A few requests to a host are under way at a time, and one alone where it asks for a delay.
        """
        first = self._first.setdefault(host, asyncio.Lock())
        async with self._places.setdefault(host, asyncio.Semaphore(PER_HOST)):
            async with first:
                clock = asyncio.get_running_loop().time
                await asyncio.sleep(self._next.get(host, 0.0) - clock())
                own = self.delays.get(host, 0.0)
                self._next[host] = clock() + max(delay, own)
                if own:
                    yield
                    return
            yield


class Web:
    """Fetches pages into a folder."""

    def __init__(self, transport: httpx.AsyncBaseTransport, limits: Limits, folder: Path, pace: Pace) -> None:
        """Without a client around the transport: no cookies are kept, and no redirect is judged by anyone else."""
        self._transport, self.limits, self.folder, self.pace = transport, limits, folder, pace
        self._count = 0

    async def fetch(self, address: str, seen: Seen | None = None, limit: int | None = None) -> Page:
        """Return the page, or that it did not change since it was `seen`, or that it is gone.

        Raises UnreadableDocument with one sentence for everything else.
        """
        try:
            return await self._follow(address, seen or Seen(), limit or self.limits.size)
        except NotAllowed as refused:
            said = f"{address} was left out: {refused}"
        except TooLarge as refused:
            said = refused.message
        except (TimeoutError, httpx.TimeoutException):
            said = f"{address} took longer than {self.limits.seconds:g} s: try again, or raise SWITCHBOARD_WEB_TIMEOUT."
        except httpx.ConnectError:
            said = f"{address} cannot be reached: its host does not answer, or its certificate does not hold."
        except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError):
            said = f"{address} broke off while it was fetched. Try again."
        raise UnreadableDocument(said)

    async def _follow(self, address: str, seen: Seen, limit: int) -> Page:
        """Fetch, from redirect to redirect; the time limit is for the requests, not for waiting in between."""
        at, followed, waited, left = address, 0, False, self.limits.seconds
        clock = asyncio.get_running_loop().time
        while followed <= REDIRECTS:
            async with self.pace.turn(host_of(at), self.limits.delay), asyncio.timeout(left):
                began = clock()
                response = await self._transport.handle_async_request(request_for(at, seen))
                try:
                    pause = pause_of(response)
                    if response.has_redirect_location:
                        at, followed = redirected(address, at, response), followed + 1
                        continue
                    if pause is None or waited:
                        return await self._page(address, at, response, seen, limit)
                finally:
                    await response.aclose()
                    left -= clock() - began
            waited = True
            await asyncio.sleep(pause)
        raise UnreadableDocument(
            f"{address} points elsewhere more than {REDIRECTS} times, so it was given up."
        )

    async def _page(self, address: str, at: str, response: httpx.Response, seen: Seen, limit: int) -> Page:
        """Return what the last answer in the chain, `at` its address, comes to."""
        status = response.status_code
        if status == 304 and seen.headers():
            return Page(address, "unchanged", seen=seen)
        if status in GONE:
            return Page(address, "gone")
        if status != 200:
            raise Answered(f"{address} {said_of(status)}", status)
        head, size, path = await self._save(address, response, limit)
        said = response.headers.get("content-type", "")
        named = path.with_name(f"{path.name}-{name_for(httpx.URL(at).path, said, head)}")
        if (charset := charset_of(said)) and b"\0" not in head and not named.name.endswith("-page"):
            path.write_bytes(to_utf8(path.read_bytes(), charset))
        path.rename(named)
        now = Seen(response.headers.get("etag", ""), response.headers.get("last-modified", ""))
        return Page(address, "whole", named, size, now)

    async def _save(self, address: str, response: httpx.Response, limit: int) -> tuple[bytes, int, Path]:
        """Write the body to a file, unpacked; return its first bytes, its size and the file."""
        self._count += 1
        path, size, head = self.folder / str(self._count), 0, b""
        unpack = unpacker_for(address, response.headers.get("content-encoding", "identity").lower())
        try:
            with path.open("wb") as file:
                async for raw in response.aiter_raw():
                    for piece in unpack.feed(raw):
                        size += len(piece)
                        require_size(size, address, limit)
                        head += piece[: HEAD - len(head)]
                        file.write(piece)
            unpack.require_whole()
        except BaseException:
            path.unlink(missing_ok=True)
            raise
        return head, size, path


def request_for(address: str, seen: Seen) -> httpx.Request:
    """Return the request for a page."""
    headers = {"User-Agent": AGENT, "Accept-Encoding": "gzip, identity;q=0.5", **seen.headers()}
    timeout = httpx.Timeout(SILENT_S).as_dict()
    return httpx.Request("GET", address, headers=headers, extensions={"timeout": timeout})


def redirected(address: str, at: str, response: httpx.Response) -> str:
    """Return where an answer points. Raises UnreadableDocument where that is no address to go to."""
    try:
        there = to_address(str(httpx.URL(at).join(response.headers["location"])))
    except (BadRequest, httpx.InvalidURL, ValueError) as cause:
        raise UnreadableDocument(
            f"{address} points to what is no address of a page, so it was left out."
        ) from cause
    if at.startswith("https:") and there.startswith("http:"):
        raise UnreadableDocument(
            f"{address} points from https to http, where anybody could change it on its way."
        )
    return there


def pause_of(response: httpx.Response) -> float | None:
    """Return the seconds after which a busy host asks to be tried again; None for any other answer."""
    said = response.headers.get("retry-after", "")
    if response.status_code not in BUSY or not said.isdecimal() or float(said) > PATIENCE_S:
        return None
    return float(said)


def said_of(status: int) -> str:
    """Return what a status means to a person."""
    if status in REFUSED:
        return f"may not be read without signing in (status {status}): save the page, and ingest the file."
    if status in BUSY:
        return f"was not answered, its host is too busy (status {status}). Try again later."
    return f"was answered with status {status}, not with a page. Try again, or leave it out."


def refusal(name: str, address: str) -> str:
    """Return the sentence for a host inside."""
    where = name if name == address else f"{name} is at {address}, which"
    return (
        f"{where} is not a public address, so it was not asked. "
        f"Where it may be, add it to SWITCHBOARD_WEB_NETWORKS, as in {address}."
    )


@asynccontextmanager
async def open_web(
    limits: Limits, resolve: Resolve = look_up, pace: Pace | None = None
) -> AsyncGenerator[Web]:
    """Open connections and a folder for pages; both go with the block."""
    with tempfile.TemporaryDirectory(prefix="switchboard-web-") as folder:
        async with Checked(limits.inside, resolve, refusal, PORTS) as transport:
            yield Web(transport, limits, Path(folder), pace or Pace())
