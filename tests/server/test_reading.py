"""An owner administers every document of the tenant; what anybody reads follows their department."""

import time
from collections.abc import Iterator
from typing import Any

import httpx
import jwt
import pytest

from tests.servers.runtime import Runtime, events, named, running

SECRET = "a secret that is long enough for every algorithm of the HS family, 64"
QUESTION = "What is the bonus of the night shift?"


def client(server: Runtime, role: str, department: str) -> httpx.Client:
    """Return a client of a person of that role and department."""
    claims = {"tenant": "acme", "sub": f"{role} of {department}", "role": role, "department": department}
    token = jwt.encode({**claims, "exp": time.time() + 172_800}, SECRET, "HS256")
    headers = {"Authorization": f"Bearer {token}"}
    return httpx.Client(base_url=server.http.base_url, headers=headers, timeout=60)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runtime]:
    """A server with one document for everyone and one for the group hr."""
    with running(tmp_path_factory.mktemp("reading") / "data", None, jwt_secret=SECRET) as found:
        with client(found, "owner", "sales") as http:
            found.http.headers.update(http.headers)
            found.upload("shifts.md", b"# Shifts\n\nThe night shift begins at ten.\n")
            found.upload("bonus.md", b"# Bonus\n\nThe bonus of the night shift is 140 euro.\n", groups="hr")
        yield found


PEOPLE = [
    # role, department, is it in their list, do they read it
    ("owner", "sales", True, False),
    ("owner", "", True, False),
    ("owner", "hr", True, True),
    ("operator", "", True, False),
    ("member", "hr", True, True),
    ("member", "sales", False, False),
    ("member", "", False, False),
]


@pytest.mark.parametrize(("role", "department", "lists", "reads"), PEOPLE)
def test_the_list_follows_the_role_and_all_reading_the_department(
    server: Runtime, role: str, department: str, lists: bool, reads: bool
):
    with client(server, role, department) as http:
        listed = [one["source"] for one in http.get("/documents").json()["items"]]
        assert listed == (["bonus.md", "shifts.md"] if lists else ["shifts.md"])
        found = http.post("/search", json={"query": QUESTION, "limit": 50}).json()["passages"]
        assert sorted(one["source"] for one in found) == (
            ["bonus.md", "shifts.md"] if reads else ["shifts.md"]
        )
        assert ("140 euro" in ask(http, [])) is reads


def ask(http: httpx.Client, attachments: list[str]) -> str:
    """Return all that a message's stream tells."""
    conversation = http.post("/messaging/conversations", json={}).json()["id"]
    body: dict[str, Any] = {"content": QUESTION, "attachments": attachments}
    return http.post(f"/messaging/conversations/{conversation}/stream", json=body).text


@pytest.mark.parametrize(("role", "department", "lists", "reads"), PEOPLE)
def test_an_attachment_is_one_that_the_person_reads(
    server: Runtime, role: str, department: str, lists: bool, reads: bool
):
    id = next(
        one["id"] for one in server.http.get("/documents").json()["items"] if one["source"] == "bonus.md"
    )
    with client(server, role, department) as http:
        said = ask(http, [id])
        if reads:
            found = list(events(iter(said.splitlines())))
            assert {one["source"] for one in named(found, "sources")[0]["passages"]} == {"bonus.md"}
        elif lists:
            assert "forbidden" in said
            assert f"bonus.md is for hr alone, and yours are {department or 'none'}." in said
        else:
            assert "unknown_document" in said
