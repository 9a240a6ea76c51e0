"""What changes without the page: a person answers, another tab asks, the server is away and back."""

from typing import Any

import pytest
from playwright.async_api import Page, expect

from tests.web.answers import DECISION, LEAVE, ask, done, said, tokens
from tests.web.conftest import Site
from tests.web.scripted import Gate, Step

pytestmark = pytest.mark.asyncio(loop_scope="session")

OFFER = "Shall I pass your question on to a person?"
ESCALATE: Step = ("decision", {**DECISION[1], "path": "escalate"})  # pyright: ignore[reportIndexIssue]
BUTTON: Step = ("suggestions", {"actions": [{"label": "Ask a person", "action": "escalate", "target": ""}]})
OFFERED: list[Step] = [ESCALATE, *tokens(OFFER), BUTTON, done(OFFER, "escalated")]
BACK = "document.dispatchEvent(new Event('visibilitychange'))"
"""What a browser tells a page that comes into view again."""


def stored(id: str, role: str, content: str, **more: Any) -> dict[str, Any]:
    """Return a message as the API has it."""
    return {"id": id, "role": role, "content": content, "run_id": None, "created_at": "", **more}


def ticket(site: Site, status: str, **more: Any) -> dict[str, Any]:
    """Return the ticket of the only run."""
    run = next(iter(site.stage.runs.values()))
    of = {"conversation_id": run.conversation, "run_id": run.id, "question": "May I bring my dog?"}
    return {"id": "e1", "status": status, "message_id": None, **of, **more}


def answer_by_ada(site: Site) -> None:
    """Let Ada answer the ticket in the only conversation."""
    next(iter(site.stage.messages.values())).append(
        stored("by-ada", "assistant", "On Fridays.", author="Ada", status="answered")
    )
    site.stage.tickets = [ticket(site, "answered", message_id="by-ada")]


async def test_a_persons_answer_appears_by_itself_with_the_question_that_it_answers(
    page: Page, site: Site
) -> None:
    await page.clock.install()
    await page.reload()
    site.stage.scripts = [OFFERED]
    await ask(page, "May I bring my dog?")
    await page.get_by_role("button", name="Ask a person").click()
    await expect(page.locator(".notice.handed")).to_contain_text("The answer will appear here")
    await expect(page.locator(".badge summary")).to_have_text("Passed on to a person")
    answer_by_ada(site)
    await page.clock.fast_forward(15_000)
    await expect(page.locator(".answer .by")).to_have_text("Answered by Ada")
    await expect(page.locator(".answer .asked")).to_have_text("To your question: “May I bring my dog?”")
    await expect(page.locator(".answer .body").last).to_have_text("On Fridays.")
    await expect(page.locator("#announcer")).to_have_text("A person has answered: On Fridays.")
    await expect(page.get_by_role("button", name="A person has answered")).to_be_disabled()
    await expect(page.locator(".notice.handed")).to_have_count(0)
    await page.clock.fast_forward(15_000)
    await expect(page.locator("article")).to_have_count(3)


async def test_a_question_that_was_passed_on_is_not_offered_again_after_a_reload(
    page: Page, site: Site
) -> None:
    site.stage.scripts = [OFFERED]
    await ask(page, "May I bring my dog?")
    await expect(page.get_by_role("button", name="Ask a person")).to_be_enabled()
    conversation = next(iter(site.stage.messages.values()))
    conversation[-1]["actions"] = BUTTON[1]["actions"]  # pyright: ignore[reportIndexIssue]
    site.stage.tickets = [ticket(site, "offered")]
    await page.reload()
    await expect(page.get_by_role("button", name="Ask a person")).to_be_enabled()
    site.stage.tickets = [ticket(site, "open")]
    await page.reload()
    await expect(page.get_by_role("button", name="Passed on to a person")).to_be_disabled()
    await expect(page.get_by_role("button", name="Ask a person")).to_have_count(0)


async def test_a_person_without_a_name_is_called_a_person(page: Page, site: Site) -> None:
    site.stage.keep("c0", "Dogs", "", "May I?")
    site.stage.messages["c0"].append(stored("m1", "assistant", "Yes.", author="local", status="answered"))
    await page.goto("/#c=c0")
    await expect(page.locator(".answer .by")).to_have_text("Answered by a person")


