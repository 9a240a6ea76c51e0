"""Whatever several tenants do at once: nobody reads another's rows, and every page holds each row once."""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from contracts.agents import AgentConfig, EscalationLimit
from contracts.errors import ConversationBusy, Unknown
from contracts.identity import Identity
from store import (
    agents,
    conversations,
    decisions,
    documents,
    ends,
    escalations,
    feedback,
    history,
    jobs,
    keys,
    line,
    messages,
    runs,
    usage,
)
from store.engine import Database
from tests.store.places import KINDS, Place, open_place, postgres_place, sqlite_place

DECISION = {"path": "refuse", "confidence": 0.5, "intent": "ask", "task": "answer", "reason": "r"}
MANY = EscalationLimit(limit=1000, per=60)


@pytest.fixture(params=KINDS)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    with sqlite_place(tmp_path) if request.param == "sqlite" else postgres_place() as place:
        yield place


@dataclass
class World:
    """Two tenants with the same user names; every text says whose it is."""

    database: Database
    mark: str = field(default_factory=lambda: uuid4().hex)
    made: dict[str, list[tuple[Identity, str]]] = field(default_factory=lambda: defaultdict(list))

    def people(self) -> list[Identity]:
        tenants = [f"{self.mark}-{n}" for n in range(2)]
        return [
            Identity(t, user, "d", role) for t in tenants for user, role in (("u", "member"), ("o", "owner"))
        ]

    def own(self, kind: str, who: Identity, pick: int) -> str:
        """Return the id of something of theirs, else one that is nobody's."""
        theirs = [id for owner, id in self.made[kind] if owner == who]
        return theirs[pick % len(theirs)] if theirs else "none"

    def note(self, kind: str, who: Identity, id: str) -> None:
        self.made[kind].append((who, id))


def _text(who: Identity) -> str:
    return f"of {who.tenant} {who.user}"


async def _talk(world: World, who: Identity, pick: int) -> None:
    made = await conversations.create(world.database, who, _text(who))
    world.note("conversation", who, made["id"])


async def _ask(world: World, who: Identity, pick: int) -> None:
    id = world.own("conversation", who, pick)
    asked = await runs.accept(world.database, who, id, "default", _text(who))
    assert all(turn["content"] == _text(who) for turn in asked.turns)
    world.note("run", who, asked.run_id)


async def _end(world: World, who: Identity, pick: int) -> None:
    outcome: Any = {"decision": DECISION, "inputs": {"of": who.tenant}}
    ended = await ends.finish(
        world.database,
        who,
        world.own("run", who, pick),
        ("completed", "queued")[pick % 2],
        _text(who),
        outcome,
    )
    world.note("message", who, ended.message_id)
    if ended.first and ended.next_run:
        world.note("run", who, ended.next_run)


async def _remove(world: World, who: Identity, pick: int) -> None:
    await conversations.remove(world.database, who, world.own("conversation", who, pick))


async def _rate(world: World, who: Identity, pick: int) -> None:
    await feedback.rate(world.database, who, world.own("message", who, pick), 1, _text(who))


async def _escalate(world: World, who: Identity, pick: int) -> None:
    about: Any = {"conversation_id": world.own("conversation", who, pick), "run_id": None, "agent": "default"}
    id = await escalations.ticket(
        world.database, who, **about, question=_text(who), reason=_text(who), limit=MANY
    )
    world.note("escalation", who, id)


async def _index(world: World, who: Identity, pick: int) -> None:
    source = f"{pick % 3}.md"
    made = await documents.upsert(world.database, who, source, title=_text(who), sha256="0", bytes=1)
    world.note("document", who, made["id"])
    world.note("job", who, (await jobs.create(world.database, who, [_text(who)]))["id"])
    await agents.put(world.database, who, "own", AgentConfig(name=_text(who)))
    row, secret = await keys.create(world.database, who.tenant, who.user, role=who.role)
    assert await keys.find(world.database, secret) == Identity(who.tenant, who.user, "", who.role, row["id"])


async def _work(world: World, who: Identity, pick: int) -> None:
    taken = await line.next_waiting(world.database)
    if taken is not None:
        assert taken.question == _text(taken.who)
        assert all(turn["content"] == _text(taken.who) for turn in taken.turns)


