"""Answers that a person approved: an owner lists them and takes them back."""

import uuid
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.servers.runtime import Event, Runtime, named, running, text_of

QUESTION = "What is the code of the bicycle cellar?"
DOCUMENT = b"# Bicycle cellar\n\nThe code of the bicycle cellar is 1177.\n"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runtime]:
    """A server with one document, on which these tests alone approve."""
    with running(tmp_path_factory.mktemp("standing") / "data", None) as found:
        found.upload("cellar.md", DOCUMENT)
        yield found


@pytest.fixture
def agent(server: Runtime) -> str:
    """An agent of the test's own: approved answers belong to an agent."""
    id = f"agent-{uuid.uuid4().hex[:8]}"
    server.http.put(f"/agents/{id}", json={"escalation": {"limit": 1000, "per": 60}}).raise_for_status()
    return id


def approve(server: Runtime, agent: str, question: str, answer: str) -> dict[str, Any]:
    """Ask, want a person, approve the answer, and return the ticket."""
    run = named(server.ask(question, agent=agent), "run")[0]["run_id"]
    ticket = server.http.post("/escalations", json={"run_id": run}).json()["id"]
    said = server.http.post(f"/escalations/{ticket}/answer", json={"content": answer, "canonical": True})
    return said.raise_for_status().json()


def listed(server: Runtime, **query: Any) -> dict[str, Any]:
    return server.http.get("/answers", params=query).raise_for_status().json()


def came_from(found: list[Event]) -> tuple[str, str]:
    return named(found, "decision")[0]["path"], named(found, "usage")[0]["cache"]


def test_an_approved_answer_is_listed_with_who_when_question_and_text(server: Runtime, agent: str):
    ticket = approve(server, agent, QUESTION, "Ask the porter.")
    (one,) = listed(server, agent=agent)["items"]
    assert {key: value for key, value in one.items() if key not in ("id", "approved_at")} == {
        "agent": agent,
        "question": QUESTION,
        "answer": "Ask the porter.",
        "approved_by": "local",
        "sources": ["cellar.md"],
    }
    assert one["approved_at"][:16] == ticket["answered_at"][:16]


def test_a_withdrawn_answer_is_given_no_more_and_the_documents_answer_anew(server: Runtime, agent: str):
    assert came_from(server.ask(QUESTION, agent=agent)) == ("auto_answer", "none")
    assert came_from(server.ask(QUESTION, agent=agent)) == ("auto_answer", "exact")
    approve(server, agent, QUESTION, "Ask the porter.")
    assert came_from(server.ask(QUESTION, agent=agent)) == ("canonical", "canonical")
    (one,) = listed(server, agent=agent)["items"]

    assert server.http.delete(f"/answers/{one['id']}").status_code == 204

    found = server.ask(QUESTION, agent=agent)
    assert came_from(found) == ("auto_answer", "none")
    assert "1177" in text_of(found)
    assert listed(server, agent=agent) == {"items": [], "next": None}


def test_the_pages_hold_each_answer_once_the_newest_first(server: Runtime, agent: str):
    questions = [f"Which colour does door {number} have?" for number in range(5)]
    for question in questions:
        approve(server, agent, question, "Green.")
    found: list[str] = []
    page = listed(server, agent=agent, limit=2)
    while True:
        found += [one["question"] for one in page["items"]]
        if page["next"] is None:
            break
        assert len(page["items"]) == 2
        page = listed(server, agent=agent, limit=2, cursor=page["next"])
    assert found == questions[::-1]


def test_the_same_question_approved_again_is_one_answer_with_the_later_text(server: Runtime, agent: str):
    approve(server, agent, QUESTION, "Ask the porter.")
    conversation = server.conversation()
    server.ask("Who is there?", conversation, agent=agent)
    run = named(server.ask(QUESTION, conversation, agent=agent), "run")[0]["run_id"]
    ticket = server.http.post("/escalations", json={"run_id": run}).json()["id"]
    said = {"content": "It is 9024.", "canonical": True}
    server.http.post(f"/escalations/{ticket}/answer", json=said).raise_for_status()
    assert [one["answer"] for one in listed(server, agent=agent)["items"]] == ["It is 9024."]


def refusal(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


def test_a_cursor_of_another_list_is_refused(server: Runtime, agent: str):
    for number in range(2):
        approve(server, agent, f"Which colour does lift {number} have?", "Green.")
    cursor = listed(server, agent=agent, limit=1)["next"]
    for path, query in (("/answers", {}), ("/answers", {"agent": "default"}), ("/escalations", {})):
        assert refusal(server.http.get(path, params={"cursor": cursor, **query})) == (400, "bad_request")
    for broken in ("", "nonsense", cursor[:-2], "W10"):
        answer = server.http.get("/answers", params={"agent": agent, "cursor": broken})
        assert refusal(answer) == (400, "bad_request")


@pytest.mark.parametrize("id", ["nope", "0", "%00", "1.5", "x" * 500, str(uuid.uuid4())])
def test_withdrawing_what_is_not_there_is_unknown(server: Runtime, id: str):
    assert refusal(server.http.delete(f"/answers/{id}")) == (404, "unknown_answer")


def test_a_second_withdrawal_says_that_there_is_none(server: Runtime, agent: str):
    approve(server, agent, QUESTION, "Ask the porter.")
    path = f"/answers/{listed(server, agent=agent)['items'][0]['id']}"
    assert server.http.delete(path).status_code == 204
    assert refusal(server.http.delete(path)) == (404, "unknown_answer")
