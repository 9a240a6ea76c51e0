"""Who may come in, and what each role may do."""

import json
import stat
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import jwt
import pytest

from contracts.errors import SetupError
from graph.database import open_database
from ports.settings import Settings
from server.auth import KEPT_S
from store import keys
from tests.servers.runtime import Runtime, running

SECRET = "a secret that is long enough for every algorithm of the HS family, 64"
PATH = "/messaging/conversations"


async def made(folder: Path, tenant: str, user: str, role: str = "member") -> tuple[str, str]:
    """Return the id and the secret of a new key, made beside a server as `switchboard keys` does."""
    async with open_database(Settings(data_dir=folder)) as database:
        key, secret = await keys.create(database, tenant, user, role=role)
    return key["id"], secret


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runtime]:
    """A server that takes JWTs."""
    with running(tmp_path_factory.mktemp("auth") / "data", None, jwt_secret=SECRET) as found:
        yield found


def token(secret: str = SECRET, algorithm: str = "HS256", **claims: Any) -> str:
    said = {"tenant": "acme", "sub": "ann", "exp": time.time() + 172_800, **claims}
    return jwt.encode({k: v for k, v in said.items() if v is not None}, secret, algorithm)


def call(runtime: Runtime, secret: str, method: str = "GET", path: str = PATH, **more: Any) -> httpx.Response:
    headers = {"Authorization": f"Bearer {secret}", **more.pop("headers", {})}
    return runtime.http.request(method, path, headers=headers, **more)


async def test_loopback_is_open_until_the_first_key_and_again_after_the_last(tmp_path: Path):
    with running(tmp_path / "data", None) as server:
        assert server.http.get(PATH).status_code == 200
        id, secret = await made(tmp_path / "data", "acme", "ann")
        began = time.monotonic()
        while server.http.get(PATH).status_code == 200:
            assert time.monotonic() - began < KEPT_S + 1
        refused = server.http.get(PATH)
        assert (refused.status_code, refused.json()["code"]) == (401, "unauthorized")
        assert "Authorization: Bearer" in refused.json()["message"]
        assert call(server, secret).status_code == 200
        async with open_database(Settings(data_dir=tmp_path / "data")) as database:
            await keys.revoke(database, "acme", id)
        began = time.monotonic()
        while call(server, secret).status_code == 200:
            assert time.monotonic() - began < KEPT_S + 1
        assert call(server, secret).status_code == 401
        assert server.http.get(PATH).status_code == 200


@pytest.mark.parametrize(
    "header",
    ["", "Bearer", "Basic c2J4Og==", "Bearer sb_unknown", "Bearer sb_", "Bearer nonsense", "sb_x"],
)
def test_without_a_good_key_every_door_is_closed_but_the_health_page(guarded: Runtime, header: str):
    answer = guarded.http.get(PATH, headers={"Authorization": header} if header else {})
    assert (answer.status_code, answer.json()["code"]) == (401, "unauthorized")
    assert httpx.get(f"{guarded.url}/health").json() == {"status": "alive"}


@pytest.mark.parametrize("path", ["/metrics", "/openapi.json", "/api/v1/health"])
def test_what_tells_of_the_server_wants_a_key_of_any_role(guarded: Runtime, path: str):
    refused = httpx.get(f"{guarded.url}{path}")
    assert (refused.status_code, refused.json()["code"]) == (401, "unauthorized")
    assert refused.headers["www-authenticate"] == "Bearer"
    assert call(guarded, token(), path=f"{guarded.url}{path}").status_code == 200
    assert call(guarded, "sb_unknown", path=f"{guarded.url}{path}").status_code == 401


def test_every_route_of_the_api_but_one_wants_a_key(guarded: Runtime):
    document = call(guarded, token(), path=f"{guarded.url}/openapi.json").json()
    routes = [(path, method) for path, methods in document["paths"].items() for method in methods]
    file = {"files": {"file": ("x.md", b"x")}}
    bodies: dict[str, Any] = {"content": "x", "rating": 1, "query": "x", "run_id": "x", "q": "x"}
    for path, method in routes:
        if path == "/health":
            continue
        body = file if path.endswith("/documents") else {"json": bodies}
        body = {} if method in ("get", "delete") else body
        url = guarded.url + path.replace("{id}", "x")
        answer = httpx.request(method, url, params={"q": "x"}, **body)
        assert answer.status_code == 401, (path, method, answer.text)


