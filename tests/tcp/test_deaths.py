"""The server's end, asked for or not: nothing that was accepted is lost, and each answer has one end."""

import os
import signal
import time
from contextlib import ExitStack, suppress
from pathlib import Path

import httpx
import psutil

from tests.servers.runtime import Event, named, text_of
from tests.tcp.model import Model
from tests.tcp.process import Process, Stream, asking, attached, process, rising


def left_in(folder: Path) -> list[int]:
    """Return the processes that work in the folder."""
    found: list[int] = []
    for entry in Path("/proc").iterdir():
        try:
            place = Path(os.readlink(entry / "cwd")) if entry.name.isdigit() else Path("/")
        except OSError:
            continue
        if folder == place or folder in place.parents:
            found.append(int(entry.name))
    return found


def until_gone(folder: Path) -> None:
    """Wait for the end of what works in the folder."""
    _, alive = psutil.wait_procs([psutil.Process(pid) for pid in left_in(folder)], timeout=10)
    assert alive == []


def follow(server: Process, run_id: str, conversation: str, seen: list[Event]) -> list[Event]:
    """Re-attach after what was seen, and hold the whole against the store."""
    with attached(server, run_id, seen[-1].id) as stream:
        rest = stream.rest()
    whole = seen + rest
    stored = server.said(conversation)[1]
    assert text_of(whole) == rest[-1].data["text"] == stored["content"]
    assert (rest[-1].name, rest[-1].data["status"], stored["status"]) == ("done", "completed", "completed")
    assert rising(whole)
    return whole


def test_sigterm_with_open_streams_ends_in_time_and_the_next_start_finishes_the_answers(
    model: Model, folder: Path
):
    model.reset(tokens=1000, pace=20)
    with process(folder, model) as server, ExitStack() as open_streams:
        server.always_answer()
        asked: list[tuple[str, Stream]] = []
        for n in range(20):
            conversation = server.conversation()
            asked.append(
                (conversation, open_streams.enter_context(asking(server, f"Count {n}.", conversation)))
            )
        for _, stream in asked:
            stream.until("token")
        began = time.monotonic()
        server.child.send_signal(signal.SIGTERM)
        for _, stream in asked:
            stream.rest()
        server.child.wait(10)
        took = time.monotonic() - began
    assert took < 5
    assert server.child.returncode == 0
    assert "Traceback" not in server.errors.read_text()
    assert left_in(folder) == []
    assert not {event.name for _, stream in asked for event in stream.seen} & {"done", "error"}
    model.reset(tokens=150)  # more than was said in the time that SIGTERM leaves
    with process(folder, model) as server:
        for conversation, stream in asked:
            whole = follow(server, stream.run_id(), conversation, stream.seen)
            assert named(whole, "restart") == []  # it goes on where it was
            assert text_of(whole) == model.text()
    print(f"SIGTERM with 20 open streams: {took:.2f} s")


def test_a_killed_server_goes_on_with_its_answer_at_the_next_start(model: Model, folder: Path):
    model.reset(tokens=1000, pace=50)
    with process(folder, model) as server:
        server.always_answer()
        conversation = server.conversation()
        with asking(server, "Count until you die.", conversation) as stream:
            stream.until("token", 10)
            server.kill()
            with suppress(httpx.TransportError):
                stream.rest()
    until_gone(folder)
    model.reset(tokens=30)
    with process(folder, model) as server:
        whole = follow(server, stream.run_id(), conversation, stream.seen)
        assert named(whole, "restart") == []
        assert [len(named(whole, name)) for name in ("run", "decision", "sources", "context")] == [1] * 4
        assert text_of(whole) == model.text()
        assert server.replay(stream.run_id()) == whole
        assert len(left_in(folder)) == 1
    assert left_in(folder) == []


def test_sigterm_before_the_first_answer_leaves_no_process_behind(model: Model, folder: Path):
    with process(folder, model) as server:
        server.terminate()
    assert (server.child.returncode, left_in(folder)) == (0, [])
