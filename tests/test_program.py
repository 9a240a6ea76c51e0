"""The command line: what each command prints, and with which code it ends."""

import io
import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

import pytest

import switchboard
from tests.servers.runtime import Runtime, running

ROOT = Path(__file__).parents[1]
LEAVE = "# Leave\n\nFull-time employees get 26 days of annual leave.\n"


Ended = tuple[int, str, str]
"""A command's exit code, and what it wrote to stdout and to stderr."""


@contextmanager
def environment(folder: Path, **settings: str) -> Iterator[None]:
    """Set what the program reads from its environment, and nothing else of its own."""
    kept = dict(os.environ)
    for name in [name for name in kept if name.startswith("SWITCHBOARD_")]:
        del os.environ[name]
    os.environ |= {"SWITCHBOARD_DATA_DIR": str(folder), "COLUMNS": "200"}
    os.environ |= {f"SWITCHBOARD_{name.upper()}": value for name, value in settings.items()}
    try:
        yield
    finally:
        os.environ.clear()
        os.environ |= kept


def program(*arguments: str, folder: Path, **settings: str) -> Ended:
    """Run the program in this process, which saves the seconds that its libraries take to load."""
    out, err, argv = io.StringIO(), io.StringIO(), sys.argv
    sys.argv = ["switchboard", *arguments]
    try:
        with environment(folder, **settings), redirect_stdout(out), redirect_stderr(err):
            code = switchboard.main()
    except SystemExit as ended:
        code = int(ended.code or 0)
    finally:
        sys.argv = argv
    return code, out.getvalue(), err.getvalue()


def process(*arguments: str, folder: Path) -> Ended:
    """Run the program as a user does."""
    command = [sys.executable, "-m", "switchboard", *arguments]
    with environment(folder):
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=100)
    return done.returncode, done.stdout, done.stderr


