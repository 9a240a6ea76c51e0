"""A run that changes hands in the middle of its answer: what its clients end with is the whole of it, once."""

import asyncio
from collections.abc import AsyncGenerator, Iterator
from pathlib import Path
from typing import Any

import pytest
from redis import Redis

from bench.chaos.client import Told
from contracts.agents import AgentConfig
from contracts.identity import LOCAL
from contracts.tools import Tool
from ports.checkpoints import config_for
from ports.settings import Settings
from server.entries import EPOCH, RunLog, log_key
from server.live import Live, live_again, live_of
from server.open import open_parts
from server.parts import Parts
from store import agents, conversations, line, messages, runs
from tests.tcp.model import Model, serving_model, settings_for

SCHEMA = {"type": "object", "properties": {}}
SAID = "hello, who are you?"
DECISION = {
    "path": "auto_answer", "confidence": 1.0, "intent": "smalltalk", "task": "smalltalk", "reason": "Small talk."
}  # fmt: skip


@pytest.fixture(scope="module")
def the_model() -> Iterator[Model]:
    with serving_model() as model:
        yield model


@pytest.fixture
async def parts(the_model: Model, tmp_path: Path) -> AsyncGenerator[Parts]:
    """The parts of a server without HTTP that asks the stub."""
    nothing: Any = None
    settings = Settings(data_dir=tmp_path / "data", **settings_for(the_model))
    async with open_parts(settings, lambda _: nothing) as found:
        yield found


async def begun(parts: Parts) -> Live:
    """Return a run on its way, its first words told."""
    place = await conversations.create(parts.database, LOCAL, "")
    accepted = await runs.accept(parts.database, LOCAL, place["id"], "default", SAID, owner=parts.lease.owner)
    live = live_of(LOCAL, accepted, "default", SAID, [])
    parts.runs.start(live)
    return live


async def told(parts: Parts, run_id: str, until: str) -> Told:
    """Return what a client is told of the run until its first such event."""
    client = Told()
    frames = await parts.streams.open(LOCAL, run_id, "")
    assert frames is not None
    async for some in frames:
        for frame in some.split(b"\n\n")[:-1]:
            if client.take(frame) and f" {until} " in client.trail[-1]:
                return client
    return client


def fence(parts: Parts, live: Live) -> None:
    """Write what another owner writes first: from here on the log refuses what this one says."""
    place = parts.wiring.ports.redis.connection_pool.connection_kwargs["path"]
    with Redis(unix_socket_path=place) as other:
        other.xadd(live.log.key, {"e": "mark", "d": "{}"}, id=f"{live.log.last[0] + EPOCH}-0")


async def test_an_answer_that_was_finished_by_a_paused_owner_has_the_part_that_its_log_refused(
    parts: Parts, the_model: Model
):
    the_model.reset(tokens=26, pace=40)
    old = await begun(parts)
    await told(parts, old.run_id, "token")
    [left] = await line.take_over(parts.database, parts.lease.owner, {parts.lease.owner}, [old.run_id])
    the_model.until_ended()  # on the loop's own thread: the process is paused, and the model writes on
    fence(parts, old)
    assert old.task is not None
    await asyncio.wait([old.task])
    live = live_again(left)
    parts.runs.take_up(live)
    seen = await told(parts, live.run_id, "done")
    answer = await messages.answer_of(parts.database, LOCAL, live.run_id)
    assert answer is not None
    assert seen.text == seen.ends[0][1]["text"] == answer["content"] == the_model.text()


async def test_a_run_that_stops_for_a_person_has_all_that_was_written_before_its_tool(parts: Parts):
    tool = Tool(name="stock", description="Counts", parameters=SCHEMA, url="http://127.0.0.1:9", approve=True)
    await agents.put(parts.database, LOCAL, "default", AgentConfig(tools=[tool]))
    place = await conversations.create(parts.database, LOCAL, "")
    accepted = await runs.accept(parts.database, LOCAL, place["id"], "default", SAID, owner="w_dead")
    log = RunLog(log_key(LOCAL.tenant, accepted.run_id))
    parts.log.append(log, "run", {"run_id": accepted.run_id})
    parts.log.append(log, "decision", DECISION)
    parts.log.append(log, "token", {"text": "I look"})
    await parts.log.flush()
    call = {"id": "call_0_0", "name": "stock", "arguments": {}, "number": 0, "ask": True}
    written = {"text": "I look it up.", "calls": [call], "rounds": 1, "model": "stub:latest", "messages": []}
    config = config_for(accepted.run_id, sparse=False)
    before = {"question": SAID, "decision": DECISION, "standalone": SAID, "kept": [], "turns": []}
    await parts.wiring.graph.aupdate_state(config, {**before, **written}, as_node="generate")
    seen = await told(parts, accepted.run_id, "done")
    assert seen.restarts == 0
    assert seen.text.startswith("I look it up.\n\nBefore I go on, somebody has to allow this: stock.")
    assert seen.text == seen.ends[0][1]["text"]


async def test_a_run_keeps_no_checkpoint_from_behind_its_answer(parts: Parts, the_model: Model):
    the_model.reset()
    live = await begun(parts)
    assert live.task is not None
    await asyncio.wait([live.task])
    kept = await parts.wiring.graph.aget_state(config_for(live.run_id))
    assert kept.next == ("generate",)
