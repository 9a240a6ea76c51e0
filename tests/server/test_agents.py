"""An agent's configuration holds from the next message on, and only for its agent."""

import uuid
from typing import Any

import pytest

from tests.servers.runtime import Runtime, named, text_of

QUESTION = "How many days of annual leave do full-time staff have?"


def put(runtime: Runtime, **config: Any) -> str:
    """Make an agent of our own and return its id."""
    id = f"agent-{uuid.uuid4().hex[:8]}"
    answer = runtime.http.put(f"/agents/{id}", json=config)
    assert answer.status_code == 200, answer.text
    return id


def test_the_default_agent_is_there_from_the_start(runtime: Runtime):
    found = runtime.http.get("/agents/default").json()
    assert (found["id"], found["confidence_threshold"]) == ("default", 0.5)
    assert found["escalation"] == {"limit": 5, "per": 86_400}
    assert len(found["examples"]) == 4


def test_what_was_put_is_what_is_got_with_a_version_that_rises(runtime: Runtime):
    config = {
        "name": "Clerk",
        "confidence_threshold": 0.7,
        "blocked_topics": ["politics"],
        "knowledge": ["hr/"],
    }
    id = put(runtime, **config)
    found = runtime.http.get(f"/agents/{id}").json()
    assert {name: found[name] for name in config} == config
    assert (found["version"], found["updated_by"]) == (1, "local")
    assert runtime.http.put(f"/agents/{id}", json=config | {"name": "Scribe"}).json()["version"] == 2
    assert runtime.http.get(f"/agents/{id}").json()["name"] == "Scribe"


@pytest.mark.parametrize(
    ("config", "says"),
    [
        ({"confidence_threshold": 1.1}, "confidence_threshold"),
        ({"confidence_threshold": "high"}, "high"),
        ({"blocked_topics": "politics"}, "blocked_topics"),
        ({"escalation": {"limit": -1}}, "escalation.limit"),
        ({"escalation": {"per": 1}}, "escalation.per"),
        ({"persona": {"member": "x" * 4001}}, "persona.member"),
        ({"treshold": 0.3}, "treshold"),
        ({"name": ""}, "name"),
    ],
)
def test_a_faulty_configuration_is_refused_by_its_field_and_changes_nothing(
    runtime: Runtime, config: dict[str, Any], says: str
):
    before = runtime.http.get("/agents/default").json()
    answer = runtime.http.put("/agents/default", json=config)
    assert (answer.status_code, answer.json()["code"]) == (400, "bad_request")
    assert says in answer.json()["message"]
    assert runtime.http.get("/agents/default").json() == before


def test_an_unknown_agent_is_not_found(runtime: Runtime):
    answer = runtime.http.get("/agents/ghost")
    assert (answer.status_code, answer.json()["code"]) == (404, "unknown_agent")


def test_a_threshold_of_zero_always_answers(runtime: Runtime):
    eager = put(runtime, confidence_threshold=0)
    assert (
        named(runtime.ask("What is the capital of Mongolia?", agent=eager), "decision")[0]["path"]
        == "auto_answer"
    )


def test_a_threshold_of_one_never_answers_by_itself(runtime: Runtime):
    shy = put(runtime, confidence_threshold=1)
    assert named(runtime.ask(QUESTION, agent=shy), "decision")[0]["path"] != "auto_answer"


def test_a_blocked_topic_is_refused_by_its_agent_alone(runtime: Runtime):
    silent = put(runtime, blocked_topics=["annual leave"])
    refused = runtime.ask(QUESTION, agent=silent)
    assert named(refused, "done")[0]["status"] == "refused"
    assert "26 days" not in text_of(refused)
    assert "26 days" in text_of(runtime.ask(QUESTION))


def test_a_change_holds_for_the_next_message(runtime: Runtime):
    id = put(runtime)
    assert "26 days" in text_of(runtime.ask(QUESTION, agent=id))
    runtime.http.put(f"/agents/{id}", json={"blocked_topics": ["annual leave"]})
    assert named(runtime.ask(QUESTION, agent=id), "done")[0]["status"] == "refused"


def test_an_agent_reads_only_the_knowledge_that_it_was_given(runtime: Runtime):
    narrow = put(runtime, knowledge=["handbook/procurement.md"], confidence_threshold=0)
    found = runtime.http.post("/search", json={"query": QUESTION, "agent": narrow, "limit": 50}).json()[
        "passages"
    ]
    assert {passage["source"] for passage in found} == {"handbook/procurement.md"}
    assert "26 days" not in text_of(runtime.ask(QUESTION, agent=narrow))


def test_tickets_over_the_agents_limit_are_refused_with_the_wait(runtime: Runtime):
    id = put(runtime, escalation={"limit": 0, "per": 3600})
    run = named(runtime.ask("Can pigeons read maps?", agent=id), "run")[0]["run_id"]
    answer = runtime.http.post("/escalations", json={"run_id": run})
    assert (answer.status_code, answer.json()["code"]) == (429, "rate_limited")
    assert 0 < int(answer.headers["retry-after"]) <= 3600
