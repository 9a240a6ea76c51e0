"""What runs wait for from a person: the list, and the answer."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from contracts.errors import BadRequest, Unknown
from contracts.identity import Identity
from nodes.arguments import faults_of
from server.parts import Cursor, Here, Limit, Parts, Who
from server.recovery import WAITS
from server.resources.conversations import require_content
from store import agents, interrupts

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
    asked = await interrupts.answerable(here.database, who, run_id)
    said = body.model_dump(exclude_defaults=True)
    if body.action != "edit":
        if body.text or body.arguments is not None:
            raise BadRequest(f'"text" and "arguments" go with "edit", not with {body.action!r}.')
    elif asked["kind"] == "approve_answer":
        if body.arguments is not None or not body.text.strip():
            raise BadRequest('This run waits with an answer: an "edit" of it takes "text", no "arguments".')
        said["text"] = require_content(body.text, here.settings.max_message, "the edited answer")
    else:
        await _require_call(here, who, asked, body)
    found = await interrupts.answer(here.database, who, run_id, said)
    here.runs.freed.set()
    await here.recovery.tell_all(WAITS)
    return interrupts.shown(found, who)


async def _require_call(here: Parts, who: Identity, asked: interrupts.Interrupt, body: Response) -> None:
    """Raise BadRequest unless the tool can be called with what the person says instead."""
    if body.text or body.arguments is None:
        raise BadRequest('This run waits with a tool call: an "edit" of it takes "arguments", no "text".')
    try:
        agent = await agents.get(here.database, who, asked["agent"])
    except Unknown:  # gone since: the run finds out when it goes on
        return
    for tool in agent.config.tools:
        if tool.name == asked["payload"]["tool"] and (faults := faults_of(body.arguments, tool.parameters)):
            raise BadRequest(" ".join([*faults, "The call still waits: send arguments that fit."]))