_DEEDS: list[Callable[[World, Identity, int], Awaitable[None]]] = [
    _talk, _ask, _ask, _end, _end, _remove, _rate, _escalate, _index, _work,
]  # fmt: skip
_STEPS = st.lists(
    st.tuples(st.integers(0, len(_DEEDS) - 1), st.integers(0, 3), st.integers(0, 5)), min_size=1, max_size=25
)


async def _pages(call: Callable[..., Awaitable[Any]], *args: Any) -> list[Any]:
    items: list[Any] = []
    cursor = None
    while True:
        page = await call(*args, limit=2, cursor=cursor)
        items += page["items"]
        cursor = page["next"]
        if cursor is None:
            return items


async def _require_only_their_own(world: World, who: Identity) -> None:
    """Read everything that `who` can list; no text or id of another tenant may be in it."""
    database = world.database
    seen: list[Any] = [await usage.stats(database, who), await agents.listing(database, who)]
    for resource in (conversations, decisions, escalations, documents, jobs):
        items = await _pages(resource.listing, database, who)
        assert len({one["id"] for one in items}) == len(items)
        seen += items
    for one in await _pages(conversations.listing, database, who):
        said = await _pages(messages.listing, database, who, one["id"])
        assert len(said) == one["messages"]
        seen += said
    seen += await _pages(history.search, database, who, "of")
    seen += await _pages(keys.listing, database, who.tenant)
    told = repr(seen)
    strangers = [other for other in world.people() if other.tenant != who.tenant]
    assert not any(other.tenant in told for other in strangers)
    foreign = {id for ids in world.made.values() for owner, id in ids if owner.tenant != who.tenant}
    assert not any(id in told for id in foreign)


async def _require_refused(world: World, who: Identity) -> None:
    """Ask by id for everything that another tenant made; each must be unknown."""
    calls: dict[str, list[Callable[..., Awaitable[Any]]]] = {
        "conversation": [conversations.get, messages.listing, conversations.remove],
        "run": [runs.get, line.position, line.line_up],
        "escalation": [escalations.get],
        "document": [documents.get, documents.remove],
        "job": [jobs.get],
    }
    for kind, asked in calls.items():
        for owner, id in world.made[kind]:
            for call in asked if owner.tenant != who.tenant else []:
                with pytest.raises(Unknown):
                    await call(world.database, who, id)


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(steps=_STEPS)
def test_no_read_of_one_tenant_returns_a_row_of_another(
    place: Place, steps: list[tuple[int, int, int]]
) -> None:
    async def run() -> None:
        async with open_place(place) as database:
            world = World(database)
            for deed, person, pick in steps:
                with suppress(Unknown, ConversationBusy):
                    await _DEEDS[deed](world, world.people()[person], pick)
            for who in world.people():
                await _require_only_their_own(world, who)
                await _require_refused(world, who)
            while await line.next_waiting(database):
                pass

    asyncio.run(run())


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(before=st.integers(0, 12), limit=st.integers(1, 5), late=st.integers(0, 3))
def test_paging_returns_each_row_once_while_others_write(
    place: Place, before: int, limit: int, late: int
) -> None:
    async def run() -> None:
        async with open_place(place) as database:
            who = World(database).people()[0]
            made = [(await jobs.create(database, who, []))["id"] for _ in range(before)]
            made_conversations = [(await conversations.create(database, who))["id"] for _ in range(before)]
            for listing, expected in ((jobs.listing, made), (conversations.listing, made_conversations)):
                seen: list[str] = []
                cursor: str | None = ""
                while cursor is not None:
                    writes = [conversations.create(database, who) for _ in range(late if seen else 0)]
                    writes += [jobs.create(database, who, []) for _ in range(late if seen else 0)]
                    page, *_ = await asyncio.gather(listing(database, who, limit, cursor or None), *writes)
                    seen += [one["id"] for one in page["items"]]
                    cursor = page["next"]
                assert [id for id in seen if id in expected] == expected[::-1]
                assert len(set(seen)) == len(seen)

    asyncio.run(run())
