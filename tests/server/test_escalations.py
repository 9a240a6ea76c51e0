"""The inbox over HTTP: what was offered or opened is answered once, in the asker's conversation."""

import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from tests.servers.runtime import Runtime, named, running, text_of


@pytest.fixture
def offered(runtime: Runtime) -> dict[str, Any]:
    """An escalation that an agent of its own has only offered."""
    agent = f"agent-{uuid.uuid4().hex[:8]}"
    config = {"confidence_threshold": 1, "escalation": {"limit": 1000, "per": 60}}
    runtime.http.put(f"/agents/{agent}", json=config).raise_for_status()
    found = runtime.ask("How many parking spaces does the garage in Odense have?", agent=agent)
    run = named(found, "run")[0]["run_id"]
    listed = runtime.http.get("/escalations", params={"status": "offered", "limit": 200}).json()["items"]
    return next(one for one in listed if one["run_id"] == run)


def answer(runtime: Runtime, ticket: dict[str, Any], **body: Any) -> Any:
    return runtime.http.post(f"/escalations/{ticket['id']}/answer", json={"content": "It has 42.", **body})


@pytest.mark.parametrize("canonical", [False, True])
def test_an_offer_is_answered_without_the_askers_yes(
    runtime: Runtime, offered: dict[str, Any], canonical: bool
):
    said = answer(runtime, offered, canonical=canonical).raise_for_status().json()
    assert (said["status"], said["answer"], said["canonical"]) == ("answered", "It has 42.", canonical)
    path = f"/messaging/conversations/{offered['conversation_id']}/messages"
    last = runtime.http.get(path).json()["items"][-1]
    assert (last["id"], last["content"], last["author"]) == (said["message_id"], "It has 42.", "local")
    given = named(runtime.ask(offered["question"], agent=offered["agent"]), "decision")[0]["path"]
    assert (given == "canonical") is canonical


def test_who_says_yes_to_an_offer_that_was_answered_gets_the_answered_ticket(
    runtime: Runtime, offered: dict[str, Any]
):
    said = answer(runtime, offered).json()
    ticket = runtime.http.post("/escalations", json={"run_id": offered["run_id"]})
    assert (ticket.status_code, ticket.json()) == (201, said)


@pytest.mark.parametrize("canonical", [False, True])
def test_a_second_answer_is_refused_with_who_gave_the_first_and_when(
    runtime: Runtime, offered: dict[str, Any], canonical: bool
):
    first = answer(runtime, offered).json()
    second = answer(runtime, offered, content="It has 7.", canonical=canonical)
    day, id = first["answered_at"][:10], offered["id"]
    assert (second.status_code, second.json()) == (
        409,
        {
            "code": "not_open",
            "message": f"local answered escalation {id} on {day}; it takes one answer.",
            "retryable": False,
        },
    )
    assert runtime.http.get(f"/escalations/{id}").json() == first


def test_what_was_withdrawn_with_its_conversation_takes_no_answer(runtime: Runtime, offered: dict[str, Any]):
    path = f"/messaging/conversations/{offered['conversation_id']}"
    assert runtime.http.delete(path).status_code == 204
    for canonical in (False, True):
        refused = answer(runtime, offered, canonical=canonical)
        assert (refused.status_code, refused.json()["code"]) == (409, "not_open")
        assert "its conversation was deleted" in refused.json()["message"]


MINT = "How many coins does the mint of Trondheim strike?"
WISHES = ("", "I want to talk to a person")
"""The wish for a person: the button below an answer, or a message of its own."""


@pytest.fixture(scope="module")
def mint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runtime]:
    """A server whose documents and approved answers are these tests' own."""
    with running(tmp_path_factory.mktemp("mint") / "data", None) as found:
        yield found


def approved(server: Runtime, wish: str, **body: Any) -> str:
    """Approve an answer to a question about a document that everyone may read; return the conversation."""
    assert (
        server.upload("mint.md", b"# Mint\n\nThe mint of Trondheim strikes 4711 coins.\n")[-1].name == "done"
    )
    conversation = server.conversation()
    found = server.ask(MINT, conversation)
    if wish:
        server.ask(wish, conversation)
        (ticket,) = server.http.get("/escalations", params={"status": "open"}).json()["items"]
    else:
        run = named(found, "run")[0]["run_id"]
        ticket = server.http.post("/escalations", json={"run_id": run}).json()
    assert ticket["question"] == MINT
    answer(server, ticket, content="It strikes 4711.", canonical=True, **body).raise_for_status()
    return conversation


def answers_of(server: Runtime) -> list[dict[str, Any]]:
    return server.http.get("/answers").json()["items"]


def delete(server: Runtime) -> None:
    """Delete every document."""
    for one in server.http.get("/documents").json()["items"]:
        assert server.http.delete(f"/documents/{one['id']}").status_code == 204


@pytest.mark.parametrize("wish", WISHES)
def test_an_answer_for_which_nobody_named_sources_goes_with_the_document_that_its_asker_was_shown(
    mint: Runtime, wish: str
):
    conversation = approved(mint, wish)
    assert [one["sources"] for one in answers_of(mint)] == [["mint.md"]]
    delete(mint)
    assert answers_of(mint) == []
    assert "4711" not in text_of(mint.ask(MINT))
    assert "4711" not in mint.http.get(f"/messaging/conversations/{conversation}/messages").text


def test_an_answer_that_rests_on_nothing_stays_when_its_author_said_so(mint: Runtime):
    approved(mint, "", sources=[])
    delete(mint)
    (one,) = answers_of(mint)
    assert (one["sources"], text_of(mint.ask(MINT))) == ([], "It strikes 4711.")
    assert mint.http.delete(f"/answers/{one['id']}").status_code == 204
