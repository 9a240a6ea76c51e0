"""The real page on the real server: what a person does on the first day, in a real browser."""

import asyncio
import os
import re
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect

from bench.stub import Stub, serving
from graph.database import open_database
from ports.settings import Settings
from store import keys
from tests.servers.runtime import Runtime, running
from tests.web.answers import ask

pytestmark = pytest.mark.asyncio(loop_scope="session")
PATIENCE = 15_000
expect.set_options(timeout=PATIENCE)
LOOKS: Any = {
    "desktop-light": {"viewport": {"width": 1280, "height": 800}, "color_scheme": "light"},
    "desktop-dark": {"viewport": {"width": 1280, "height": 800}, "color_scheme": "dark"},
    "phone": {"viewport": {"width": 390, "height": 780}, "color_scheme": "light", "has_touch": True},
}
QUESTION = "How many days of annual leave do full-time employees have?"


@asynccontextmanager
async def visit(browser: Browser, url: str, **look: Any) -> AsyncGenerator[Page]:
    """Open the page in a profile of its own; it may not complain on its console."""
    context = await browser.new_context(base_url=url, reduced_motion="reduce", **look)
    context.set_default_timeout(PATIENCE)
    page = await context.new_page()
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    await page.goto("/")
    yield page
    await context.close()
    assert complaints == []


@asynccontextmanager
async def server(folder: Path, **chosen: Any) -> AsyncGenerator[Runtime]:
    """Run a server in a thread of its own while this loop goes on."""
    async with AsyncExitStack() as stack:
        block = running(folder, None, **chosen)
        found = await asyncio.to_thread(block.__enter__)
        stack.push_async_callback(asyncio.to_thread, block.__exit__, None, None, None)
        yield found


@pytest_asyncio.fixture(loop_scope="session")
async def page(browser: Browser, runtime: Runtime) -> AsyncGenerator[Page]:
    async with visit(browser, runtime.url) as found:
        yield found


async def look(page: Page, name: str) -> None:
    """Keep a picture where somebody wants to look."""
    if folder := os.environ.get("LOOKS"):
        await page.screenshot(path=f"{folder}/{name}.png")


@pytest.mark.parametrize("name", LOOKS)
async def test_a_newcomer_asks_reads_the_answer_and_opens_the_passage_behind_it(
    browser: Browser, runtime: Runtime, name: str
):
    async with visit(browser, runtime.url, **LOOKS[name]) as page:
        await expect(page.locator(".example")).to_have_count(4)
        await look(page, f"{name}-1-welcome")
        await ask(page, QUESTION)
        answer = page.locator("article.answer").last
        await expect(answer).to_contain_text("26 days")
        await expect(answer).to_have_attribute("aria-busy", "false")
        await expect(answer.locator("details.badge")).to_contain_text("Answered from documents")
        await look(page, f"{name}-2-answer")
        await answer.locator("[data-passage]").first.click()
        await expect(page.locator("#passage-text")).to_contain_text("26 days")
        await expect(page.locator("#passage-facts")).to_contain_text("handbook/")
        await look(page, f"{name}-3-passage")
        await page.keyboard.press("Escape")
        if name == "phone":
            await page.locator("#menu").click()
            await look(page, f"{name}-4-menu")
        await page.locator("#new").click()
        await ask(page, "leave?")
        await expect(page.locator("article.answer").last.locator("details.badge")).to_contain_text(
            "Asks back"
        )
        await look(page, f"{name}-5-clarify")


async def test_an_example_is_asked_with_one_click(page: Page):
    await page.locator(".example").first.click()
    answer = page.locator("article.answer").last
    await expect(answer).to_have_attribute("aria-busy", "false")
    await expect(answer.locator("[data-passage]").first).to_be_visible()


async def test_who_may_read_is_said_with_the_upload_and_changed_afterwards(page: Page):
    await page.locator("#open-documents").click()
    await page.get_by_label("Who may read what you add").fill("finance, legal")
    await page.locator("#file").set_input_files(
        {"name": "wages.md", "mimeType": "text/markdown", "buffer": b"# Wages\n\nWages rise in May.\n"}
    )
    await expect(page.locator("#uploads li").first).to_contain_text("Added, 1 passage")
    readers = page.get_by_role("button", name="Change who may read Wages")
    await expect(readers).to_have_text("Read by finance, legal")
    await look(page, "documents-3-readers")
    await readers.click()
    await page.get_by_label("Groups that may read Wages").fill("finance")
    await page.keyboard.press("Enter")
    await expect(readers).to_have_text("Read by finance")
    await expect(readers).to_be_focused()
    await page.get_by_role("button", name="Delete Wages").click()
    await page.get_by_role("button", name="Delete", exact=True).click()


