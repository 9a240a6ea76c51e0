"""A page that is handed to the server: fetched by its job, from where it may be fetched, and cited by its address."""

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_network
from pathlib import Path
from typing import Any, ClassVar

import orjson
import pytest

from tests.servers.runtime import Runtime, events, running

ROOT = Path(__file__).parents[2]


class Host(BaseHTTPRequestHandler):
    """Pages by path."""

    pages: ClassVar[dict[str, str]] = {}

    def do_GET(self) -> None:
        body = self.pages.get(self.path, "").replace("HOST", self.headers["host"]).encode()
        self.send_response(200 if body else 404)
        self.send_header("Content-Type", "application/xml" if self.path.endswith("xml") else "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture(scope="module")
def host() -> Iterator[str]:
    Host.pages = {
        "/seals": "<title>Seals</title><p>Seals are fed sprats at dawn in the basin.</p>",
        "/otters": "<title>Otters</title><p>Otters are fed herring at noon in the pool.</p>",
        "/wombats": "<title>Wombats</title><p>Wombats sleep in bed 17 all day long.</p>",
        "/sitemap.xml": "<urlset><url><loc>http://HOST/otters</loc></url><url><loc>http://HOST/wombats</loc></url>"
        "<url><loc>http://HOST/gone</loc></url></urlset>",
    }
    with ThreadingHTTPServer(("127.0.0.1", 0), Host) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join(10)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runtime]:
    folder = tmp_path_factory.mktemp("pages") / "data"
    with running(folder, None, web_networks=(ip_network("127.0.0.1"),), web_delay=0) as found:
        yield found


def order(server: Runtime, **body: Any) -> dict[str, Any]:
    """Hand the address over and return how its job ended."""
    accepted = server.http.post("/documents", json=body)
    assert accepted.status_code == 202, accepted.text
    job = accepted.json()["job_id"]
    with server.http.stream("GET", f"/documents/jobs/{job}/stream") as stream:
        list(events(stream.iter_lines()))
    return server.http.get(f"/documents/jobs/{job}").json()


def test_a_page_is_found_and_cited_by_its_address(server: Runtime, host: str) -> None:
    job = order(server, url=f"{host}/seals", groups=None)
    found = server.http.post("/search", json={"query": "When are seals fed?"}).json()["passages"]
    assert (job["status"], job["outcome"]["documents"]["added"]) == ("completed", 1)
    assert (found[0]["source"], found[0]["title"]) == (f"{host}/seals", "Seals")


def test_a_page_that_is_not_there_is_a_failed_job_with_its_sentence(server: Runtime, host: str) -> None:
    job = order(server, url=f"{host}/none")
    assert job["status"] == "failed"
    assert job["error"] == f"{host}/none does not exist: its server answers that there is no such page."


def test_groups_that_name_nobody_are_refused_and_no_groups_are_everyone(server: Runtime, host: str) -> None:
    refused = [
        server.http.post("/documents", json={"url": f"{host}/wombats", "groups": [" "]}),
        server.http.post("/documents", files={"file": ("a.md", b"# A\n\nA.\n")}, data={"groups": " , "}),
    ]
    for answer in refused:
        assert (answer.status_code, answer.json()["code"]) == (400, "bad_request")
        assert answer.json()["message"].startswith("The groups name nobody.")
    said: list[list[str]] = []
    for groups in (["keepers"], None, []):
        job = order(server, url=f"{host}/wombats", groups=groups)
        listed = server.http.get("/documents?limit=200").json()["items"]
        (entry,) = [one for one in listed if one["source"] == f"{host}/wombats"]
        said.append(entry["groups"])
        assert job["status"] == "completed"
        nobody = server.http.patch(f"/documents/{entry['id']}", json={"groups": [""]})
        assert nobody.status_code == 400
    assert said == [["keepers"], ["keepers"], []]


@pytest.mark.parametrize(
    "body",
    [
        {"url": "ftp://example.org/x"},
        {"url": "http://ada:secret@example.org/"},
        {},
        {"url": 7},
        {"url": "http://example.org/", "depth": 3},
    ],
)
def test_an_order_that_cannot_be_meant_is_refused_at_once(server: Runtime, body: dict[str, Any]) -> None:
    refused = server.http.post("/documents", json=body)
    assert (refused.status_code, refused.json()["code"]) == (400, "bad_request")
    assert "secret" not in refused.text


def test_the_address_inside_that_nobody_named_is_not_asked(server: Runtime) -> None:
    job = order(server, url="http://169.254.169.254/latest/meta-data/")
    assert job["status"] == "failed"
    assert "is not a public address, so it was not asked" in job["error"]


def test_the_command_beside_the_server_hands_urls_and_files_over(
    server: Runtime, host: str, tmp_path: Path
) -> None:
    (tmp_path / "yak.md").write_text("# Yak\n\nThe yak sees Dr. Lindqvist.\n")
    command = [sys.executable, "-m", "switchboard", "ingest", f"{host}/sitemap.xml", str(tmp_path), "--json"]
    command += ["--groups", "zoo", "--workers", "3"]
    env = {**os.environ, "SWITCHBOARD_DATA_DIR": str(server.settings.data_dir)}
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, check=False)
    report = orjson.loads(done.stdout)
    assert (done.returncode, sum(report["documents"].values())) == (1, 4)
    assert [one["source"] for one in report["failures"]] == [f"{host}/gone"]
    assert b"--workers has no effect" in done.stderr
    listed = {one["source"]: one["groups"] for one in server.http.get("/documents?limit=200").json()["items"]}
    named = (f"{host}/otters", f"{host}/wombats", f"{tmp_path.name}/yak.md")
    assert {name: listed[name] for name in named} == {name: ["zoo"] for name in named}
