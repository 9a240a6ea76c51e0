"""What a model or a document says cannot act: it runs nothing, loads nothing, and its links wait for a click."""

import pytest
from playwright.async_api import Page, expect

from tests.web.answers import DECISION, ask, cites, done, tokens
from tests.web.conftest import Site, Watch
from tests.web.scripted import Step

pytestmark = pytest.mark.asyncio(loop_scope="session")

EVIL = """<script>window.pwned = 1</script><img src=x onerror="window.pwned = 2">

![a chart](https://evil.example/pixel.png) ![local](/static/icon.svg) <svg onload="window.pwned = 3">

[click](javascript:window.pwned=4) [data](data:text/html,<script>window.pwned=5</script>) [ok](https://good.example/x)

<https://auto.example/> [mail](mailto:a@b.example) [vb](vbscript:x) [rel](/api/v1/health)

<iframe src="https://evil.example"></iframe> <style>body{display:none}</style>
<form action="//evil.example"><input></form>

| a | b |
|--|:-:|
| <b onmouseover="window.pwned = 6">x</b> | y |

[ref]: https://evil.example "x"
"""
PASSAGE = {
    "id": "e1",
    "source": "evil.md",
    "title": "<img src=x onerror=window.pwned=7>",
    "headings": ["<script>window.pwned=8</script>"],
    "text": EVIL,
    "page": None,
    "score": 1,
}
ALLOWED = (
    "P BR HR H3 H4 H5 H6 UL OL LI BLOCKQUOTE PRE CODE EM STRONG S A TABLE THEAD TBODY TR TH TD SPAN BUTTON"
)


@pytest.fixture
def script() -> list[Step]:
    """An answer, its sources and a decision that all attack."""
    decision: Step = ("decision", {**DECISION[1], "reason": "<img src=x onerror=window.pwned=9>"})  # pyright: ignore[reportIndexIssue]
    return [
        decision,
        ("sources", {"passages": [PASSAGE]}),
        *tokens(EVIL, 11),
        cites("[ok](https://good.example/x)", "e1"),
        done(EVIL),
    ]


async def test_markup_in_an_answer_is_inert_and_no_request_leaves_the_host(
    page: Page, site: Site, watch: Watch, script: list[Step]
) -> None:
    site.stage.scripts = [script]
    await ask(page, "<img src=x onerror=window.pwned=10>")
    await expect(page.locator(".tools")).to_have_count(1)
    body = page.locator(".answer .body")
    tags = set(await body.evaluate("node => [...node.querySelectorAll('*')].map(one => one.tagName)"))
    assert tags <= set(ALLOWED.split())
    assert await page.locator("article").locator("img, script, iframe, style, input").count() == 0
    await expect(body).to_contain_text("a chart")
    await expect(body).to_contain_text("<script>window.pwned = 1</script>")
    assert await page.evaluate("window.pwned") is None
    assert watch.hosts == {site.url.removeprefix("http://")}


async def test_links_are_only_http_and_mail_and_open_apart(
    page: Page, site: Site, script: list[Step]
) -> None:
    site.stage.scripts = [script]
    await ask(page)
    await expect(page.locator(".tools")).to_have_count(1)
    links = await page.locator(".answer .body a").evaluate_all(
        "all => all.map(a => [a.getAttribute('href'), a.rel, a.target])"
    )
    shape = ["noopener nofollow noreferrer", "_blank"]
    assert links == [
        [address, *shape]
        for address in (
            "https://good.example/x",
            "https://auto.example/",
            "mailto:a@b.example",
            "https://evil.example",
        )
    ]


async def test_markup_in_a_passage_and_its_names_is_inert(
    page: Page, site: Site, watch: Watch, script: list[Step]
) -> None:
    site.stage.scripts = [script]
    await ask(page)
    await page.locator(".source").click()
    panel = page.locator("#passage")
    await expect(panel.get_by_role("heading", level=2)).to_have_text("<img src=x onerror=window.pwned=7>")
    assert await panel.locator("img, script, iframe, style, input").count() == 0
    assert await page.evaluate("window.pwned") is None
    assert watch.hosts == {site.url.removeprefix("http://")}


async def test_a_stored_title_and_a_search_hit_are_shown_as_text(page: Page, site: Site) -> None:
    title = "<img src=x onerror=window.pwned=11>"
    site.stage.keep("c0", title, "", title)
    await page.reload()
    await expect(page.locator("#conversations a")).to_have_text(title)
    await page.get_by_label("Search your history").fill("onerror")
    await expect(page.locator("#results a")).to_have_text(title)
    assert await page.evaluate("window.pwned") is None
