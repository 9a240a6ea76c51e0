"""An upload is indexed as a whole or not at all, shows how far it is, and is never lost once it was accepted."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from typing import Any

import httpx
import pytest

from contracts.identity import LOCAL
from graph.database import open_database
from ports.settings import Settings
from store import jobs
from tests.ingest.files import archive, pdf, word
from tests.servers.runtime import HANDBOOK, Event, Runtime, events, named, running, text_of

ROOT = Path(__file__).parents[2]
LOCK = b"/Encrypt << /Filter /Standard /V 1 /R 2 /P -4 /O <" + b"41" * 32 + b"> /U <" + b"42" * 32 + b"> >>"
LOCKED = pdf("Nobody reads this.").replace(b"/Info", b"/ID [<00> <00>] " + LOCK + b" /Info")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runtime]:
    """A server without documents, with a small limit for uploads."""
    with running(tmp_path_factory.mktemp("uploads") / "data", None, max_upload=300_000) as found:
        yield found


def passages(runtime: Runtime, query: str, source: str) -> list[dict[str, Any]]:
    found = runtime.http.post("/search", json={"query": query, "limit": 50}).json()["passages"]
    return [passage for passage in found if passage["source"] == source]


def sources(runtime: Runtime) -> list[str]:
    return [one["source"] for one in runtime.http.get("/documents?limit=200").json()["items"]]


FORMATS: dict[str, tuple[bytes, str, str]] = {
    "otters.md": (b"# Otters\n\n## Feeding\n\nOtters are fed herring at noon.\n", "herring at noon", "Feeding"),
    "badgers.txt": (b"Badgers sleep in the north wing.\n", "sleep in the north wing", ""),
    "lynx.rst": (b"Lynx\n====\n\nDiet\n----\n\nThe lynx eats 900 grams a day.\n", "900 grams", "Diet"),
    "moose.html": (b"<h1>Moose</h1><h2>Walks</h2><p>Moose walk at 06:40.</p>", "walk at 06:40", "Walks"),
    "refunds.docx": (word(), "Customers may return a part", ""),
    "beds.csv": (b"animal,bed\nwombat,bed 17\nkoala,bed 18\n", "bed 17", ""),
    "vets.jsonl": (b'{"animal": "yak", "vet": "Dr. Lindqvist"}\n', "Dr. Lindqvist", ""),
    "keys.json": (b'{"gate": {"code": "kept by the porter Amundsen"}}', "Amundsen", ""),
    "gates.py": (b'"""Gates of the zoo."""\n\n\ndef opening():\n    return "gates open at 09:15"\n', "09:15", ""),
}  # fmt: skip


@pytest.mark.parametrize("name", FORMATS)
def test_each_format_is_found_after_its_upload_with_its_heading_and_its_words(server: Runtime, name: str):
    content, says, heading = FORMATS[name]
    found = server.upload(name, content)
    assert [event.name for event in found[-1:]] == ["done"]
    document = found[-1].data["document"]
    assert (document["source"], document["status"]) == (name, "indexed")
    assert document["chunks"] == len(passages(server, says, name))
    passage = next(one for one in passages(server, says, name) if says in one["text"])
    assert heading in ("", *passage["headings"], passage["title"])
    assert passage["end"] - passage["start"] == len(passage["text"])
    assert server.http.get(f"/documents/{document['id']}").json() == document


def test_the_offsets_of_a_passage_are_its_place_in_the_uploaded_text(server: Runtime):
    content = "".join(f"Paragraph {n} tells of pier {n * 7} and its crane.\n\n" for n in range(80))
    server.upload("piers.txt", content.encode())
    for passage in passages(server, "Which crane is at pier 77?", "piers.txt"):
        assert content[passage["start"] : passage["end"]] == passage["text"]


def test_a_passage_of_a_pdf_names_its_page_from_one(server: Runtime):
    server.upload("pages.pdf", pdf("Seals swim in basin one.", "Walruses rest in basin two.", title="Basins"))
    pages = {one["page"]: one["text"] for one in passages(server, "basin", "pages.pdf")}
    assert (pages[1], pages[2]) == ("Seals swim in basin one.", "Walruses rest in basin two.")


def test_the_progress_runs_from_waiting_to_its_one_end_and_can_be_read_again(server: Runtime):
    made = server.http.post("/documents", files={"file": ("steps.md", b"# Steps\n\nOne step.\n")}).json()
    path = f"/documents/jobs/{made['job_id']}/stream"
    first, again = (read(server, path), read(server, path))
    stages = [event.data["stage"] for event in first if event.name == "progress"]
    assert stages == ["waiting", "reading", "indexing"]
    assert [event.name for event in first[-2:]] == ["progress", "done"]
    assert again == first
    assert read(server, f"{path}?after={first[1].id}") == first[2:]
    job = server.http.get(path[:-7]).json()
    assert (job["status"], job["done"], job["total"]) == ("completed", 1, 1)


def test_jobs_are_listed_the_newest_first(server: Runtime):
    made = [
        server.http.post("/documents", files={"file": (f"listed{n}.md", b"# Listed\n\nIn a list.\n")}).json()
        for n in range(2)
    ]
    for one in made:
        read(server, f"/documents/jobs/{one['job_id']}/stream")
    listed = server.http.get("/documents/jobs?limit=2").json()["items"]
    assert [one["id"] for one in listed] == [one["job_id"] for one in reversed(made)]
    assert [(one["sources"], one["status"]) for one in listed] == [
        (["listed1.md"], "completed"),
        (["listed0.md"], "completed"),
    ]


def test_an_upload_is_told_its_place_in_the_line_and_leaves_it_when_it_is_cancelled(server: Runtime):
    long = "# Queue\n\n" + "".join(f"In turn {n} the clerk stamps form {n}.\n\n" for n in range(1500))
    files = [("first.md", long), ("second.md", long), ("third.md", "# Third\n\nThird.\n")]
    ids = [
        server.http.post("/documents", files={"file": (name, f"{text}{name}\n".encode())}).json()["job_id"]
        for name, text in [*files, ("fourth.md", "# Fourth\n\nFourth.\n")]
    ]
    cancelled = server.http.post(f"/documents/jobs/{ids[2]}/cancel").json()
    assert cancelled["status"] == "cancelled"
    for first in ids[:2]:
        assert server.http.post(f"/documents/jobs/{first}/cancel").status_code in (200, 409)
    told = [read(server, f"/documents/jobs/{id}/stream") for id in ids[2:]]
    places = [[event.data["position"] for event in one if "position" in event.data] for one in told]
    assert places == [[1], [2, 1]]
    assert [one[-1].name for one in told] == ["done", "done"]
    assert told[0][-1].data["status"] == "cancelled"
    assert {"third.md", "fourth.md"} & set(sources(server)) == {"fourth.md"}
    again = server.http.post(f"/documents/jobs/{ids[2]}/cancel")
    assert (again.status_code, again.json()["message"]) == (
        409,
        f"Job {ids[2]} cannot be cancelled here: it is cancelled.",
    )


@pytest.mark.parametrize("field", ["source", "name"])
def test_a_file_that_would_be_called_by_an_address_is_refused(server: Runtime, field: str):
    address = "https://example.org/x.md"
    name, form = (address, {}) if field == "name" else ("x.md", {"source": address})
    answer = server.http.post("/documents", files={"file": (name, b"# X\n\nX.\n")}, data=form)
    assert (answer.status_code, answer.json()["code"]) == (400, "bad_request")
    assert "cannot be an address" in answer.json()["message"]


def read(runtime: Runtime, path: str) -> list[Event]:
    with runtime.http.stream("GET", path) as response:
        assert response.headers["location"].startswith("/api/v1/documents/jobs/job_")
        return list(events(response.iter_lines()))


def test_a_changed_upload_replaces_exactly_its_own_passages(server: Runtime):
    server.upload("menu.md", b"# Menu\n\n## Monday\n\nLentil soup.\n\n## Tuesday\n\nBarley stew.\n")
    server.upload("other.md", b"# Other\n\nLentil soup is also cooked elsewhere.\n")
    before = passages(server, "lentil soup", "other.md")
    done = server.upload("menu.md", b"# Menu\n\n## Monday\n\nPumpkin soup.\n")[-1].data
    assert done["report"]["documents"]["updated"] == 1
    assert {one["text"] for one in passages(server, "soup stew", "menu.md")} == {"Pumpkin soup."}
    unscored = [{k: v for k, v in one.items() if k not in ("score", "signals")} for one in before]
    after = passages(server, "lentil soup", "other.md")
    assert [{k: v for k, v in one.items() if k not in ("score", "signals")} for one in after] == unscored


def test_the_same_upload_again_changes_nothing(server: Runtime):
    first = server.upload("same.md", b"# Same\n\nNothing changes.\n")[-1].data
    second = server.upload("same.md", b"# Same\n\nNothing changes.\n")[-1].data
    assert second["report"]["documents"]["unchanged"] == 1
    assert second["document"] == first["document"]


def test_of_two_uploads_of_one_document_the_last_accepted_one_stays(server: Runtime):
    long = "# Race\n\n" + "".join(f"In lap 0 runner {n} passes the bridge.\n\n" for n in range(300))
    texts = [long, "# Race\n\nLap 1 is on.\n"]
    made = [server.http.post("/documents", files={"file": ("race.md", text.encode())}) for text in texts]
    with ThreadPoolExecutor(2) as readers:
        paths = [f"/documents/jobs/{one.json()['job_id']}/stream" for one in made]
        ends = list(readers.map(lambda path: read(server, path)[-1].name, paths))
    assert ends == ["done"] * 2
    assert [one["text"] for one in passages(server, "lap race", "race.md")] == ["Lap 1 is on."]


def test_a_deleted_document_is_gone_from_search_from_lists_and_from_remembered_answers(server: Runtime):
    question = "Where does the lighthouse keeper Oyelaran live?"
    content = b"# Keeper\n\nThe lighthouse keeper Oyelaran lives in Skagen.\n"
    document = server.upload("keeper.md", content)[-1].data["document"]
    assert "Skagen" in text_of(server.ask(question))
    assert named(server.ask(question), "usage")[0]["cache"] == "exact"
    assert server.http.delete(f"/documents/{document['id']}").status_code == 204
    assert passages(server, question, "keeper.md") == []
    assert "keeper.md" not in sources(server)
    assert server.http.get(f"/documents/{document['id']}").status_code == 404
    assert "Skagen" not in text_of(server.ask(question))


def test_a_changed_document_changes_the_remembered_answer(server: Runtime):
    question = "When does the ferry to Anholt leave?"
    server.upload("ferry.md", b"# Ferry\n\nThe ferry to Anholt leaves at 07:10.\n")
    assert "07:10" in text_of(server.ask(question))
    server.upload("ferry.md", b"# Ferry\n\nThe ferry to Anholt leaves at 08:25.\n")
    assert "08:25" in text_of(server.ask(question))


def bomb() -> bytes:
    return archive(("[Content_Types].xml", b"<Types/>"), ("word/document.xml", b"0" * 250_000_000))


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("locked.pdf", lambda: LOCKED),
        ("bomb.docx", bomb),
        ("binary.md", lambda: bytes(range(256)) * 40),
        ("blank.md", lambda: b" \n\n"),
    ],
)
def test_an_unreadable_upload_ends_with_one_sentence_and_leaves_what_was_there(
    server: Runtime, name: str, content: Callable[[], bytes]
):
    before = sources(server)
    made = server.http.post("/documents", files={"file": (name, content())}).json()
    error = read(server, f"/documents/jobs/{made['job_id']}/stream")[-1]
    assert (error.name, error.data["code"]) == ("error", "unreadable_document")
    assert error.data["message"].startswith(name)
    assert "\n" not in error.data["message"]
    job = server.http.get(f"/documents/jobs/{made['job_id']}").json()
    assert (job["status"], job["error"]) == ("failed", error.data["message"])
    assert sources(server) == before
    assert passages(server, name, name) == []
    assert not (server.settings.data_dir / "uploads" / made["job_id"]).exists()


@pytest.mark.parametrize("declared", [True, False])
def test_an_upload_over_the_limit_is_refused_with_the_limit(server: Runtime, declared: bool):
    body = httpx.Request("POST", "http://x", files={"file": ("large.txt", b"word " * 80_000)})
    content = body.read()
    headers = {"Content-Type": body.headers["content-type"]}
    sent: Any = content if declared else (content[at : at + 50_000] for at in range(0, len(content), 50_000))
    answer = httpx.post(f"{server.url}/api/v1/documents", content=sent, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (413, "too_long")
    assert "300,000" in answer.json()["message"]
    assert "large.txt" not in sources(server)


def test_a_file_just_over_the_limit_is_refused_and_its_job_leaves_no_file(server: Runtime):
    answer = server.http.post("/documents", files={"file": ("larger.txt", b"w" * 300_001)})
    assert (answer.status_code, answer.json()["code"]) == (413, "too_long")
    assert "300,000" in answer.json()["message"]
    assert [path.name for path in (server.settings.data_dir / "uploads").iterdir()] == []


def start(folder: Path) -> "tuple[subprocess.Popen[str], httpx.Client]":
    """Start a server's process over the folder and return it with a client of its API."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("SWITCHBOARD_")}
    env |= {"SWITCHBOARD_DATA_DIR": str(folder)}
    command = [sys.executable, "-m", "switchboard", "serve", "--port", "0"]
    child = subprocess.Popen(command, cwd=ROOT, env=env, text=True, stdout=subprocess.PIPE)
    assert child.stdout is not None
    url = child.stdout.readline().split()[-1]
    return child, httpx.Client(base_url=f"{url}/api/v1", timeout=60)


