"""Pages and sitemaps into the index: once, again, changed, gone."""

import gzip
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest

from contracts.errors import BadRequest
from graph.library import Library
from ingest.parts import Parts, identity_of
from ingest.report import Report, Step
from ingest.web import take_in
from ingest.web_fetch import Limits, Pace, Web, open_web
from ingest.web_order import take_order
from ports.settings import Settings
from store import documents, editions
from tests.servers.site import Reply, SiteServer, serving_site

LIMITS = Limits(inside=(ip_network("127.0.0.0/8"),), size=100_000, seconds=10, delay=0, pages=50)


@pytest.fixture
async def site() -> AsyncIterator[SiteServer]:
    async with serving_site() as server:
        yield server


@pytest.fixture
async def web() -> AsyncIterator[Web]:
    async with open_web(LIMITS) as opened:
        yield opened


def counts(report: Report) -> dict[str, int]:
    return {name: count for name, count in report.body()["documents"].items() if count}


async def sources(parts: Parts) -> set[str]:
    return set(await documents.digests(parts.database, identity_of("acme")))


def page(words: str) -> str:
    return f"<html><title>{words}</title><body><p>{words} are described here.</p></body></html>"


async def test_a_page_is_cited_by_its_address_and_titled_by_itself(
    site: SiteServer, web: Web, parts: Parts
) -> None:
    site.put("/lamps", page("Lamps"))
    report = await take_in([f"{site.url}/lamps#top"], "acme", parts, web)
    entry = await documents.by_source(parts.database, identity_of("acme"), f"{site.url}/lamps")
    assert (counts(report), report.failures) == ({"added": 1}, [])
    assert entry is not None
    assert (entry["title"], entry["status"]) == ("Lamps", "indexed")


async def test_an_unchanged_page_is_one_conditional_request_and_nothing_else(
    site: SiteServer, web: Web, parts: Parts
) -> None:
    encoder: Any = parts.encoder
    site.put("/etag", page("Lamps"), etag='"1"')
    site.put("/dated", page("Shelves"), modified="Mon, 01 Jun 2026 00:00:00 GMT")
    site.put("/mute", page("Chairs"))
    named = [site.at(path) for path in ("/etag", "/dated", "/mute")]
    await take_in(named, "acme", parts, web)
    embedded = len(encoder.texts)
    again = await take_in(named, "acme", parts, web)
    assert (counts(again), len(encoder.texts)) == ({"unchanged": 3}, embedded)
    assert {"GET /etag 304", "GET /dated 304", "GET /mute"} <= set(site.asked)
    site.put("/etag", page("Lanterns"), etag='"2"')
    changed = await take_in(named, "acme", parts, web)
    assert counts(changed) == {"updated": 1, "unchanged": 2}
    assert counts(await take_in(named, "acme", parts, web)) == {"unchanged": 3}
    assert site.asked.count("GET /etag 304") == 2


async def test_a_page_that_the_index_lost_is_fetched_whole(site: SiteServer, web: Web, parts: Parts) -> None:
    site.put("/etag", page("Lamps"), etag='"1"')
    await take_in([site.at("/etag")], "acme", parts, web)
    await parts.collection.delete("acme", site.at("/etag"))
    report = await take_in([site.at("/etag")], "acme", parts, web)
    assert counts(report) == {"updated": 1}
    assert "GET /etag 304" not in site.asked


async def test_other_readers_are_set_though_the_page_did_not_change(
    site: SiteServer, web: Web, parts: Parts
) -> None:
    site.put("/etag", page("Lamps"), etag='"1"')
    await take_in([site.at("/etag")], "acme", parts, web)
    await take_in([site.at("/etag")], "acme", parts, web, groups=["sales"])
    entry = await documents.by_source(parts.database, identity_of("acme"), site.at("/etag"))
    assert entry is not None
    assert entry["groups"] == ["sales"]


@pytest.mark.parametrize("status", [404, 410])
async def test_a_page_that_is_gone_goes_with_prune_alone(
    site: SiteServer, web: Web, parts: Parts, status: int
) -> None:
    site.put("/old", page("Lamps"))
    await take_in([site.at("/old")], "acme", parts, web)
    site.replies["/old"] = Reply(b"", status=status)
    kept = await take_in([site.at("/old")], "acme", parts, web)
    assert kept.failures == [
        (site.at("/old"), f"{site.at('/old')} is gone; its document is kept. --prune removes it.")
    ]
    assert await sources(parts) == {site.at("/old")}
    assert counts(await take_in([site.at("/old")], "acme", parts, web, prune=True)) == {"deleted": 1}
    assert await sources(parts) == set()


