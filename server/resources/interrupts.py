"""What runs wait for from a person: the list, and the answer."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from contracts.errors import BadRequest
from contracts.identity import Identity
from server.parts import Cursor, Here, Limit, Parts, Who
from server.recovery import WAITS
from server.resources.conversations import require_content
from store import interrupts

router = APIRouter(tags=["interrupts"])


class Response(BaseModel):
    """What a person says."""

    model_config = ConfigDict(extra="forbid")
    action: Literal["approve", "edit", "reject"]
    text: str = ""
    """The answer in other words; for `edit` of an answer."""
    arguments: dict[str, Any] | None = None
    """What the tool is called with instead; for `edit` of a tool call."""
    comment: Annotated[str, Field(max_length=4000)] = ""


@router.get("/interrupts")
async def listing(
    here: Here,
    who: Who,
    limit: Limit = 50,
    cursor: Cursor = None,
    status: Annotated[Literal["open", "answered", "expired", "withdrawn"] | None, Query()] = None,
) -> Any:
    """List what runs wait for, the newest first: an overseer's whole tenant, else the caller's own."""
    return await interrupts.listing(here.database, who, limit, cursor, status=status)


@router.post("/messaging/runs/{id}/resume")
async def resume(here: Here, who: Who, id: str, body: Response) -> Any:
    """Answer what the run waits for; `next_run` goes on with it, and its stream can be read at once."""
    return await answered(here, who, id, body)


async def answered(here: Parts, who: Identity, run_id: str, body: Response) -> interrupts.Interrupt:
    """Answer what a run waits for and let it go on. Raises BadRequest, Unknown, Forbidden, NotOpen."""
    said = body.model_dump(exclude_defaults=True)
    if body.action == "edit" and body.arguments is None:
        said["text"] = require_content(body.text, here.settings.max_message, "the edited answer")
    elif body.action != "edit" and (body.text or body.arguments is not None):
        raise BadRequest(f'"text" and "arguments" go with "edit", not with {body.action!r}.')
    found = await interrupts.answer(here.database, who, run_id, said)
    here.runs.freed.set()
    await here.recovery.tell_all(WAITS)
    return interrupts.shown(found, who)
