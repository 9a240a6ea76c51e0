"""One page from the web: only from where it may come, only as much as it may be, and one sentence for all else."""

import asyncio
import gzip
import ssl
import subprocess
import zlib
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import replace
from ipaddress import ip_network
from pathlib import Path

import pytest

from contracts.errors import BadRequest, UnreadableDocument
from ingest.web_fetch import Limits, Pace, Seen, Web, limits_from, open_web
from ports.settings import Settings
from ports.web_address import to_address
from tests.servers.site import Reply, SiteServer, serving_site

LOOPBACK = (ip_network("127.0.0.0/8"),)
LIMITS = Limits(inside=LOOPBACK, size=100_000, seconds=10, delay=0)


@pytest.fixture
async def site() -> AsyncIterator[SiteServer]:
    async with serving_site() as server:
        yield server


@pytest.fixture
async def web() -> AsyncIterator[Web]:
    async with open_web(LIMITS) as opened:
        yield opened


async def refusal(web: Web, address: str) -> str:
    """Return the sentence with which a fetch is refused."""
    with pytest.raises(UnreadableDocument) as refused:
        await web.fetch(address)
    return refused.value.message


async def test_a_page_is_saved_under_a_name_that_tells_its_kind(site: SiteServer, web: Web) -> None:
    site.put("/about", "<html><p>Hello</p></html>")
    site.put("/data.php", b"%PDF-1.4 ...", type="application/pdf")
    site.put("/notes.md", "# Notes", type="text/plain")
    site.put("/list", "a,b\n1,2\n", type="text/csv")
    site.put("/wrong.pdf", "<!DOCTYPE html><p>Not found, sorry</p>", type="application/pdf")
    names = [(await web.fetch(site.url + path)).path.name.partition("-")[2] for path in site.replies]
    assert names == ["page.html", "page", "page.md", "page.csv", "page.html"]


async def test_text_in_another_encoding_is_saved_as_utf8(site: SiteServer, web: Web) -> None:
    site.put("/de", "<p>Größe</p>".encode("latin-1"), type="text/html; charset=ISO-8859-1")
    assert (await web.fetch(site.url + "/de")).path.read_text() == "<p>Größe</p>"


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("file:///etc/passwd", "begins with http:// or https://"),
        ("ftp://example.org/x", "begins with http:// or https://"),
        ("gopher://127.0.0.1:6379/_FLUSHALL", "begins with http:// or https://"),
        ("http:///x", "names no host"),
        ("http://ada:secret@example.org/", "holds a user name or a password"),
        ("http://example.org/" + "a" * 2000, "the limit is 2000"),
        ("http://example.org:99999/", "no port that there is"),
        ("http://exa\nmple.org/", "is no web address"),
    ],
)
def test_what_is_no_address_of_a_page_is_bad_usage(address: str, said: str) -> None:
    with pytest.raises(BadRequest, match=said) as refused:
        to_address(address)
    assert "secret" not in refused.value.message


def test_one_page_has_one_name() -> None:
    spelled = ("HTTP://Example.org:80/a#b", "http://example.org/a", "http://EXAMPLE.ORG/a#")
    assert {to_address(one) for one in spelled} == {"http://example.org/a"}


INSIDE = (
    "127.0.0.1", "localhost", "2130706433", "0x7f.1", "[::1]", "[::ffff:127.0.0.1]", "0.0.0.0", "10.0.0.1",
    "169.254.169.254", "[fe80::1]", "[fd00::1]", "[fec0::1]", "[64:ff9b::7f00:1]", "224.0.0.1", "240.0.0.1",
)  # fmt: skip


@pytest.mark.parametrize("host", INSIDE)
async def test_no_address_inside_is_asked_unless_its_network_is_named(host: str, site: SiteServer) -> None:
    site.put("/secret", "Inside.")
    port = site.url.rpartition(":")[2]
    async with open_web(replace(LIMITS, inside=())) as web:
        said = await refusal(web, f"http://{host}:{port}/secret")
    assert "is not a public address, so it was not asked" in said
    assert "SWITCHBOARD_WEB_NETWORKS" in said
    assert site.asked == []


async def test_a_redirect_is_checked_like_the_first_address(site: SiteServer) -> None:
    """The first host is in a network that is allowed, what it points to in none."""
    async with serving_site() as hidden, open_web(replace(LIMITS, inside=(ip_network("127.0.0.1"),))) as web:
        hidden.put("/secret", "Inside.")
        elsewhere = hidden.url.replace("127.0.0.1", "127.0.0.2")
        site.put("/go", "", status=302, headers={"Location": f"{elsewhere}/secret"})
        assert "out: 127.0.0.2 is not a public address, so it was not asked." in await refusal(
            web, site.url + "/go"
        )
    assert (hidden.asked, site.asked) == ([], ["GET /go"])


