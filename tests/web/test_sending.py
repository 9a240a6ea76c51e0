"""What a person typed is never lost, and what was not accepted leaves nothing behind."""

import pytest
from playwright.async_api import Page, Route, expect

from tests.web.answers import ask, done, said, tokens
from tests.web.conftest import Site
from tests.web.scripted import Gate, Step

pytestmark = pytest.mark.asyncio(loop_scope="session")

STORY = "word " * 4000
TOO_LONG = (413, {"code": "too_long", "message": "The message has 19,999 characters; the limit is 16,000."})
FULL = (503, {"code": "store_unavailable", "message": "The database does not answer.", "retryable": True})
STREAM = "**/conversations/*/stream"
SEEN = """node => {
    const {left, top, width, height} = node.getBoundingClientRect();
    return node.contains(document.elementFromPoint(left + width / 2, top + height / 2));
}"""


def sent(site: Site) -> list[str]:
    """Return the messages that reached the server."""
    return [call[2] for call in site.stage.calls if call[1] == "stream"]


async def test_an_overlong_first_message_stays_with_its_writer_and_leaves_no_conversation(
    page: Page, site: Site
) -> None:
    site.stage.refusals = [TOO_LONG]
    async with page.expect_response(lambda answer: answer.request.method == "DELETE"):
        await ask(page, STORY)
    problem = page.get_by_role("alert").filter(has_text="The message has 19,999 characters")
    await expect(problem).to_be_visible()
    assert await problem.evaluate(SEEN)
    await expect(page.get_by_label("Your message")).to_have_value(STORY.strip())
    await expect(page.get_by_label("Your message")).to_be_focused()
    await expect(page.locator("article")).to_have_count(0)
    await expect(page.locator("#welcome")).to_be_visible()
    await expect(page.locator("#conversations a")).to_have_count(0)
    await expect(page.get_by_role("button", name="Try again")).to_have_count(0)
    assert "#c=" not in page.url
    assert site.stage.conversations == {}


async def test_a_refused_message_leaves_the_conversation_as_it_was(page: Page, site: Site) -> None:
    site.stage.scripts = [said("One."), said("Two.")]
    await ask(page, "First")
    await expect(page.locator(".tools")).to_have_count(1)
    site.stage.refusals = [TOO_LONG]
    await ask(page, "Second")
    await expect(page.locator("#problem")).to_contain_text("The message has 19,999 characters")
    await expect(page.locator(".question")).to_have_text(["First"])
    await expect(page.locator(".answer .body")).to_have_text(["One."])
    await ask(page, "Third")
    await expect(page.locator(".answer .body")).to_have_text(["One.", "Two."])
    await expect(page.locator("#problem")).to_be_empty()
    assert [call for call in site.stage.calls if call[0] == "DELETE"] == []


async def test_a_refusal_that_may_pass_is_tried_again_with_what_now_stands_there(
    page: Page, site: Site
) -> None:
    site.stage.refusals = [FULL]
    site.stage.scripts = [said("Now.")]
    await ask(page, "First")
    await expect(page.locator("#problem")).to_contain_text("The database does not answer.")
    await page.get_by_label("Your message").press_sequentially(" and more")
    await page.get_by_role("button", name="Try again").click()
    await expect(page.locator(".answer .body")).to_have_text("Now.")
    await expect(page.locator(".question")).to_have_text(["First and more"])
    await expect(page.get_by_label("Your message")).to_have_value("")
    assert sent(site) == ["First", "First and more"]


async def test_what_was_typed_while_a_message_was_refused_is_kept_behind_it(page: Page, site: Site) -> None:
    gate = Gate()

    async def hold(route: Route) -> None:
        await gate.wait()
        await route.continue_()

    await page.route(STREAM, hold)
    site.stage.refusals = [TOO_LONG]
    await ask(page, "First")
    await expect(page.locator(".question")).to_have_text("First")
    await page.get_by_label("Your message").fill("My next thought")
    gate.set()
    await expect(page.get_by_label("Your message")).to_have_value("First\n\nMy next thought")


async def test_a_refused_message_of_a_conversation_that_was_left_comes_back_too(
    page: Page, site: Site
) -> None:
    gate = Gate()

    async def hold(route: Route) -> None:
        await gate.wait()
        await route.continue_()

    site.stage.keep("c0", "Old", "", "Old question")
    await page.goto("/#c=c0")
    await expect(page.locator(".question")).to_have_count(1)
    await page.route(STREAM, hold)
    site.stage.refusals = [TOO_LONG]
    await ask(page, "First")
    await expect(page.locator(".question")).to_have_count(2)
    await page.get_by_role("button", name="New conversation", exact=True).click()
    gate.set()
    await expect(page.get_by_label("Your message")).to_have_value("First")
    await expect(page.locator("#problem")).to_contain_text("19,999")
    await expect(page.locator("article")).to_have_count(0)
    assert list(site.stage.conversations) == ["c0"]