def end(child: "subprocess.Popen[str]", sign: signal.Signals) -> None:
    child.send_signal(sign)
    child.wait(20)
    assert child.stdout is not None
    child.stdout.close()


def test_uploads_that_were_accepted_before_a_kill_are_indexed_by_the_next_start(tmp_path: Path):
    files = sorted(path for path in HANDBOOK.iterdir() if path.suffix == ".md")[:6]
    child, http = start(tmp_path / "data")
    made = [http.post("/documents", files={"file": (file.name, file.read_bytes())}).json() for file in files]
    end(child, signal.SIGKILL)
    http.close()
    child, http = start(tmp_path / "data")
    try:
        for one in made:
            with http.stream("GET", f"/documents/jobs/{one['job_id']}/stream") as response:
                assert list(events(response.iter_lines()))[-1].name == "done"
        listed = http.get("/documents?limit=200").json()["items"]
        assert sorted(one["source"] for one in listed) == [file.name for file in files]
        assert {one["status"] for one in listed} == {"indexed"}
        assert list((tmp_path / "data" / "uploads").iterdir()) == []
    finally:
        http.close()
        end(child, signal.SIGTERM)


async def test_an_upload_that_had_not_arrived_whole_is_ended_by_the_next_start(tmp_path: Path):
    async with open_database(Settings(data_dir=tmp_path / "data")) as database:
        job = await jobs.create(database, LOCAL, ["half.md"], total=1)
    place = tmp_path / "data" / "uploads" / job["id"]
    place.mkdir(parents=True)
    note = {"job_id": job["id"], "who": asdict(LOCAL), "source": "half.md", "groups": []}
    (place / "upload.part").write_text(json.dumps(note))
    (place / "file").write_bytes(b"# Ha")
    with running(tmp_path / "data", None) as server:
        error = read(server, f"/documents/jobs/{job['id']}/stream")[-1]
        assert (error.name, sources(server)) == ("error", [])
        assert "half.md did not arrive whole" in error.data["message"]
        assert not place.exists()
