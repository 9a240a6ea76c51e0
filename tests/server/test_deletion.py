"""A deleted document is nowhere any more: a planted text is looked for in every store, also on servers."""

import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from graph.scan import Place, compact, scan
from graph.wiring import open_wiring
from ports.settings import Settings
from tests.servers.postgres import require_postgres
from tests.servers.redis import require_redis
from tests.servers.runtime import Runtime, named, running, text_of

CANARY = "zanzibarquokka"
TEXT = f"# Badges\n\nThe badge office of Lisbon opens at {CANARY} o'clock on Mondays.\n"
OTHER = b"# Lunch\n\nLunch in the canteen of Porto costs seven euros.\n"
QUESTION = "When does the badge office of Lisbon open?"


@pytest.fixture(params=["embedded", "servers"])
def chosen(request: pytest.FixtureRequest) -> Iterator[dict[str, Any]]:
    if request.param == "embedded":
        yield {}
        return
    name, redis = f"canary_{secrets.token_hex(4)}", require_redis()
    postgres = require_postgres()
    yield {"database_url": SecretStr(postgres.create(name)), "redis_url": SecretStr(redis.url)}
    postgres.drop(name)


async def places(folder: Path, chosen: dict[str, Any], *, after: bool) -> list[Place]:
    async with open_wiring(Settings(data_dir=folder, **chosen)) as wiring:
        if after:
            wiring.library.grace = 0.0
            await compact(wiring)
        return await scan(wiring, CANARY)


def use(server: Runtime) -> None:
    """Upload the document, ask for it, remember the answer, replay it, and approve one without a word of sources."""
    assert server.upload("badges.md", TEXT.encode())[-1].name == "done"
    assert server.upload("lunch.md", OTHER)[-1].name == "done"
    conversation = server.conversation()
    found = server.ask(QUESTION, conversation)
    assert CANARY in text_of(found)
    assert CANARY in text_of(server.ask(QUESTION))  # remembered
    assert CANARY in text_of(server.replay(named(found, "run")[0]["run_id"]))
    ticket = server.http.post("/escalations", json={"run_id": named(found, "run")[0]["run_id"]}).json()
    body = {"content": f"At {CANARY}.", "canonical": True}
    assert server.http.post(f"/escalations/{ticket['id']}/answer", json=body).status_code == 200


async def test_a_deleted_document_is_in_no_store(tmp_path: Path, chosen: dict[str, Any]) -> None:
    folder = tmp_path / "data"
    with running(folder, None, **chosen) as server:
        use(server)
        conversation = server.http.get("/messaging/conversations").json()["items"][0]["id"]
    before = {place.store for place in await places(folder, chosen, after=False)}
    assert before >= {"index", "sql", "log"}
    with running(folder, None, **chosen) as server:
        (entry,) = [
            one for one in server.http.get("/documents").json()["items"] if one["source"] == "badges.md"
        ]
        assert server.http.delete(f"/documents/{entry['id']}").status_code == 204
        assert CANARY not in text_of(server.ask(QUESTION))
        said = server.http.get(f"/messaging/conversations/{conversation}/messages").json()["items"]
        assert CANARY not in str(said)
        for message in said:
            if message["run_id"] and message["role"] == "assistant":
                assert CANARY not in str(server.replay(message["run_id"]))
    assert await places(folder, chosen, after=True) == []
