"""Alembic's environment: it works on the connection, and in the transaction, it is handed."""

from __future__ import annotations

from alembic import context

from acs.store.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    transactional_ddl=True,
    render_as_batch=True,
    compare_type=True,
)
with context.begin_transaction():
    context.run_migrations()