async def test_a_page_that_fails_for_a_while_is_kept_with_prune_too(
    site: SiteServer, web: Web, parts: Parts
) -> None:
    site.put("/old", page("Lamps"))
    await take_in([site.at("/old")], "acme", parts, web)
    site.replies["/old"] = Reply(b"", status=500)
    assert counts(await take_in([site.at("/old")], "acme", parts, web, prune=True)) == {"failed": 1}
    assert await sources(parts) == {site.at("/old")}


async def test_one_bad_page_costs_one_page(site: SiteServer, web: Web, parts: Parts) -> None:
    site.put("/good", page("Lamps"))
    site.put("/png", b"\x89PNG\r\n\x1a\n" + b"0" * 50, type="image/png")
    site.put("/empty", "")
    site.put("/pdf", b"%PDF-1.4 broken", type="application/pdf")
    site.put("/large", b"a" * 100_001)
    report = await take_in([site.at(path) for path in (*site.replies, "/none")], "acme", parts, web)
    assert counts(report) == {"added": 1, "failed": 5}
    assert all(said.startswith(source) for source, said in report.failures)
    assert "no such page" in dict(report.failures)[site.at("/none")]
    assert not any(web.folder.iterdir())


async def test_no_address_is_asked_where_one_is_no_address(site: SiteServer, web: Web, parts: Parts) -> None:
    site.put("/good", page("Lamps"))
    with pytest.raises(BadRequest):
        await take_in([site.at("/good"), "ftp://example.org/"], "acme", parts, web)
    assert site.asked == []


async def test_a_sitemap_is_known_by_its_content_and_its_pages_are_taken(
    site: SiteServer, web: Web, parts: Parts
) -> None:
    site.sitemap("/sitemap.xml", "/a", "/b", "/b#again", "/gone")
    site.put("/a", page("Lamps"))
    site.put("/b", page("Shelves"))
    steps: list[Step] = []
    report = await take_in([site.at("/sitemap.xml")], "acme", parts, web, progress=steps.append)
    assert counts(report) == {"added": 2, "failed": 1}
    assert await sources(parts) == {site.at("/a"), site.at("/b")}
    assert site.count("/b") == 1
    assert steps[-1].done == 3


async def test_a_packed_index_of_sitemaps_is_followed(site: SiteServer, web: Web, parts: Parts) -> None:
    reply = site.sitemap("/index.xml.gz", "/one.xml", "/two.xml.gz", "/index.xml.gz", index=True)
    reply.body = gzip.compress(reply.body)
    site.sitemap("/one.xml", "/a")
    two = site.sitemap("/two.xml.gz", "/b")
    two.body, two.type = gzip.compress(two.body), "application/gzip"
    for path in ("/a", "/b"):
        site.put(path, page(path))
    report = await take_in([site.at("/index.xml.gz")], "acme", parts, web)
    assert (counts(report), report.failures) == ({"added": 2}, [])


async def test_an_order_to_a_server_does_not_wait_until_what_it_replaced_may_go(
    site: SiteServer, parts: Parts, tmp_path: Path
) -> None:
    """The order holds one of the server's few places, and the server removes what is left itself."""
    library = Library(lambda: parts.collection, parts.database, parts.bump, grace=1.0, alone=True)
    order = tmp_path / "order.json"
    order.write_text(json.dumps({"sitemap": False, "prune": False}))
    settings = Settings(web_networks=LIMITS.inside)
    for words in ("Lamps", "Candles"):
        site.put("/a", page(words))
        report = await take_order(
            order, site.at("/a"), "acme", replace(parts, library=library), settings,
            pace=Pace(), groups=None, progress=lambda _: None,
        )  # fmt: skip
    assert counts(report) == {"updated": 1}
    assert await editions.waiting(parts.database)
    await library.settle(patient=True)
    assert not await editions.waiting(parts.database)


async def test_sitemap_says_that_a_list_of_addresses_is_one(site: SiteServer, web: Web, parts: Parts) -> None:
    site.put("/list.txt", f"{site.at('/a')}\n{site.at('/b')}\n", type="text/plain")
    for path in ("/a", "/b"):
        site.put(path, page(path))
    assert counts(await take_in([site.at("/list.txt")], "acme", parts, web, sitemap=True)) == {"added": 2}
    refused = await take_in([site.at("/a")], "acme", parts, web, sitemap=True)
    assert "cannot be read as a sitemap: it is neither" in refused.failures[0][1]


