"""Who indexes an upload."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    name = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
    op.add_column("jobs", sa.Column("owner", name, nullable=False, server_default=""))
    where = sa.text("status = 'running'")
    op.create_index("ix_jobs_running", "jobs", ["owner"], sqlite_where=where, postgresql_where=where)
