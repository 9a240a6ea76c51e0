"""Keys and agents, on both databases."""

import re

import pytest
from sqlalchemy import text

from contracts.agents import AgentConfig
from contracts.errors import BadRequest, Unknown
from contracts.identity import Identity
from store import agents, keys
from store.engine import Database
from tests.store.places import ANN, OWNER, STRANGER


async def test_a_secret_tells_who_it_belongs_to_until_it_is_revoked(database: Database) -> None:
    assert await keys.exist(database) is False
    row, secret = await keys.create(database, "acme", "ann", "sales", "owner", "laptop")
    assert re.fullmatch(r"sb_[0-9A-Za-z]{32}", secret)
    assert await keys.find(database, secret) == Identity("acme", "ann", "sales", "owner", row["id"])
    assert await keys.exist(database) is True
    for wrong in ("", "sb_", secret[:-1], secret + "x", secret.swapcase(), "\x00\ud800"):
        assert await keys.find(database, wrong) is None
    await keys.revoke(database, "acme", row["id"])
    assert await keys.find(database, secret) is None
    assert await keys.exist(database) is False


async def test_the_secret_is_kept_nowhere(database: Database) -> None:
    _, secret = await keys.create(database, "acme", "ann")
    rows = await database.read(lambda connection: connection.execute(text("SELECT * FROM keys")).all())
    assert len(rows) == 1
    assert secret not in repr(rows)
    assert secret.removeprefix("sb_") not in repr(rows)


async def test_a_tenant_lists_and_revokes_only_its_own_keys(database: Database) -> None:
    made = [(await keys.create(database, "acme", "ann", name=str(n)))[0] for n in range(3)]
    page = await keys.listing(database, "acme", limit=2)
    rest = await keys.listing(database, "acme", limit=2, cursor=page["next"])
    assert page["items"] + rest["items"] == made[::-1]
    assert (await keys.listing(database, "other"))["items"] == []
    with pytest.raises(Unknown):
        await keys.revoke(database, "other", made[0]["id"])
    await keys.revoke(database, "acme", made[0]["id"])
    first = (await keys.listing(database, "acme"))["items"][-1]["revoked_at"]
    await keys.revoke(database, "acme", made[0]["id"])
    assert (await keys.listing(database, "acme"))["items"][-1]["revoked_at"] == first is not None


@pytest.mark.parametrize(
    ("tenant", "user", "role"), [("", "a", "member"), ("a", "", "member"), ("a", "a", "x")]
)
async def test_a_key_for_nobody_is_refused(database: Database, tenant: str, user: str, role: str) -> None:
    with pytest.raises(BadRequest):
        await keys.create(database, tenant, user, role=role)


async def test_the_default_agent_exists_before_anyone_wrote_it(database: Database) -> None:
    agent = await agents.get(database, ANN)
    assert (agent.id, agent.version, agent.config) == ("default", 0, AgentConfig())
    assert await agents.listing(database, ANN) == ["default"]
    with pytest.raises(Unknown, match="legal"):
        await agents.get(database, ANN, "legal")


async def test_each_change_of_an_agent_raises_its_version(database: Database) -> None:
    config = AgentConfig(name="Legal", confidence_threshold=0.75, blocked_topics=["salary"])
    for version in (1, 2):
        saved = await agents.put(database, OWNER, "legal", config)
        assert (saved.version, saved.updated_by) == (version, "olga")
    assert await agents.get(database, ANN, "legal") == saved
    assert await agents.listing(database, ANN) == ["default", "legal"]
    with pytest.raises(Unknown):
        await agents.get(database, STRANGER, "legal")


@pytest.mark.parametrize("id", ["", "Legal", "a/b", "-a", "a" * 65, "a\n", "ä"])
async def test_an_agent_needs_a_plain_id(database: Database, id: str) -> None:
    with pytest.raises(BadRequest):
        await agents.put(database, OWNER, id, AgentConfig())
