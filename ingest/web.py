"""Pages of the web to the index: single ones and the pages of sitemaps, under their addresses as sources.

Fetching and indexing go on at the same time. A page that did not change costs one conditional request; one that is gone
is removed with `prune` alone.
"""

import asyncio
import json
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import asdict
from typing import Final

from contracts.errors import UnreadableDocument
from ingest.index import index
from ingest.parts import Parts, identity_of
from ingest.report import Progress, Report, Step
from ingest.walk import Found
from ingest.web_fetch import Page, Seen, Web
from ingest.web_site import Site, listing_in
from ingest.web_sitemap import Listing
from ingest.worker import fingerprint
from ports.web_address import to_address
from store import documents

AT_ONCE: Final = 4
"""Pages that are fetched at the same time, all hosts together."""
WAITING: Final = 8
"""Fetched pages that wait to be indexed: beyond that fetching waits too."""
TOGETHER: Final = 64
"""Pages that are indexed in one go."""
TOGETHER_BYTES: Final = 100_000_000
GATHERING_S: Final = 5.0
"""Longest wait for more pages to index with those that are there."""


async def take_in(
    addresses: Sequence[str],
    tenant: str,
    parts: Parts,
    web: Web,
    *,
    groups: Sequence[str] | None = None,
    sitemap: bool = False,
    prune: bool = False,
    patient: bool = True,
    progress: Progress | None = None,
) -> Report:
    """Index the pages and the pages of sitemaps; raises BadRequest for what is no address of the web.

    `sitemap`: every address is one, which may also list an address a line; else a sitemap is known by its content.
    `groups`: who may read the pages; None leaves that as it is, everyone for a new one. `patient`: wait until what was
    replaced is gone from the index; a server, which looks after that itself, need not.
    """
    started = time.perf_counter()
    named = list(dict.fromkeys(map(to_address, addresses)))
    intake = Intake(tenant, parts, web, groups=groups, sitemap=sitemap, prune=prune, progress=progress)
    await parts.books().settle()
    await intake.run(named)
    await parts.books().settle(patient=patient)
    intake.report.failures.sort()
    intake.report.seconds = time.perf_counter() - started
    return intake.report


