"""The revisions and the models agree, and a new table cannot miss its policy, grants or owner."""

import pytest
from alembic.script import ScriptDirectory
from sqlalchemy import Column, Integer, MetaData, Table, text

from storefront.migrations.declared import declared_privileges
from storefront.migrations.drift import differences
from storefront.migrations.generate import ClassUndeclared, finishing_call
from storefront.migrations.head import head_revision
from storefront.migrations.metadata import full_metadata
from storefront.migrations.run import alembic_config, downgrade, on_connection, upgrade
from storefront.provision import MIGRATOR, connect, printed_roles, provision
from tenants.kernel.tables import Shard, open_table, tenant_table
from tests.support.cluster import clone_template, drop_database


@pytest.fixture
async def scratch(cluster, database_name):
    name = f"{database_name}_migrations"
    await clone_template(cluster, name)
    yield name
    await drop_database(cluster, name)


async def test_a_migrated_database_is_what_the_models_say(settings):
    assert await on_connection(settings.database_admin_url, differences) == []


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ("ALTER TABLE app.orders ADD COLUMN stray text", "stray"),
        (
            "ALTER TABLE app.tenants DROP CONSTRAINT tenants_ck_status",
            "constraint_missing: tenants: CHECK tenants_ck_status",
        ),
        (
            "GRANT DELETE ON app.ledger_entries TO app_rw",
            "privilege_undeclared: ledger_entries: app_rw DELETE",
        ),
        (
            "ALTER TABLE app.tenants DROP CONSTRAINT tenants_ck_status,"
            " ADD CONSTRAINT tenants_ck_status CHECK (status <> 'gone')",
            "check: tenants: tenants_ck_status",
        ),
        ("REVOKE SELECT ON app.orders FROM app_worker", "privilege_missing: orders: app_worker SELECT"),
        (
            "GRANT UPDATE (code) ON app.tenants TO app_rw",
            "privilege_undeclared: tenants: app_rw UPDATE (code)",
        ),
        ("DROP POLICY worker_find ON app.outbox", "door_missing: outbox"),
        ("DROP INDEX app.outbox_ix_waiting", "outbox_ix_waiting"),
    ],
)
async def test_a_database_that_was_changed_by_hand_is_told_apart(scratch, cluster, change, line):
    connection = await connect(cluster.superuser_url, database=scratch)
    await connection.execute(change)
    await connection.close()
    found = await on_connection(cluster.url(MIGRATOR, database=scratch), differences)
    assert any(line in each for each in found), found


def test_the_head_read_from_file_names_is_alembics_only_head():
    assert ScriptDirectory.from_config(alembic_config()).get_heads() == [head_revision()]


async def test_revisions_go_down_and_up_again(scratch, cluster):
    url = cluster.url(MIGRATOR, database=scratch)
    await downgrade(url, revision="base")
    await upgrade(url)
    assert await on_connection(url, differences) == []


async def test_migrating_a_migrated_database_changes_nothing(settings):
    await upgrade(settings.database_admin_url)
    owner = text(
        "SELECT tableowner FROM pg_tables WHERE schemaname = 'app' AND tablename = 'alembic_version'"
    )
    assert (
        await on_connection(settings.database_admin_url, lambda c: c.execute(owner).scalar()) == "app_owner"
    )


def test_every_table_declares_its_class():
    assert all(isinstance(table.info.get("shard"), Shard) for table in full_metadata().tables.values())


def table(*arguments):
    *constraints, options = arguments
    return Table("things", MetaData(), Column("id", Integer), *constraints, **options)


def test_a_new_tenant_table_is_secured_with_its_grants():
    made = table(*tenant_table(app="SELECT, INSERT", worker="SELECT", worker_finds=True))
    assert finishing_call(made) == (
        "secure('things', app='SELECT, INSERT', worker='SELECT', worker_finds=True)"
    )


def test_a_new_open_table_says_where_it_lives():
    assert (
        finishing_call(table(*open_table(Shard.REFERENCE)))
        == "open_table('things', 'reference', app='SELECT')"
    )


def test_a_table_without_a_class_stops_the_generator():
    with pytest.raises(ClassUndeclared, match="things"):
        finishing_call(table({}))


def test_column_grants_are_read_one_by_one():
    assert declared_privileges("SELECT, UPDATE (a, b)") == {"SELECT", "UPDATE (a)", "UPDATE (b)"}


async def test_provisioning_twice_changes_nothing(cluster, database_name):
    assert await provision(cluster.superuser_url, database=database_name) is False


def test_the_printed_roles_name_all_six_and_no_password():
    printed = printed_roles()
    roles = ("app_owner", "app_migrator", "app_rw", "app_worker", "app_backup")
    assert all(f"ALTER ROLE {role} " in printed for role in roles)
    assert "PASSWORD '" not in printed
