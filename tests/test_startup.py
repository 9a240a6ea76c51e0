"""What a command imports: talking to a running server takes an HTTP client, and `--help` takes nothing at all."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.servers.runtime import Runtime

ROOT = Path(__file__).parents[1]
SERVER = {
    "fastapi",
    "langchain_core",
    "langgraph",
    "numpy",
    "onnxruntime",
    "qdrant_client",
    "redis",
    "uvicorn",
}
"""Seconds of imports: what only a process that answers or indexes needs."""
SQL = {"alembic", "sqlalchemy"}
CLIENT = {"httpx", "pydantic", "rich"}
CODE = """
import atexit, json, sys, switchboard
atexit.register(lambda: print(json.dumps([name for name in sys.modules if "." not in name])))
sys.exit(switchboard.main())
"""


def imported(*arguments: str, folder: Path, code: int = 0) -> set[str]:
    """Run the program to its end and return the packages that it imported."""
    env = {"PATH": os.environ["PATH"], "SWITCHBOARD_DATA_DIR": str(folder)}
    done = subprocess.run(
        [sys.executable, "-c", CODE, *arguments],
        cwd=ROOT, env=env, capture_output=True, text=True, timeout=100, check=False,
    )  # fmt: skip
    assert done.returncode == code, done.stderr
    return set(json.loads(done.stdout.splitlines()[-1]))


@pytest.mark.parametrize("name", ["", "ask", "doctor", "keys", "ingest", "eval", "bench"])
def test_help_imports_nothing_of_what_the_work_needs(tmp_path: Path, name: str):
    assert imported(*name.split(), "--help", folder=tmp_path) & (SERVER | SQL | CLIENT) == set()


def test_bad_usage_imports_nothing_of_what_the_work_needs(tmp_path: Path):
    for arguments in (("dance",), ("ask",), ("ask", " "), ("keys", "create"), ("ingest",), ("eval", "dance")):
        assert imported(*arguments, folder=tmp_path, code=2) & (SERVER | SQL | CLIENT) == set()


@pytest.mark.parametrize("name", ["serve", "worker"])
def test_help_and_bad_usage_of_a_server_import_its_settings_alone(tmp_path: Path, name: str):
    for arguments, code in ((("--help",), 0), (("--port", "x"), 2)):
        assert imported(name, *arguments, folder=tmp_path, code=code) & (SERVER | SQL | {"httpx"}) == set()


def test_a_server_without_model_hosts_imports_no_client_of_them_and_nothing_that_makes_models(tmp_path: Path):
    code = "import json, sys, switchboard; switchboard.load('server.serve'); print(json.dumps(list(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert (
        set(json.loads(done.stdout)) & {"ollama", "langchain_ollama", "onnx", "alembic", "ports.export"}
        == set()
    )


def test_a_question_to_a_running_server_imports_a_client_alone(runtime: Runtime):
    asked = imported("ask", "Who waters the plants?", "--tenant", "startup", folder=runtime.settings.data_dir)
    assert asked & (SERVER | SQL | {"httpx"}) == {"httpx"}


def test_an_ingest_beside_a_running_server_imports_a_client_alone(runtime: Runtime, tmp_path: Path):
    (tmp_path / "plants.md").write_text("# Plants\n\nThe caretaker waters the plants.\n")
    handed = imported("ingest", str(tmp_path), "--tenant", "startup", folder=runtime.settings.data_dir)
    assert handed & (SERVER | SQL | {"httpx"}) == {"httpx"}


def test_a_path_that_names_nothing_is_found_before_anything_is_opened(tmp_path: Path):
    assert imported("ingest", "no/such/folder", folder=tmp_path / "data", code=2) & (SERVER | SQL) == set()
    assert not (tmp_path / "data").exists()


def test_doctor_beside_a_running_server_imports_a_client_alone(runtime: Runtime):
    asked = imported("doctor", folder=runtime.settings.data_dir)
    assert asked & (SERVER | SQL | {"httpx"}) == {"httpx"}


def test_keys_import_the_database_alone(runtime: Runtime):
    """The database is up to date here, so that it takes no migration either."""
    asked = imported("keys", "list", "--tenant", "startup", folder=runtime.settings.data_dir)
    assert asked & (SERVER | SQL | {"httpx"}) == {"sqlalchemy"}
