"""Nobody reads what is another tenant's, nor another user's conversation, whatever anybody does before."""

import asyncio
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from graph.database import open_database
from ports.settings import Settings
from store import keys
from tests.servers.runtime import Event, Runtime, events, named, running, text_of

CHAT = "/messaging/conversations"
VAULT = "What is the code word of the vault?"
UNAPPROVED = "Which code word and version does the vault have?"
"""Asked by one test alone: nobody approves an answer to it."""
MARKS = {"acme": "Heliotrope", "umbrella": "Quicksilver", "initech": "Marzipan"}
"""A word that stands in everything of a tenant's that a person writes, and nowhere else."""

OF_SERVER = {("get", "/health"), ("get", "/metrics"), ("get", "/api/v1/health"), ("post", "/cache/optimize")}
"""What tells nothing of any tenant's."""
LISTS: Final[dict[tuple[str, str], dict[str, Any]]] = {
    ("get", CHAT): {},
    ("get", "/documents"): {},
    ("get", "/documents/jobs"): {},
    ("get", "/escalations"): {},
    ("get", "/orchestrator/decisions"): {},
    ("get", "/llm/stats"): {},
    ("get", "/cache/stats"): {},
    ("get", "/chat/search"): {"params": {"q": "vault"}},
    ("post", "/search"): {"json": {"query": VAULT}},
    ("get", "/answers"): {},
    ("get", "/interrupts"): {},
}
OWNERS: Final = {("get", "/answers")}
"""Lists that a member may not see."""
OF_OPERATORS: Final[dict[tuple[str, str], dict[str, Any]]] = {
    ("get", "/index/model"): {},
    ("post", "/index/model"): {"json": {}},
}
"""What is every tenant's: nobody here may see or change it."""
MAKES = {("post", CHAT), ("post", "/documents"), ("put", "/agents/{id}")}
"""Routes that write below the caller's own tenant; the operations below use them."""
OF_TENANT: Final[dict[tuple[str, str], tuple[str, dict[str, Any]]]] = {
    ("get", "/agents/{id}"): ("agent", {}),
    ("get", "/documents/{id}"): ("document", {}),
    ("patch", "/documents/{id}"): ("document", {"json": {"groups": ["thieves"]}}),
    ("delete", "/documents/{id}"): ("document", {}),
    ("delete", "/answers/{id}"): ("answer", {}),
}
"""What the whole tenant shares, with the kind of id that the path names."""
OF_USER: Final[dict[tuple[str, str], tuple[str, dict[str, Any]]]] = {
    ("get", f"{CHAT}/{{id}}"): ("conversation", {}),
    ("delete", f"{CHAT}/{{id}}"): ("conversation", {}),
    ("get", f"{CHAT}/{{id}}/messages"): ("conversation", {}),
    ("post", f"{CHAT}/{{id}}/stream"): ("conversation", {"json": {"content": "Whose is this?"}}),
    ("get", "/messaging/runs/{id}"): ("run", {}),
    ("get", "/messaging/runs/{id}/stream"): ("run", {}),
    ("post", "/messaging/runs/{id}/cancel"): ("run", {}),
    ("post", "/messaging/runs/{id}/resume"): ("run", {"json": {"action": "approve"}}),
    ("post", "/messaging/messages/{id}/feedback"): ("message", {"json": {"rating": 1}}),
    ("post", "/escalations"): ("run", {"json": {"run_id": "{id}"}}),
}
"""What belongs to one user alone, even among the owners of the tenant."""
OF_ROLE: Final[dict[tuple[str, str], tuple[str, dict[str, Any]]]] = {
    ("get", "/escalations/{id}"): ("ticket", {}),
    ("post", "/escalations/{id}/answer"): ("ticket", {"json": {"content": "Yes."}}),
    ("get", "/documents/jobs/{id}"): ("job", {}),
    ("get", "/documents/jobs/{id}/stream"): ("job", {}),
    ("post", "/documents/jobs/{id}/cancel"): ("job", {}),
}
"""What a user shares with the owners of the tenant."""


@dataclass
class Person:
    """One user of one tenant, and the ids of what they made."""

    tenant: str
    user: str
    role: str
    http: httpx.Client
    made: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))

    @property
    def word(self) -> str:
        return f"{self.user}{self.tenant}ish"

    def call(self, method: str, path: str, **request: Any) -> httpx.Response:
        """Send a request, and check that the answer holds nothing that is not theirs to read."""
        answer = self.http.request(method, path, **request)
        for tenant, mark in MARKS.items():
            assert tenant == self.tenant or mark not in answer.text, (self, method, path, answer.text)
        private = self.role == "member" or path.startswith(("/messaging", "/chat"))
        for user in ("ann", "bob", "eve") if private else ():
            word = f"{user}{self.tenant}ish"
            assert user == self.user or word not in answer.text, (self, method, path, answer.text)
        return answer

    def ask(self, question: str) -> list[Event]:
        if not self.made["conversation"]:
            begin(self)
        answer = self.call(
            "POST", f"{CHAT}/{self.made['conversation'][-1]}/stream", json={"content": question}
        )
        assert answer.status_code == 200, answer.text
        found = list(events(iter(answer.text.splitlines())))
        self.made["run"].append(named(found, "run")[0]["run_id"])
        self.made["message"].append(found[-1].data["message_id"])
        return found