def test_a_token_with_tenant_subject_and_expiry_is_let_in_as_that_user(guarded: Runtime):
    conversation = call(guarded, token(), "POST", json={}).json()["id"]
    assert call(guarded, token(), path=f"{PATH}/{conversation}").status_code == 200
    assert call(guarded, token(sub="bob"), path=f"{PATH}/{conversation}").status_code == 404
    assert call(guarded, token(tenant="other"), path=f"{PATH}/{conversation}").status_code == 404


def unsigned() -> str:
    return jwt.encode({"tenant": "acme", "sub": "ann", "exp": time.time() + 86_400}, None, "none")


@pytest.mark.parametrize(
    ("secret", "says"),
    [
        (token(SECRET[::-1]), "Signature"),
        (token(exp=time.time() - 1), "expired"),
        (token(exp=None), "exp"),
        (token(sub=None), "sub"),
        (token(tenant=None), "tenant"),
        (token(tenant=""), "tenant"),
        (token(tenant=7), "`tenant` is 7"),
        (token(sub=""), '`sub` is ""'),
        (token(role="emperor"), '`role` is "emperor"; it must be member, owner or operator'),
        (token(nbf=time.time() + 86_400), "not yet valid"),
        (token(algorithm="HS384"), "alg"),
        (unsigned(), "alg"),
        ("a.b.c", "does not hold"),
    ],
)
def test_a_token_that_does_not_hold_is_refused_with_the_reason(guarded: Runtime, secret: str, says: str):
    answer = call(guarded, secret)
    assert (answer.status_code, answer.json()["code"]) == (401, "unauthorized")
    assert says in answer.json()["message"]
    assert secret not in answer.json()["message"]


def test_a_server_without_a_secret_takes_no_token(runtime: Runtime):
    answer = call(runtime, token())
    assert answer.status_code == 401
    assert "sb_" in answer.json()["message"]


OWNERS = [
    ("PUT", "/agents/default", {"json": {}}),
    ("POST", "/documents", {"files": {"file": ("x.md", b"# X\n\nWords.\n")}}),
    ("DELETE", "/documents/doc_0", {}),
    ("GET", "/answers", {}),
    ("DELETE", "/answers/0b5ee190-0000-4000-8000-000000000000", {}),
    ("POST", "/escalations/esc_0/answer", {"json": {"content": "yes"}}),
    ("POST", "/cache/optimize", {}),
]


@pytest.mark.parametrize(("method", "path", "request_"), OWNERS)
def test_a_member_may_not_change_what_the_whole_tenant_sees(
    guarded: Runtime, method: str, path: str, request_: dict[str, Any]
):
    answer = call(guarded, token(), method, path, **request_)
    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
    assert "owner" in answer.json()["message"]


@pytest.mark.parametrize(("method", "path", "request_"), OWNERS)
def test_an_owner_may(guarded: Runtime, method: str, path: str, request_: dict[str, Any]):
    answer = call(guarded, token(role="owner"), method, path, **request_)
    assert answer.status_code in (200, 202, 404)


def test_a_member_sees_their_own_tickets_and_decisions_and_an_owner_the_tenants(guarded: Runtime):
    places = {user: call(guarded, token(sub=user), "POST", json={}).json()["id"] for user in ("cleo", "dan")}
    for user, place in places.items():
        said = {"json": {"content": "I want to talk to a human please"}}
        assert "escalated" in call(guarded, token(sub=user), "POST", f"{PATH}/{place}/stream", **said).text

    def users(path: str, **claims: Any) -> set[str]:
        return {one["user"] for one in call(guarded, token(**claims), path=path).json()["items"]}

    for path in ("/escalations?limit=200", "/orchestrator/decisions?limit=200"):
        assert users(path, sub="cleo") == {"cleo"}
        assert users(path, sub="boss", role="owner") >= {"cleo", "dan"}
        assert users(path, sub="boss", role="owner", tenant="elsewhere") == set()


