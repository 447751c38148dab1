"""`storefront migrate`: bring a database to the newest revision, say where it differs, or print its set-up."""

# ruff: noqa: PLC0415 a subcommand imports what it needs when it runs, so that --help answers at once

import asyncio
import sys

import rich_click as click


@click.command("migrate")
@click.option("--check", is_flag=True, help="Change nothing: say where the database differs from the models.")
@click.option("--print-roles", is_flag=True, help="Print the SQL that a superuser runs once on a new server.")
def migrate(*, check: bool, print_roles: bool) -> None:
    """Bring the database at DATABASE_ADMIN_URL (as app_migrator) to the newest revision."""
    from storefront.provision import printed_roles

    if print_roles:
        click.echo(printed_roles())
        return
    from storefront.cli.home import settings_for_command, strip_postgres_variables

    strip_postgres_variables()
    url = settings_for_command().database_admin_url
    if url is None:
        click.echo("DATABASE_ADMIN_URL is not set: it names the database as app_migrator", err=True)
        sys.exit(1)
    from storefront.migrations.head import head_revision
    from storefront.migrations.run import on_connection, upgrade

    if check:
        from storefront.migrations.drift import differences

        lines = asyncio.run(on_connection(url, differences))
        click.echo("\n".join(lines) or "the database is what the models say")
        sys.exit(1 if lines else 0)
    asyncio.run(upgrade(url))
    click.echo(f"the database is at revision {head_revision()}")
