"""Who owns a run, what it waits for from a person, and the effects that happen once."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

_name = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def _names(names: str, null: bool = False) -> list[sa.Column[Any]]:
    return [sa.Column(name, _name, nullable=null) for name in names.split()]


def _partial(name: str, where: str, unique: bool) -> None:
    clause, columns = sa.text(where), ["tenant", "conversation_id"]
    op.create_index(name, "runs", columns, unique=unique, sqlite_where=clause, postgresql_where=clause)


def upgrade() -> None:
    for column in ("thread", "owner"):
        op.add_column("runs", sa.Column(column, _name, nullable=False, server_default=""))
    op.add_column("runs", sa.Column("deaths", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("runs", *_names("cancelled_at", null=True))
    op.execute("UPDATE runs SET thread = id")
    op.drop_index("uq_runs_active", "runs")
    _partial("uq_runs_running", "status = 'running'", unique=True)
    _partial("ix_runs_unfinished", "finished_at IS NULL", unique=False)
    op.create_table(
        "interrupts",
        *_names("tenant id run_id next_run conversation_id user_id agent kind"),
        sa.Column("payload", sa.JSON(), nullable=False),
        *_names("checkpoint status"),
        sa.Column("response", sa.JSON(), nullable=True),
        *_names("answered_by"),
        *_names("answered_at", null=True),
        *_names("created_at expires_at"),
        sa.PrimaryKeyConstraint("tenant", "id", name="pk_interrupts"),
        sa.UniqueConstraint("tenant", "run_id", name="uq_interrupts_tenant_run_id"),
        sa.ForeignKeyConstraint(
            ["tenant", "conversation_id"],
            ["conversations.tenant", "conversations.id"],
            name="fk_interrupts_conversations",
            ondelete="CASCADE",
        ),
    )
    op.create_index("ix_interrupts_tenant_status_id", "interrupts", ["tenant", "status", "id"])
    op.create_table(
        "effects",
        *_names("tenant run_id step"),
        sa.Column("number", sa.Integer(), nullable=False),
        *_names("kind"),
        sa.Column("result", sa.JSON(), nullable=True),
        *_names("begun_at"),
        *_names("done_at", null=True),
        sa.PrimaryKeyConstraint("tenant", "run_id", "step", "number", name="pk_effects"),
        sa.ForeignKeyConstraint(
            ["tenant", "run_id"], ["runs.tenant", "runs.id"], name="fk_effects_runs", ondelete="CASCADE"
        ),
    )
