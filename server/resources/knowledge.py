"""Retrieval alone: what `sources` would give for a question."""

from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from contracts.errors import BadRequest
from nodes.retrieve import to_passage
from server.parts import Here, Who

router = APIRouter(tags=["knowledge"])


class Query(BaseModel):
    """A question to the index."""

    model_config = ConfigDict(extra="forbid")
    query: Annotated[str, Field(max_length=4000)]
    limit: Annotated[int, Field(ge=1, le=50)] = 6
    agent: Annotated[str, Field(max_length=64)] = "default"


@router.post("/search")
async def search(here: Here, who: Who, body: Query) -> Any:
    """Return the passages for a query, best first."""
    if not body.query.strip():
        raise BadRequest("query is empty. Write what to look for.")
    agent = await here.wiring.agent(who, body.agent)
    found = await here.wiring.retriever(who, agent, body.limit).ainvoke(body.query)
    return {"passages": [to_passage(document) for document in found]}
