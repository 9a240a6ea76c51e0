"""A run ends once, whatever comes between: cancelled in the line, broken off from within, attached to at its end."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from bench.chaos.client import Told
from contracts.identity import LOCAL
from ports.settings import Settings
from server.live import Live, live_again, live_of
from server.log import RunLog, log_key
from server.open import open_parts
from server.parts import Parts
from server.runs import DEATHS
from server.wire import HEARTBEAT, SSE
from store import conversations, ends, line, messages, runs
from store.tables import runs as table
from tests.servers.runtime import Runtime, events, named

QUESTION = "What does the desk in the entrance hall open at?"


@pytest.fixture
async def parts(tmp_path: Path) -> AsyncGenerator[Parts]:
    """The parts of a server without HTTP, its folder empty."""
    nothing: Any = None
    async with open_parts(Settings(data_dir=tmp_path / "data"), lambda _: nothing) as found:
        yield found


async def accepted(parts: Parts, said: str = "hello", owner: str = "") -> runs.Accepted:
    place = await conversations.create(parts.database, LOCAL, "")
    return await runs.accept(parts.database, LOCAL, place["id"], "default", said, owner=owner)


async def ends_of(parts: Parts, run_id: str) -> list[str]:
    await parts.log.flush()
    redis: Any = parts.wiring.ports.redis
    entries = await redis.xrange(log_key(LOCAL.tenant, run_id))
    names = [fields[b"e"].decode() for _, fields in entries]
    return [name for name in names if name in ("done", "error")]


async def test_a_run_that_is_cancelled_while_it_leaves_the_line_ends_once(parts: Parts):
    first = await accepted(parts)
    done = await ends.finish(parts.database, LOCAL, first.run_id, "queued", "", {})
    run_id = str(done.next_run)
    await asyncio.gather(parts.recovery.dispatch(), parts.recovery.stop(LOCAL, run_id))
    live = parts.runs.find(run_id)
    if live is not None and live.task is not None:
        await asyncio.wait([live.task])
    run = await runs.get(parts.database, LOCAL, run_id)
    assert (run["status"], await ends_of(parts, run_id)) == ("cancelled", ["done"])


async def test_a_place_for_which_a_run_is_looked_for_is_no_longer_free(parts: Parts):
    places = parts.runs.places
    places.most, seen = 1, set[bool]()
    looking = asyncio.create_task(parts.recovery.dispatch())
    while not looking.done():
        seen.add(places.full())
        await asyncio.sleep(0)
    assert (True in seen, places.full()) == (True, False)


async def test_a_process_that_is_never_idle_still_takes_over_what_the_dead_have_left(parts: Parts):
    async def end_runs() -> None:
        while True:
            parts.runs.freed.set()
            await asyncio.sleep(0.01)

    ending = asyncio.create_task(end_runs())
    left = await accepted(parts, owner="w_dead")
    async with asyncio.timeout(20):
        seen = b"".join([piece async for piece in frames_of(parts, left.run_id)])
    ending.cancel()
    assert seen.count(b"event: done") == 1


async def test_a_server_that_only_accepts_takes_nothing_up(tmp_path: Path):
    nothing: Any = None
    async with open_parts(Settings(data_dir=tmp_path / "data"), lambda _: nothing, takes=False) as parts:
        left = await accepted(parts, owner="w_dead")
        place = await conversations.create(parts.database, LOCAL, "")
        waiting = await runs.accept(parts.database, LOCAL, place["id"], "default", "hello", owner=None)
        await parts.recovery.sweep()
        found = [(await runs.get(parts.database, LOCAL, one.run_id)) for one in (left, waiting)]
    assert [(one["status"], one["owner"]) for one in found] == [("running", "w_dead"), ("waiting", "")]


async def test_a_process_that_ends_does_not_take_back_what_it_hands_over(parts: Parts):
    left = await accepted(parts, owner=parts.lease.owner)
    parts.runs.closing = True
    assert await parts.recovery.hand_over() == 1
    assert await parts.recovery.sweep() == 0
    run = await runs.get(parts.database, LOCAL, left.run_id)
    assert (run["owner"], run["attempts"]) == ("", 1)
    await parts.lease.renew(parts.recovery.lapsed, parts.recovery.rolled_back)
    redis: Any = parts.wiring.ports.redis
    assert await redis.exists(f"sb:lease:{parts.lease.owner}") == 0


async def test_a_run_that_is_broken_off_from_within_ends_with_an_error(parts: Parts):
    begun = await accepted(parts, owner=parts.lease.owner)
    live = live_of(LOCAL, begun, "default", "hello", [])
    parts.runs.start(live)
    await live.begun.wait()
    task = live.task
    assert task is not None
    task.cancel()  # by nobody who asked for it
    await asyncio.wait([task])
    run = await runs.get(parts.database, LOCAL, begun.run_id)
    assert (run["status"], await ends_of(parts, begun.run_id)) == ("failed", ["error"])
    again = await runs.accept(parts.database, LOCAL, begun.conversation_id, "default", "hello again")
    assert again.run_id != begun.run_id


async def frames_of(parts: Parts, run_id: str) -> AsyncGenerator[bytes]:
    frames = await parts.streams.open(LOCAL, run_id, "")
    assert frames is not None
    async with aclosing(frames):
        async for piece in frames:
            yield piece


async def test_what_was_trimmed_of_a_live_run_comes_again_with_its_decision(parts: Parts):
    begun = await accepted(parts, "hello, who are you?", parts.lease.owner)
    live = live_of(LOCAL, begun, "default", "hello, who are you?", [])
    parts.runs.start(live)
    async with aclosing(frames_of(parts, begun.run_id)) as first:
        async for piece in first:
            if b"event: decision" in piece:
                break
    redis: Any = parts.wiring.ports.redis
    await redis.xtrim(live.log.key, maxlen=1, approximate=False)
    seen = b"".join([piece async for piece in frames_of(parts, begun.run_id)])
    names = [event.name for event in events(iter(seen.decode().splitlines()))]
    assert names[:2] == ["gap", "run"]
    assert (names.count("decision"), names.count("done"), names[-1]) == (1, 1, "done")


def test_who_has_the_end_is_told_that_nothing_follows(runtime: Runtime):
    seen = runtime.ask(QUESTION)
    path = f"/messaging/runs/{named(seen, 'run')[0]['run_id']}/stream"
    answer = runtime.http.get(path, headers={"Last-Event-ID": seen[-1].id})
    assert (answer.status_code, answer.content) == (204, b"")
    assert [event.id for event in runtime.replay(path.split("/")[3], seen[-2].id)] == [seen[-1].id]


def test_who_has_the_end_of_an_upload_is_told_that_nothing_follows(runtime: Runtime):
    made = runtime.http.post(
        "/documents", files={"file": ("hall.md", b"# Hall\n\nThe hall is green.\n")}
    ).json()
    path = f"/documents/jobs/{made['job_id']}/stream"
    with runtime.http.stream("GET", path) as response:
        seen = list(events(response.iter_lines()))
    answer = runtime.http.get(path, headers={"Last-Event-ID": seen[-1].id})
    assert (seen[-1].name, answer.status_code) == ("done", 204)


def test_a_cursor_from_after_the_run_is_refused(runtime: Runtime):
    run_id = named(runtime.ask(QUESTION), "run")[0]["run_id"]
    last = runtime.replay(run_id)[-1].id
    later = f"{int(last.partition('-')[0]) + 3_600_000}-0"
    answer = runtime.http.get(f"/messaging/runs/{run_id}/stream", params={"after": later})
    assert (answer.status_code, answer.json()["code"]) == (400, "bad_request")


async def test_a_stream_that_is_late_with_an_end_in_its_log_tells_nothing_anew(parts: Parts):
    begun = await accepted(parts, owner=parts.lease.owner)
    live = live_of(LOCAL, begun, "default", "hello", [])
    parts.runs.start(live)
    assert live.task is not None
    await asyncio.wait([live.task])
    assert await ends_of(parts, live.run_id) == ["done"]
    assert await parts.streams._quiet(LOCAL, live.run_id, live.log.last, SSE) == (HEARTBEAT, False)
    await parts.wiring.ports.redis.delete(log_key(LOCAL.tenant, live.run_id))
    frames, over = await parts.streams._quiet(LOCAL, live.run_id, live.log.last, SSE)
    assert (over, frames.count(b"event: restart"), frames.count(b"event: done")) == (True, 1, 1)


async def test_a_cursor_that_is_later_than_the_stored_end_is_taken(parts: Parts):
    """The end is stamped when its transaction begins; the last events are written when it is committed."""
    begun = await accepted(parts, owner=parts.lease.owner)
    live = live_of(LOCAL, begun, "default", "hello", [])
    parts.runs.start(live)
    assert live.task is not None
    await asyncio.wait([live.task])
    early = datetime.now(UTC) - timedelta(seconds=5)
    stamp = update(table).where(table.c.id == live.run_id).values(finished_at=early.isoformat())
    await parts.database.write(lambda connection: connection.execute(stamp))
    entries: Any = await parts.wiring.ports.redis.xrange(log_key(LOCAL.tenant, live.run_id))
    frames = await parts.streams.open(LOCAL, live.run_id, entries[-2][0].decode())
    assert frames is not None
    assert [one.count(b"event: done") async for one in frames] == [1]


async def taken_over(parts: Parts, said: str, **changed: Any) -> Live:
    """Return a run that its owner left in the middle of its answer."""
    begun = await accepted(parts, owner=parts.lease.owner)
    log = RunLog(log_key(LOCAL.tenant, begun.run_id))
    parts.log.append(log, "run", {"run_id": begun.run_id})
    parts.log.append(log, "token", {"text": said})
    await parts.log.flush()
    left = await line.take_over(parts.database, parts.lease.owner, {parts.lease.owner}, [begun.run_id])
    live = live_again(replace(left[0], **changed))
    parts.runs.take_up(live)
    return live


async def test_what_clients_have_is_kept_where_a_run_is_stopped_while_it_is_taken_over(parts: Parts):
    live = await taken_over(parts, "half an answer")
    await parts.runs.cancel(live)
    answer = await messages.answer_of(parts.database, LOCAL, live.run_id)
    assert answer is not None
    assert (answer["status"], answer["content"]) == ("cancelled", "half an answer")


async def test_what_clients_have_is_kept_where_a_run_has_killed_its_owners(parts: Parts):
    live = await taken_over(parts, "half an answer", deaths=DEATHS)
    assert live.task is not None
    await asyncio.wait([live.task])
    answer = await messages.answer_of(parts.database, LOCAL, live.run_id)
    assert answer is not None
    assert (answer["status"], answer["content"]) == ("failed", "half an answer")
    assert await ends_of(parts, live.run_id) == ["error"]


async def test_an_end_after_too_many_deaths_does_not_call_for_the_same_question_again(parts: Parts):
    live = await taken_over(parts, "", deaths=DEATHS)
    assert live.task is not None
    await asyncio.wait([live.task])
    run = await runs.get(parts.database, LOCAL, live.run_id)
    assert (run["status"], run["error"]) == (
        "failed",
        {
            "code": "given_up",
            "message": "The server stopped 3 times while it answered this. Ask in other words.",
            "retryable": False,
        },
    )


@pytest.mark.parametrize("count", range(1, 6))
async def test_a_client_that_is_cut_while_it_is_told_all_anew_ends_with_the_whole_text(
    parts: Parts, count: int
):
    """The log got its end late, after a client had begun to get it from the database and lost its connection."""
    begun = await accepted(parts, owner=parts.lease.owner)
    live = live_of(LOCAL, begun, "default", "hello", [])
    parts.runs.start(live)
    assert live.task is not None
    await asyncio.wait([live.task])
    redis: Any = parts.wiring.ports.redis
    entries = await redis.xrange(log_key(LOCAL.tenant, live.run_id))
    [decision] = [id.decode() for id, fields in entries if fields[b"e"] == b"decision"]
    await redis.xdel(log_key(LOCAL.tenant, live.run_id), entries[-1][0])
    anew, _ = await parts.streams._quiet(LOCAL, live.run_id, live.log.last, SSE)
    told = Told()
    for frame in anew.split(b"\n\n")[:count]:  # of the run, the restart, the text, …; then it is cut
        told.take(frame)
    last = live.log.next_id()
    await redis.xadd(log_key(LOCAL.tenant, live.run_id), entries[-1][1], id=f"{last[0]}-{last[1]}")
    again = await parts.streams.open(LOCAL, live.run_id, told.last or decision)
    assert again is not None
    async for frames in again:
        for frame in frames.split(b"\n\n")[:-1]:
            told.take(frame)
    assert told.text == told.ends[0][1]["text"]
