"""Alembic's entry: `store.migrate` gives it a connection whose transaction is already open."""

from alembic import context

from store.tables import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
with context.begin_transaction():
    context.run_migrations()
