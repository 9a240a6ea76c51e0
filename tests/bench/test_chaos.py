"""What the chaos's judges find: each promise about effects and about what is left is broken here once."""

import asyncio
import os
import signal
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from bench.chaos.client import Client
from bench.chaos.effects import against
from bench.chaos.forks import forking, program
from bench.chaos.held import FILES, Held
from bench.chaos.judge import DOUBLED, LOST, WRONG, explained
from bench.chaos.model import question
from bench.chaos.node import Node
from bench.chaos.plan import ASK, EDIT, REJECT, SERVERS, TOOL, Ask, Size, draw
from bench.chaos.receiver import Receiver, receiving
from bench.chaos.rig import Rig
from bench.lines import calls_of

RUN = "run_1"
TOOLS = Ask(0, TOOL, 5, (), (0,), calls=1)


def client_of(ask: Ask, status: str = "completed") -> Client:
    """Return a client whose run has ended so."""
    client = Client(Rig([], "", None), ask, "1-0-0", lambda *_: None)  # type: ignore[arg-type] - it asks nobody
    client.told.run, client.told.ends = RUN, [("done", {"status": status})]
    return client


def noted(receiver: Receiver, *keys: str, **more: object) -> dict[str, object]:
    """Let the receiver be called with each key and return the journal that fits."""
    for key in keys:
        receiver.note(key, {"case": "1-0-0", "call": 0, **more})
    return {key: {"ok": True, "text": receiver.answer(key)} for key in keys}


def kinds(ask: Ask, receiver: Receiver, journal: dict[str, object], status: str = "completed") -> list[str]:
    return [kind for kind, _ in against(client_of(ask, status), journal, receiver)]


@pytest.mark.parametrize(
    ("code", "retryable", "deaths", "found"),
    [
        ("given_up", False, 3, []),
        ("given_up", False, 2, [WRONG]),
        ("internal", True, 3, []),
        ("internal", False, 3, [WRONG]),
    ],
)
def test_an_error_is_explained_by_the_deaths_in_its_run(
    code: str, retryable: bool, deaths: int, found: list[str]
):
    client = client_of(TOOLS)
    client.deaths = deaths
    client.told.ends = [("error", {"code": code, "message": "", "retryable": retryable})]
    assert [kind for kind, _ in explained(client, [])] == found


def test_a_call_that_came_again_with_its_key_is_one_effect():
    receiver = Receiver()
    journal = noted(receiver, f"{RUN}:act0:0", f"{RUN}:act0:0")
    assert kinds(TOOLS, receiver, journal) == []
    assert receiver.times[f"{RUN}:act0:0"] == 2


def test_a_call_under_two_keys_is_a_duplicate():
    receiver = Receiver()
    journal = noted(receiver, f"{RUN}:act0:0", f"{RUN}:act0.x:0")
    assert kinds(TOOLS, receiver, journal) == [DOUBLED]


def test_a_call_without_its_record_a_record_without_its_call_and_another_result_are_found():
    receiver = Receiver()
    journal = noted(receiver, f"{RUN}:act0:0")
    assert kinds(TOOLS, receiver, {}) == [WRONG]
    assert kinds(TOOLS, Receiver(), journal) == [LOST, WRONG]
    assert kinds(TOOLS, receiver, {f"{RUN}:act0:0": {"ok": True, "text": "{}"}}) == [WRONG]
    assert kinds(TOOLS, receiver, {f"{RUN}:act0:0": None}) == [LOST]


def test_a_run_that_failed_may_lack_its_calls():
    assert kinds(TOOLS, Receiver(), {}, status="failed") == []
    assert kinds(TOOLS, Receiver(), {}) == [LOST]


def test_a_call_that_a_person_did_not_allow_or_allowed_otherwise_is_found():
    receiver, asked = Receiver(), replace(TOOLS, kind=ASK, reply=REJECT)
    journal = noted(receiver, f"{RUN}:act0:0")
    assert kinds(asked, Receiver(), {}) == []
    assert kinds(asked, receiver, journal) == [WRONG]
    assert kinds(replace(asked, reply=EDIT), receiver, journal) == [WRONG]
    edited = Receiver()
    assert kinds(replace(asked, reply=EDIT), edited, noted(edited, f"{RUN}:act0:0", edited=True)) == []


def test_a_question_makes_the_stub_call_as_often_as_its_plan_has_it():
    ask = replace(TOOLS, calls=2, wait=0.3)
    body = {"messages": [{"role": "user", "content": question(ask, "1-0-0")}], "tools": [{}]}
    made = [call["function"] for call in calls_of(body)]
    assert [(one["name"], one["arguments"]["call"]) for one in made] == [("note", 0), ("note", 1)]


def test_a_case_has_as_many_faults_as_were_asked_for_and_the_first_none():
    size = Size(faults=12)
    counts = [len(draw(3, number, SERVERS, size).faults) for number in range(40)]
    assert counts[0] == 0
    assert {count for count in counts if count} <= set(range(8, 17))


async def test_files_that_stay_open_are_found_and_lines_to_the_model_are_not(tmp_path: Path):
    class Own(Node):
        """A node whose process is this one."""

        @property
        def outside(self) -> psutil.Process:
            return psutil.Process()

    async with receiving() as receiver:
        port, own = int(receiver.url.rstrip("/").rpartition(":")[2]), Own(tmp_path, {}, program)
        held = Held(frozenset({port}))
        held.learn_files([own])
        lines = [
            await asyncio.open_connection("127.0.0.1", port) for _ in range(FILES - 2)
        ]  # and as many ends here
        assert await held.beyond([own]) == []
        with ExitStack() as stack:
            for _ in range(3 * FILES):
                stack.callback(os.close, os.open(os.devnull, os.O_RDONLY))
            (found,) = await held.beyond([own])
        assert " files open, after the calm case " in found
        for _, writer in lines:
            writer.close()
            await writer.wait_closed()


@pytest.mark.timeout(120)
async def test_a_forked_command_is_a_process_of_its_own_that_tells_its_end(tmp_path: Path):
    async with forking() as forks:
        said = tmp_path / "said"
        one = await forks.start(["--version"], {"PATH": os.environ["PATH"]}, said)
        assert await one.wait() == 0
        assert said.read_text().startswith("switchboard ")
        env = {"SWITCHBOARD_DATA_DIR": str(tmp_path / "data"), "SWITCHBOARD_PORT": "0"}
        other = await forks.start(["serve"], env, tmp_path / "log")
        assert os.getsid(other.pid) == other.pid != os.getsid(0)
        other.send_signal(signal.SIGKILL)
        assert await other.wait() == -signal.SIGKILL
        third = await forks.start(["serve"], env, tmp_path / "log")
    async with asyncio.timeout(10):
        await third.wait()  # the end of the starter is the end of all
    assert third.returncode == -signal.SIGKILL
