"""Migrations of the schema, run by `acs.store.schema`."""