def begin(who: Person) -> None:
    made = who.call("POST", CHAT, json={"title": f"{who.word} {MARKS[who.tenant]}"})
    who.made["conversation"].append(made.json()["id"])


def ask_for_the_vault(who: Person) -> None:
    text = text_of(who.ask(VAULT))
    assert "code word" not in text or MARKS[who.tenant] in text or "approved" in text


def say_something(who: Person) -> None:
    who.ask(f"Tell me about the {who.word} vault of {MARKS[who.tenant]}.")


def want_a_person(who: Person) -> None:
    run = named(who.ask(f"I want to talk to a human about {who.word} please"), "run")[0]["run_id"]
    listed = who.call("GET", "/escalations", params={"limit": 200}).json()["items"]
    who.made["ticket"] += [one["id"] for one in listed if one["run_id"] == run]


def upload(who: Person) -> None:
    text = f"# Vault\n\nThe code word of the vault is {MARKS[who.tenant]}, version {len(who.made['job'])}.\n"
    answer = who.call("POST", "/documents", files={"file": ("vault.md", text.encode())})
    assert answer.status_code == (403 if who.role == "member" else 202)
    if who.role == "owner":
        who.made["job"].append(answer.json()["job_id"])
        stream = who.call("GET", f"/documents/jobs/{answer.json()['job_id']}/stream").text
        who.made["document"].append(list(events(iter(stream.splitlines())))[-1].data["document"]["id"])


def remove_document(who: Person) -> None:
    if who.made["document"]:
        who.call("DELETE", f"/documents/{who.made['document'].pop()}")


def answer_a_ticket(who: Person) -> None:
    for one in who.call("GET", "/escalations?status=open").json()["items"][:1]:
        said = {"content": f"approved: {MARKS[who.tenant]}", "canonical": True}
        answer = who.call("POST", f"/escalations/{one['id']}/answer", json=said)
        assert answer.status_code == (403 if who.role == "member" else 200)

        if who.role == "owner":
            who.made["answer"] += [one["id"] for one in who.call("GET", "/answers").json()["items"]]


def withdraw(who: Person) -> None:
    if who.made["answer"]:
        id = who.made["answer"].pop()
        assert who.call("DELETE", f"/answers/{id}").status_code in (204, 404)  # 404: another owner was faster
        assert id not in who.call("GET", "/answers").text


def rate(who: Person) -> None:
    for message in who.made["message"][-1:]:
        who.call("POST", f"/messaging/messages/{message}/feedback", json={"rating": -1, "comment": who.word})


def configure(who: Person) -> None:
    config = {"persona": {"default": MARKS[who.tenant]}, "escalation": {"limit": 1000, "per": 60}}
    answer = who.call("PUT", f"/agents/{who.tenant}-agent", json=config)
    assert answer.status_code == (403 if who.role == "member" else 200)
    if who.role == "owner":
        who.made["agent"].append(f"{who.tenant}-agent")


def forget(who: Person) -> None:
    if who.made["conversation"]:
        assert who.call("DELETE", f"{CHAT}/{who.made['conversation'].pop()}").status_code == 204


OPERATIONS = [
    begin,
    ask_for_the_vault,
    say_something,
    want_a_person,
    upload,
    remove_document,
    answer_a_ticket,
]
OPERATIONS += [withdraw, rate, configure, forget]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runtime]:
    with running(tmp_path_factory.mktemp("tenants") / "data", None) as found:
        yield found


@pytest.fixture(scope="module")
def secrets(server: Runtime) -> dict[tuple[str, str], tuple[str, str]]:
    """Return the role and the key of each user."""
    return asyncio.run(keys_in(server.settings.data_dir))


async def keys_in(folder: Path) -> dict[tuple[str, str], tuple[str, str]]:
    made: dict[tuple[str, str], tuple[str, str]] = {}
    async with open_database(Settings(data_dir=folder)) as database:
        for tenant in MARKS:
            for user, role in (("ann", "owner"), ("bob", "member"), ("eve", "owner")):
                made[tenant, user] = (role, (await keys.create(database, tenant, user, role=role))[1])
    return made


@pytest.fixture
def people(server: Runtime, secrets: dict[tuple[str, str], tuple[str, str]]) -> Iterator[list[Person]]:
    base = server.http.base_url
    found = [
        Person(
            *name, role, httpx.Client(base_url=base, timeout=30, headers={"Authorization": f"Bearer {key}"})
        )
        for name, (role, key) in secrets.items()
    ]
    yield found
    for one in found:
        one.http.close()


def test_every_route_is_among_the_cases_below(server: Runtime, people: list[Person]):
    document = people[0].http.get(f"{server.url}/openapi.json").json()
    routes = {(m, p.removeprefix("/api/v1")) for p, methods in document["paths"].items() for m in methods}
    general = {(method, path.removeprefix("/api/v1")) for method, path in OF_SERVER}
    ours = set(LISTS) | MAKES | set(OF_TENANT) | set(OF_USER) | set(OF_ROLE)
    assert routes == general | ours | set(OF_OPERATORS)


