"""Every table. Each begins with the tenant, and each reference between tables carries it as well: a row of one tenant
cannot point at another's. `store/migrations` makes the same tables step by step; a test holds the two together.
"""

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Double,
    ForeignKeyConstraint,
    Index,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    UniqueConstraint,
    text,
)
from sqlalchemy.schema import SchemaItem

from store.columns import Json, Name, Words

metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(referred_table_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    }
)

ACTIVE = ("running", "waiting")
"""The statuses in which a run keeps its conversation busy."""
PAUSED = "paused"
"""A run that goes on when a person has answered its interrupt."""


def _name(name: str, *, null: bool = False) -> Column[Any]:
    return Column(name, Name, nullable=null)


def _words(name: str) -> Column[Any]:
    return Column(name, Words, nullable=False)


def _number(name: str) -> Column[Any]:
    return Column(name, Integer, nullable=False)


def _real(name: str) -> Column[Any]:
    return Column(name, Double, nullable=False)


def _groups() -> Column[Any]:
    """Return the groups of a person, beside their department."""
    return Column("groups", Json, nullable=False, server_default="[]")


def _table(name: str, *items: SchemaItem, key: tuple[str, ...] = ("id",)) -> Table:
    first = [_name("tenant"), *([_name("id")] if "id" in key else [])]
    return Table(name, metadata, *first, *items, PrimaryKeyConstraint("tenant", *key))


def _within(column: str, table: str) -> ForeignKeyConstraint:
    there = [f"{table}.tenant", f"{table}.id"]
    return ForeignKeyConstraint(["tenant", column], there, ondelete="CASCADE")


conversations = _table(
    "conversations",
    _name("user_id"),
    _words("title"),
    _number("messages"),
    _name("created_at"),
    _name("active_at"),
    Index(None, "tenant", "user_id", "active_at", "id"),
)

messages = _table(
    "messages",
    _name("conversation_id"),
    _name("user_id"),
    _number("seq"),
    _name("role"),
    _words("content"),
    _name("run_id", null=True),
    _words("author"),
    _name("status"),
    Column("details", Json, nullable=False),
    _name("created_at"),
    UniqueConstraint("tenant", "conversation_id", "seq"),
    Index(None, "tenant", "user_id", "id"),
    _within("conversation_id", "conversations"),
)

runs = _table(
    "runs",
    _name("conversation_id"),
    _name("user_id"),
    _name("department"),
    _name("role"),
    _name("key_id"),
    _name("agent"),
    _name("status"),
    _name("message_id"),
    _name("answer_id", null=True),
    _name("follows", null=True),
    _number("attempts"),
    Column("error", Json),
    _name("created_at"),
    _name("finished_at", null=True),
    _groups(),
    _name("thread"),
    _name("owner"),
    Column("deaths", Integer, nullable=False, server_default="0"),
    _name("cancelled_at", null=True),
    UniqueConstraint("tenant", "follows"),
    _within("conversation_id", "conversations"),
)
_running = text("status = 'running'")
_one: dict[str, Any] = {"unique": True, "sqlite_where": _running, "postgresql_where": _running}
Index("uq_runs_running", runs.c.tenant, runs.c.conversation_id, **_one)
_open = text("finished_at IS NULL")
Index("ix_runs_open", runs.c.created_at, runs.c.id, sqlite_where=_open, postgresql_where=_open)
Index("ix_runs_unfinished", runs.c.tenant, runs.c.conversation_id, sqlite_where=_open, postgresql_where=_open)
Index("ix_runs_conversation", runs.c.tenant, runs.c.conversation_id)

interrupts = _table(
    "interrupts",
    _name("run_id"),
    _name("next_run"),
    _name("conversation_id"),
    _name("user_id"),
    _name("agent"),
    _name("kind"),
    Column("payload", Json, nullable=False),
    _name("checkpoint"),
    _name("status"),
    Column("response", Json),
    _name("answered_by"),
    _name("answered_at", null=True),
    _name("created_at"),
    _name("expires_at"),
    UniqueConstraint("tenant", "run_id"),
    Index(None, "tenant", "status", "id"),
    _within("conversation_id", "conversations"),
)

