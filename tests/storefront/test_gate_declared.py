"""The gate refuses a database whose tables, constraints, indexes or privileges are not what the models declare."""

from contextlib import asynccontextmanager

import pytest

from storefront import gate
from storefront.migrations.declared import FOUND, compared, declared
from storefront.migrations.metadata import full_metadata
from storefront.provision import APP, WORKER, connect
from tests.support.cluster import clone_template, drop_database

SEEDS = {
    "journals may be rewritten": ("GRANT UPDATE ON app.journals TO app_rw", "journals: app_rw UPDATE"),
    "journals may be erased": ("GRANT DELETE ON app.journals TO app_worker", "journals: app_worker DELETE"),
    "statements may be rewritten": ("GRANT UPDATE ON app.statements TO app_rw", "statements: app_rw UPDATE"),
    "statements may be erased": ("GRANT DELETE ON app.statements TO app_rw", "statements: app_rw DELETE"),
    "frozen terms may be rewritten": ("GRANT UPDATE ON app.frozen_terms TO app_rw", "frozen_terms: app_rw UPDATE"),
    "inbox may be rewritten": ("GRANT UPDATE (body) ON app.inbox TO app_worker", "inbox: app_worker UPDATE (body)"),
    "inbox may be erased": ("GRANT DELETE ON app.inbox TO app_worker", "inbox: app_worker DELETE"),
    "balances of any kind": ("GRANT UPDATE ON app.ledger_accounts TO app_rw", "ledger_accounts: app_rw UPDATE"),
    "reactions may be erased": ("GRANT DELETE ON app.reactions TO app_worker", "reactions: app_worker DELETE"),
    "directory may be rewritten": (
        "GRANT UPDATE, DELETE ON app.tenant_directory TO app_rw", "tenant_directory: app_rw UPDATE",
    ),
    "revision may be rewritten": ("GRANT UPDATE ON app.alembic_version TO app_rw", "alembic_version: app_rw UPDATE"),
    "ledger may be handed on": (
        "GRANT SELECT ON app.ledger_entries TO app_rw WITH GRANT OPTION", "app_rw SELECT WITH GRANT OPTION",
    ),
    "orders for everybody": ("GRANT SELECT ON app.orders TO PUBLIC", "orders: PUBLIC SELECT"),
    "a column of orders for everybody": ("GRANT UPDATE (state) ON app.orders TO PUBLIC", "orders: PUBLIC UPDATE (state)"),
    "a table of no model for everybody": (
        "CREATE TABLE app.loose (id uuid); GRANT INSERT ON app.loose TO PUBLIC", "loose: PUBLIC INSERT",
    ),
    "orders cannot be read": ("REVOKE SELECT ON app.orders FROM app_rw", "orders: app_rw SELECT"),
    "entries of no amount": (
        "ALTER TABLE app.ledger_entries DROP CONSTRAINT ledger_entries_ck_amount", "CHECK ledger_entries_ck_amount",
    ),
    "a rule of orders dropped": ("ALTER TABLE app.orders DROP CONSTRAINT orders_ck_state", "CHECK orders_ck_state"),
    "a rule that old rows need not keep": (
        "ALTER TABLE app.orders DROP CONSTRAINT orders_ck_state;"
        " ALTER TABLE app.orders ADD CONSTRAINT orders_ck_state CHECK (true) NOT VALID",
        "orders_ck_state NOT VALID",
    ),
    "a rule of nobody's": ("ALTER TABLE app.orders ADD CONSTRAINT stray CHECK (id IS NOT NULL)", "CHECK stray"),
    "two open payments of one order": ("DROP INDEX app.payments_uq_open", "UNIQUE INDEX payments_uq_open"),
    "the same index, no longer unique": (
        "DROP INDEX app.payments_uq_open; CREATE INDEX payments_uq_open ON app.payments (tenant_id, order_id)",
        "UNIQUE INDEX payments_uq_open",
    ),
    "an index by which work is found": ("DROP INDEX app.outbox_ix_waiting", "INDEX outbox_ix_waiting"),
    "a key dropped": (
        "ALTER TABLE app.access_sessions DROP CONSTRAINT access_sessions_fk_tenants", "FOREIGN KEY access_sessions_fk_tenants",
    ),
    "a key that erases": (
        "ALTER TABLE app.access_sessions DROP CONSTRAINT access_sessions_fk_tenants; ALTER TABLE app.access_sessions"
        " ADD CONSTRAINT access_sessions_fk_tenants FOREIGN KEY (tenant_id) REFERENCES app.tenants ON DELETE CASCADE",
        "TO tenants (tenant_id) ON DELETE CASCADE",
    ),
    "a unique key over fewer columns": (
        "ALTER TABLE app.reactions DROP CONSTRAINT reactions_pk;"
        " ALTER TABLE app.reactions ADD CONSTRAINT reactions_pk PRIMARY KEY (tenant_id, event_id)",
        "PRIMARY KEY reactions_pk (tenant_id, event_id)",
    ),
    "a table gone": ("DROP TABLE app.pickup_attempts", "pickup_attempts"),
    "the worker's door gone": ("DROP POLICY worker_find ON app.outbox", "outbox: worker_find"),
}  # fmt: skip


