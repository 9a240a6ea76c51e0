"""Conversations, their messages, and the one way in for a message."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from contracts.errors import BadRequest, Forbidden, TooLong
from contracts.identity import Identity
from server.live import live_of
from server.parts import Cursor, Here, Limit, Parts, Who, require_open
from server.recovery import WAITS
from server.resources.runs import STREAM, answer
from store import conversations, feedback, history, messages, runs
from store import documents as documents_of
from store.columns import to_storable

router = APIRouter(tags=["conversations"])


class NewConversation(BaseModel):
    """A conversation to be."""

    model_config = ConfigDict(extra="forbid")
    title: Annotated[str, Field(max_length=200)] = ""


class NewMessage(BaseModel):
    """A message to answer."""

    model_config = ConfigDict(extra="forbid")
    content: str
    agent: Annotated[str, Field(max_length=64)] = "default"
    attachments: Annotated[list[Annotated[str, Field(max_length=200)]], Field(max_length=20)] = []
    """Ids of the documents that the answer may draw on; none allows all that the agent may read."""
    multitask_strategy: runs.Policy | None = None
    """What becomes of the message while another is answered in the conversation; the agent's own way by default."""


class Rating(BaseModel):
    """What somebody thinks of an answer."""

    model_config = ConfigDict(extra="forbid")
    rating: Annotated[int, Field(ge=-1, le=1)]
    comment: Annotated[str, Field(max_length=4000)] = ""


@router.post("/messaging/conversations", status_code=201)
async def create(here: Here, who: Who, body: NewConversation | None = None) -> Any:
    """Begin a conversation."""
    return await conversations.create(here.database, who, (body or NewConversation()).title)


@router.get("/messaging/conversations")
async def listing(here: Here, who: Who, limit: Limit = 50, cursor: Cursor = None) -> Any:
    """List the caller's conversations, the most recent first."""
    return await conversations.listing(here.database, who, limit, cursor)


@router.get("/messaging/conversations/{id}")
async def get(here: Here, who: Who, id: str) -> Any:
    """Return one conversation."""
    return await conversations.get(here.database, who, id)


@router.delete("/messaging/conversations/{id}", status_code=204)
async def remove(here: Here, who: Who, id: str) -> Response:
    """Delete a conversation with its messages, and the logs and checkpoints of its runs."""
    gone = await runs.of_conversation(here.database, who, id)
    await conversations.remove(here.database, who, id)
    here.runs.over |= set(gone)
    await here.streams.forget(who, gone)
    return Response(status_code=204)


@router.get("/messaging/conversations/{id}/messages")
async def said(here: Here, who: Who, id: str, limit: Limit = 50, cursor: Cursor = None) -> Any:
    """List a conversation's messages, the oldest first."""
    return await messages.listing(here.database, who, id, limit, cursor)


@router.post("/messaging/conversations/{id}/stream", response_class=Response, responses=STREAM)
async def send(here: Here, who: Who, id: str, body: NewMessage, request: Request) -> Response:
    """Commit a message and its run, then stream the run's events."""
    accepted = await accept(here, who, id, body)
    frames = here.streams.open_new(who, accepted.run_id, waits=bool(accepted.ahead))
    return answer(request, frames, accepted.run_id)


async def accept(here: Parts, who: Identity, id: str, body: NewMessage) -> runs.Accepted:
    """Commit a message and its run, and begin the run where nothing is before it: the way in of every transport.

    Raises what a person is to be told before anything is streamed.
    """
    require_open(here)
    content = require_content(body.content, here.settings.max_message, "a question")
    agent = await here.wiring.agent(who, body.agent)
    documents = [await attached(here, who, one) for one in body.attachments]
    await here.log.require()
    policy = body.multitask_strategy or agent.multitask_strategy
    accepted = await runs.accept(
        here.database, who, id, body.agent, content, documents, owner=here.owner, policy=policy
    )
    here.sockets.ring(who)
    waits = bool(accepted.ahead)
    if here.owner is None:
        await here.recovery.tell_all(WAITS)
    elif not waits:
        sources = [one["source"] for one in documents]
        here.wiring.expect(content)  # read while the run starts; every way needs it
        here.runs.start(live_of(who, accepted, body.agent, content, sources))
    if policy == "interrupt" and waits:
        here.recovery.interrupt(who, accepted.ahead)
    return accepted


@router.post("/messaging/messages/{id}/feedback")
async def rate(here: Here, who: Who, id: str, body: Rating) -> Any:
    """Rate an answer: 1 is good, -1 is bad; a second rating replaces the first."""
    if body.rating == 0:
        raise BadRequest("rating: 0 says nothing; send 1 for good or -1 for bad.")
    return await feedback.rate(here.database, who, id, 1 if body.rating > 0 else -1, body.comment)


@router.get("/chat/search")
async def search(
    here: Here, who: Who, q: Annotated[str, Query(max_length=500)], limit: Limit = 50, cursor: Cursor = None
) -> Any:
    """Find the caller's earlier messages that hold all words of `q`."""
    if not q.strip():
        raise BadRequest("q is empty. Send the words to look for, such as ?q=parental leave.")
    return await history.search(here.database, who, q, limit, cursor)


async def attached(here: Parts, who: Identity, id: str) -> dict[str, str]:
    """Return a document that a message speaks of.

    Raises Unknown where the caller may not see it, and Forbidden where they only administer it: an answer draws
    on what the person may read, whatever their role.
    """
    entry = await documents_of.get(here.database, who, id)
    if not documents_of.may_read(who, entry["groups"]):
        groups, own = ", ".join(entry["groups"]), ", ".join(who.reads) or "none"
        raise Forbidden(
            f"{entry['source']} is for {groups} alone, and yours are {own}. "
            "Leave it out, or open it to more groups (PATCH /documents)."
        )
    return {"document": id, "source": entry["source"]}


def require_content(content: str, most: int, what: str) -> str:
    """Return `what` was written without the blanks around it; what is no character becomes U+FFFD, as it is stored.

    Raises BadRequest for none, TooLong for too much.
    """
    text = to_storable(content).strip()
    if not text:
        raise BadRequest(f"content is empty. Write {what}.")
    if len(text) > most:
        raise TooLong(
            f"content has {len(text):,} characters; the limit is {most:,}. Shorten it, or upload it as a document."
        )
    return text
