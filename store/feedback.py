"""What people say of an answer: one rating a message and user, replaced when they change their mind."""

from typing import Literal, TypedDict, cast

from sqlalchemy import Connection, select

from contracts.errors import BadRequest, Unknown
from contracts.identity import Identity
from store import access
from store.dialect import insert_into
from store.engine import writes
from store.ids import now
from store.tables import feedback, messages


class Feedback(TypedDict):
    """One person's rating of one answer."""

    message_id: str
    rating: Literal[-1, 1]
    comment: str
    updated_at: str


@writes
def rate(
    connection: Connection, who: Identity, message_id: str, rating: Literal[-1, 1], comment: str = ""
) -> Feedback:
    """Keep the rating in place of an earlier one.

    Raises Unknown for a message that is not theirs, and BadRequest for one that is no answer.
    """
    m = messages.c
    role = connection.execute(select(m.role).where(access.own(messages, who), m.id == message_id)).scalar()
    if role is None:
        raise Unknown("message", message_id)
    if role != "assistant":
        raise BadRequest(f"Message {message_id} is your own question. Rate the answer to it.")
    said = {"rating": rating, "comment": comment, "updated_at": now()}
    row = {"tenant": who.tenant, "message_id": message_id, "user_id": who.user, **said}
    f = feedback.c
    added = insert_into(connection, feedback).values(row)
    connection.execute(
        added.on_conflict_do_update(index_elements=[f.tenant, f.message_id, f.user_id], set_=said)
    )
    return cast(Feedback, {"message_id": message_id, **said})
