"""Alembic's entry: runs the revisions on the connection that `storefront.migrations.run` hands over."""

from alembic import context

from storefront.migrations.run import configure_and_run

connection = context.config.attributes.get("connection")
if connection is None:
    raise SystemExit("migrations run through `storefront migrate`, as app_migrator; there is no alembic.ini")
configure_and_run(context, connection)
