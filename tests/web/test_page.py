"""The chat page in a real browser: what a person sees while answers stream, break, wait and end."""

import asyncio

import pytest
from playwright.async_api import Page, expect

from tests.web.answers import CARRY, CITED, DECISION, SOURCES, TEXT, ask, cites, done, said, tokens
from tests.web.conftest import Site
from tests.web.scripted import Cut, Gate, Step

pytestmark = pytest.mark.asyncio(loop_scope="session")

LONG = "".join(f"Sentence number {number} stands here. " for number in range(60)).strip()


def halves(between: list[Step]) -> list[Step]:
    """Return the long answer with the steps in its middle."""
    return [DECISION, *tokens(LONG[:1000]), *between, *tokens(LONG[1000:]), done(LONG)]


async def test_text_is_shown_while_the_answer_still_streams(page: Page, site: Site) -> None:
    gate = Gate()
    site.stage.scripts = [
        [
            DECISION,
            *tokens("The first half"),
            gate,
            *tokens(" and the second."),
            done("The first half and the second."),
        ]
    ]
    await ask(page)
    answer = page.locator(".answer")
    await expect(answer.locator(".body")).to_have_text("The first half")
    await expect(answer).to_have_attribute("aria-busy", "true")
    gate.set()
    await expect(answer.locator(".body")).to_have_text("The first half and the second.")
    await expect(answer).to_have_attribute("aria-busy", "false")


async def test_a_burst_of_tokens_is_painted_at_most_once_a_frame(page: Page, site: Site) -> None:
    gate = Gate()
    site.stage.scripts = [
        [*tokens("Go. "), gate, *[("token", {"text": f"{n} "}) for n in range(3000)], done("Gone.")]
    ]
    await ask(page)
    await expect(page.locator(".answer .body")).to_have_text("Go.")
    await page.evaluate("""() => {
        window.paints = 0; window.frames = 0;
        const painted = new MutationObserver(() => window.paints++);
        painted.observe(document.querySelector(".answer .body"), {childList: true, subtree: true});
        const tick = () => { window.frames++; requestAnimationFrame(tick); };
        requestAnimationFrame(tick);
    }""")
    gate.set()
    await expect(page.locator(".answer .body")).to_have_text("Gone.")
    paints, frames = await page.evaluate("[window.paints, window.frames]")
    assert 1 <= paints <= frames + 2


async def test_the_badge_says_path_confidence_and_on_opening_the_reason(page: Page, site: Site) -> None:
    usage: Step = (
        "usage",
        {
            "model": "m-1",
            "prompt_tokens": 8,
            "completion_tokens": 3,
            "ttft_ms": 90,
            "total_ms": 700,
            "cache": "none",
        },
    )
    site.stage.scripts = [[DECISION, SOURCES, *tokens("Yes."), usage, done("Yes.")]]
    await ask(page)
    badge = page.locator(".badge summary")
    await expect(badge).to_have_text("Answered from documents87%")
    await expect(badge).to_have_attribute("title", "Two passages agree.")
    await badge.click()
    await expect(page.locator(".badge dl")).to_contain_text("Two passages agree.")
    await expect(page.locator(".badge dl")).to_contain_text("0.7 s, first word after 0.1 s")


async def test_a_citation_opens_its_passage_with_the_sentence_highlighted(page: Page, site: Site) -> None:
    site.stage.scripts = [CITED]
    await ask(page)
    await expect(page.locator(".cite")).to_have_text(["1", "2", "1"])
    await page.get_by_role("button", name="Source 2: Carry-over, page 3").first.click()
    panel = page.get_by_role("dialog", name="Carry-over")
    await expect(panel.locator("dd")).to_have_text(["hr/carry-over.pdf", "3", "Limits"])
    await expect(panel.locator(".plain")).to_have_text(CARRY["text"])
    await expect(panel.locator("mark")).to_have_text("Up to five days may be carried over until 31 March.")
    await page.keyboard.press("Escape")
    await expect(panel).to_be_hidden()
    await expect(page.locator(".cite").nth(1)).to_be_focused()


async def test_a_sentence_with_marks_of_markdown_is_highlighted_in_a_markdown_passage(
    page: Page, site: Site
) -> None:
    site.stage.scripts = [CITED]
    await ask(page)
    await page.locator(".cite").first.click()
    marks = page.get_by_role("dialog", name="Leave policy").locator("mark")
    await expect(marks).to_have_text(["Every employee has ", "27 days", " of annual leave."])


