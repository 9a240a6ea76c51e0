"""The OpenAPI document against the running server: no input breaks it, and every route of the contract is there."""

import contextlib
from collections import Counter
from collections.abc import Iterator
from unittest import SkipTest

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode

from tests.servers.runtime import Runtime, named, running

API = "/api/v1"
BOUNDED = settings(
    max_examples=10,
    deadline=None,
    database=None,
    derandomize=True,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
CHAT = f"{API}/messaging"
CONTRACT = {
    "/health": {"get"},
    "/metrics": {"get"},
    f"{API}/health": {"get"},
    f"{CHAT}/conversations": {"get", "post"},
    f"{CHAT}/conversations/{{id}}": {"get", "delete"},
    f"{CHAT}/conversations/{{id}}/messages": {"get"},
    f"{CHAT}/conversations/{{id}}/stream": {"post"},
    f"{CHAT}/runs/{{id}}/stream": {"get"},
    f"{CHAT}/runs/{{id}}/cancel": {"post"},
    f"{CHAT}/messages/{{id}}/feedback": {"post"},
    f"{API}/chat/search": {"get"},
    f"{API}/search": {"post"},
    f"{API}/answers": {"get"},
    f"{API}/answers/{{id}}": {"delete"},
    f"{API}/agents/{{id}}": {"get", "put"},
    f"{API}/orchestrator/decisions": {"get"},
    f"{API}/escalations": {"get"},
    f"{API}/escalations/{{id}}/answer": {"post"},
    f"{API}/documents": {"get", "post"},
    f"{API}/documents/{{id}}": {"delete"},
    f"{API}/documents/jobs/{{id}}/stream": {"get"},
    f"{API}/cache/stats": {"get"},
    f"{API}/cache/optimize": {"post"},
    f"{API}/llm/stats": {"get"},
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runtime]:
    """A server of our own: what is sent here stays in it."""
    with running(tmp_path_factory.mktemp("openapi") / "data", None) as found:
        yield found


def test_every_route_of_the_contract_exists(server: Runtime):
    paths = server.http.get(f"{server.url}/openapi.json").json()["paths"]
    missing = {path: methods - set(paths.get(path, ())) for path, methods in CONTRACT.items()}
    assert {path: methods for path, methods in missing.items() if methods} == {}


@pytest.fixture(scope="module")
def ids(server: Runtime) -> dict[str, str]:
    """Return an id that exists for each kind of thing that a path can name."""
    conversation = server.conversation()
    run = named(server.ask("I want to talk to a human please", conversation), "run")[0]["run_id"]
    answer = server.http.get(f"/messaging/conversations/{conversation}/messages").json()["items"][1]
    document = server.upload("a.md", b"# A\n\nWords.\n")[-1].data["document"]
    ticket = server.http.get("/escalations").json()["items"][0]
    server.ask("I would rather speak with a real person", server.conversation())
    second = server.http.get("/escalations").json()["items"][0]
    said = {"content": "Yes.", "canonical": True}
    server.http.post(f"/escalations/{second['id']}/answer", json=said).raise_for_status()
    return {
        "conversations": conversation,
        "runs": run,
        "messages": answer["id"],
        "documents": document["id"],
        "escalations": ticket["id"],
        "answers": server.http.get("/answers").json()["items"][0]["id"],
        "agents": "default",
    }


def strategies(server: Runtime, ids: dict[str, str]) -> Iterator[st.SearchStrategy[schemathesis.Case]]:
    """Yield what to send: good and bad input, to things that are there and to things that are not."""
    schema = schemathesis.openapi.from_url(f"{server.url}/openapi.json")
    for result in schema.get_all_operations():
        operation = result.ok()
        kind = operation.path.removeprefix(f"{API}/").removeprefix("messaging/").split("/{id}")[0]
        known = {"path_parameters": {"id": ids[kind]}} if kind in ids and "{id}" in operation.path else {}
        for mode in GenerationMode:
            with contextlib.suppress(Unsatisfiable):
                yield operation.as_strategy(mode, **known)
        if known:
            yield operation.as_strategy()


def test_no_input_makes_a_server_error_and_every_refusal_has_our_shape(server: Runtime, ids: dict[str, str]):
    sent: Counter[int] = Counter()
    faults: list[str] = []

    def send(case: schemathesis.Case) -> None:
        response = case.call(base_url=server.url, timeout=20)
        sent[response.status_code] += 1
        if response.status_code >= 500:
            faults.append(f"{response.status_code} {response.text[:200]} {case.as_curl_command()[:400]}")
        elif response.status_code >= 400 and set(response.json()) != {"code", "message", "retryable"}:
            faults.append(f"shape {response.text[:200]} {case.as_curl_command()[:400]}")

    for strategy in strategies(server, ids):
        with contextlib.suppress(Unsatisfiable, SkipTest):
            BOUNDED(given(strategy)(send))()
    assert faults == []
    assert sent[200] > 50
    assert sent[400] > 50
    assert sent[404] > 50
    assert server.http.get("/health").json()["status"] == "healthy"
