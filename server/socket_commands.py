"""What a client says over a WebSocket: one JSON object a message, with its `type`."""

from typing import Annotated, Any, Final, Literal, cast

import orjson
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from contracts.errors import BadRequest, TooLarge
from server.faults import sentence, shown
from server.resources.conversations import NewMessage
from server.resources.interrupts import Response
from server.shield import BODY_LIMIT

Id = Annotated[str, Field(max_length=100)]
Ref = Annotated[str, Field(max_length=100)]
"""The client's own name for what it said: the answer to it carries the same."""


class Say(NewMessage):
    """Send a message into a conversation, and follow its run."""

    type: Literal["message"]
    conversation_id: Id
    ref: Ref | None = None


class Attach(BaseModel):
    """Follow a run from a cursor on, from its first event without one."""

    model_config = ConfigDict(extra="forbid")
    type: Literal["attach"]
    run_id: Id
    after: Id = ""
    ref: Ref | None = None


class Detach(BaseModel):
    """Follow a run no longer; it goes on."""

    model_config = ConfigDict(extra="forbid")
    type: Literal["detach"]
    run_id: Id
    ref: Ref | None = None


class Cancel(BaseModel):
    """Stop a run."""

    model_config = ConfigDict(extra="forbid")
    type: Literal["cancel"]
    run_id: Id
    ref: Ref | None = None


class Resume(Response):
    """Answer what a run waits for."""

    type: Literal["resume"]
    run_id: Id
    ref: Ref | None = None

    def response(self) -> Response:
        """Return what the person says, without whom it is said to."""
        return Response.model_validate(self.model_dump(include=set(Response.model_fields)))


Command = Say | Attach | Detach | Cancel | Resume

COMMANDS: Final[dict[str, type[Command]]] = {
    "message": Say,
    "attach": Attach,
    "detach": Detach,
    "cancel": Cancel,
    "resume": Resume,
}


def to_object(text: str | None) -> dict[str, Any]:
    """Return the JSON object that was sent; None stands for bytes. Raises BadRequest, TooLarge."""
    if text is None:
        raise BadRequest("A binary message came. Send JSON as text.")
    if len(text) > BODY_LIMIT:
        raise TooLarge(f"The message has {len(text):,} characters; the limit is {BODY_LIMIT:,}. Send less.")
    try:
        found = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise BadRequest(f"The message is not JSON: {error.msg} at character {error.pos}.") from error
    if not isinstance(found, dict):
        raise BadRequest(
            f'The message must be an object such as {{"type": "attach", …}}; got {shown(found)}.'
        )
    return cast("dict[str, Any]", found)


def to_command(said: dict[str, Any]) -> Command:
    """Return the command. Raises BadRequest with the first field that is wrong."""
    kind = said.get("type")
    command = COMMANDS.get(kind) if isinstance(kind, str) else None
    if command is None:
        raise BadRequest(f"type must be one of {', '.join(COMMANDS)}; got {shown(kind)}.")
    try:
        return command.model_validate(said)
    except ValidationError as error:
        faults = [{**fault, "loc": ("body", *fault["loc"])} for fault in error.errors()]
        raise BadRequest(sentence(faults)) from error


def ref_of(said: dict[str, Any]) -> str | None:
    """Return the client's own name for what it said, whatever else is wrong with it."""
    ref = said.get("ref")
    return ref if isinstance(ref, str) and len(ref) <= 100 else None
