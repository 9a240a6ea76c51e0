"""Beside the conversation: the list of conversations, the search, the documents, and the key."""

import asyncio

import pytest
from playwright.async_api import Page, expect

from tests.web.answers import ask, said
from tests.web.conftest import Site
from tests.web.scripted import Cut, Gate, Step

pytestmark = pytest.mark.asyncio(loop_scope="session")


def keep(site: Site, count: int) -> None:
    """Put that many conversations with one message each on the stage."""
    for number in range(count):
        site.stage.keep(f"k{number}", f"Talk {number}", "", f"word{number} said")


async def test_conversations_are_paged_newest_first(page: Page, site: Site) -> None:
    keep(site, 35)
    await page.reload()
    links = page.locator("#conversations a")
    await expect(links).to_have_count(30)
    await page.get_by_role("button", name="Show more").click()
    await expect(links).to_have_text([f"Talk {number}" for number in reversed(range(35))])
    await expect(page.get_by_role("button", name="Show more")).to_be_hidden()


async def test_a_conversation_is_deleted_only_after_a_yes(page: Page, site: Site) -> None:
    keep(site, 2)
    await page.reload()
    await page.get_by_role("link", name="Talk 1").click()
    await expect(page.locator(".question")).to_have_text("word1 said")
    await page.get_by_role("button", name="Delete Talk 1").click()
    await page.get_by_role("button", name="Keep").click()
    assert site.stage.calls == []
    await page.get_by_role("button", name="Delete Talk 1").click()
    await page.get_by_role("dialog").get_by_role("button", name="Delete", exact=True).click()
    await expect(page.locator("#conversations a")).to_have_text(["Talk 0"])
    await expect(page.locator("#welcome")).to_be_visible()
    assert site.stage.calls == [("DELETE", "k1", None)]


async def test_search_finds_what_was_said_and_opens_it_there(page: Page, site: Site) -> None:
    keep(site, 3)
    await page.reload()
    await page.get_by_label("Search your history").fill("word2")
    await page.locator("#results a").click()
    await expect(page.locator("[data-message=k2-0]")).to_be_focused()
    await page.get_by_label("Search your history").fill("")
    await expect(page.get_by_role("link", name="Talk 2")).to_have_attribute("aria-current", "page")


async def test_a_search_that_finds_nothing_says_so(page: Page) -> None:
    await page.get_by_label("Search your history").fill("zebra")
    await expect(page.locator("#results")).to_have_text("Nothing found for “zebra”.")


async def test_an_upload_shows_its_progress_over_a_cut_line_and_its_end(page: Page, site: Site) -> None:
    gates = [Gate(), Gate()]
    site.stage.upload = [
        ("progress", {"stage": "embedding", "done": 3, "total": 10}), gates[0], Cut(hard=True),
        ("progress", {"stage": "embedding", "done": 9, "total": 10}), gates[1],
        ("done", {"document": {"id": "d1", "title": "Benefits", "source": "Benefits.md", "chunks": 10}}),
    ]  # fmt: skip
    await page.get_by_role("button", name="Documents").click()
    await page.locator("#file").set_input_files(
        {"name": "Benefits.md", "mimeType": "text/markdown", "buffer": b"# B"}
    )
    await expect(page.get_by_role("progressbar", name="Progress of Benefits.md")).to_have_attribute(
        "value", "0.3"
    )
    await expect(page.locator("#uploads .state")).to_have_text("Embedding 30%")
    gates[0].set()
    await expect(page.locator("#uploads .state")).to_have_text("Embedding 90%")
    site.stage.documents = [{"id": "d1", "title": "Benefits", "source": "Benefits.md", "chunks": 10}]
    gates[1].set()
    await expect(page.locator("#uploads .state")).to_have_text("Added, 10 passages")
    await expect(page.locator("#document-list strong")).to_have_text(["Benefits"])
    assert site.stage.calls == [("POST", "documents", ("Benefits.md", 3))]