def ended_with(said: Ended) -> dict[str, Any]:
    """Return the JSON object that the last line of stdout is."""
    return json.loads(said[1].splitlines()[-1])


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder that holds one document and that nobody serves."""
    place = tmp_path_factory.mktemp("program")
    (place / "hr").mkdir()
    (place / "hr" / "leave.md").write_text(LEAVE)
    done = program("ingest", str(place / "hr"), "--json", folder=place / "data")
    assert (done[0], ended_with(done)["documents"]["added"]) == (0, 1)
    return place / "data"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runtime]:
    """A running server that owns its folder."""
    with running(tmp_path_factory.mktemp("served") / "data", None) as found:
        yield found


@pytest.mark.parametrize(
    ("arguments", "code", "where", "says"),
    [
        ((), 2, 1, "usage: switchboard COMMAND"),
        (("--help",), 0, 1, "put documents into the knowledge base"),
        (("dance",), 2, 2, "There is no command 'dance'"),
        (("--version",), 0, 1, "switchboard 0."),
        (("ask",), 2, 2, "question"),
        (("ask", " \n"), 2, 2, "it is empty"),
        (("ask", "caf\udce9"), 2, 2, "it is not UTF-8 text"),
        (("ask", "--loud", "hm"), 2, 2, "--loud"),
        (("serve", "--port", "many"), 2, 2, "many"),
        (("keys",), 2, 2, "action"),
        (("keys", "create"), 2, 2, "--tenant"),
        (("keys", "create", "--tenant", "a", "--role", "king"), 2, 2, "'king' is not a role"),
        (("keys", "create", "--tenant", ""), 2, 2, "A key belongs to a tenant"),
        (("ingest",), 2, 2, "PATH"),
        (("ingest", "no/such/folder"), 2, 2, "no/such/folder"),
    ],
)
def test_bad_usage_ends_with_two_and_says_what_is_wrong(
    tmp_path: Path, arguments: tuple[str, ...], code: int, where: int, says: str
):
    done = program(*arguments, folder=tmp_path / "data")
    assert (done[0], says in done[where]) == (code, True), done
    assert "Traceback" not in done[2]


def test_ask_answers_without_a_server_and_names_the_source(folder: Path):
    done = program("ask", "How many days of annual leave are there?", folder=folder)
    assert done[0] == 0, done[2]
    assert done[1] == "Full-time employees get 26 days of annual leave.\n"
    assert "auto_answer" in done[2]
    assert "[1] hr/leave.md" in done[2]


def test_ask_with_json_ends_with_one_object_that_holds_the_answer(folder: Path):
    done = program("ask", "How many days of annual leave are there?", "--json", folder=folder)
    said = ended_with(done)
    assert (done[0], said["status"], said["error"]) == (0, "completed", None)
    assert said["text"] == "Full-time employees get 26 days of annual leave."
    assert said["decision"]["path"] == "auto_answer"
    assert [one["source"] for one in said["sources"]] == ["hr/leave.md"]
    assert said["citations"][0]["passages"] == [said["sources"][0]["id"]]


def test_ask_of_an_unknown_agent_ends_with_one_and_a_sentence(served: Runtime):
    done = program("ask", "Hello?", "--agent", "ghost", folder=served.settings.data_dir)
    assert (done[0], done[1]) == (1, "")
    assert "'ghost'" in done[2]
    again = ended_with(
        program("ask", "Hello?", "--agent", "ghost", "--json", folder=served.settings.data_dir)
    )
    assert (again["status"], again["error"]["code"]) == (None, "unknown_agent")


@pytest.mark.parametrize(
    ("length", "code", "says"),
    [
        (20_000, 1, "the limit is 16,000."),
        (500_000, 1, "the limit is 16,000."),
        (1_000_000, 2, "it has 1,000,000 bytes, more than 500,000"),
    ],
)
def test_a_question_over_the_limit_is_refused_with_the_limit(
    served: Runtime, length: int, code: int, says: str
):
    done = program("ask", "a" * length, folder=served.settings.data_dir)
    assert (done[0], done[1], says in done[2]) == (code, "", True)
    assert "Traceback" not in done[2]


def test_ask_is_for_the_tenant_it_names_and_refuses_one_that_no_header_carries(served: Runtime):
    place = served.settings.data_dir
    done = program("ask", "How many bridges are there?", "--tenant", "elsewhere", "--json", folder=place)
    run = ended_with(done)["run"]["run_id"]
    assert served.http.get(f"/messaging/runs/{run}").json()["code"] == "unknown_run"
    refused = program("ask", "How many?", "--tenant", "Größe", folder=place)
    assert (refused[0], "'Größe'" in refused[2]) == (2, True)


def test_ask_does_not_hand_the_owners_token_to_a_proxy(served: Runtime, monkeypatch: pytest.MonkeyPatch):
    for name in ("HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    for arguments in (("ask", "Is there a proxy?"), ("doctor",)):
        done = program(*arguments, folder=served.settings.data_dir)
        assert done[0] == 0, done


def test_ask_reaches_the_server_that_owns_the_folder(served: Runtime):
    before = len(served.http.get("/messaging/conversations?limit=200").json()["items"])
    served.upload("pier.md", b"# Pier\n\nThe pier closes at 22:15.\n")
    done = program("ask", "When does the pier close?", folder=served.settings.data_dir)
    assert (done[0], done[1]) == (0, "The pier closes at 22:15.\n")
    assert before == len(served.http.get("/messaging/conversations?limit=200").json()["items"])
    rows = served.http.get("/orchestrator/decisions?user=operator").json()["items"]
    assert rows[0]["path"] == "auto_answer"


def test_doctor_finds_everything_healthy_with_and_without_a_server(folder: Path, served: Runtime):
    for place in (folder, served.settings.data_dir):
        done = program("doctor", "--json", folder=place)
        found = ended_with(done)
        assert done[0] == 0, done[1]
        assert {name: one["state"] for name, one in found.items()} == dict.fromkeys(
            ("python", "disk", "ocr", "weights", "log", "database", "index", "embedder", "models"), "healthy"
        )


def test_doctor_and_ask_are_let_in_where_requests_need_a_key(tmp_path: Path):
    with running(tmp_path / "data", None) as own:
        assert program("keys", "create", "--tenant", "acme", folder=tmp_path / "data")[0] == 0
        assert own.http.get("/health").status_code == 401
        for arguments in (("doctor",), ("ask", "Am I let in?")):
            done = program(*arguments, folder=tmp_path / "data")
            assert done[0] == 0, done


@pytest.mark.parametrize(
    ("setting", "value", "part", "says"),
    [
        ("redis_url", "redis://127.0.0.1:1/0", "log", "Nobody answers at 127.0.0.1:1 (Connection refused)."),
        ("qdrant_url", "http://127.0.0.1:1", "index", "Nobody answers at 127.0.0.1:1"),
        ("qdrant_url", "http://[::1", "index", "cannot be read"),
        ("database_url", "postgresql://u:secret@127.0.0.1:1/a", "database", "Nobody answers at 127.0.0.1:1"),
    ],
)
def test_doctor_names_the_part_that_does_not_answer_and_what_to_do(
    tmp_path: Path, setting: str, value: str, part: str, says: str
):
    done = program("doctor", folder=tmp_path / "data", **{setting: value})
    found = ended_with(program("doctor", "--json", folder=tmp_path / "data", **{setting: value}))
    assert (done[0], found[part]["state"]) == (1, "error")
    assert says in found[part]["detail"]
    assert f"SWITCHBOARD_{setting.upper()}" in done[1]
    assert "secret" not in done[1]
    assert "Traceback" not in done[2]


def test_doctor_still_checks_the_others_where_the_log_does_not_answer(tmp_path: Path):
    done = program("doctor", "--json", folder=tmp_path / "data", redis_url="redis://127.0.0.1:1/0")
    states = {name: one["state"] for name, one in ended_with(done).items()}
    assert states.pop("log") == "error"
    assert states == dict.fromkeys(
        ("python", "disk", "ocr", "weights", "database", "index", "embedder", "models"), "healthy"
    )


def test_doctor_measures_the_disk_of_a_folder_that_is_not_there_yet(tmp_path: Path):
    done = program("doctor", "--json", folder=tmp_path / "not" / "yet")
    assert ended_with(done)["disk"]["state"] == "healthy"


@pytest.mark.parametrize("command", [("serve", "--port", "0"), ("ask", "Hello?"), ("ingest", "README.md")])
def test_a_server_that_is_down_at_the_start_is_one_sentence(tmp_path: Path, command: tuple[str, ...]):
    done = program(*command, folder=tmp_path / "data", qdrant_url="http://127.0.0.1:1")
    assert done[0] == 1
    assert done[2].splitlines()[-1].startswith("The document index does not answer.")
    assert "`switchboard doctor`" in done[2]
    assert "Traceback" not in done[2]


@pytest.mark.parametrize("command", ["doctor", "serve"])
def test_a_missing_package_is_named_with_what_to_do(tmp_path: Path, command: str):
    hidden = "import sys, switchboard; sys.modules['onnxruntime'] = None; sys.exit(switchboard.main())"
    with environment(tmp_path / "data"):
        done = subprocess.run(
            [sys.executable, "-c", hidden, command],
            cwd=ROOT, capture_output=True, text=True, timeout=100, check=False,
        )  # fmt: skip
    assert done.returncode == 1
    said = done.stdout + done.stderr
    assert "onnxruntime" in said
    assert "`make setup` again" in said
    assert "Traceback" not in said


def test_a_reader_who_has_read_enough_is_no_failure(tmp_path: Path):
    """As `switchboard --help | head -0`: the pipe is closed before the first line is written."""
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as pipe, environment(tmp_path):
        os.environ.pop("PYTHONUNBUFFERED", None)  # as for most people: the lines are written at the end
        command = [sys.executable, "-m", "switchboard", "--help"]
        done = subprocess.run(command, cwd=ROOT, stdout=pipe, stderr=subprocess.PIPE, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (141, "")


def test_a_key_is_created_listed_without_its_secret_and_revoked(tmp_path: Path):
    place = tmp_path / "data"
    who = ("--tenant", "acme", "--user", "ann", "--role", "owner")
    made = ended_with(program("keys", "create", *who, "--json", folder=place))
    assert made["secret"].startswith("sb_")
    listed = program("keys", "list", "--tenant", "acme", "--json", folder=place)
    assert made["secret"] not in listed[1]
    assert [(one["id"], one["user"], one["role"]) for one in ended_with(listed)["items"]] == [
        (made["id"], "ann", "owner")
    ]
    assert ended_with(program("keys", "list", "--tenant", "other", "--json", folder=place)) == {"items": []}
    stranger = program("keys", "revoke", made["id"], "--tenant", "other", folder=place)
    assert (stranger[0], made["id"] in stranger[2]) == (1, True)
    assert program("keys", "revoke", made["id"], "--tenant", "acme", folder=place)[0] == 0
    again = ended_with(program("keys", "list", "--tenant", "acme", "--json", folder=place))["items"]
    assert again[0]["revoked_at"] is not None


def test_keys_are_lines_of_a_table_as_they_are_named(tmp_path: Path):
    none = program("keys", "list", "--tenant", "acme", folder=tmp_path / "data")
    assert none[:2] == (0, "The tenant 'acme' has no keys.\n")
    name = "[red] " + "for the machine that asks at night " * 4
    program("keys", "create", "--tenant", "acme", "--name", name.strip(), folder=tmp_path / "data")
    table = program("keys", "list", "--tenant", "acme", folder=tmp_path / "data")[1].splitlines()
    assert len(table) == 2
    assert name.strip() in table[1]


def test_a_server_on_all_addresses_without_a_key_ends_with_one_and_one_sentence(tmp_path: Path):
    done = process("serve", "--host", "0.0.0.0", "--port", "0", folder=tmp_path / "data")
    assert (done[0], done[1]) == (1, "")
    last_line = done[2].strip().splitlines()[-1]
    assert last_line.startswith("Refusing to serve on 0.0.0.0 without authentication.")
    assert "Traceback" not in done[2]


def test_a_second_server_over_the_same_folder_says_that_it_is_in_use(served: Runtime):
    done = process("serve", "--port", "0", folder=served.settings.data_dir)
    assert done[0] == 1
    assert "in use" in done[2].splitlines()[-1]
    assert "Traceback" not in done[2]


def test_ingest_beside_a_server_is_handed_over_and_says_the_same(served: Runtime, tmp_path: Path):
    docs = tmp_path / "docs"
    docs.mkdir()
    for n in range(4):
        (docs / f"note-{n}.md").write_text(f"# Note {n}\n\nThe note number {n} is about the barge {n}.\n")
    (docs / "bad.md").write_bytes(bytes(range(256)) * 10)
    own = program("ingest", str(docs), "--json", folder=tmp_path / "own")
    handed = program("ingest", str(docs), "--json", folder=served.settings.data_dir)
    assert handed[0] == own[0] == 1
    assert unhurried(ended_with(handed)) == unhurried(ended_with(own))
    assert ended_with(own)["documents"] == {
        "added": 4,
        "updated": 0,
        "unchanged": 0,
        "deleted": 0,
        "failed": 1,
    }
    found = served.http.post("/search", json={"query": "Which note is about the barge 3?"}).json()["passages"]
    assert found[0]["source"] == "docs/note-3.md"
    (docs / "note-0.md").unlink()
    (docs / "note-1.md").write_text("# Note 1\n\nNow about a tug.\n")
    for place in (tmp_path / "own", served.settings.data_dir):
        again = ended_with(program("ingest", str(docs), "--prune", "--json", folder=place))
        assert again["documents"] == {"added": 0, "updated": 1, "unchanged": 2, "deleted": 1, "failed": 1}
    sources = [one["source"] for one in served.http.get("/documents?limit=200").json()["items"]]
    assert "docs/note-0.md" not in sources


def unhurried(report: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in report.items() if name != "seconds"}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "99999"),
        ("LOG_TTL", "soon"),
        ("MAX_RUNNING", "0"),
        ("REDIS_URL", "redis:6379"),
        ("DATABASE_URL", "db"),
    ],
)
def test_a_faulty_setting_is_named_with_its_value(tmp_path: Path, name: str, value: str) -> None:
    variables = {
        "PATH": os.environ["PATH"],
        "SWITCHBOARD_DATA_DIR": str(tmp_path),
        f"SWITCHBOARD_{name}": value,
    }
    done = subprocess.run(
        [sys.executable, "-m", "switchboard", "doctor"],
        capture_output=True,
        text=True,
        env=variables,
        check=False,
    )
    assert done.returncode == 2
    assert f"SWITCHBOARD_{name} is '{value}'" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_faulty_url_is_named_without_its_password(tmp_path: Path) -> None:
    code, out, err = program("doctor", folder=tmp_path, database_url="mysql://ada:hunter2@db/x")
    assert code == 2
    assert "SWITCHBOARD_DATABASE_URL is set: it must begin with postgresql://" in err
    assert "hunter2" not in out + err


def test_a_taken_port_is_named_before_anything_is_opened(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = subprocess.run(
            [sys.executable, "-m", "switchboard", "serve", "--port", str(port)],
            capture_output=True, text=True, env={"PATH": os.environ["PATH"], "SWITCHBOARD_DATA_DIR": str(tmp_path)},
            check=False, timeout=60,
        )  # fmt: skip
    assert done.returncode == 1
    assert f"Port {port} on 127.0.0.1 cannot be used" in done.stderr
    assert not (tmp_path / "owner.lock").exists()