@pytest.mark.parametrize(
    "there", ["file:///etc/passwd", "http://ada:secret@127.0.0.1/", "javascript:alert(1)"]
)
async def test_a_redirect_to_no_page_is_refused(site: SiteServer, web: Web, there: str) -> None:
    site.put("/go", "", status=301, headers={"Location": there})
    said = await refusal(web, site.url + "/go")
    assert said == f"{site.url}/go points to what is no address of a page, so it was left out."


async def test_a_redirect_is_followed_and_the_page_keeps_the_address_that_was_asked(
    site: SiteServer, web: Web
) -> None:
    site.put("/old", "", status=308, headers={"Location": "/new"})
    site.put("/new", "<p>Here</p>")
    page = await web.fetch(site.url + "/old")
    assert (page.address, page.path.read_text()) == (f"{site.url}/old", "<p>Here</p>")


async def test_redirects_without_end_are_given_up(site: SiteServer, web: Web) -> None:
    site.put("/loop", "", status=302, headers={"Location": "/loop"})
    assert "points elsewhere more than 5 times" in await refusal(web, site.url + "/loop")
    assert site.count("/loop") == 6


async def test_a_name_that_changes_its_mind_is_asked_where_it_was_checked(site: SiteServer) -> None:
    """DNS rebinding: the name is public when it is checked, and inside when it is connected to."""
    asked = list[str]()

    async def turning(name: str, port: int) -> Sequence[str]:
        asked.append(name)
        return ["127.0.0.1"] if len(asked) == 1 else ["169.254.169.254"]

    site.put("/a", "<p>A</p>")
    address = site.url.replace("127.0.0.1", "turning.example") + "/a"
    async with open_web(LIMITS, turning) as web:
        page = await web.fetch(address)
        assert page.path.read_text() == "<p>A</p>"
        assert "turning.example is at 169.254.169.254" in await refusal(web, address)
    assert asked == ["turning.example"] * 2  # looked up once a connection, and that answer is connected to
    assert site.heads[0]["host"].startswith("turning.example:")
    assert len(site.asked) == 1


async def test_a_public_host_is_asked_at_the_ports_of_the_web_alone() -> None:
    async def public(name: str, port: int) -> Sequence[str]:
        return ["93.184.216.34"]

    async with open_web(replace(LIMITS, inside=())) as plain, open_web(LIMITS, public) as web:
        assert plain.limits.inside == ()
        for port in (22, 25, 6379, 11434):
            said = await refusal(web, f"http://example.org:{port}/")
            assert said == (
                f"http://example.org:{port}/ was left out: port {port} of example.org was not called, "
                "a public host is asked at 80, 443, 8080, 8443 alone."
            )


async def test_a_certificate_that_does_not_hold_for_the_name_is_refused(tmp_path: Path) -> None:
    key, certificate = tmp_path / "key.pem", tmp_path / "cert.pem"
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
               "-days", "2", "-subj", "/CN=other.example", "-keyout", str(key), "-out", str(certificate)]  # fmt: skip
    await asyncio.to_thread(subprocess.run, command, check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)

    async def here(name: str, port: int) -> Sequence[str]:
        return ["127.0.0.1"]

    async with serving_site(context) as site, open_web(LIMITS, here) as web:
        said = await refusal(web, site.url.replace("127.0.0.1", "pages.example"))
    assert "its certificate does not hold" in said
    assert site.names == ["pages.example"]  # it is asked by the name, though connected to by the address
    assert site.asked == []


def bomb(count: int) -> bytes:
    return gzip.compress(b"0" * count)


FAULTS: dict[str, tuple[Callable[[], Reply], str]] = {
    "large": (lambda: Reply(b"a" * 100_001), "is larger than 100,000 bytes, the limit"),
    "endless": (lambda: Reply(b"a" * 10_000, endless=True), "is larger than 100,000 bytes, the limit"),
    "bomb": (lambda: Reply(bomb(50_000_000), headers={"Content-Encoding": "gzip"}), "is larger than 100,000"),
    "brotli": (lambda: Reply(b"x", headers={"Content-Encoding": "br"}), "in the encoding 'br'"),
    "damaged": (
        lambda: Reply(b"\x1f\x8bnot", headers={"Content-Encoding": "gzip"}),
        "sent packed, and damaged",
    ),
    "half": (lambda: Reply(bomb(1000)[:15], headers={"Content-Encoding": "gzip"}), "broke off"),
    "cut": (lambda: Reply(b"half", cut=True), "broke off while it was fetched"),
    "error": (lambda: Reply(b"oops", status=500), "was answered with status 500"),
    "locked": (lambda: Reply(b"", status=401), "may not be read without signing in (status 401)"),
    "busy": (lambda: Reply(b"", status=429), "its host is too busy (status 429)"),
    "unasked": (lambda: Reply(b"", status=304), "was answered with status 304"),
}


