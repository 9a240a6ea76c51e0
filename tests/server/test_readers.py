"""Nobody is shown what only others may read: over random groups, people and documents, on every way out."""

import time
from collections.abc import Iterator
from itertools import count
from typing import Any

import httpx
import jwt
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from tests.servers.runtime import Runtime, named, running, text_of

SECRET = "a secret of more than thirty-two bytes, for tests"
GROUPS = ("hr", "legal", "HR")
"""Two of them differ in case alone."""
TOPICS = ("badge office", "parking garage", "server room")
NUMBERS = count(1)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runtime]:
    folder = tmp_path_factory.mktemp("readers")
    with running(folder, None, jwt_secret=SecretStr(SECRET)) as found:
        yield found


def person(server: Runtime, tenant: str, user: str, groups: list[str], role: str = "member") -> Runtime:
    claims = {"tenant": tenant, "sub": user, "role": role, "groups": groups, "exp": time.time() + 600}
    made = Runtime(server.url, server.loop, server.settings)
    made.http.close()
    token = jwt.encode(claims, SECRET, algorithm="HS256")
    headers = {"Authorization": f"Bearer {token}"}
    made.http = httpx.Client(base_url=f"{server.url}/api/v1", timeout=60, headers=headers)
    return made


def canary(number: int, topic: int) -> str:
    return f"quokka{number}x{topic}"


def question(topic: int) -> str:
    return f"When does the {TOPICS[topic]} open?"


def places_of(who: Runtime, topic: int, conversation: str, secret: str) -> list[str]:
    """Return where the person is shown the secret, wherever they look."""
    seen = {"search": who.http.post("/search", json={"query": question(topic), "limit": 20}).text}
    seen["chat"] = str(who.ask(question(topic)))
    seen["talk"] = str(who.ask("Tell me more about it.", conversation))
    seen["documents"] = who.http.get("/documents").text
    seen["history"] = who.http.get("/chat/search", params={"q": "quokka"}).text
    for place in who.http.get("/messaging/conversations").json()["items"]:
        said = who.http.get(f"/messaging/conversations/{place['id']}/messages").json()["items"]
        seen[f"messages {place['id']}"] = str(said)
        for one in said:
            if one["role"] == "assistant" and one["run_id"]:
                seen[f"replay {one['status']} {one['run_id']}"] = str(who.replay(one["run_id"]))
    return [place for place, text in seen.items() if secret in text]


some = st.sets(st.sampled_from(GROUPS), max_size=2)


@settings(
    max_examples=5, deadline=None, phases=[Phase.generate], derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)  # fmt: skip
@given(
    before=st.lists(some, min_size=2, max_size=2),
    after=st.lists(some, min_size=2, max_size=2),
    people=st.lists(some, min_size=2, max_size=2),
)
@pytest.mark.timeout(300)
def test_nobody_is_shown_what_they_may_not_read(
    server: Runtime, before: list[set[str]], after: list[set[str]], people: list[set[str]]
) -> None:
    number = next(NUMBERS)
    tenant = f"t{number}"
    owner = person(server, tenant, "olga", [], "owner")
    insider = person(server, tenant, "ida", list(GROUPS))
    askers = [person(server, tenant, f"p{at}", sorted(own)) for at, own in enumerate(people)]
    for topic, groups in enumerate(before):
        text = f"# {TOPICS[topic]}\n\nThe {TOPICS[topic]} opens at {canary(number, topic)} o'clock.\n"
        assert owner.upload(f"d{topic}.md", text.encode(), groups=",".join(sorted(groups)))[-1].name == "done"
    talks = {}
    for at, asker in enumerate(askers):
        for topic in range(len(before)):
            talks[at, topic] = asker.conversation()
            asker.ask(question(topic), talks[at, topic])
    ids = {one["source"]: one["id"] for one in owner.http.get("/documents").json()["items"]}
    run = named(owner.ask(question(0)), "run")[0]["run_id"]
    ticket = owner.http.post("/escalations", json={"run_id": run}).json()["id"]
    body: dict[str, Any] = {"content": f"At {canary(number, 0)}.", "canonical": True}
    if before[0]:  # else it rests on what its asker was shown, which everyone might read then
        body["sources"] = ["d0.md"]
    assert owner.http.post(f"/escalations/{ticket}/answer", json=body).status_code == 200
    for stage in (before, after):
        for topic, groups in enumerate(stage):
            answer = owner.http.patch(f"/documents/{ids[f'd{topic}.md']}", json={"groups": sorted(groups)})
            assert answer.json()["groups"] == sorted(groups)
        for topic in range(len(stage)):
            insider.ask(question(topic))  # and is remembered
        for at, (asker, own) in enumerate(zip(askers, people, strict=True)):
            for topic, groups in enumerate(stage):
                if groups and not groups & own:
                    secret = canary(number, topic)
                    assert places_of(asker, topic, talks[at, topic], secret) == []
                else:
                    assert canary(number, topic) in text_of(asker.ask(question(topic)))
    for one in (owner, insider, *askers):
        one.http.close()