def test_the_owners_note_is_private_and_its_token_acts_for_any_tenant(guarded: Runtime):
    note = guarded.settings.data_dir / "owner.json"
    assert stat.S_IMODE(note.stat().st_mode) == 0o600
    said = json.loads(note.read_text())
    assert said["url"] == guarded.url
    for tenant in ("acme", "umbrella"):
        headers = {"X-Switchboard-Tenant": tenant}
        sent = {"files": {"file": (f"{tenant}.md", b"# Motto\n\nAbout it.\n")}, "headers": headers}
        assert call(guarded, said["token"], "POST", "/documents", **sent).status_code == 202
        listed = call(guarded, said["token"], path="/documents", headers=headers)
        assert listed.status_code == 200
    assert call(guarded, said["token"][:-1]).status_code == 401


def test_no_header_lets_a_key_act_for_another_tenant(guarded: Runtime):
    headers = {"X-Switchboard-Tenant": "victim"}
    place = call(guarded, token(role="owner"), "POST", json={}, headers=headers).json()["id"]
    assert call(guarded, token(role="owner"), path=f"{PATH}/{place}").status_code == 200


async def test_a_server_on_all_addresses_refuses_to_start_without_auth_and_starts_with_a_key(tmp_path: Path):
    with pytest.raises(SetupError) as refused, running(tmp_path / "data", None, host="0.0.0.0"):
        pass
    assert "0.0.0.0" in refused.value.message
    assert "switchboard keys create" in refused.value.message
    _, secret = await made(tmp_path / "data", "acme", "ann")
    with running(tmp_path / "data", None, host="0.0.0.0") as server:
        assert server.http.get(PATH).status_code == 401
        assert call(server, secret).status_code == 200
        assert call(server, secret, headers={"Host": "switchboard.example"}).status_code == 200
        for path in ("/metrics", "/openapi.json", "/api/v1/health"):
            assert server.http.get(f"{server.url}{path}").status_code == 401
        assert server.http.get(f"{server.url}/health").status_code == 200


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Host": "evil.example"}, 403),
        ({"Host": "127.0.0.1.evil.example"}, 403),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "http://127.0.0.1:1"}, 403),
        ({"Origin": "null"}, 403),
        ({"Host": "localhost"}, 200),
        ({"Origin": "null", "Sec-Fetch-Site": "cross-site"}, 403),
        ({"Origin": "null", "Sec-Fetch-Site": "same-origin"}, 200),
    ],
)
def test_another_sites_page_may_not_use_a_loopback_server(
    runtime: Runtime, headers: dict[str, str], status: int
):
    answer = runtime.http.post(PATH, json={}, headers=headers)
    assert (answer.status_code, headers) == (status if status != 200 else 201, headers)


def test_the_pages_own_origin_is_let_in(runtime: Runtime):
    assert runtime.http.post(PATH, json={}, headers={"Origin": runtime.url}).status_code == 201


async def test_many_requests_at_once_with_a_fresh_key_are_all_let_in(tmp_path: Path):
    with running(tmp_path / "data", None) as server:
        _, secret = await made(tmp_path / "data", "acme", "ann", "owner")
        with ThreadPoolExecutor(16) as people:
            codes = list(people.map(lambda _: call(server, secret).status_code, range(64)))
        assert codes == [200] * 64
        found = server.http.get(PATH, headers={"Authorization": f"bearer {secret}"})
        assert found.status_code == 200


def test_the_address_of_a_tool_is_for_owners_alone(guarded: Runtime):
    tool = {"name": "stock", "description": "How many are left.", "url": "https://stock.example/?key=secret"}
    owner, member = token(role="owner", tenant="tools"), token(tenant="tools")
    assert call(guarded, owner, "PUT", "/agents/shop", json={"tools": [tool]}).status_code == 200
    assert call(guarded, owner, path="/agents/shop").json()["tools"][0]["url"] == tool["url"]
    assert "secret" not in call(guarded, member, path="/agents/shop").text