class Intake:
    """One ingest of addresses under way."""

    def __init__(
        self,
        tenant: str,
        parts: Parts,
        web: Web,
        *,
        groups: Sequence[str] | None,
        sitemap: bool,
        prune: bool,
        progress: Progress | None,
    ) -> None:
        self.tenant, self.parts, self.web, self.groups = tenant, parts, web, groups
        self.sitemap, self.prune, self.progress = sitemap, prune, progress
        self.who = identity_of(tenant)
        self.report = Report()
        self.taken: set[str] = set()
        """Addresses that were asked for."""
        self.sites: list[Site] = []
        self.ready: asyncio.Queue[Page | None] = asyncio.Queue(WAITING)

    async def run(self, named: Sequence[str]) -> None:
        """Fetch what was named, then what the sitemaps among it list, and index while that goes on."""
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self.fetch(named))
                tasks.create_task(self.index_all())
        except ExceptionGroup as failed:
            raise first_of(failed) from failed
        for site in self.sites:
            self.report.add(Report(failures=site.failures, skipped=dict(site.left)))

    async def fetch(self, named: Sequence[str]) -> None:
        """Pass on every page that is to be indexed."""
        await self.fetch_all(one_by_one(named), named=True)
        for site in self.sites:
            await self.fetch_all(site.pages(), named=False)
            if self.prune and site.whole:
                await self.fetch_all(self.unlisted(site), named=False)
        await self.ready.put(None)

    async def fetch_all(self, addresses: AsyncGenerator[str], *, named: bool) -> None:
        """Fetch the addresses, AT_ONCE at a time, each taken when a place is free."""
        turn = asyncio.Lock()

        async def some() -> None:
            while True:
                async with turn:
                    address = await anext(addresses, None)
                if address is None:
                    return
                if address in self.taken:
                    continue
                self.taken.add(address)
                await self.fetch_one(address, named=named)

        async with aclosing(addresses), asyncio.TaskGroup() as tasks:
            for _ in range(AT_ONCE):
                tasks.create_task(some())

    async def fetch_one(self, address: str, *, named: bool) -> None:
        """Fetch one address and pass on the page, if that is what it is."""
        try:
            page = await self.web.fetch(address, None if self.sitemap and named else await self.seen(address))
            listing = await self.listing(page) if named and page.state == "whole" else None
        except UnreadableDocument as refused:
            self.report.fail(address, refused.message)
            return self.tell(address)
        if listing is not None:
            self.sites.append(Site(self.web, address, listing))
        elif page.state == "whole":
            await self.ready.put(page)
        elif page.state == "unchanged":
            self.report.unchanged += 1
            self.tell(address)
        else:
            await self.forget(address)
        return None

    async def listing(self, page: Page) -> Listing | None:
        """Return what a page lists if it is a sitemap, whose file is then gone; else None."""
        found = await asyncio.to_thread(listing_in, page, self.web.limits.size, asked=self.sitemap)
        if found is not None:
            page.path.unlink()
        return found

    async def forget(self, address: str) -> None:
        """Remove the document of a page that is gone, where that was asked for."""
        there = address in await documents.digests(self.parts.database, self.who, [address])
        if there and self.prune:
            await self.parts.books().remove(self.tenant, [address])
            self.report.deleted += 1
        elif there:
            self.report.fail(address, f"{address} is gone; its document is kept. --prune removes it.")
        else:
            self.report.fail(
                address, f"{address} does not exist: its server answers that there is no such page."
            )
        self.tell(address)

    async def unlisted(self, site: Site) -> AsyncGenerator[str]:
        """Yield the indexed addresses below a sitemap that it lists no more."""
        last = site.folder
        while page := await documents.sources(self.parts.database, self.who, last):
            for source in page:
                if not source.startswith(site.folder):
                    return
                if source not in site.listed and await site.may_fetch(source):
                    yield source
            last = page[-1]

    async def index_all(self) -> None:
        """Index what was fetched, many pages together, until there are no more."""
        more = True
        while more:
            pages, more = await self.gather()
            if pages:
                await self.settle(pages)

    async def gather(self) -> tuple[list[Page], bool]:
        """Return the pages that are there, or will be in a moment, and whether more may come."""
        pages: list[Page] = []
        deadline = asyncio.get_running_loop().time() + GATHERING_S
        while len(pages) < TOGETHER and sum(page.size for page in pages) < TOGETHER_BYTES:
            try:
                async with asyncio.timeout_at(deadline if pages else None):
                    page = await self.ready.get()
            except TimeoutError:
                break
            if page is None:
                return pages, False
            pages.append(page)
        return pages, True

    async def settle(self, pages: Sequence[Page]) -> None:
        """Index pages, and note what their servers said of them, to ask the next time whether they changed."""
        before = self.report.done

        def shifted(step: Step) -> None:
            if self.progress:
                total = max(len(self.taken), before + step.total)
                self.progress(Step(before + step.done, total, step.current, self.report.chunks + step.chunks))

        files = [Found(page.path, page.address, page.size) for page in pages]
        report = await index(files, self.tenant, self.parts, groups=self.groups, progress=shifted)
        self.report.add(report)
        failed = {source for source, _ in report.failures}
        kept = [page for page in pages if page.address not in failed]
        await self.note(kept)
        for page in pages:
            page.path.unlink()

    async def note(self, pages: Sequence[Page]) -> None:
        """Note what the servers said of pages that are in the index."""
        names = [page.address for page in pages]
        versions = await documents.digests(self.parts.database, self.who, names)
        said = {
            page.address: self.to_note(page.seen, versions[page.address])
            for page in pages
            if page.address in versions
        }
        await documents.note_stats(self.parts.database, self.who, said)

    def to_note(self, seen: Seen, version: str) -> str:
        """Return what is kept beside a document: which version it is about, and made by which code."""
        return json.dumps({**asdict(seen), "of": version, "by": self.code()})

    def code(self) -> str:
        """Return what a version depends on besides the page."""
        return fingerprint(b"")[:16]

    async def seen(self, address: str) -> Seen | None:
        """Return what was said of a page that the index holds as it then was; None where it must be fetched anew."""
        noted = (await documents.noted(self.parts.database, self.who, [address])).get(address)
        if noted is None or not (self.groups is None or sorted(set(self.groups)) == noted.groups):
            return None
        try:
            said = json.loads(noted.stat)
            if (said["of"], said["by"]) != (noted.version, self.code()):
                return None
            seen = Seen(said["etag"], said["modified"])
        except (ValueError, KeyError, TypeError):  # of a file, or of an ingest that was cut off
            return None
        held = await self.parts.collection.held(self.tenant, {address: noted.version})
        return seen if address in held else None

    def tell(self, address: str) -> None:
        """Say how far it is."""
        if self.progress:
            self.progress(Step(self.report.done, len(self.taken), address, self.report.chunks))


async def one_by_one(addresses: Sequence[str]) -> AsyncGenerator[str]:
    """Yield the addresses."""
    for address in addresses:
        yield address


def first_of(failed: ExceptionGroup[Exception]) -> Exception:
    """Return the first failure in a group of groups."""
    inner = failed.exceptions[0]
    return first_of(inner) if isinstance(inner, ExceptionGroup) else inner