async def test_an_upload_of_one_step_shows_that_it_goes_on_and_no_false_zero(page: Page, site: Site) -> None:
    gate = Gate()
    added: Step = ("done", {"document": {"id": "d1", "title": "B", "source": "b.md", "chunks": 1}})
    site.stage.upload = [("progress", {"stage": "reading", "done": 0, "total": 1}), gate, added]
    await page.get_by_role("button", name="Documents").click()
    await page.locator("#file").set_input_files(
        {"name": "b.md", "mimeType": "text/markdown", "buffer": b"# B"}
    )
    await expect(page.locator("#uploads .state")).to_have_text("Reading")
    assert await page.locator("#uploads progress").evaluate("bar => bar.position") == -1
    gate.set()
    await expect(page.locator("#uploads .state")).to_have_text("Added, 1 passage")
    await page.get_by_role("button", name="Close the documents").click()
    await page.get_by_role("button", name="Documents").click()
    await expect(page.locator("#uploads li")).to_have_count(0)


async def test_the_focus_stays_in_the_list_when_a_document_is_deleted(page: Page, site: Site) -> None:
    site.stage.documents = [
        {"id": f"d{n}", "title": f"T{n}", "source": f"{n}.md", "chunks": 1, "status": "indexed"} for n in "12"
    ]
    await page.get_by_role("button", name="Documents").click()
    for name, focused in (
        ("T1", page.get_by_role("button", name="Delete T2")),
        ("T2", page.locator("#file")),
    ):
        await page.get_by_role("button", name=f"Delete {name}").click()
        await page.locator("#confirm").get_by_role("button", name="Delete", exact=True).click()
        await expect(focused).to_be_focused()


async def test_a_file_that_is_dropped_beside_the_box_is_added_and_does_not_replace_the_page(
    page: Page, site: Site
) -> None:
    site.stage.upload = [
        ("done", {"document": {"id": "d1", "title": "B", "source": "Benefits.md", "chunks": 1}})
    ]
    kept = await page.evaluate("""() => {
        const dataTransfer = new DataTransfer();
        dataTransfer.items.add(new File(["# B"], "Benefits.md"));
        const target = document.getElementById("thread");
        return ["dragover", "drop"].map((type) =>
            target.dispatchEvent(new DragEvent(type, {dataTransfer, bubbles: true, cancelable: true})));
    }""")
    assert kept == [False, False]
    await expect(page.get_by_role("dialog", name="Documents")).to_be_visible()
    await expect(page.locator("#uploads .state")).to_have_text("Added, 1 passage")


async def test_an_unreadable_document_is_said_and_the_next_one_goes_on(page: Page, site: Site) -> None:
    site.stage.upload = [
        (
            "error",
            {
                "code": "unreadable_document",
                "message": "a.pdf is locked with a password.",
                "retryable": False,
            },
        )
    ]
    await page.get_by_role("button", name="Documents").click()
    files = [{"name": name, "mimeType": "application/pdf", "buffer": b"%PDF"} for name in ("a.pdf", "b.pdf")]
    await page.locator("#file").set_input_files(files)  # pyright: ignore[reportArgumentType]
    await expect(page.locator("#uploads .state")).to_have_text(["a.pdf is locked with a password."] * 2)


async def test_a_server_that_wants_a_key_is_given_it_with_every_request(page: Page, site: Site) -> None:
    site.stage.key = "sb_right"
    site.stage.scripts = [said("Welcome.")]
    await page.reload()
    dialog = page.get_by_role("dialog", name="This server asks for a key")
    await dialog.get_by_label("Your key").fill("sb_wrong")
    await page.keyboard.press("Enter")
    await expect(dialog.get_by_text("The key was not accepted.")).to_be_visible()
    await dialog.get_by_label("Your key").fill("sb_right")
    await dialog.get_by_role("button", name="Use this key").click()
    await ask(page)
    await expect(page.locator(".answer .body")).to_have_text("Welcome.")
    assert await page.evaluate("[localStorage.length, document.cookie]") == [0, ""]


async def test_the_first_sight_offers_the_agents_questions_and_asks_them(page: Page, site: Site) -> None:
    site.stage.examples = ["How long is parental leave?", "Who approves travel?"]
    site.stage.scripts = [said("A year.")]
    await page.reload()
    await expect(page.locator(".example")).to_have_text(site.stage.examples)
    await page.get_by_role("button", name="How long is parental leave?").click()
    await expect(page.locator(".answer .body")).to_have_text("A year.")
    await expect(page.locator("#welcome")).to_be_hidden()
    await asyncio.gather(*site.stage.tasks)
