"""Documents that change as a whole, what quotes them, and who may read what."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

_name = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def _names(names: str) -> list[sa.Column[Any]]:
    return [sa.Column(name, _name, nullable=False) for name in names.split()]


def upgrade() -> None:
    op.add_column("documents", sa.Column("stat", _name, nullable=False, server_default=""))
    op.create_index("ix_documents_tenant_sha256", "documents", ["tenant", "sha256"])
    for table in ("keys", "runs"):
        op.add_column(table, sa.Column("groups", sa.JSON(), nullable=False, server_default="[]"))
    op.create_table(
        "editions",
        *_names("tenant id"),
        sa.Column("source", sa.Text(), nullable=False),
        *_names("state owner at"),
        sa.PrimaryKeyConstraint("tenant", "id", name="pk_editions"),
    )
    op.create_table(
        "regroups",
        *_names("tenant"),
        sa.Column("source", sa.Text(), nullable=False),
        *_names("owner at"),
        sa.Column("hides", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "source", name="pk_regroups"),
    )
    op.create_table(
        "erasures",
        *_names("tenant"),
        sa.Column("source", sa.Text(), nullable=False),
        *_names("at"),
        sa.Column("done", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "source", name="pk_erasures"),
    )
    op.create_table(
        "quotes",
        *_names("tenant message_id"),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("cited", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "message_id", "source", name="pk_quotes"),
        sa.ForeignKeyConstraint(
            ["tenant", "message_id"],
            ["messages.tenant", "messages.id"],
            name="fk_quotes_messages",
            ondelete="CASCADE",
        ),
    )
    op.create_index("ix_quotes_tenant_source", "quotes", ["tenant", "source"])
