"""The index's embedding model: which one it is, and the change to another."""

from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from contracts.errors import Forbidden
from contracts.identity import Identity
from graph.reembed import Wish
from server.parts import Here, Parts, Who, require_open

router = APIRouter(tags=["index"])


class Wanted(BaseModel):
    """The model to change to."""

    model_config = ConfigDict(extra="forbid")
    model: Annotated[str, Field(max_length=200)] = ""
    """Empty for the one that the settings name."""
    anew: bool = False
    """Make all vectors again although the model stays the same."""
    keep: bool = False
    """Keep the old collection."""


@router.get("/index/model")
async def model(here: Here, who: Who) -> Any:
    """Return the model that the index is made with, and the change under way or the last one."""
    require_operator(who)
    return _shown(here)


@router.post("/index/model", status_code=202)
async def change(here: Here, who: Who, body: Wanted) -> Any:
    """Change the model: a new collection is made beside the old one, which answers until the switch."""
    require_open(here)
    require_operator(who)
    here.reembeds.start(Wish(body.model, body.anew, body.keep))
    return _shown(here)


def require_operator(who: Identity) -> None:
    """Raise Forbidden for anyone but an operator: the model is every tenant's."""
    if who.role != "operator":
        raise Forbidden(
            "The embedding model is shared by all tenants, so only an operator may see or change it. Use "
            "`switchboard reembed` on the server, or an operator's key."
        )


def _shown(here: Parts) -> dict[str, Any]:
    now = here.wiring.indexes.now
    return {
        "model": now.embedding,
        "dimension": now.dimension,
        "collection": now.collection.name,
        "advice": here.wiring.indexes.advice,
        "change": here.reembeds.change,
    }
