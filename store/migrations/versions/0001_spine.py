"""The tables of the spine."""

from functools import partial
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def _columns(kind: Any, names: str, null: bool = False) -> list[sa.Column[Any]]:
    return [sa.Column(name, kind, nullable=null) for name in names.split()]


_names = partial(_columns, sa.Text().with_variant(sa.Text(collation="C"), "postgresql"))
_texts = partial(_columns, sa.Text())
_numbers = partial(_columns, sa.Integer())
_bigs = partial(_columns, sa.BigInteger())
_reals = partial(_columns, sa.Double())
_jsons = partial(_columns, sa.JSON())
_flags = partial(_columns, sa.Boolean())


def _within(column: str, table: str, other: str) -> sa.ForeignKeyConstraint:
    there = [f"{other}.tenant", f"{other}.id"]
    name = f"fk_{table}_{other}"
    return sa.ForeignKeyConstraint(["tenant", column], there, name=name, ondelete="CASCADE")


def _partial(name: str, table: str, columns: list[str], where: str, unique: bool) -> None:
    clause = sa.text(where)
    op.create_index(name, table, columns, unique=unique, sqlite_where=clause, postgresql_where=clause)


def upgrade() -> None:
    op.create_table(
        "agents",
        *_names("tenant id"),
        *_jsons("config"),
        *_numbers("version"),
        *_names("updated_at updated_by"),
        sa.PrimaryKeyConstraint("tenant", "id", name="pk_agents"),
    )
    op.create_table(
        "conversations",
        *_names("tenant id user_id"),
        *_texts("title"),
        *_numbers("messages"),
        *_names("created_at active_at"),
        sa.PrimaryKeyConstraint("tenant", "id", name="pk_conversations"),
    )
    op.create_index(
        "ix_conversations_tenant_user_id_active_at_id",
        "conversations",
        ["tenant", "user_id", "active_at", "id"],
    )
    op.create_table(
        "decisions",
        *_names("tenant id run_id conversation_id user_id agent path"),
        *_reals("confidence"),
        *_names("intent task"),
        *_texts("reason"),
        *_jsons("inputs"),
        *_names("policy_version created_at"),
        sa.PrimaryKeyConstraint("tenant", "id", name="pk_decisions"),
        sa.UniqueConstraint("tenant", "run_id", name="uq_decisions_tenant_run_id"),
    )
    op.create_index("ix_decisions_tenant_conversation_id", "decisions", ["tenant", "conversation_id"])
    op.create_index("ix_decisions_tenant_user_id_id", "decisions", ["tenant", "user_id", "id"])
    op.create_table(
        "documents",
        *_names("tenant id"),
        *_texts("source title"),
        *_names("sha256"),
        *_bigs("bytes"),
        *_numbers("chunks"),
        *_names("status"),
        *_jsons("groups"),
        *_texts("error"),
        *_names("created_at updated_at"),
        sa.PrimaryKeyConstraint("tenant", "id", name="pk_documents"),
        sa.UniqueConstraint("tenant", "source", name="uq_documents_tenant_source"),
    )
    op.create_table(
        "escalations",
        *_names("tenant id"),
        *_names("run_id", null=True),
        *_names("conversation_id user_id agent status"),
        *_texts("question reason answer"),
        *_flags("canonical"),
        *_names("answered_by"),
        *_names("answered_at message_id", null=True),
        *_names("created_at"),
        *_names("opened_at", null=True),
        sa.PrimaryKeyConstraint("tenant", "id", name="pk_escalations"),
        sa.UniqueConstraint("tenant", "run_id", name="uq_escalations_tenant_run_id"),
    )
    op.create_index("ix_escalations_tenant_conversation_id", "escalations", ["tenant", "conversation_id"])
    op.create_index(
        "ix_escalations_tenant_user_id_opened_at", "escalations", ["tenant", "user_id", "opened_at"]
    )
    op.create_table(
        "jobs",
        *_names("tenant id user_id"),
        *_jsons("sources"),
        *_names("status"),
        *_numbers("done total"),
        *_texts("current"),
        *_jsons("outcome", null=True),
        *_texts("error"),
        *_names("created_at updated_at"),
        sa.PrimaryKeyConstraint("tenant", "id", name="pk_jobs"),
    )
    op.create_table(
        "keys",
        *_names("tenant id user_id department role"),
        *_texts("name"),
        *_names("sha256 created_at"),
        *_names("revoked_at", null=True),
        sa.PrimaryKeyConstraint("tenant", "id", name="pk_keys"),
        sa.UniqueConstraint("sha256", name="uq_keys_sha256"),
    )
    op.create_table(
        "usage",
        *_names("tenant run_id user_id agent day model"),
        *_numbers("prompt_tokens completion_tokens"),
        *_reals("cost ttft_ms total_ms"),
        *_names("cache created_at"),
        sa.PrimaryKeyConstraint("tenant", "run_id", name="pk_usage"),
    )
    op.create_index("ix_usage_tenant_day", "usage", ["tenant", "day"])
    op.create_table(
        "messages",
        *_names("tenant id conversation_id user_id"),
        *_numbers("seq"),
        *_names("role"),
        *_texts("content"),
        *_names("run_id", null=True),
        *_texts("author"),
        *_names("status"),
        *_jsons("details"),
        *_names("created_at"),
        sa.PrimaryKeyConstraint("tenant", "id", name="pk_messages"),
        _within("conversation_id", "messages", "conversations"),
        sa.UniqueConstraint(
            "tenant", "conversation_id", "seq", name="uq_messages_tenant_conversation_id_seq"
        ),
    )
    op.create_index("ix_messages_tenant_user_id_id", "messages", ["tenant", "user_id", "id"])
    op.create_table(
        "runs",
        *_names("tenant id conversation_id user_id department role key_id agent status message_id"),
        *_names("answer_id follows", null=True),
        *_numbers("attempts"),
        *_jsons("error", null=True),
        *_names("created_at"),
        *_names("finished_at", null=True),
        sa.PrimaryKeyConstraint("tenant", "id", name="pk_runs"),
        _within("conversation_id", "runs", "conversations"),
        sa.UniqueConstraint("tenant", "follows", name="uq_runs_tenant_follows"),
    )
    op.create_index("ix_runs_conversation", "runs", ["tenant", "conversation_id"])
    _partial(
        "uq_runs_active",
        "runs",
        ["tenant", "conversation_id"],
        "status IN ('running', 'waiting')",
        unique=True,
    )
    _partial("ix_runs_open", "runs", ["created_at", "id"], "finished_at IS NULL", unique=False)
    op.create_table(
        "feedback",
        *_names("tenant message_id user_id"),
        *_numbers("rating"),
        *_texts("comment"),
        *_names("updated_at"),
        sa.PrimaryKeyConstraint("tenant", "message_id", "user_id", name="pk_feedback"),
        _within("message_id", "feedback", "messages"),
    )