async def test_a_page_that_may_not_be_fetched_says_why(page: Page):
    await page.locator("#open-documents").click()
    await page.get_by_label("Address of a page or a sitemap").fill("http://10.0.0.1/secret")
    await page.get_by_role("button", name="Add page").click()
    upload = page.locator("#uploads li").first
    await expect(upload).to_have_attribute("data-state", "failed")
    await expect(upload).to_contain_text("10.0.0.1")


async def test_a_document_is_uploaded_with_progress_and_then_answers(page: Page):
    await page.locator("#open-documents").click()
    await look(page, "documents-1-list")
    content = b"# Parrots\n\nThe parrot Ludmila sleeps in the east aviary.\n"
    await page.locator("#file").set_input_files(
        {"name": "parrots.md", "mimeType": "text/markdown", "buffer": content}
    )
    await expect(page.locator("#uploads li").first).to_contain_text("Added, 1 passage")
    await expect(page.locator("#document-list")).to_contain_text("parrots.md")
    await look(page, "documents-2-added")
    await page.keyboard.press("Escape")
    await ask(page, "Where does the parrot Ludmila sleep?")
    await expect(page.locator("article.answer").last).to_contain_text("east aviary")
    await page.locator("#open-documents").click()
    await page.get_by_role("button", name="Delete Parrots").click()
    await page.get_by_role("button", name="Delete", exact=True).click()
    await expect(page.locator("#document-list")).not_to_contain_text("parrots.md")


async def test_a_file_that_cannot_be_read_says_why_in_one_sentence(page: Page):
    await page.locator("#open-documents").click()
    await page.locator("#file").set_input_files(
        {"name": "noise.md", "mimeType": "text/markdown", "buffer": bytes(range(256)) * 8}
    )
    await expect(page.locator("#uploads li").first).to_have_attribute("data-state", "failed")
    await expect(page.locator("#uploads li").first).to_contain_text(re.compile(r"noise\.md .+\."))
    await look(page, "documents-3-failed")


async def test_a_rating_reaches_the_database(page: Page, runtime: Runtime):
    await ask(page, QUESTION)
    answer = page.locator("article.answer").last
    await expect(answer).to_have_attribute("aria-busy", "false")
    async with page.expect_response(re.compile("feedback")) as sent:
        await answer.get_by_role("button", name=re.compile("good|helpful", re.IGNORECASE)).first.click()
    assert (await sent.value).status == 200
    conversation = page.url.split("#c=")[1]
    path = f"/messaging/conversations/{conversation}/messages"
    stored = (await asyncio.to_thread(runtime.http.get, path)).json()["items"]
    assert stored[1]["rating"] == 1
    await page.reload()
    await expect(page.locator("article.answer").last).to_contain_text("26 days")
    await expect(page.locator("[aria-pressed=true]")).to_have_count(1)


async def test_a_reload_in_mid_answer_goes_on_with_it(browser: Browser, tmp_path: Path):
    stub = Stub(tokens=60, pace=25)
    async with serving(stub) as url, server(tmp_path / "data", **slow(url)) as runtime:
        await put(runtime)
        async with visit(browser, runtime.url) as page:
            await ask(page, "Count, please.")
            body = page.locator("article.answer .body").last
            await expect(body).not_to_be_empty()
            await look(page, "streaming")
            await page.reload()
            await expect(page.locator("article.answer")).to_have_attribute("aria-busy", "true")
            await expect(page.locator("article.answer")).to_have_attribute("aria-busy", "false")
            stored = await last_answer(runtime, page)
            assert (stored["status"], stub.served) == ("completed", 1)
            shown = await body.inner_text()
            assert (
                [shown.count(word) for word in ("stub", "model")]
                == [5, 4]
                == [stored["content"].count(word) for word in ("stub", "model")]
            )


async def test_who_waits_in_the_queue_gets_the_answer_in_the_conversation(browser: Browser, tmp_path: Path):
    stub = Stub(tokens=40, pace=20)
    async with serving(stub) as url, server(tmp_path / "data", max_running=1, **slow(url)) as runtime:
        await put(runtime)
        async with visit(browser, runtime.url) as first, visit(browser, runtime.url) as second:
            await ask(first, "Count, please.")
            await expect(first.locator("article.answer .body")).not_to_be_empty()
            await ask(second, "Count for me too.")
            await expect(second.locator("#log")).to_contain_text("in the queue")
            await look(second, "queue")
            await expect(second.locator("article.answer").last).to_have_attribute("aria-busy", "false")
            stored = await last_answer(runtime, second)
            assert stored["status"] == "completed"
            await expect(second.locator("article.answer").last).to_contain_text(stored["content"][:40])


