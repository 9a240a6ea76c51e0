"""The configuration of each agent. `default` exists in every tenant before anyone has written it."""

import re
from typing import NamedTuple

from sqlalchemy import Connection, select

from contracts.agents import AgentConfig
from contracts.errors import BadRequest, Unknown
from contracts.identity import Identity
from store.dialect import insert_into
from store.engine import reads, writes
from store.ids import now
from store.tables import agents

DEFAULT = "default"
_ID = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")


class Agent(NamedTuple):
    """An agent as it was last saved."""

    id: str
    config: AgentConfig
    version: int
    """Rises by one with each change; 0 for the default that nobody has written."""
    updated_at: str
    """Empty at version 0."""
    updated_by: str


_UNWRITTEN = Agent(DEFAULT, AgentConfig(), 0, "", "")


@reads
def get(connection: Connection, who: Identity, id: str = DEFAULT) -> Agent:
    """Return the agent; raises Unknown."""
    a = agents.c
    row = connection.execute(select(agents).where(a.tenant == who.tenant, a.id == id)).first()
    if row is not None:
        config = AgentConfig.model_validate(row.config)
        return Agent(row.id, config, row.version, row.updated_at, row.updated_by)
    if id == DEFAULT:
        return _UNWRITTEN
    raise Unknown("agent", id)


@writes
def put(connection: Connection, who: Identity, id: str, config: AgentConfig) -> Agent:
    """Create or replace the agent and return it with its new version.

    Raises BadRequest unless the id is up to 64 of `a-z 0-9 _ -`, a letter or digit first.
    """
    if not _ID.fullmatch(id):
        raise BadRequest(f"{id[:80]!r} cannot be an agent's id. Use up to 64 of a-z, 0-9, _ and -.")
    at = now()
    saved = {"config": config.model_dump(mode="json"), "updated_at": at, "updated_by": who.user}
    row = {"tenant": who.tenant, "id": id, "version": 1, **saved}
    added = insert_into(connection, agents).values(row)
    rising = {**saved, "version": agents.c.version + 1}
    saving = added.on_conflict_do_update(index_elements=[agents.c.tenant, agents.c.id], set_=rising)
    version = connection.execute(saving.returning(agents.c.version)).scalar_one()
    return Agent(id, config, version, at, who.user)


@reads
def listing(connection: Connection, who: Identity) -> list[str]:
    """Return the ids of the tenant's agents in order; `default` is always among them."""
    ids = connection.execute(select(agents.c.id).where(agents.c.tenant == who.tenant)).scalars()
    return sorted({DEFAULT, *ids})
