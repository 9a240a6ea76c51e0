"""Agents: how each behaves, and the ledger of what they decided."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query

from contracts.agents import AgentConfig
from contracts.state import Path
from server.auth import require_owner
from server.parts import Cursor, Here, Limit, Who
from store import agents, decisions, usage
from store.access import oversees

router = APIRouter(tags=["agents"])


@router.get("/agents/{id}")
async def get(here: Here, who: Who, id: str) -> Any:
    """Return an agent's configuration; the addresses of its tools are for owners alone."""
    found = to_body(await agents.get(here.database, who, id))
    if not oversees(who):
        found["tools"] = [{**tool, "url": ""} for tool in found["tools"]]
    return found


@router.put("/agents/{id}")
async def put(here: Here, who: Who, id: str, body: AgentConfig) -> Any:
    """Create or replace an agent's configuration; it holds from the next message on."""
    require_owner(who)
    saved = await agents.put(here.database, who, id, body)
    here.wiring.forget_agent(who, id)
    return to_body(saved)


@router.get("/orchestrator/decisions")
async def ledger(
    here: Here,
    who: Who,
    limit: Limit = 50,
    cursor: Cursor = None,
    path: Annotated[Path | None, Query()] = None,
    agent: Annotated[str | None, Query(max_length=64)] = None,
    user: Annotated[str | None, Query(max_length=200)] = None,
    since: Annotated[str | None, Query(max_length=40)] = None,
) -> Any:
    """List decisions, the newest first."""
    return await decisions.listing(
        here.database, who, limit, cursor, path=path, agent=agent, user=user, since=since
    )


@router.get("/llm/stats")
async def stats(
    here: Here,
    who: Who,
    by: Literal["day", "model"] = "day",
    since: Annotated[str | None, Query(max_length=40)] = None,
) -> Any:
    """Return requests, tokens, cost and latency by model, and by day."""
    return {"items": await usage.stats(here.database, who, by, since)}


def to_body(agent: agents.Agent) -> dict[str, Any]:
    """Return an agent as the API shows it."""
    said = {
        "id": agent.id,
        "version": agent.version,
        "updated_at": agent.updated_at,
        "updated_by": agent.updated_by,
    }
    return {**said, **agent.config.model_dump(mode="json")}