async def test_unsupported_sentences_are_marked_and_only_those(page: Page, site: Site) -> None:
    site.stage.scripts = [CITED]
    await ask(page)
    await expect(page.locator(".unsupported")).to_have_text(["Most people take June."])
    await expect(page.locator(".flag")).to_have_text(["no source"])
    await expect(page.locator(".cited .source-title")).to_have_text(["Leave policy", "Carry-over"])
    await expect(page.locator(".others summary")).to_have_text("1 more passage read")


async def test_an_answer_for_which_nothing_was_read_says_so_once(page: Page, site: Site) -> None:
    site.stage.scripts = [
        [
            DECISION,
            *tokens("So it is. Or not."),
            cites("So it is."),
            cites("Or not."),
            done("So it is. Or not."),
        ]
    ]
    await ask(page)
    await expect(page.locator(".notice.unread")).to_have_text(
        "No document was read for this answer: none of it has a source."
    )
    await expect(page.locator(".flag")).to_have_count(0)


async def test_what_did_not_fit_into_the_prompt_is_said(page: Page, site: Site) -> None:
    fit: Step = ("context", {"limit": 4096, "prompt_tokens": 4000, "dropped_passages": 2, "dropped_turns": 1})
    site.stage.scripts = [[fit, *said("Yes.")]]
    await ask(page)
    text = "Left out to fit the model's limit of 4,096 tokens: 2 lower-ranked passages and 1 earlier message."
    await expect(page.locator(".left-out")).to_have_text(text)


async def test_stop_cancels_the_run_and_keeps_what_was_said(page: Page, site: Site) -> None:
    site.stage.scripts = [[*tokens("Half of it"), Gate(), *said("never")]]
    await ask(page)
    await expect(page.locator(".answer .body")).to_have_text("Half of it")
    await page.get_by_role("button", name="Stop the answer").click()
    await expect(page.locator(".notice.stopped")).to_have_text("Stopped.")
    await expect(page.locator(".answer .body")).to_have_text("Half of it")
    await expect(page.get_by_role("button", name="Send")).to_be_visible()
    assert [call for call in site.stage.calls if call[1] == "cancel"] == [
        ("POST", "cancel", next(iter(site.stage.runs)))
    ]


async def test_a_reload_in_mid_answer_continues_it_with_nothing_lost_or_doubled(
    page: Page, site: Site
) -> None:
    gate = Gate()
    site.stage.scripts = [halves([gate])]
    await ask(page)
    await expect(page.locator(".answer .body")).to_have_text(LONG[:1000].strip())
    await page.reload()
    await expect(page.locator(".answer .body")).to_have_text(LONG[:1000].strip())
    gate.set()
    await expect(page.locator(".answer .body")).to_have_text(LONG)
    await expect(page.locator(".question")).to_have_count(1)
    await expect(page.locator(".answer")).to_have_count(1)
    assert [call[1] for call in site.stage.calls if call[0] == "POST"] == ["stream"]


async def test_a_reload_after_the_end_shows_the_same_conversation(page: Page, site: Site) -> None:
    site.stage.scripts = [CITED, said("Second.")]
    await ask(page, "One?")
    await expect(page.locator(".tools")).to_have_count(1)
    await ask(page, "Two?")
    await expect(page.locator(".tools")).to_have_count(2)
    before = await page.locator("article").all_inner_texts()
    await page.reload()
    await expect(page.locator(".tools")).to_have_count(2)
    assert await page.locator("article").all_inner_texts() == before
    assert await page.evaluate("Object.keys(sessionStorage)") == []


@pytest.mark.parametrize("hard", [False, True], ids=["ended early", "broken off"])
async def test_a_cut_line_reconnects_with_nothing_lost_or_doubled(page: Page, site: Site, hard: bool) -> None:
    cut, gate = Cut(hard), Gate()
    site.stage.overlap = 5
    site.stage.scripts = [halves([cut, gate])]
    await ask(page)
    await expect(page.locator(".notice.cut")).to_have_text(
        "The connection was cut. Reconnecting; nothing is lost."
    )
    await expect(page.locator(".notice.cut")).to_have_count(0)
    await expect(page.locator(".answer .body")).to_have_text(LONG[:1000].strip())
    gate.set()
    await expect(page.locator(".tools")).to_have_count(1)
    await expect(page.locator(".answer .body")).to_have_text(LONG)
    # `run` and `decision` have the ids 1 and 2; the last token before the cut is what the page asks to go on from.
    assert [call[2] for call in site.stage.calls if call[0] == "GET"] == [f"{2 + len(tokens(LONG[:1000]))}-0"]


