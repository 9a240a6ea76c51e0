"""Who may open a WebSocket, and what they see: the same key, the same user, the same page as over HTTP."""

import json
import logging
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jwt
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus

from tests.servers.line import line
from tests.servers.runtime import Runtime, running
from tests.tcp.model import Model, serving_model, settings_for

SECRET = "a secret of at least thirty-two bytes"


@pytest.fixture(scope="module")
def model() -> Iterator[Model]:
    with serving_model() as model:
        yield model


@pytest.fixture(scope="module")
def server(model: Model, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runtime]:
    """A server without keys: who is on this machine is `local`."""
    with running(tmp_path_factory.mktemp("open") / "data", None) as found:
        yield found


@pytest.fixture(scope="module")
def guarded(model: Model, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runtime]:
    """A server that wants a token."""
    folder = tmp_path_factory.mktemp("guarded") / "data"
    with running(folder, None, jwt_secret=SECRET, **settings_for(model)) as found:
        found.http.headers["Authorization"] = f"Bearer {token('owner', role='owner')}"
        found.http.put("/agents/default", json={"confidence_threshold": 0}).raise_for_status()
        yield found


def token(user: str, tenant: str = "acme", seconds: float = 60.0, **more: Any) -> str:
    claims = {"tenant": tenant, "sub": user, "exp": time.time() + seconds, **more}
    return jwt.encode(claims, SECRET, algorithm="HS256")


def of(user: str, **more: Any) -> dict[str, str]:
    return {"Authorization": f"Bearer {token(user, **more)}"}


@pytest.mark.parametrize(
    ("user", "more", "status", "code"),
    [
        ("somebody", {}, 403, "forbidden"),
        ("local", {"headers": {"Authorization": "Bearer sb_wrong"}}, 401, "unauthorized"),
        ("local", {"protocols": ["switchboard", "bearer.sb_wrong"]}, 401, "unauthorized"),
        ("local", {"origin": "https://evil.example"}, 403, "forbidden"),
        ("local", {"after": "msg_1"}, 400, "bad_request"),
    ],
)
def test_a_stranger_is_refused_before_there_is_a_socket(
    server: Runtime, user: str, more: dict[str, Any], status: int, code: str
):
    with pytest.raises(InvalidStatus) as refused, line(server, user, **more):
        pass
    response = refused.value.response
    assert (response.status_code, json.loads(response.body)["code"]) == (status, code)


def test_a_foreign_name_for_this_machine_is_refused(server: Runtime):
    port = server.url.rpartition(":")[2]
    with pytest.raises(InvalidStatus) as refused, line(server, headers={"Host": f"evil.example:{port}"}):
        pass
    assert refused.value.response.status_code == 403


@pytest.mark.parametrize(("user", "host"), [("somebody", "127.0.0.1"), ("local", "evil.example")])
def test_a_handshake_that_is_refused_writes_nothing_into_the_log(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, user: str, host: str
):
    log = logging.getLogger("uvicorn.error")
    with running(tmp_path / "data", None) as server:
        log.addHandler(caplog.handler)
        headers = {"Host": f"{host}:{server.url.rpartition(':')[2]}"}
        with pytest.raises(InvalidStatus) as refused, line(server, user, headers=headers):
            pass
    log.removeHandler(caplog.handler)  # the server has ended, and with it all that it had to write
    assert (refused.value.response.status_code, caplog.messages) == (403, [])


def test_its_own_page_may_connect(server: Runtime):
    with line(server, origin=server.url, protocols=["switchboard"]) as mine:
        mine.say("detach", run_id="x")
        assert mine.until("accepted")["command"] == "detach"
        assert mine.ws.subprotocol == "switchboard"


def test_a_page_gives_its_key_as_a_subprotocol(guarded: Runtime):
    offered = ["switchboard", f"bearer.{token('ada')}"]
    with line(guarded, "ada", protocols=offered) as mine:
        mine.say("detach", run_id="x")
        assert mine.until("accepted")["command"] == "detach"
        assert mine.ws.subprotocol == "switchboard"


def test_nobody_sees_another_user_s_runs_or_news(guarded: Runtime, model: Model):
    with line(guarded, "ada", headers=of("ada")) as ada, line(guarded, "ben", headers=of("ben")) as ben:
        made = guarded.http.post("/messaging/conversations", json={}, headers=of("ada")).json()["id"]
        run_id = ada.ask(made, "Count for Ada.")
        ada.follow(run_id)
        ada.have("message", run_id=run_id)
        errors = [
            ben.until("error", ref=ben.say("attach", run_id=run_id)),
            ben.until("error", ref=ben.say("cancel", run_id=run_id)),
            ben.until("error", ref=ben.say("message", conversation_id=made, content="Mine now?")),
        ]
        ben.until("ping")
    assert [one["code"] for one in errors] == ["unknown_run", "unknown_run", "unknown_conversation"]
    assert {one["type"] for one in ben.seen} == {"error", "ping"}


def test_the_same_name_in_another_tenant_hears_nothing(guarded: Runtime, model: Model):
    with line(guarded, "ada", headers=of("ada", tenant="other")) as other:
        made = guarded.http.post("/messaging/conversations", json={}, headers=of("ada")).json()["id"]
        with line(guarded, "ada", headers=of("ada")) as mine:
            mine.follow(mine.ask(made, "Count for Acme."))
        other.until("ping")
    assert {one["type"] for one in other.seen} == {"ping"}


def test_a_socket_whose_token_ends_is_closed(guarded: Runtime):
    with (
        line(guarded, "ada", headers=of("ada", seconds=2)) as mine,
        pytest.raises(ConnectionClosed) as closed,
    ):
        mine.until("nothing")
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 4401
    assert "expired" in closed.value.rcvd.reason