async def test_a_question_goes_to_a_person_and_the_answer_comes_back_by_itself(
    browser: Browser, tmp_path: Path
):
    async with server(tmp_path / "data") as runtime, visit(browser, runtime.url) as page:
        await ask(page, "I want to speak to a person")
        answer = page.locator("article.answer").last
        await expect(answer).to_have_attribute("aria-busy", "false")
        await expect(answer.locator("details.badge summary")).to_have_text("Passed on to a person")
        tickets = (await asyncio.to_thread(runtime.http.get, "/escalations")).json()["items"]
        path = f"/escalations/{tickets[0]['id']}/answer"
        told = await asyncio.to_thread(runtime.http.post, path, json={"content": "Call **1234**."})
        assert told.status_code == 200
        await page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
        await expect(page.locator(".by")).to_have_text("Answered by a person")
        await expect(page.locator(".asked")).to_have_text("To your question: “I want to speak to a person”")
        await expect(page.locator("article.answer .body").last).to_have_text("Call 1234.")
        await expect(answer).to_have_text(re.compile("Call 1234"))
        await look(page, "person")


async def test_a_message_over_the_limit_comes_back_and_leaves_no_conversation(page: Page, runtime: Runtime):
    before = (await asyncio.to_thread(runtime.http.get, "/messaging/conversations?limit=200")).json()
    async with page.expect_response(lambda answer: answer.request.method == "DELETE"):
        await ask(page, "word " * 4000)
    await expect(page.locator("#problem")).to_contain_text("the limit is 16,000")
    await expect(page.get_by_label("Your message")).to_have_value(("word " * 4000).strip())
    assert (await asyncio.to_thread(runtime.http.get, "/messaging/conversations?limit=200")).json() == before


async def test_a_server_with_keys_asks_for_one_and_works_with_it(browser: Browser, tmp_path: Path):
    async with open_database(Settings(data_dir=tmp_path / "data")) as database:
        _, secret = await keys.create(database, "acme", "ann", role="member")
    async with server(tmp_path / "data") as runtime, visit(browser, runtime.url) as page:
        await expect(page.locator("#key-dialog")).to_be_visible()
        await page.locator("#key").fill("sb_wrong")
        await page.keyboard.press("Enter")
        await expect(page.locator("#key-wrong")).to_be_visible()
        await look(page, "key")
        await page.locator("#key").fill(secret)
        await page.keyboard.press("Enter")
        await expect(page.locator("#key-dialog")).to_be_hidden()
        await expect(page.locator("#no-conversations")).to_be_visible()
        await ask(page, "Hello, how are you?")
        await expect(page.locator("article.answer")).to_have_attribute("aria-busy", "false")
        await expect(page.locator("details.badge summary")).to_have_text("Answered")
        await page.locator("#open-documents").click()
        await page.locator("#file").set_input_files(
            {"name": "mine.md", "mimeType": "text/markdown", "buffer": b"# Mine\n"}
        )
        await expect(page.locator("#uploads li")).to_contain_text("owner")


def slow(url: str) -> dict[str, Any]:
    """Return the settings that make a server ask this stub for everything."""
    names = {f"model_{task}": "stub:latest" for task in ("primary", "fast", "analysis", "code")}
    return {"ollama_urls": (url,), **names}


async def put(runtime: Runtime) -> None:
    """Let the agent answer whatever it is asked."""
    answer = await asyncio.to_thread(runtime.http.put, "/agents/default", json={"confidence_threshold": 0})
    assert answer.status_code == 200


async def last_answer(runtime: Runtime, page: Page) -> dict[str, Any]:
    path = f"/messaging/conversations/{page.url.split('#c=')[1]}/messages"
    return (await asyncio.to_thread(runtime.http.get, path)).json()["items"][-1]


async def test_an_answer_that_waits_for_a_yes_arrives_when_it_is_given(browser: Browser, tmp_path: Path):
    stub = Stub(tokens=12)
    async with serving(stub) as url:
        chosen = {f"model_{task}": "stub:latest" for task in ("primary", "fast", "analysis", "code")}
        async with (
            server(tmp_path / "data", ollama_urls=(url,), **chosen) as own,
            visit(browser, own.url) as page,
        ):
            careful = {"confidence_threshold": 0, "approve_below": 1}
            (
                await asyncio.to_thread(lambda: own.http.put("/agents/default", json=careful))
            ).raise_for_status()
            await ask(page, "Count to ten, please.")
            await expect(page.locator(".notice.waiting")).to_contain_text(
                "Waiting for your approval: The stub counts"
            )
            await look(page, "approval")
            await page.get_by_role("button", name="Send it", exact=True).click()
            answer = page.locator(".answer").last
            await expect(answer.locator(".body")).to_contain_text("The stub counts words")
            await expect(answer.locator(".notice.waiting")).to_have_count(0)
