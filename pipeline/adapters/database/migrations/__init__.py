"""The history of the tables, read by Alembic; a file here is never changed once released."""
