"""A hand-over to a server that goes away: one sentence, whatever was under way."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from contracts.errors import BadRequest, Internal, StoreUnavailable
from ingest.remote import AT_ONCE, client_of, hand_over, upload_all
from ingest.report import Report
from ingest.walk import Found
from ingest.worker import fingerprint
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


class Holding(Leaving):
    """Holds every document as it is on disk but for its check, and counts what is sent and what is under way."""

    folder = Path()
    sent: list[str] = []  # noqa: RUF012 - one list for the connections of one test

    def do_GET(self) -> None:
        if "jobs" in self.path:
            body: dict[str, Any] = {"status": "completed", "outcome": Report(unchanged=1).body()}
        else:
            items = [
                {
                    "source": f"{path.parent.name}/{path.name}",
                    "groups": [],
                    "sha256": fingerprint(path.read_bytes()),
                }
                for path in self.folder.iterdir()
            ]
            body = {"items": items, "next": None}
        self.answer(200, body)

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        self.sent.append(self.path)
        self.answer(202, {"job_id": "job_1"})

    def answer(self, status: int, body: dict[str, Any]) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


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


@pytest.mark.parametrize("owner", [Holding], indirect=True)
@pytest.mark.parametrize(("check", "sent"), [(False, 0), (True, 6)])
async def test_check_sends_what_the_server_says_that_it_holds(
    owner: Owner, docs: Path, monkeypatch: pytest.MonkeyPatch, check: bool, sent: int
):
    monkeypatch.setattr(Holding, "folder", docs)
    monkeypatch.setattr(Holding, "sent", [])
    report = await hand_over([str(docs)], "local", owner, check=check)
    assert (report.unchanged, len(Holding.sent)) == (6, sent)


class Drawn:
    """Files that say how many of them were taken."""

    def __init__(self, path: Path, count: int) -> None:
        self.path, self.count, self.taken = path, count, 0

    def __len__(self) -> int:
        return self.count

    def __iter__(self) -> Iterator[Found]:
        for number in range(self.count):
            self.taken += 1
            yield Found(self.path, f"docs/{number}.md", 1)


@pytest.mark.parametrize("owner", [Holding], indirect=True)
async def test_no_more_files_are_taken_than_are_under_way(
    owner: Owner, docs: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(Holding, "folder", docs)
    files = Drawn(docs / "0.md", 20)
    most: list[int] = []
    async with client_of(owner, "local") as client:
        await upload_all(client, files, lambda step: most.append(files.taken - step.done), check=True)
    assert (len(most), max(most) < AT_ONCE) == (20, True)


@pytest.mark.parametrize("tenant", ["", "Größe", "a\nb"])
async def test_a_tenant_that_a_header_cannot_carry_is_bad_usage(tenant: str, docs: Path):
    with pytest.raises(BadRequest, match="plain ASCII"):
        await hand_over([str(docs)], tenant, Owner(1, "http://127.0.0.1:1", "token"))