async def test_the_streamed_tokens_alone_make_the_text_across_cuts(page: Page, site: Site) -> None:
    last = Gate()
    site.stage.overlap = 3
    script: list[Step] = [step for part in tokens(LONG, 150) for step in (part, Cut())]
    site.stage.scripts = [[*script, last, done(LONG)]]
    await ask(page)
    await expect(page.locator(".answer .body")).to_have_text(LONG)
    await expect(page.locator(".answer")).to_have_attribute("aria-busy", "true")
    last.set()
    await expect(page.locator(".answer")).to_have_attribute("aria-busy", "false")


async def test_a_restart_drops_the_text_so_far(page: Page, site: Site) -> None:
    gate = Gate()
    site.stage.scripts = [
        [
            *tokens("Wrong start"),
            ("restart", {"reason": "host failed"}),
            *tokens("Right"),
            gate,
            done("Right"),
        ]
    ]
    await ask(page)
    await expect(page.locator(".answer .body")).to_have_text("Right")
    await expect(page.locator(".notice.restarted")).to_have_text("The answer was started anew.")
    gate.set()
    await expect(page.locator(".notice")).to_have_count(0)


async def test_a_gap_is_said_and_the_end_brings_the_whole_text(page: Page, site: Site) -> None:
    site.stage.scripts = [
        [*tokens("one "), ("gap", {"from": "3-0", "to": "9-0"}), *tokens("three"), done("one two three")]
    ]
    await ask(page)
    await expect(page.locator(".answer .body")).to_have_text("one two three")
    await expect(page.locator(".notice.gap")).to_have_text(
        "A part of the stream was lost; this is the complete text."
    )


async def test_a_queued_message_shows_its_place_and_gets_its_answer_later(page: Page, site: Site) -> None:
    gate = Gate()
    queued: Step = ("queue", {"position": 3, "expected_wait_s": 42, "run_id": "later"})
    site.stage.scripts = [[queued, done("", "queued")]]
    site.stage.later["later"] = [
        ("queue", {"position": 1, "expected_wait_s": 200}),
        gate,
        DECISION,
        *said("Your turn."),
    ]
    await ask(page)
    await expect(page.locator(".notice.waiting")).to_contain_text("Number 1 in the queue, about 3 minutes.")
    await expect(page.get_by_role("button", name="Send")).to_be_visible()
    gate.set()
    await expect(page.locator(".answer .body").last).to_have_text("Your turn.")
    await expect(page.locator(".notice.waiting")).to_have_count(0)


async def test_leaving_the_queue_cancels_the_run_that_would_have_answered(page: Page, site: Site) -> None:
    queued: Step = ("queue", {"position": 3, "expected_wait_s": 42, "run_id": "later"})
    site.stage.scripts = [[queued, done("", "queued")]]
    site.stage.later["later"] = [Gate(), *said("never")]
    await ask(page)
    await page.get_by_role("button", name="Leave the queue").click()
    await expect(page.locator(".notice.stopped")).to_have_text("Stopped.")
    assert ("POST", "cancel", "later") in site.stage.calls


async def test_an_error_shows_its_message_and_try_again_asks_once_more(page: Page, site: Site) -> None:
    failed: Step = (
        "error",
        {"code": "model_unavailable", "message": "The model did not answer within 30 s.", "retryable": True},
    )
    site.stage.scripts = [[*tokens("Al"), failed], said("Now.")]
    await ask(page, "Well?")
    await expect(page.locator(".notice.failure")).to_contain_text("The model did not answer within 30 s.")
    await page.get_by_role("button", name="Try again").click()
    await expect(page.locator(".answer .body").last).to_have_text("Now.")
    assert [call[2] for call in site.stage.calls if call[1] == "stream"] == ["Well?", "Well?"]