async def test_a_message_that_arrived_although_the_line_was_cut_is_answered_once(
    page: Page, site: Site
) -> None:
    async def cut(route: Route) -> None:
        await route.fetch()
        await route.abort()

    await page.route(STREAM, cut)
    site.stage.scripts = [said("Here you are.")]
    await ask(page, "Once?")
    await expect(page.locator(".answer .body")).to_have_text("Here you are.")
    await expect(page.locator(".question")).to_have_text(["Once?"])
    await expect(page.get_by_label("Your message")).to_have_value("")
    await expect(page.locator("#conversations a")).to_have_text(["Once?"])
    assert sent(site) == ["Once?"]


async def test_try_again_does_not_send_what_had_arrived_before_the_network_went(
    page: Page, site: Site
) -> None:
    async def cut(route: Route) -> None:
        await route.fetch()
        await page.context.set_offline(True)
        await route.abort()

    await page.route(STREAM, cut)
    site.stage.scripts = [said("Here you are.")]
    await ask(page, "Once?")
    await expect(page.locator("#problem")).to_contain_text("The server could not be reached.")
    await expect(page.get_by_label("Your message")).to_have_value("Once?")
    await page.context.set_offline(False)
    await page.get_by_role("button", name="Try again").click()
    await expect(page.locator(".answer .body")).to_have_text("Here you are.")
    await expect(page.locator(".question")).to_have_text(["Once?"])
    assert sent(site) == ["Once?"]


async def test_a_first_message_survives_a_server_that_cannot_be_reached(page: Page, site: Site) -> None:
    site.stage.scripts = [said("Hello.")]
    await page.context.set_offline(True)
    await ask(page, "Anybody?")
    await expect(page.locator("#problem")).to_contain_text("The server could not be reached.")
    await expect(page.locator("#welcome")).to_be_visible()
    await page.context.set_offline(False)
    await page.get_by_role("button", name="Try again").click()
    await expect(page.locator(".answer .body")).to_have_text("Hello.")
    assert len(site.stage.conversations) == 1


async def test_a_draft_outlives_a_reload_and_a_sent_message_does_not(page: Page, site: Site) -> None:
    site.stage.scripts = [said("Yes.")]
    await page.get_by_label("Your message").fill("Half a thou")
    await page.reload()
    await expect(page.get_by_label("Your message")).to_have_value("Half a thou")
    await expect(page.get_by_role("button", name="Send")).to_be_enabled()
    await page.keyboard.press("End")
    await page.keyboard.type("ght")
    await page.keyboard.press("Enter")
    await expect(page.locator(".question")).to_have_text("Half a thought")
    await expect(page.locator(".tools")).to_have_count(1)
    await page.reload()
    await expect(page.get_by_label("Your message")).to_have_value("")


async def test_a_suggestion_that_is_picked_while_an_answer_comes_waits_in_the_message_field(
    page: Page, site: Site
) -> None:
    action = {"label": "Half days?", "action": "ask", "target": "", "params": {}}
    first: list[Step] = [*tokens("Yes."), ("suggestions", {"actions": [action]}), done("Yes.")]
    site.stage.scripts = [first, [*tokens("So far"), Gate(), done("")]]
    await ask(page, "One")
    await expect(page.locator(".action")).to_have_count(1)
    await ask(page, "Two")
    await expect(page.locator(".answer .body").last).to_have_text("So far")
    await page.get_by_role("button", name="Half days?").click()
    await expect(page.get_by_label("Your message")).to_have_value("Half days?")
    assert sent(site) == ["One", "Two"]


async def test_a_long_message_is_folded_in_the_conversation(page: Page, site: Site) -> None:
    site.stage.scripts = [said("Read.")]
    await ask(page, STORY)
    await expect(page.locator(".tools")).to_have_count(1)
    height = "document.querySelector('.question').offsetHeight"
    assert await page.evaluate(height) < 400
    await page.get_by_role("button", name="Show all").click()
    assert await page.evaluate(height) > 1000
    await page.get_by_role("button", name="Show less").click()
    assert await page.evaluate(height) < 400


async def test_a_message_that_could_not_be_sent_is_sent_once_by_try_again(page: Page, site: Site) -> None:
    site.stage.scripts = [said("One."), said("Two.")]
    await ask(page, "First")
    await expect(page.locator(".tools")).to_have_count(1)
    await page.context.set_offline(True)
    await ask(page, "Second")
    await expect(page.locator(".notice.failure")).to_contain_text("The server could not be reached.")
    await page.context.set_offline(False)
    await page.get_by_role("button", name="Try again").click()
    await expect(page.locator(".answer .body")).to_have_text(["One.", "Two."])
    await expect(page.locator(".question")).to_have_text(["First", "Second"])
    assert [call[2] for call in site.stage.calls if call[1] == "stream"] == ["First", "Second"]
    await expect(page.get_by_label("Your message")).to_have_value("")
