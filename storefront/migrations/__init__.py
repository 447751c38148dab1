"""The schema's history, as Alembic revisions that run as the migrator and serve plain PostgreSQL and Citus alike."""
