"""An end that was stored and not told, because its process died between the two, is told by whoever comes after."""

from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import pytest
from langgraph.checkpoint.base import empty_checkpoint

from contracts.identity import LOCAL
from ports.settings import Settings
from server.log import RunLog, log_key
from server.open import open_parts
from server.parts import Parts
from server.recovery import TELLING_S
from server.runs import LONGEST_S
from store import conversations, ends, runs
from tests.servers.logs import Stored, stored

TTL = 86_400
ERROR = {"code": "model_unavailable", "message": "Gone.", "retryable": True}


@pytest.fixture
async def parts(tmp_path: Path) -> AsyncGenerator[Parts]:
    """The parts of a server without HTTP, its folder empty."""
    nothing: Any = None
    async with open_parts(Settings(data_dir=tmp_path / "data"), lambda _: nothing) as found:
        yield found


async def killed(parts: Parts, told: str, status: Any, text: str, error: Any = None) -> runs.Accepted:
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
    await ends.finish(parts.database, LOCAL, begun.run_id, status, text, {"error": error}, 1)
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
