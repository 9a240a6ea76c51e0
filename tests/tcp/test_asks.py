"""`switchboard ask` as a process beside a server: stopped by the person, left by the server, or put into the line."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.tcp.model import Model
from tests.tcp.process import ROOT, Process, asking, process


@contextmanager
def ask(server: Process, question: str) -> Iterator["subprocess.Popen[str]"]:
    """Ask as a user does, until the block ends."""
    command = [sys.executable, "-m", "switchboard", "ask", question]
    env = {"PATH": os.environ["PATH"], "SWITCHBOARD_DATA_DIR": str(server.settings.data_dir)}
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=ROOT, env=env, text=True, stdout=pipe, stderr=pipe) as child:
        try:
            yield child
        finally:
            child.kill()


def begun(child: "subprocess.Popen[str]") -> str:
    """Wait for the answer's first characters and return them."""
    assert child.stdout is not None
    return child.stdout.read(3)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_who_stops_asking_stops_the_answer(server: Process, model: Model, number: signal.Signals):
    model.reset(tokens=10_000, pace=50)
    with ask(server, f"Count until signal {number:d}.") as child:
        assert begun(child) == "The"
        child.send_signal(number)
        _, said = child.communicate(timeout=30)
        model.until_ended()
    assert child.returncode == 130
    assert said.splitlines()[-1] == "Stopped."
    assert "Traceback" not in said


@pytest.mark.parametrize("ends", [Process.kill, Process.terminate])
def test_a_server_that_goes_away_in_the_middle_is_told_with_the_way_to_the_rest(
    tmp_path: Path, model: Model, ends: object
):
    model.reset(tokens=10_000, pace=50)
    with process(tmp_path / "data", model) as own:
        own.always_answer()
        with ask(own, "Count until you fall.") as child:
            assert begun(child) == "The"
            assert callable(ends)
            ends(own)
            _, said = child.communicate(timeout=30)
    assert child.returncode == 1
    assert "went away before the answer was complete" in said.splitlines()[-1]
    assert "/api/v1/messaging/runs/run_" in said.splitlines()[-1]
    assert "Traceback" not in said


def test_a_question_in_the_line_waits_for_its_answer(tmp_path: Path, model: Model):
    model.reset(tokens=10_000, pace=50)
    with process(tmp_path / "data", model, max_running="1") as own:
        own.always_answer()
        with asking(own, "Count slowly, please.") as first:
            first.until("token")
            with ask(own, "Count behind the other.") as child:
                assert child.stdout is not None
                place = child.stdout.readline()
                model.tokens, model.pace = 30, 0.0
                own.http.post(f"/messaging/runs/{first.run_id()}/cancel").raise_for_status()
                answer, said = child.communicate(timeout=60)
    assert place.startswith("Your question is number 1 in the line")
    assert (child.returncode, answer) == (0, model.text() + "\n"), said
