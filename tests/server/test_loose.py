"""An end that was stored and not told, because its process died between the two, is told by whoever comes after."""

from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any, Final

import pytest
from langgraph.checkpoint.base import empty_checkpoint

from contracts.identity import LOCAL
from ports.settings import Settings
from server.log import RunLog, log_key
from server.open import open_parts
from server.parts import Parts
from server.recovery import TELLING_S
from server.runs import LONGEST_S
from store import conversations, ends, line, runs
from tests.servers.logs import Stored, stored

TTL = 86_400
ERROR = {"code": "model_unavailable", "message": "Gone.", "retryable": True}


@pytest.fixture
async def parts(tmp_path: Path) -> AsyncGenerator[Parts]:
    """The parts of a server without HTTP, its folder empty."""
    nothing: Any = None
    async with open_parts(Settings(data_dir=tmp_path / "data"), lambda _: nothing) as found:
        yield found


PAUSE: Final = {"kind": "tool_call", "payload": {"tool": "pay"}, "checkpoint": "", "expires_s": 60.0}
"""What a run stops for."""


async def killed(
    parts: Parts, told: str, status: Any, text: str, error: Any = None, **outcome: Any
) -> runs.Accepted:
    """Leave a run as a process does that is killed behind its end in SQL, having told clients this much."""
    place = await conversations.create(parts.database, LOCAL, "")
    begun = await runs.accept(parts.database, LOCAL, place["id"], "default", "How long?", owner="w_dead")
    log = log_of(begun)
    parts.log.append(log, "run", {"run_id": begun.run_id}, expire=TTL + LONGEST_S)
    if told:
        parts.log.append_text(log, told)
    await parts.log.flush(log)
    thread: Any = {"configurable": {"thread_id": begun.run_id, "checkpoint_ns": ""}}
    await parts.wiring.ports.checkpoints.aput(thread, empty_checkpoint(), {}, {})
    await ends.finish(parts.database, LOCAL, begun.run_id, status, text, {"error": error, **outcome}, 1)  # pyright: ignore[reportArgumentType] - as they come
    return begun


def log_of(begun: runs.Accepted) -> RunLog:
    return RunLog(log_key(LOCAL.tenant, begun.run_id))


async def told(parts: Parts, begun: runs.Accepted) -> Stored:
    return await stored(parts.wiring.ports.redis, log_of(begun))


@pytest.mark.parametrize(
    ("half", "after"),
    [
        ("", [("token", {"text": "Two weeks."})]),
        ("Two ", [("token", {"text": "weeks."})]),
        ("Two weeks.", []),
        ("Three", [("restart", {}), ("token", {"text": "Two weeks."})]),
    ],
)
async def test_the_log_gets_the_text_that_is_stored_its_end_and_the_time_to_live_of_others(
    parts: Parts, half: str, after: list[tuple[str, dict[str, Any]]]
):
    begun = await killed(parts, half, "completed", "Two weeks.")
    assert await parts.recovery.tidy() == 1
    found = [(name, data) for _, name, data in await told(parts, begun)]
    answer = (await runs.get(parts.database, LOCAL, begun.run_id))["answer_id"]
    beyond = [(name, data if name == "token" else {}) for name, data in found[1 + bool(half) : -1]]
    assert beyond == after
    assert found[-1] == ("done", {"status": "completed", "text": "Two weeks.", "message_id": answer})
    assert TTL - 60 < await parts.wiring.ports.redis.ttl(log_of(begun).key) <= TTL
    assert await parts.wiring.ports.checkpoints.threads() == []


async def test_an_error_that_was_stored_is_told_as_one(parts: Parts):
    begun = await killed(parts, "Two ", "failed", "Two ", ERROR)
    await parts.recovery.tidy()
    assert [(name, data) for _, name, data in await told(parts, begun)][2:] == [("error", ERROR)]


@pytest.mark.parametrize(("status", "event"), [("interrupted", "interrupt"), ("queued", "queue")])
async def test_an_end_without_an_answer_names_the_run_that_goes_on(parts: Parts, status: str, event: str):
    begun = await killed(parts, "", status, "Wait.", **({"pause": PAUSE} if status == "interrupted" else {}))
    next_run = await line.following(parts.database, LOCAL, begun.run_id)
    await parts.recovery.tidy()
    found = [(name, data) for _, name, data in await told(parts, begun)]
    assert [name for name, _ in found] == ["run", "token", event, "done"]
    assert found[2][1]["run_id"] == next_run
    frames = [frame async for frame in anew(parts, begun.run_id)]
    assert f'"run_id":"{next_run}"'.encode() in next(
        f for f in frames if f.startswith(f"event: {event}".encode())
    )


async def anew(parts: Parts, run_id: str) -> AsyncGenerator[bytes]:
    """Yield the frames that a client gets of a run whose log is gone."""
    await parts.wiring.ports.redis.flushall()
    frames = await parts.streams.open(LOCAL, run_id, "")
    assert frames is not None
    async for some in frames:
        for frame in some.split(b"\n\n"):
            yield frame


async def test_a_checkpoint_of_a_run_that_was_deleted_goes_too(parts: Parts):
    begun = await killed(parts, "Two weeks.", "completed", "Two weeks.")
    await conversations.remove(parts.database, LOCAL, begun.conversation_id)
    await parts.recovery.tidy()
    assert await parts.wiring.ports.checkpoints.threads() == []


async def test_an_end_that_was_told_is_not_told_again(parts: Parts):
    begun = await killed(parts, "Two weeks.", "completed", "Two weeks.")
    log = log_of(begun)
    await parts.log.resume(log)
    parts.log.append(log, "done", {"status": "completed", "text": "Two weeks.", "message_id": "msg_1"})
    await parts.log.flush(log)
    before = await told(parts, begun)
    assert await parts.recovery.tidy() == 1
    assert await told(parts, begun) == before


async def test_an_end_that_another_process_may_be_about_to_tell_is_left_to_it(parts: Parts):
    begun = await killed(parts, "Two ", "completed", "Two weeks.")
    await parts.wiring.ports.redis.set("sb:lease:w_other", 1, px=5000)
    await parts.lease.renew(parts.recovery.lapsed, parts.recovery.rolled_back)
    assert await parts.recovery.tidy() == 0
    assert [name for _, name, _ in await told(parts, begun)] == ["run", "token"]
    assert TELLING_S == 40