async def test_what_a_sitemap_lists_and_is_not_taken_is_counted(site: SiteServer, parts: Parts) -> None:
    site.put("/robots.txt", "User-agent: *\nDisallow: /private\n", type="text/plain")
    site.sitemap("/sitemap.xml", "/a", "/private/x", "http://other.example/b", "mailto:ada@example.org", "/c")
    for path in ("/a", "/c", "/private/x"):
        site.put(path, page(path))
    async with open_web(replace(LIMITS, pages=1)) as web:
        report = await take_in([site.at("/sitemap.xml")], "acme", parts, web)
    assert counts(report) == {"added": 1}
    assert report.skipped == {
        "page over the limit of 1": 1,
        "page of another site": 1,
        "page that robots.txt excludes": 1,
        "page without a web address": 1,
    }
    assert site.count("/private/x") == 0


async def test_a_page_that_a_person_named_is_fetched_whatever_robots_txt_says(
    site: SiteServer, web: Web, parts: Parts
) -> None:
    site.put("/robots.txt", "User-agent: *\nDisallow: /\n")
    site.put("/a", page("Lamps"))
    assert counts(await take_in([site.at("/a")], "acme", parts, web)) == {"added": 1}
    assert site.asked == ["GET /a"]


@pytest.mark.parametrize(("status", "taken"), [(404, 1), (403, 1), (500, 0), (429, 0)])
async def test_without_robots_txt_all_is_allowed_and_with_a_broken_one_nothing(
    site: SiteServer, web: Web, parts: Parts, status: int, taken: int
) -> None:
    site.replies["/robots.txt"] = Reply(b"", status=status)
    site.sitemap("/sitemap.xml", "/a")
    site.put("/a", page("Lamps"))
    report = await take_in([site.at("/sitemap.xml")], "acme", parts, web)
    assert report.added == taken
    assert report.skipped == ({} if taken else {"page whose robots.txt cannot be had": 1})


async def test_prune_removes_what_a_sitemap_lists_no_more_if_it_is_gone(
    site: SiteServer, web: Web, parts: Parts
) -> None:
    site.sitemap("/docs/sitemap.xml", "/docs/a", "/docs/b", "/docs/c")
    for path in ("/docs/a", "/docs/b", "/docs/c", "/other"):
        site.put(path, page(path))
    await take_in([site.at("/docs/sitemap.xml"), site.at("/other")], "acme", parts, web)
    site.sitemap("/docs/sitemap.xml", "/docs/a")
    del site.replies["/docs/b"], site.replies["/other"]
    report = await take_in([site.at("/docs/sitemap.xml")], "acme", parts, web, prune=True)
    assert counts(report) == {"unchanged": 2, "deleted": 1}
    assert await sources(parts) == {site.at("/docs/a"), site.at("/docs/c"), site.at("/other")}


async def test_a_sitemap_that_cannot_be_read_removes_nothing(
    site: SiteServer, web: Web, parts: Parts
) -> None:
    site.sitemap("/sitemap.xml", "/one.xml", index=True)
    site.sitemap("/one.xml", "/a")
    site.put("/a", page("Lamps"))
    await take_in([site.at("/sitemap.xml")], "acme", parts, web)
    del site.replies["/a"]
    site.put("/one.xml", "<urlset><url>", type="application/xml")
    report = await take_in([site.at("/sitemap.xml")], "acme", parts, web, prune=True)
    assert counts(report) == {"failed": 1}
    assert "its XML is damaged" in report.failures[0][1]
    assert await sources(parts) == {site.at("/a")}


BILLION = '<!DOCTYPE u [<!ENTITY a "ha"><!ENTITY b "&a;&a;">]><urlset><url><loc>&b;</loc></url></urlset>'
BOMBS = {
    "entities": (BILLION.encode(), "it holds a document type, which no sitemap needs"),
    "gzip": (
        gzip.compress(b"<urlset>" + b" " * 1_000_000),
        "it unpacks to more than 100,000 bytes, the limit",
    ),
    "cut": (gzip.compress(b"<urlset></urlset>")[:-9], "its gzip data breaks off"),
}


@pytest.mark.parametrize("bomb", BOMBS)
async def test_a_sitemap_that_means_harm_is_one_sentence(
    site: SiteServer, web: Web, parts: Parts, bomb: str
) -> None:
    body, said = BOMBS[bomb]
    site.put("/sitemap.xml", body, type="application/xml")
    report = await take_in([site.at("/sitemap.xml")], "acme", parts, web, sitemap=True)
    address = site.at("/sitemap.xml")
    assert report.failures == [(address, f"{address} cannot be read as a sitemap: {said}.")]
