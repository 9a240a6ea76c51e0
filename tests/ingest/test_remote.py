"""A hand-over to a server that goes away: one sentence, whatever was under way."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from contracts.errors import BadRequest, Internal, StoreUnavailable
from ingest.remote import hand_over
from ports.folder import Owner


class Leaving(BaseHTTPRequestHandler):
    """Lists no documents, and hangs up on every upload."""

    seen: list[str] = []  # noqa: RUF012 - one list for the connections of one test

    def do_GET(self) -> None:
        self.seen.append(self.headers["x-switchboard-tenant"])
        body = json.dumps({"items": [], "next": None}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self) -> None:
        self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:
        pass


class Broken(Leaving):
    """Takes uploads, and fails when it is asked what became of them."""

    def do_GET(self) -> None:
        if "jobs" not in self.path:
            return super().do_GET()
        return self.send_error(503)

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        self.send_response(202)
        self.end_headers()
        self.wfile.write(b'{"job_id": "job_1"}')


@pytest.fixture
def owner(request: pytest.FixtureRequest) -> Iterator[Owner]:
    request.param.seen = []
    with ThreadingHTTPServer(("127.0.0.1", 0), request.param) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield Owner(1, f"http://127.0.0.1:{server.server_port}", "token")
        server.shutdown()
        thread.join(10)


@pytest.fixture
def docs(tmp_path: Path) -> Path:
    for number in range(6):
        (tmp_path / f"{number}.md").write_text(f"# Number {number}\n\nThis is number {number}.\n")
    return tmp_path


@pytest.mark.parametrize("owner", [Leaving], indirect=True)
async def test_a_server_that_hangs_up_on_uploads_is_one_sentence(owner: Owner, docs: Path):
    with pytest.raises(StoreUnavailable, match=f"{owner.url} does not answer"):
        await hand_over([str(docs)], "local", owner)


@pytest.mark.parametrize("owner", [Broken], indirect=True)
async def test_a_refusal_while_uploads_are_under_way_is_that_refusal(owner: Owner, docs: Path):
    with pytest.raises(Internal, match=r"refused the ingest: HTTP 503\."):
        await hand_over([str(docs)], "local", owner)


@pytest.mark.parametrize("owner", [Leaving], indirect=True)
async def test_the_proxy_of_the_environment_is_not_asked(
    owner: Owner, docs: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    with pytest.raises(StoreUnavailable):
        await hand_over([str(docs)], "acme", owner)
    assert Leaving.seen == ["acme"]


@pytest.mark.parametrize("tenant", ["", "Größe", "a\nb"])
async def test_a_tenant_that_a_header_cannot_carry_is_bad_usage(tenant: str, docs: Path):
    with pytest.raises(BadRequest, match="plain ASCII"):
        await hand_over([str(docs)], tenant, Owner(1, "http://127.0.0.1:1", "token"))