async def test_suggestions_ask_and_escalate(page: Page, site: Site) -> None:
    actions = [
        {
            "label": "Half days?",
            "action": "ask",
            "target": "",
            "params": {"content": "Can I take half days?"},
        },
        {"label": "Ask a person", "action": "escalate", "target": "", "params": {}},
        {"label": "From the future", "action": "teleport", "target": "", "params": {}},
    ]
    site.stage.scripts = [
        [*tokens("Yes."), ("suggestions", {"actions": actions}), done("Yes.")],
        said("You can."),
    ]
    await ask(page)
    await expect(page.locator(".action")).to_have_text(["Half days?", "Ask a person"])
    await page.get_by_role("button", name="Ask a person").click()
    await expect(page.get_by_role("button", name="Passed on to a person")).to_be_disabled()
    await page.get_by_role("button", name="Half days?").click()
    await expect(page.locator(".question").last).to_have_text("Can I take half days?")
    await expect(page.locator(".answer .body").last).to_have_text("You can.")
    assert ("POST", "escalations", {"run_id": next(iter(site.stage.runs))}) in site.stage.calls


async def test_rating_and_comment_reach_the_server(page: Page, site: Site) -> None:
    site.stage.scripts = [CITED]
    await ask(page)
    await page.get_by_role("button", name="Bad answer").click()
    await page.get_by_label("Comment on this answer").fill("June is wrong")
    await page.keyboard.press("Enter")
    await expect(page.get_by_text("Thank you.")).to_be_visible()
    await expect(page.get_by_role("button", name="Bad answer")).to_have_attribute("aria-pressed", "true")
    answer = next(iter(site.stage.messages.values()))[-1]["id"]
    sent = [call[1:] for call in site.stage.calls if call[1].startswith("feedback")]
    path = f"feedback/{answer}"
    assert sent == [(path, {"rating": -1}), (path, {"rating": -1, "comment": "June is wrong"})]


async def test_copy_puts_the_answers_own_text_on_the_clipboard(page: Page, site: Site) -> None:
    await page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    site.stage.scripts = [CITED]
    await ask(page)
    await page.get_by_role("button", name="Copy answer").click()
    await expect(page.get_by_role("status").filter(has_text="Answer copied.")).to_have_count(1)
    assert await page.evaluate("navigator.clipboard.readText()") == TEXT


async def test_a_second_conversation_leaves_the_first_one_running(page: Page, site: Site) -> None:
    gate = Gate()
    site.stage.scripts = [halves([gate])]
    await ask(page, "First")
    await expect(page.locator(".answer .body")).to_have_text(LONG[:1000].strip())
    await page.get_by_role("button", name="New conversation", exact=True).click()
    await expect(page.locator("article")).to_have_count(0)
    gate.set()
    await asyncio.gather(*site.stage.tasks)
    await page.get_by_role("link", name="First").click()
    await expect(page.locator(".answer .body")).to_have_text(LONG)
    assert [call[1] for call in site.stage.calls] == ["stream"]


async def test_citations_that_come_while_text_streams_keep_their_place(page: Page, site: Site) -> None:
    gate = Gate()
    first: list[Step] = [CITED[0], CITED[1], *tokens("It is so. "), cites("It is so.", "p2"), gate]
    site.stage.scripts = [
        [*first, *tokens("It is so. "), cites("It is so.", "p1"), done("It is so. It is so. ")]
    ]
    await ask(page)
    await expect(page.locator(".answer .body")).to_have_text("It is so.1")
    gate.set()
    await expect(page.locator(".answer .body")).to_have_text("It is so.1 It is so.2")


async def test_the_snapshot_after_a_gap_replaces_the_text_and_the_stream_goes_on(
    page: Page, site: Site
) -> None:
    gate = Gate()
    snapshot: list[Step] = [("gap", {"from": "3-0", "to": ""}), ("restart", {"reason": "replay"})]
    site.stage.scripts = [
        [*tokens("one "), *snapshot, *tokens("one two "), gate, *said("three")[:-1], done("one two three")]
    ]
    await ask(page)
    await expect(page.locator(".answer .body")).to_have_text("one two")
    await expect(page.locator(".notice.restarted")).to_have_count(0)
    gate.set()
    await expect(page.locator(".answer .body")).to_have_text("one two three")


async def test_an_answer_by_a_person_names_them(page: Page, site: Site) -> None:
    site.stage.keep("c0", "Leave", "", "How?")
    by_hand = {
        "id": "m1",
        "role": "assistant",
        "run_id": None,
        "created_at": "",
        "author": "Ada",
        "status": "answered",
    }
    site.stage.messages["c0"].append(by_hand | {"content": "Ask me."})
    await page.reload()
    await page.get_by_role("link", name="Leave").click()
    await expect(page.locator(".answer .by")).to_have_text("Answered by Ada")
    await expect(page.locator(".answer .body")).to_have_text("Ask me.")