def test_what_is_every_tenants_is_for_operators_alone(people: list[Person]):
    for who in people:
        for (method, path), request in OF_OPERATORS.items():
            assert who.call(method, path, **request).status_code == 403


@settings(
    max_examples=8, deadline=None, database=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(steps=st.lists(st.tuples(st.integers(0, 8), st.sampled_from(OPERATIONS)), min_size=8, max_size=20))
def test_nobody_reads_what_is_anothers_whatever_happened_before(people: list[Person], steps: list[Any]):
    for number, operation in steps:
        operation(people[number])
    for who in people:
        for (method, path), request in LISTS.items():
            barred = who.role == "member" and (method, path) in OWNERS
            assert who.call(method, path, **request).status_code == (403 if barred else 200)
        for other in people:
            sweep(who, other)


def sweep(who: Person, other: Person) -> None:
    """Ask for the latest of everything that the other made, as one who may not have it."""
    cases = (
        OF_TENANT | OF_USER | OF_ROLE if who.tenant != other.tenant else OF_USER if who is not other else {}
    )
    if who.tenant == other.tenant and who is not other and who.role == "member":
        cases = cases | OF_ROLE
    for (method, path), (kind, request) in cases.items():
        for id in other.made[kind][-2:]:
            if kind == "agent" and id in who.made[kind]:
                continue
            sent = {"json": {"run_id": id}} if path == "/escalations" else request
            answer = who.call(method, path.replace("{id}", id), **sent)
            barred = method != "get" and who.role == "member" and answer.status_code == 403
            assert answer.status_code == 404 or barred, (who, method, path, answer.text)


def test_the_same_question_gives_each_tenant_its_own_fact_also_from_the_cache(people: list[Person]):
    owners = [who for who in people if who.user == "ann"]
    for who in owners:
        upload(who)
    for _ in range(2):
        for who in owners:
            begin(who)
            found = who.ask(UNAPPROVED)
            assert MARKS[who.tenant] in text_of(found)
    assert {named(found, "usage")[0]["cache"] for found in (fresh(who) for who in owners)} == {"exact"}


def fresh(who: Person) -> list[Event]:
    begin(who)
    return who.ask(UNAPPROVED)


def test_an_approved_answer_is_given_to_its_own_tenant_alone(people: list[Person]):
    asker, owner = (
        next(p for p in people if (p.tenant, p.user) == ("acme", user)) for user in ("bob", "ann")
    )
    question = "Can I speak to a person about the annual regatta of the yacht club?"
    begin(asker)
    run = named(asker.ask(question), "run")[0]["run_id"]
    ticket = asker.call("POST", "/escalations", json={"run_id": run}).json()["id"]
    said = {"content": f"approved: {MARKS['acme']} sails in June.", "canonical": True}
    assert owner.call("POST", f"/escalations/{ticket}/answer", json=said).status_code == 200
    for who in people:
        begin(who)
        path = named(who.ask(question), "decision")[0]["path"]
        assert (path == "canonical") == (who.tenant == "acme")


def test_an_approved_answer_is_seen_and_withdrawn_by_the_owners_of_its_tenant_alone(people: list[Person]):
    asker = next(p for p in people if (p.tenant, p.user) == ("acme", "ann"))
    begin(asker)
    run = named(asker.ask("Who waters the heather on the roof of the boathouse?"), "run")[0]["run_id"]
    ticket = asker.call("POST", "/escalations", json={"run_id": run}).json()["id"]
    said = {"content": f"approved: {MARKS['acme']} does.", "canonical": True}
    assert asker.call("POST", f"/escalations/{ticket}/answer", json=said).status_code == 200
    id = asker.call("GET", "/answers", params={"limit": 1}).json()["items"][0]["id"]
    for who in sorted(people, key=lambda one: one.tenant == "acme"):
        listed = who.call("GET", "/answers", params={"limit": 200})
        assert (id in listed.text) == (who.tenant == "acme" and who.role == "owner")
        if who.tenant != "acme" or who.role == "member":
            refused = who.call("DELETE", f"/answers/{id}").status_code
            assert refused == (403 if who.role == "member" else 404)
    assert asker.call("DELETE", f"/answers/{id}").status_code == 204


def test_the_same_agent_id_is_another_agent_in_another_tenant(people: list[Person]):
    owners = [who for who in people if who.user == "ann"]
    for who in owners:
        assert who.call("PUT", "/agents/shared", json={"name": MARKS[who.tenant]}).status_code == 200
    for who in owners:
        assert who.call("GET", "/agents/shared").json()["name"] == MARKS[who.tenant]


def test_a_list_cursor_of_one_user_is_of_no_use_to_another(people: list[Person]):
    ann = people[0]
    begin(ann), begin(ann)
    cursor = ann.call("GET", CHAT, params={"limit": 1}).json()["next"]
    for who in people[1:]:
        answer = who.call("GET", CHAT, params={"limit": 1, "cursor": cursor})
        assert (answer.status_code, answer.json()["code"]) == (400, "bad_request")
