"""The pages that a sitemap lists: those of its own site that robots.txt allows, up to a limit; the rest is counted."""

from collections import Counter
from collections.abc import AsyncGenerator
from typing import Final

import httpx

from contracts.errors import BadRequest, UnreadableDocument
from ingest.web_fetch import Answered, Page, Web
from ingest.web_robots import LARGEST, NOTHING, Robots, robots_from
from ingest.web_sitemap import Listing, NoSitemap, is_sitemap, listing_of
from ingest.web_unpack import GZIP, unpacked
from ports.web_address import host_of, site_of, to_address

DEEPEST: Final = 3
"""Levels of sitemaps below the first."""
XML: Final = (b"<?xml", b"<urlset", b"<sitemapindex", b"<!--")


def listing_in(page: Page, limit: int, *, asked: bool) -> Listing | None:
    """Return what a fetched page lists, None where it is a page; blocks.

    `asked`: it is to be a sitemap. Raises UnreadableDocument where it then is none.
    """
    with page.path.open("rb") as file:
        head = file.read(64).lstrip(b"\xef\xbb\xbf \t\r\n")
    if not asked and not head.startswith((*XML, GZIP)):
        return None
    try:
        data = unpacked(page.path.read_bytes(), limit)
        if asked or is_sitemap(data):
            return listing_of(data)
    except NoSitemap as cause:
        said = "it is neither a sitemap in XML nor a list with one address a line"
        raise UnreadableDocument(f"{page.address} cannot be read as a sitemap: {said}.") from cause
    except UnreadableDocument as cause:
        if asked or head.startswith(XML):
            raise UnreadableDocument(
                f"{page.address} cannot be read as a sitemap: {cause.message}."
            ) from cause
    return None


class Site:
    """A sitemap and what it leads to."""

    def __init__(self, web: Web, address: str, listing: Listing) -> None:
        self.address, self._web, self._first = address, web, listing
        self.folder = address[: address.rindex("/") + 1]
        """A sitemap speaks for what is below its own folder. Source: sitemaps.org, "Sitemap file location"."""
        self.listed: set[str] = set()
        self.left: Counter[str] = Counter()
        """Pages that are not taken, by reason."""
        self.failures: list[tuple[str, str]] = []
        self.whole = True
        """Whether all that it lists is known: else nothing can be said to be missing from it."""
        self._robots: dict[str, Robots] = {}

    async def pages(self) -> AsyncGenerator[str]:
        """Yield the pages to fetch, each once."""
        count, most = 0, self._web.limits.pages
        async for entry in self._entries():
            address = self._own(entry)
            if address is None or address in self.listed:
                continue
            self.listed.add(address)
            if not await self.may_fetch(address):
                continue
            if count == most:
                self.left[f"page over the limit of {most:,}"] += 1
                self.whole = False
            else:
                count += 1
                yield address

    def _own(self, entry: str) -> str | None:
        """Return an entry's address where it is one of this site."""
        try:
            address = to_address(entry)
        except BadRequest:
            self.left["page without a web address"] += 1
            return None
        if site_of(address) != site_of(self.address):
            self.left["page of another site"] += 1
            return None
        return address

    async def may_fetch(self, address: str) -> bool:
        """Tell whether robots.txt lets a program have the page; count it where not."""
        robots = await self._robots_for(address)
        if robots.allows(httpx.URL(address).raw_path.decode("ascii", "replace")):
            return True
        unknown = robots is NOTHING
        self.left["page whose robots.txt cannot be had" if unknown else "page that robots.txt excludes"] += 1
        return False

    async def _robots_for(self, address: str) -> Robots:
        host = host_of(address)
        if host not in self._robots:
            found = self._robots[host] = await self._ask(str(httpx.URL(address).join("/robots.txt")))
            self._web.pace.delays[host] = found.delay
        return self._robots[host]

    async def _ask(self, address: str) -> Robots:
        """Return the rules of a host. None there is leave for all. Source: RFC 9309, section 2.3.1."""
        try:
            page = await self._web.fetch(address, limit=LARGEST)
        except Answered as refused:
            return Robots() if 400 <= refused.answer < 500 and refused.answer != 429 else NOTHING
        except UnreadableDocument:
            return NOTHING
        if page.state != "whole":
            return Robots()
        text = page.path.read_bytes().decode("utf-8", "replace")
        page.path.unlink()
        return robots_from(text)

    async def _entries(self) -> AsyncGenerator[str]:
        """Yield what the sitemap and those that it lists list."""
        levels = [self._first]
        met = {self.address}
        for _ in range(DEEPEST + 1):
            below: list[str] = []
            for listing in levels:
                if listing.index:
                    below += [
                        one for entry in listing.addresses if (one := self._own(entry)) and one not in met
                    ]
                    continue
                for entry in listing.addresses:
                    yield entry
            levels = []
            async for listing in self._open(list(dict.fromkeys(below))):
                if listing.index:
                    levels.append(listing)
                    continue
                for entry in listing.addresses:
                    yield entry
            met |= set(below)
        if levels:
            self.failures.append(
                (self.address, f"{self.address} lists sitemaps more than {DEEPEST} levels deep.")
            )
            self.whole = False

    async def _open(self, addresses: list[str]) -> AsyncGenerator[Listing]:
        """Yield what these sitemaps hold; one that cannot be had is a failure of its own."""
        for address in addresses:
            try:
                page = await self._web.fetch(address)
                if page.state != "whole":
                    raise UnreadableDocument(f"{address} does not exist, though a sitemap lists it.")
                listing = listing_in(page, self._web.limits.size, asked=True)
                page.path.unlink()
            except UnreadableDocument as refused:
                self.failures.append((address, refused.message))
                self.whole = False
            else:
                yield listing or Listing()