@pytest.fixture(scope="module")
async def scratch(cluster, database_name):
    name = f"{database_name}_declared"
    await clone_template(cluster, name)
    connection = await connect(cluster.superuser_url, database=name)
    yield connection
    await connection.close()
    await drop_database(cluster, name)


@asynccontextmanager
async def seeded(scratch, seed):
    """The database with the fault in it, for as long as the block lasts."""
    undo = scratch.transaction()
    await undo.start()
    try:
        await scratch.execute(seed)
        yield
    finally:
        await undo.rollback()


@pytest.fixture
def url(cluster, database_name):
    return lambda role: cluster.url(role, database=f"{database_name}_declared")


@pytest.mark.parametrize("name", SEEDS)
async def test_a_database_that_is_not_what_the_models_declare_is_found(scratch, name):
    seed, line = SEEDS[name]
    async with seeded(scratch, seed):
        faults = await gate.catalogue_faults(scratch)
    assert any(line in what for _, what in faults), faults


async def test_control_a_clean_database_is_what_the_models_declare(scratch):
    assert await gate.catalogue_faults(scratch) == []
    assert (
        len(await scratch.fetch(FOUND)) == len(declared(full_metadata())) + 1
    )  # the version table is in no model


async def test_a_further_plain_index_is_no_fault(scratch):
    async with seeded(scratch, "CREATE INDEX helpful ON app.orders (tenant_id, state, id)"):
        assert await gate.catalogue_faults(scratch) == []


def test_a_missing_table_stands_for_its_parts():
    wanted = {("table", "orders", "orders"), ("index", "orders", "INDEX a (b)")}
    assert compared(wanted, set()) == [("table_missing", "orders", "orders")]


@pytest.mark.parametrize("role", [APP, WORKER])
async def test_the_gate_closes_while_the_workers_door_is_open_to_the_application(scratch, url, role):
    await scratch.execute("ALTER POLICY worker_find ON app.outbox TO app_rw, app_worker")
    try:
        closed = await gate.look(url(role), role=role)
    finally:
        await scratch.execute("ALTER POLICY worker_find ON app.outbox TO app_worker")
    opened = await gate.look(url(role), role=role)
    assert [fault.line for fault in closed["catalogue"]] == [
        "the catalogue has drifted: odd_policy app.outbox.worker_find"
    ]
    assert {name: faults for name, faults in opened.items() if faults} == {}


async def test_at_another_revision_only_the_revision_is_said(scratch, url):
    head = await scratch.fetchval("SELECT version_num FROM app.alembic_version")
    await scratch.execute(
        "UPDATE app.alembic_version SET version_num = '0000'; DROP INDEX app.payments_uq_open"
    )
    found = await gate.look(url(APP))
    await scratch.execute(f"UPDATE app.alembic_version SET version_num = '{head}'")
    assert (len(found["migrations"]), found["catalogue"]) == (1, [])
    assert "payments_uq_open" in (await gate.look(url(APP)))["catalogue"][0].line


async def test_a_server_that_may_lose_commits_is_refused_unless_started_so(scratch, url):
    durable = await connect(url(APP))
    await durable.execute("SET synchronous_commit = off")
    try:
        found = await gate.CHECKS["durability"](gate.Asked(durable, APP))
    finally:
        await durable.close()
    assert [line for line, _ in found] == ["synchronous_commit is off"]
    assert (await gate.look(url(APP)))["durability"] == []