@pytest.mark.parametrize("fault", FAULTS)
async def test_a_host_that_misbehaves_is_one_sentence_and_leaves_no_file(
    site: SiteServer, web: Web, fault: str
) -> None:
    reply, words = FAULTS[fault]
    site.replies["/x"] = reply()
    said = await refusal(web, site.url + "/x")
    assert said.startswith(f"{site.url}/x ")
    assert words in said
    assert not any(web.folder.iterdir())


async def test_a_host_that_says_nothing_is_given_up_in_time(site: SiteServer) -> None:
    site.put("/x", "", silent=True)
    async with open_web(replace(LIMITS, seconds=0.3)) as web:
        assert "took longer than 0.3 s" in await refusal(web, site.url + "/x")


async def test_a_busy_host_is_asked_again_when_it_said(site: SiteServer, web: Web) -> None:
    replies = iter([Reply(b"", status=503, headers={"Retry-After": "0"}), Reply(b"<p>Now</p>")])
    site.replies["/x"] = lambda: next(replies)
    assert (await web.fetch(site.url + "/x")).path.read_text() == "<p>Now</p>"


@pytest.mark.parametrize("pack", [gzip.compress, zlib.compress])
async def test_a_packed_page_is_unpacked(site: SiteServer, web: Web, pack: Callable[[bytes], bytes]) -> None:
    encoding = "gzip" if pack is gzip.compress else "deflate"
    site.put("/x", pack(b"<p>Packed</p>" * 100), headers={"Content-Encoding": encoding})
    page = await web.fetch(site.url + "/x")
    assert (page.path.read_bytes(), page.size) == (b"<p>Packed</p>" * 100, 1300)


async def test_a_page_that_did_not_change_is_one_request_without_a_body(site: SiteServer, web: Web) -> None:
    site.put("/x", "<p>Same</p>", etag='"1"', modified="Mon, 01 Jun 2026 00:00:00 GMT")
    first = await web.fetch(site.url + "/x")
    assert first.seen == Seen('"1"', "Mon, 01 Jun 2026 00:00:00 GMT")
    assert (await web.fetch(site.url + "/x", first.seen)).state == "unchanged"
    assert site.asked == ["GET /x", "GET /x 304"]


async def test_a_host_is_asked_with_a_pause_in_between(site: SiteServer) -> None:
    site.put("/x", "<p>X</p>")
    clock = asyncio.get_running_loop().time
    async with open_web(replace(LIMITS, delay=0.1)) as web:
        started = clock()
        await asyncio.gather(*(web.fetch(site.url + "/x") for _ in range(4)))
    assert clock() - started >= 0.3


async def test_waiting_for_a_host_that_asks_for_a_long_delay_is_not_its_pages_time(site: SiteServer) -> None:
    site.put("/x", "<p>X</p>")
    async with open_web(replace(LIMITS, seconds=1.0)) as web:
        web.pace.delays[site.url.removeprefix("http://")] = 0.6
        pages = await asyncio.gather(*(web.fetch(site.url + "/x") for _ in range(4)))
    assert [page.state for page in pages] == ["whole"] * 4


async def test_the_time_limit_is_for_all_the_requests_of_a_page(site: SiteServer) -> None:
    site.put("/go", "", status=302, headers={"Location": "/x"})
    site.put("/x", "", silent=True)
    async with open_web(replace(LIMITS, seconds=0.5)) as web:
        assert "took longer than 0.5 s" in await refusal(web, site.url + "/go")
    assert site.asked == ["GET /go", "GET /x"]


async def test_who_gives_up_waiting_for_a_host_takes_no_turn_from_the_others() -> None:
    pace, clock = Pace(), asyncio.get_running_loop().time
    started = clock()
    async with pace.turn("host", 0.3):
        pass
    for _ in range(10):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.001), pace.turn("host", 0.3):
                pass
    async with pace.turn("host", 0.3):
        assert 0.3 <= clock() - started < 1.5


async def test_a_host_that_asks_for_a_delay_is_asked_one_thing_at_a_time() -> None:
    pace = Pace()
    pace.delays["host"] = 0.001
    async with pace.turn("host", 0.0), pace.turn("other", 0.0), pace.turn("other", 0.0):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2), pace.turn("host", 0.0):
                pass


async def test_the_proxy_and_the_secrets_of_the_environment_are_not_used(
    site: SiteServer, web: Web, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    site.put("/x", "<p>X</p>")
    async with open_web(LIMITS) as fresh:
        await fresh.fetch(site.url + "/x")
    assert "authorization" not in site.heads[0]


def test_the_settings_are_the_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    assert limits_from(Settings()) == Limits()
    for name, value in (
        ("NETWORKS", "10.1.0.0/16,127.0.0.1"),
        ("TIMEOUT", "5"),
        ("DELAY", "PT1S"),
        ("PAGES", "7"),
    ):
        monkeypatch.setenv(f"SWITCHBOARD_WEB_{name}", value)
    inside = (ip_network("10.1.0.0/16"), ip_network("127.0.0.1"))
    assert limits_from(Settings()) == Limits(inside=inside, seconds=5, delay=1, pages=7)
