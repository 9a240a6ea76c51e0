"""The inbox: questions that a person answers."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from contracts.errors import Unknown
from contracts.identity import Identity
from server.auth import require_owner
from server.parts import Cursor, Here, Limit, Parts, Who
from server.resources.conversations import require_content
from store import documents, escalations, messages, quotes, runs
from store.ids import now

router = APIRouter(tags=["escalations"])


class NewTicket(BaseModel):
    """The wish for a person, after the offer of one."""

    model_config = ConfigDict(extra="forbid")
    run_id: Annotated[str, Field(max_length=100)]
    note: Annotated[str, Field(max_length=4000)] = ""


class Answer(BaseModel):
    """A person's answer."""

    model_config = ConfigDict(extra="forbid")
    content: str
    canonical: bool = False
    """Give this answer to everyone who asks the same from now on."""
    sources: Annotated[list[Annotated[str, Field(max_length=2000)]], Field(max_length=50)] | None = None
    """The documents that it is written from: it is given to those alone who may read all of them, and goes with the
    first that is deleted. Where none are named, all that the asker was shown; an empty list says that it rests on
    none."""


@router.get("/escalations")
async def listing(
    here: Here,
    who: Who,
    limit: Limit = 50,
    cursor: Cursor = None,
    status: Annotated[Literal["offered", "open", "answered", "withdrawn"] | None, Query()] = None,
) -> Any:
    """List tickets, the newest first: an owner's whole tenant, else the caller's own."""
    return await escalations.listing(here.database, who, limit, cursor, status=status)


@router.post("/escalations", status_code=201)
async def create(here: Here, who: Who, body: NewTicket) -> Any:
    """Open a ticket for the question of a run. Raises RateLimited over the agent's limit."""
    run = await runs.get(here.database, who, body.run_id)
    agent = await here.wiring.agent(who, run["agent"])
    question = await messages.content_of(here.database, who, run["message_id"])
    ticket = await escalations.ticket(
        here.database,
        who,
        conversation_id=run["conversation_id"],
        run_id=run["id"],
        agent=run["agent"],
        question=question,  # alone: an answer that becomes canonical is found by it
        reason=body.note.strip() or "the asker wants a person",
        limit=agent.escalation,
    )
    return await escalations.get(here.database, who, ticket)


@router.get("/escalations/{id}")
async def get(here: Here, who: Who, id: str) -> Any:
    """Return one ticket."""
    return await escalations.get(here.database, who, id)


@router.post("/escalations/{id}/answer")
async def answer(here: Here, who: Who, id: str, body: Answer) -> Any:
    """Answer a ticket in its conversation; a canonical answer is given to all who ask the same.

    One that was only offered can be answered too: the asker need not have said yes.
    """
    require_owner(who)
    content = require_content(body.content, here.settings.max_message, "an answer")
    sources = await rests_on(here, who, await escalations.get(here.database, who, id), body.sources)
    if body.canonical:
        # first: an outage here leaves the ticket open, and a second try replaces the same answer
        ticket = await escalations.get(here.database, who, id)
        escalations.require_unanswered(ticket)
        await here.wiring.canonical.add_canonical(
            who.tenant,
            ticket["agent"],
            ticket["question"],
            content,
            approved_by=who.user,
            approved_at=now(),
            sources=sources,
        )
    answered = await escalations.answer(
        here.database, who, id, content, canonical=body.canonical, sources=sources
    )
    here.sockets.ring(Identity(who.tenant, answered["user"]))
    return answered


async def rests_on(
    here: Parts, who: Identity, ticket: escalations.Ticket, named: list[str] | None
) -> list[str]:
    """Return the documents that an answer is written from. Raises Unknown for one that is not there."""
    if named is None:
        return await quotes.of_run(here.database, who, ticket["run_id"] or "")
    for source in named:
        if await documents.by_source(here.database, who, source) is None:
            raise Unknown("document", source)
    return named
