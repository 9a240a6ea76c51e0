"""The ledger: one row for each decision, kept when its conversation is deleted, then without its text."""

from collections.abc import Mapping
from typing import Any, TypedDict, cast

from sqlalchemy import Connection, insert, select

from contracts.identity import Identity
from contracts.state import Decision, Path, Task
from store import access
from store.engine import reads
from store.ids import id_for, now, time_of
from store.paging import Page, page
from store.tables import decisions


class Entry(TypedDict):
    """One decision as the ledger shows it."""

    id: str
    run: str
    conversation: str
    agent: str
    user: str
    path: Path
    confidence: float
    intent: str
    task: Task
    reason: str
    inputs: dict[str, Any]
    policy_version: str
    created_at: str


@reads
def listing(
    connection: Connection,
    who: Identity,
    limit: int = 50,
    cursor: str | None = None,
    *,
    path: str | None = None,
    agent: str | None = None,
    user: str | None = None,
    since: str | None = None,
) -> Page[Entry]:
    """Return a page of the tenant's decisions, newest first; a member sees their own.

    Raises BadRequest where `since` is not a time.
    """
    d = decisions.c
    query = select(
        d.id, d.run_id.label("run"), d.conversation_id.label("conversation"), d.agent,
        d.user_id.label("user"), d.path, d.confidence, d.intent, d.task, d.reason, d.inputs,
        d.policy_version, d.created_at,
    ).where(access.visible(decisions, who))  # fmt: skip
    for column, wanted in ((d.path, path), (d.agent, agent), (d.user_id, user)):
        if wanted is not None:
            query = query.where(column == wanted)
    if since is not None:
        query = query.where(d.created_at >= time_of(since))
    scope = ["decisions", path, agent, user, since, *access.mark(who)]
    return cast(Page[Entry], page(connection, query, [d.id], scope, limit=limit, cursor=cursor))


def add(
    connection: Connection,
    who: Identity,
    run: Mapping[str, Any],
    decision: Decision,
    inputs: Mapping[str, Any],
    policy_version: str,
) -> None:
    """Write the decision of a run of `who`'s: its `id`, `conversation_id` and `agent`."""
    row = {
        **access.row_of(who, id_for("dec")),
        "run_id": run["id"],
        "conversation_id": run["conversation_id"],
        "agent": run["agent"],
        "path": decision["path"],
        "confidence": decision["confidence"],
        "intent": decision["intent"],
        "task": decision["task"],
        "reason": decision["reason"],
        "inputs": dict(inputs),
        "policy_version": policy_version,
        "created_at": now(),
    }
    connection.execute(_ADD, row)


_ADD = insert(decisions)
