"""The page for every person: on a phone, in the dark, with a keyboard only, with a screen reader."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect

from tests.web.answers import CITED, DECISION, SOURCES, ask, cites, done, tokens
from tests.web.conftest import Site
from tests.web.scripted import Gate, Step

pytestmark = pytest.mark.asyncio(loop_scope="session")

TABLE = "| " + " | ".join(f"column {n}" for n in range(12)) + " |\n" + "|--" * 12 + "|\n\n"
WIDE = f"{TABLE}```\n{'code ' * 60}\n```\n\n"
LONG_WORD = "https://portal.example/" + "unbroken" * 40
RICH = f"{WIDE}{LONG_WORD} and `{'x' * 200}`. It is so. Nobody knows."
EVERYTHING: list[Step] = [
    DECISION,
    SOURCES,
    ("context", {"limit": 4096, "prompt_tokens": 4000, "dropped_passages": 1, "dropped_turns": 0}),
    ("gap", {"from": "1-0", "to": "2-0"}),
    *tokens(RICH, 50),
    cites("It is so.", "p1", "p2"),
    cites("Nobody knows."),
    (
        "usage",
        {
            "model": "m",
            "prompt_tokens": 9,
            "completion_tokens": 9,
            "ttft_ms": 9,
            "total_ms": 9,
            "cache": "none",
        },
    ),
    (
        "suggestions",
        {"actions": [{"label": "Ask a person", "action": "escalate", "target": "", "params": {}}]},
    ),
    done(RICH),
]
FAILED: list[Step] = [
    ("error", {"code": "model_unavailable", "message": "The model is away.", "retryable": True})
]
OVERFLOW = "document.documentElement.scrollWidth - innerWidth"

HERE = Path(__file__).parent
CONTRASTS = (HERE / "contrasts.js").read_text()
NAMELESS = (HERE / "nameless.js").read_text()


@pytest_asyncio.fixture(loop_scope="session")
async def phone(browser: Browser, site: Site) -> AsyncIterator[Page]:
    """Open the page as wide as a small phone."""
    context = await browser.new_context(
        base_url=site.url, viewport={"width": 360, "height": 740}, has_touch=True, reduced_motion="reduce"
    )
    opened = await context.new_page()
    await opened.goto("/")
    yield opened
    await context.close()


async def show_everything(page: Page, site: Site) -> None:
    """Bring an answer of every kind onto the page, all of it unfolded."""
    site.stage.keep("c0", "Long " * 20, "", "Long")
    site.stage.documents = [
        {"id": "d1", "source": "folder/" + "long" * 30 + ".pdf", "title": "T", "chunks": 3}
    ]
    queued: Step = ("queue", {"position": 3, "expected_wait_s": 42, "run_id": "later"})
    site.stage.later["later"] = [Gate(), done("")]
    site.stage.scripts = [EVERYTHING, FAILED, [queued, done("", "queued")]]
    await ask(page, "word" * 60)
    await page.get_by_role("button", name="Good answer").click()
    await page.locator(".badge summary").click()
    await page.locator(".others summary").click()
    await ask(page)
    await expect(page.locator(".notice.failure")).to_contain_text("The model is away.")
    await ask(page)
    await expect(page.get_by_role("button", name="Leave the queue")).to_be_visible()


async def test_nothing_scrolls_sideways_at_the_width_of_a_phone(phone: Page, site: Site) -> None:
    site.stage.examples = ["What happens when " + "very " * 20 + "long?"]
    await phone.reload()
    await expect(phone.locator(".example")).to_have_count(1)
    assert await phone.evaluate(OVERFLOW) <= 0
    await show_everything(phone, site)
    assert await phone.evaluate(OVERFLOW) <= 0
    assert await phone.locator("#thread").evaluate("node => node.scrollWidth - node.clientWidth") <= 0
    await phone.locator(".cite").first.click()
    assert await phone.evaluate("document.querySelector('#passage').getBoundingClientRect().width") == 360
    assert await phone.evaluate(OVERFLOW) <= 0


async def test_on_a_phone_the_sidebar_opens_over_the_page_and_closes_again(phone: Page, site: Site) -> None:
    await expect(phone.get_by_label("Search your history")).to_be_hidden()
    await phone.get_by_role("button", name="Conversations").click()
    await expect(phone.get_by_role("button", name="New conversation", exact=True)).to_be_focused()
    await phone.keyboard.press("Escape")
    await expect(phone.get_by_label("Search your history")).to_be_hidden()
    await expect(phone.get_by_role("button", name="Conversations")).to_be_focused()
    await phone.get_by_role("button", name="Conversations").click()
    await phone.get_by_role("button", name="Documents").click()
    await expect(phone.get_by_role("dialog", name="Documents")).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_text_has_a_contrast_of_at_least_four_and_a_half(page: Page, site: Site, scheme: Any) -> None:
    await page.emulate_media(color_scheme=scheme)
    background = await page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert background == {"light": "rgb(245, 247, 247)", "dark": "rgb(18, 24, 26)"}[scheme]
    await show_everything(page, site)
    found = await page.evaluate(CONTRASTS)
    await page.locator(".cite").first.click()
    found += await page.evaluate(CONTRASTS)
    await page.keyboard.press("Escape")
    await page.get_by_role("button", name="Documents").click()
    await expect(page.locator(".document")).to_have_count(1)
    found += await page.evaluate(CONTRASTS)
    assert len(found) > 60
    assert [entry for entry in found if entry[0] < 4.5] == []


async def test_every_control_has_an_accessible_name(page: Page, site: Site) -> None:
    await show_everything(page, site)
    await page.locator(".cite").first.click()
    await page.keyboard.press("Escape")
    await page.get_by_role("button", name="Delete Long").click()
    await page.keyboard.press("Escape")
    await page.get_by_role("button", name="Documents").click()
    await expect(page.locator(".document")).to_have_count(1)
    assert await page.evaluate(NAMELESS) == []


async def test_a_screen_reader_hears_the_finished_answer_once_and_no_token(page: Page, site: Site) -> None:
    gate = Gate()
    site.stage.scripts = [[*tokens("It is **27** days."), gate, done("It is **27** days.")]]
    await page.evaluate("""() => {
        window.heard = [];
        const place = document.getElementById("announcer");
        const hear = () => place.textContent && window.heard.push(place.textContent);
        new MutationObserver(hear).observe(place, {childList: true});
    }""")
    await ask(page)
    await expect(page.locator(".answer .body")).to_have_text("It is 27 days.")
    assert await page.evaluate("window.heard") == []
    gate.set()
    await expect(page.locator("#announcer")).to_have_text("Answer: It is 27 days.")
    assert [text.strip() for text in await page.evaluate("window.heard")] == ["Answer: It is 27 days."]
    live = "[...document.querySelectorAll('[aria-live]:not([aria-live=off])')].map(node => node.id)"
    assert await page.evaluate(live) == ["announcer"]


async def tab_to(page: Page, name: str) -> None:
    """Press Tab until the control with that name has the focus."""
    for _ in range(60):
        await page.keyboard.press("Tab")
        label = "document.activeElement.getAttribute('aria-label') ?? document.activeElement.textContent"
        if name in (await page.evaluate(label)):
            return
    pytest.fail(f"Tab never reaches {name}")


async def test_a_whole_visit_needs_no_mouse(page: Page, site: Site) -> None:
    gate = Gate()
    site.stage.scripts = [CITED, [*tokens("So far"), gate, done("never")]]
    await expect(page.get_by_label("Your message")).to_be_focused()
    await page.keyboard.type("One line")
    await page.keyboard.press("Shift+Enter")
    await page.keyboard.type("and another")
    await page.keyboard.press("Enter")
    await expect(page.locator(".question")).to_have_text("One line\nand another")
    await expect(page.locator(".tools")).to_have_count(1)
    await page.locator("#skip").focus()
    await tab_to(page, "Source 2: Carry-over, page 3")
    width = await page.evaluate("getComputedStyle(document.activeElement).outlineWidth")
    assert width == "2px"
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("dialog", name="Carry-over")).to_be_visible()
    await page.keyboard.press("Escape")
    await tab_to(page, "Good answer")
    await page.keyboard.press("Space")
    await expect(page.get_by_role("button", name="Good answer")).to_have_attribute("aria-pressed", "true")
    await page.locator("#skip").focus()
    await page.keyboard.press("Enter")
    await page.keyboard.type("Go on")
    await page.keyboard.press("Enter")
    await expect(page.locator(".answer .body").last).to_have_text("So far")
    await page.keyboard.press("Escape")
    await expect(page.locator(".notice.stopped")).to_have_text("Stopped.")
    await expect(page.get_by_label("Your message")).to_be_focused()


async def test_options_of_a_question_back_are_buttons_and_not_also_a_list(page: Page, site: Site) -> None:
    options = ["Sick leave", "Parental leave (faq)"]
    text = "Which of these do you mean?\n\n" + "\n".join(f"- {option}" for option in options)
    clarify: Step = ("decision", {**DECISION[1], "path": "clarify"})  # pyright: ignore[reportIndexIssue]
    actions = [{"label": one, "action": "ask", "target": "", "params": {"content": one}} for one in options]
    site.stage.scripts = [[clarify, *tokens(text), ("suggestions", {"actions": actions}), done(text)]]
    await ask(page, "leave?")
    await expect(page.locator(".action")).to_have_text(options)
    await expect(page.locator(".answer .body")).to_have_text("Which of these do you mean?")
    await expect(page.locator("#announcer")).to_contain_text("Parental leave (faq)")


async def test_each_block_reads_in_the_direction_of_its_language(page: Page, site: Site) -> None:
    text = "لكل موظف إجازة.\n\n- البند الأول\n\n> اقتباس\n\nIn English."
    site.stage.scripts = [[*tokens(text), done(text)]]
    await ask(page, "كم يومًا؟")
    await expect(page.locator(".tools")).to_have_count(1)
    directions = "all => all.map(node => getComputedStyle(node).direction)"
    assert await page.locator(".question p").evaluate_all(directions) == ["rtl"]
    assert await page.locator(".body > *").evaluate_all(directions) == ["rtl", "rtl", "rtl", "ltr"]


async def test_escape_in_the_search_clears_it_and_stops_no_answer(page: Page, site: Site) -> None:
    site.stage.scripts = [[*tokens("So far"), Gate(), done("")]]
    await ask(page)
    await expect(page.locator(".answer .body")).to_have_text("So far")
    await page.get_by_label("Search your history").fill("word")
    await page.keyboard.press("Escape")
    await expect(page.get_by_label("Search your history")).to_have_value("")
    assert [call for call in site.stage.calls if call[1] == "cancel"] == []
    await page.keyboard.press("Escape")
    await expect(page.locator(".notice.stopped")).to_have_text("Stopped.")


async def test_enter_does_not_send_an_empty_message_or_one_being_composed(page: Page, site: Site) -> None:
    await ask(page, "   ")
    await page.get_by_label("Your message").fill("にほん")
    await page.get_by_label("Your message").dispatch_event("keydown", {"key": "Enter", "isComposing": True})
    await expect(page.get_by_label("Your message")).to_have_value("にほん")
    assert site.stage.calls == []