async def test_what_another_tab_asks_is_streamed_here_too(page: Page, site: Site) -> None:
    gate = Gate()
    site.stage.scripts = [said("One."), [*tokens("Two so far"), gate, done("Two so far, and all.")]]
    await ask(page, "First")
    await expect(page.locator(".tools")).to_have_count(1)
    other = await page.context.new_page()
    await other.goto(page.url)
    await expect(other.locator(".question")).to_have_text(["First"])
    await ask(page, "Second")
    await expect(page.locator(".answer .body").last).to_have_text("Two so far")
    await other.evaluate(BACK)
    await expect(other.locator(".question")).to_have_text(["First", "Second"])
    await expect(other.locator(".answer .body").last).to_have_text("Two so far")
    gate.set()
    await expect(other.locator(".answer .body")).to_have_text(["One.", "Two so far, and all."])
    await expect(page.locator(".answer .body")).to_have_text(["One.", "Two so far, and all."])
    messages = next(iter(site.stage.messages.values()))
    messages.append(stored("m", "assistant", "And three.", author="Ada", status="answered"))
    for tab in (page, other):
        await tab.evaluate(BACK)
        await expect(tab.locator(".answer .body")).to_have_text(
            ["One.", "Two so far, and all.", "And three."]
        )
        await expect(tab.locator(".question")).to_have_text(["First", "Second"])


async def test_a_list_in_which_nothing_changed_keeps_the_focus_and_its_nodes(page: Page, site: Site) -> None:
    for number in range(3):
        site.stage.keep(f"k{number}", f"Talk {number}", "", "Hi")
    await page.reload()
    await page.get_by_role("link", name="Talk 1").focus()
    await page.evaluate("window.node = document.activeElement")
    async with page.expect_response("**/conversations?*"):
        await page.evaluate(BACK)
    assert await page.evaluate("document.activeElement === window.node")
    site.stage.keep("k3", "Talk 3", "", "Hi")
    await page.evaluate(BACK)
    await expect(page.locator("#conversations a")).to_have_text(["Talk 3", "Talk 2", "Talk 1", "Talk 0"])
    await expect(page.get_by_role("link", name="Talk 1")).to_be_focused()


async def test_a_longer_list_stays_unfolded_when_an_answer_ends(page: Page, site: Site) -> None:
    for number in range(35):
        site.stage.keep(f"k{number}", f"Talk {number}", "", "Hi")
    site.stage.scripts = [said("Yes.")]
    await page.reload()
    await page.get_by_role("button", name="Show more").click()
    await expect(page.locator("#conversations a")).to_have_count(35)
    await ask(page, "New talk")
    await expect(page.locator("#conversations a").first).to_have_text("New talk")
    assert await page.locator("#conversations a").count() == 35


async def test_conversations_in_which_nothing_was_said_are_not_listed(page: Page, site: Site) -> None:
    site.stage.keep("k0", "", "")
    site.stage.keep("k1", "Talk", "", "Hi")
    await page.reload()
    await expect(page.locator("#conversations a")).to_have_text(["Talk"])


async def test_the_list_outlasts_a_server_that_is_away_and_says_so_until_it_is_back(
    page: Page, site: Site
) -> None:
    site.stage.keep("k1", "Talk", "", "Hi")
    await page.reload()
    await expect(page.locator("#conversations a")).to_have_count(1)
    await page.context.set_offline(True)
    await page.evaluate(BACK)
    await expect(page.locator("#conversations .failed")).to_have_text("The server could not be reached.")
    await expect(page.locator("#conversations a")).to_have_text(["Talk"])
    await page.context.set_offline(False)
    await expect(page.locator("#conversations .failed")).to_have_count(0)
    await expect(page.locator("#conversations a")).to_have_text(["Talk"])


async def test_a_conversation_that_could_not_be_loaded_is_tried_again(page: Page, site: Site) -> None:
    site.stage.keep("k1", "Talk", "", "Hi")
    await page.reload()
    await page.context.set_offline(True)
    await page.get_by_role("link", name="Talk").click()
    await expect(page.locator("#log .failure")).to_contain_text("The server could not be reached.")
    await page.context.set_offline(False)
    await page.locator("#log").get_by_role("button", name="Try again").click()
    await expect(page.locator(".question")).to_have_text(["Hi"])
    await expect(page.locator("#log .failure")).to_have_count(0)


async def test_the_windows_title_names_the_open_conversation(page: Page, site: Site) -> None:
    site.stage.keep("k1", "Talk", "", "Hi")
    await page.reload()
    await expect(page).to_have_title("Switchboard")
    await page.get_by_role("link", name="Talk").click()
    await expect(page).to_have_title("Talk · Switchboard")
    await page.get_by_role("button", name="New conversation", exact=True).click()
    await expect(page).to_have_title("Switchboard")


@pytest.mark.parametrize("path", ["refuse", "clarify", "escalate"])
async def test_a_reload_lists_no_passages_under_what_was_not_drawn_from_them(
    page: Page, site: Site, path: str
) -> None:
    site.stage.keep("c0", "Old", "", "Hm?")
    decision = {**DECISION[1], "path": path}  # pyright: ignore[reportIndexIssue]
    site.stage.messages["c0"].append(
        stored("m1", "assistant", "No.", decision=decision, sources=[LEAVE], status="completed")
    )
    await page.goto("/#c=c0")
    await expect(page.locator(".tools")).to_have_count(1)
    await expect(page.locator(".source")).to_have_count(0)
