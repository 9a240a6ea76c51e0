"""The prompt fits into the model's context by what is dropped on purpose, and the client is told."""

from collections.abc import Iterator
from typing import Any

import pytest
from langchain_core.messages import BaseMessage, HumanMessage

from models.tokens import estimate
from tests.servers.runtime import HANDBOOK, Runtime, named, running
from tests.tcp.model import Model, serving_model, settings_for

LONG = "How many days of annual leave do full-time employees have, and who approves them?"


@pytest.fixture(scope="module")
def the_model() -> Iterator[Model]:
    with serving_model() as model:
        yield model


@pytest.fixture
def model(the_model: Model) -> Model:
    the_model.reset()
    return the_model


@pytest.fixture(scope="module", params=[512, 1024])
def small(
    request: pytest.FixtureRequest, the_model: Model, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Runtime]:
    """A server whose model reads little."""
    folder = tmp_path_factory.mktemp("small")
    with running(folder, None, num_ctx=request.param, **settings_for(the_model)) as found:
        for name in ("annual-leave.md", "parental-leave.docx", "sick-and-care-leave.md"):
            found.upload(name, (HANDBOOK / name).read_bytes())
        found.http.put("/agents/default", json={"confidence_threshold": 0}).raise_for_status()
        yield found


def test_a_prompt_fits_into_a_small_context_and_what_was_dropped_is_said(small: Runtime, model: Model):
    found = small.ask(LONG)
    fit, sources = named(found, "context")[0], named(found, "sources")[0]["passages"]
    asked = model.asked[0]
    limit = small.settings.num_ctx
    prompt = asked["messages"][-1]["content"]
    kept = [passage for passage in sources if passage["text"] in prompt]
    assert fit["limit"] == asked["options"]["num_ctx"] == limit
    assert fit["dropped_passages"] == len(sources) - len(kept) > 0
    assert kept == sources[: len(kept)]
    assert fit["prompt_tokens"] + asked["options"]["num_predict"] <= limit
    assert fit["prompt_tokens"] == estimate(_messages(asked))
    assert (asked["truncate"], prompt.endswith(LONG)) == (False, True)


def test_the_oldest_turns_go_before_the_question_does(small: Runtime, model: Model):
    model.tokens = 60
    conversation = small.conversation()
    for n in range(4):
        small.ask(f"Tell me of leave of absence, part {n}, in as many words as you have.", conversation)
    alone = "How many days of annual leave do full-time employees have?"
    fit = named(small.ask(alone, conversation), "context")[0]
    asked = model.asked[-1]
    assert fit["dropped_turns"] > 0
    assert len(asked["messages"]) == 2 + 8 - fit["dropped_turns"]
    assert asked["messages"][0]["role"] == "system"
    assert asked["messages"][-1]["content"].endswith(alone)


def test_a_question_that_does_not_fit_alone_ends_with_a_sentence_and_asks_no_model(
    small: Runtime, model: Model
):
    found = small.ask("Where is leave? " * 200)
    assert [event.name for event in found if event.name in ("done", "error")] == ["error"]
    assert found[-1].data["code"] == "too_long"
    assert "Shorten the question" in found[-1].data["message"]
    assert model.asked == []


def _messages(asked: dict[str, Any]) -> list[BaseMessage]:
    return [HumanMessage(message["content"]) for message in asked["messages"]]


def test_a_follow_up_is_rewritten_by_the_host_s_model_and_answered_as_rewritten(small: Runtime, model: Model):
    conversation = small.conversation()
    small.ask("How many days of annual leave do full-time employees have?", conversation)
    model.reset(tokens=6)
    small.ask("And how many do they get after ten years?", conversation)
    rewrite, answer = (body["messages"] for body in model.asked)
    assert rewrite[0]["content"].startswith("Rewrite the user's last message")
    assert "user: How many days of annual leave do full-time employees have?" in rewrite[-1]["content"]
    assert rewrite[-1]["content"].endswith("user: And how many do they get after ten years?")
    assert answer[-1]["content"].endswith(model.text().strip())