effects = _table(
    "effects",
    _name("run_id"),
    _name("step"),
    _number("number"),
    _name("kind"),
    Column("result", Json),
    _name("begun_at"),
    _name("done_at", null=True),
    _within("run_id", "runs"),
    key=("run_id", "step", "number"),
)

feedback = _table(
    "feedback",
    _name("message_id"),
    _name("user_id"),
    _number("rating"),
    _words("comment"),
    _name("updated_at"),
    _within("message_id", "messages"),
    key=("message_id", "user_id"),
)

agents = _table(
    "agents",
    Column("config", Json, nullable=False),
    _number("version"),
    _name("updated_at"),
    _name("updated_by"),
)

decisions = _table(
    "decisions",
    _name("run_id"),
    _name("conversation_id"),
    _name("user_id"),
    _name("agent"),
    _name("path"),
    _real("confidence"),
    _name("intent"),
    _name("task"),
    _words("reason"),
    Column("inputs", Json, nullable=False),
    _name("policy_version"),
    _name("created_at"),
    UniqueConstraint("tenant", "run_id"),
    Index(None, "tenant", "conversation_id"),
    Index(None, "tenant", "user_id", "id"),
)

escalations = _table(
    "escalations",
    _name("run_id", null=True),
    _name("conversation_id"),
    _name("user_id"),
    _name("agent"),
    _name("status"),
    _words("question"),
    _words("reason"),
    _words("answer"),
    Column("canonical", Boolean, nullable=False),
    _name("answered_by"),
    _name("answered_at", null=True),
    _name("message_id", null=True),
    _name("created_at"),
    _name("opened_at", null=True),
    UniqueConstraint("tenant", "run_id"),
    Index(None, "tenant", "conversation_id"),
    Index(None, "tenant", "user_id", "opened_at"),
)

documents = _table(
    "documents",
    _words("source"),
    _words("title"),
    _name("sha256"),
    Column("bytes", BigInteger, nullable=False),
    _number("chunks"),
    _name("status"),
    Column("groups", Json, nullable=False),
    _words("error"),
    Column("stat", Name, nullable=False, server_default=""),
    _name("created_at"),
    _name("updated_at"),
    UniqueConstraint("tenant", "source"),
    Index(None, "tenant", "sha256"),
)

editions = _table("editions", _words("source"), _name("state"), _name("owner"), _name("at"))
_hides, _done = (Column(name, Boolean, nullable=False) for name in ("hides", "done"))
regroups = _table("regroups", _words("source"), _name("owner"), _name("at"), _hides, key=("source",))
erasures = _table("erasures", _words("source"), _name("at"), _done, key=("source",))

quotes = _table(
    "quotes",
    _name("message_id"),
    _words("source"),
    Column("cited", Boolean, nullable=False),
    Index(None, "tenant", "source"),
    _within("message_id", "messages"),
    key=("message_id", "source"),
)

jobs = _table(
    "jobs",
    _name("user_id"),
    Column("sources", Json, nullable=False),
    _name("status"),
    _number("done"),
    _number("total"),
    _words("current"),
    Column("outcome", Json),
    _words("error"),
    _name("created_at"),
    _name("updated_at"),
    _name("owner"),
)
Index("ix_jobs_running", jobs.c.owner, sqlite_where=_running, postgresql_where=_running)

keys = _table(
    "keys",
    _name("user_id"),
    _name("department"),
    _name("role"),
    _groups(),
    _words("name"),
    _name("sha256"),
    _name("created_at"),
    _name("revoked_at", null=True),
    UniqueConstraint("sha256"),
)

usage = _table(
    "usage",
    _name("run_id"),
    _name("user_id"),
    _name("agent"),
    _name("day"),
    _name("model"),
    _number("prompt_tokens"),
    _number("completion_tokens"),
    _real("cost"),
    _real("ttft_ms"),
    _real("total_ms"),
    _name("cache"),
    _name("created_at"),
    Index(None, "tenant", "day"),
    key=("run_id",),
)
