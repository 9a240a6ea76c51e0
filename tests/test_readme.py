"""The README is true: its commands run, and its output names the events that come."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from ports.settings import Settings
from tests.servers.runtime import Runtime, named, running

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
BLOCKS = re.findall(r"^```sh\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
LONG = ("eval", "bench")
"""Commands that take minutes: here only their options are asked for; their own tests run them small."""


def run(script: str, runtime: Runtime) -> subprocess.CompletedProcess[str]:
    """Run a block of the README against the running server, with its data folder."""
    port = runtime.url.rpartition(":")[2]
    script = script.replace("127.0.0.1:8000", f"127.0.0.1:{port}").replace(
        ".venv/bin/", f"{Path(sys.executable).parent}/"
    )
    environment = {"PATH": "/usr/bin:/bin", "SWITCHBOARD_DATA_DIR": str(runtime.settings.data_dir)}
    return subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=ROOT, env=environment, capture_output=True, text=True, timeout=110, check=False,
    )  # fmt: skip


def commands() -> list[str]:
    """Return the README's commands of the one program, without those of the server section."""
    block = next(block for block in BLOCKS if "switchboard ask" in block)
    return [line.split("#")[0].strip() for line in block.splitlines() if line.strip()]


@pytest.mark.parametrize("command", commands())
def test_a_command_of_the_readme_runs(runtime: Runtime, command: str):
    name = command.split()[1]
    done = run(f"{command} --help" if name in LONG else command, runtime)
    assert done.returncode == 0, done.stderr


def test_the_curl_of_the_readme_prints_the_events_that_the_readme_shows(tmp_path: Path):
    """On a server of its own: one that was asked the same before answers from its cache."""
    script = next(block for block in BLOCKS if "curl -s -X POST" in block)
    with running(tmp_path / "data") as server:
        done = run(script, server)
    assert done.returncode == 0, done.stderr
    shown = re.findall(r"^event: (\w+)$", README, re.MULTILINE)
    assert re.findall(r"^event: (\w+)$", done.stdout, re.MULTILINE) == shown
    assert "Full-time employees have 26 days of annual leave" in done.stdout


def test_the_reattachment_of_the_readme_continues_after_the_id(runtime: Runtime):
    whole = runtime.ask("How many days of annual leave do full-time staff have?")
    script = next(block for block in BLOCKS if "Last-Event-ID" in block)
    script = re.sub(r"run=\S+", f"run={named(whole, 'run')[0]['run_id']}", script)
    done = run(re.sub(r"Last-Event-ID: [0-9-]+", f"Last-Event-ID: {whole[2].id}", script), runtime)
    assert re.findall(r"^id: (\S+)$", done.stdout, re.MULTILINE) == [event.id for event in whole[3:]]


def test_the_key_of_the_readme_opens_its_own_tenant(tmp_path: Path):
    block = next(block for block in BLOCKS if "keys create" in block)
    command = next(line for line in block.splitlines() if "keys create" in line).split("#")[0]
    with running(tmp_path / "data", None) as server:
        made = run(command, server)
        assert made.returncode == 0, made.stderr
        secret = re.findall(r"^sb_\w+$", made.stdout, re.MULTILINE)[0]
        server.http.headers["Authorization"] = f"Bearer {secret}"
        assert server.http.get("/documents").json()["items"] == []
        assert server.conversation().startswith("conv_")


def test_every_setting_stands_in_the_table_and_the_table_has_no_other():
    rows = re.findall(r"^\| ((?:`[A-Z0-9_]+`(?:, )?)+) \|", README, re.MULTILINE)
    shown = {name.lower() for row in rows for name in re.findall(r"`([A-Z0-9_]+)`", row)}
    assert shown == set(Settings.model_fields)


def test_make_run_serves_the_sample():
    plan = subprocess.run(["make", "-n", "run"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert "switchboard serve --port 8000 --sample examples/handbook" in plan


@pytest.mark.parametrize(
    "page", [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))], ids=lambda page: page.name
)
def test_no_page_has_a_place_left_to_be_filled(page: Path):
    assert re.findall(r"\b[A-Z]+_(?:TABLE|FIGURES)\b|TODO|FIXME", page.read_text()) == []
