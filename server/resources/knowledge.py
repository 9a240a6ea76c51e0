"""What answers are drawn from: the passages that a search finds, and the answers that people approved."""

from dataclasses import asdict
from typing import Annotated, Any, Final, cast
from uuid import UUID

from fastapi import APIRouter, Response
from fastapi import Query as InQuery
from pydantic import BaseModel, ConfigDict, Field

from contracts.errors import BadRequest, Unknown
from nodes.retrieve import to_passage
from retrievers.canonical import Place
from server.auth import require_owner
from server.parts import Cursor, Here, Limit, Who
from store.paging import cursor_of, values_of

router = APIRouter(tags=["knowledge"])

FEW: Final = 6
MOST: Final = 50


class Query(BaseModel):
    """A question to the index."""

    model_config = ConfigDict(extra="forbid")
    query: Annotated[str, Field(max_length=4000)]
    limit: Annotated[int | None, Field(ge=1, le=50)] = None
    """Passages at most: 6, and 50 where `characters` bounds them."""
    characters: Annotated[int | None, Field(ge=200, le=50_000)] = None
    """Characters of text at most, in all: the parts of passages that are worth their room."""
    agent: Annotated[str, Field(max_length=64)] = "default"


@router.post("/search")
async def search(here: Here, who: Who, body: Query) -> Any:
    """Return the passages for a query, best first: what the caller's department may read, whatever their role.

    With `characters` they are the parts of passages that fit into so much text; `start` and `end` are theirs.
    """
    if not body.query.strip():
        raise BadRequest("query is empty. Write what to look for.")
    agent = await here.wiring.agent(who, body.agent)
    limit = body.limit or (MOST if body.characters else FEW)
    retriever = here.wiring.retriever(who, agent, limit)
    if body.characters:
        retriever = retriever.model_copy(update={"characters": body.characters})
    found = await retriever.ainvoke(body.query)
    return {"passages": [to_passage(document) for document in found]}


@router.get("/answers")
async def answers(
    here: Here,
    who: Who,
    limit: Limit = 50,
    cursor: Cursor = None,
    agent: Annotated[str | None, InQuery(max_length=64)] = None,
) -> Any:
    """List the approved answers that are given to whoever asks the same, the newest first."""
    require_owner(who)
    scope = ["answers", who.tenant, agent]
    after = None if cursor is None else cast(Place, tuple(values_of(cursor, [str, str], scope)))
    found, following = await here.wiring.canonical.list_canonical(who.tenant, agent, limit=limit, after=after)
    return {"items": [asdict(one) for one in found], "next": following and cursor_of(scope, following)}


@router.delete("/answers/{id}", status_code=204)
async def withdraw(here: Here, who: Who, id: str) -> Response:
    """Withdraw an approved answer: from now on its question is answered from the documents again."""
    require_owner(who)
    # First: no answer from before the approval comes back out of the cache.
    await here.wiring.bump(who.tenant)
    if not await here.wiring.canonical.delete_canonical(who.tenant, require_uuid(id)):
        raise Unknown("answer", id)
    return Response(status_code=204)


def require_uuid(id: str) -> str:
    """Return the id of an approved answer as the index spells it. Raises Unknown for what cannot be one."""
    try:
        return str(UUID(id))
    except ValueError as error:
        raise Unknown("answer", id) from error
