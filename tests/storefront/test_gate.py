"""The gate lets a clean database through and finds every seeded fault; without the fault (the control) it finds nothing."""

from datetime import timedelta

import pytest

from storefront import gate
from storefront.catalogue_allow_list import ALLOWED
from storefront.provision import APP, MIGRATOR, WORKER, connect
from storefront.settings import Settings
from tests.support.cluster import clone_template, drop_database

INLINE = "tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid"
PLAIN_TABLE = (
    "CREATE TABLE app.seeded (tenant_id uuid NOT NULL, id uuid NOT NULL, PRIMARY KEY (tenant_id, id));"
)
SECURED = (
    "ALTER TABLE app.seeded ENABLE ROW LEVEL SECURITY; ALTER TABLE app.seeded FORCE ROW LEVEL SECURITY;"
    f" CREATE POLICY tenant_isolation ON app.seeded USING ({INLINE}) WITH CHECK ({INLINE});"
    " ALTER TABLE app.seeded OWNER TO app_owner; GRANT SELECT ON app.seeded TO app_rw;"
)
TABLE = PLAIN_TABLE + SECURED


def policy(using: str, check: str | None = None) -> str:
    checked = f" WITH CHECK ({check})" if check else ""
    return f"DROP POLICY tenant_isolation ON app.seeded; CREATE POLICY tenant_isolation ON app.seeded USING ({using}){checked};"


SEEDS = {
    "rls off": (TABLE + "ALTER TABLE app.seeded DISABLE ROW LEVEL SECURITY", "table_without_forced_rls"),
    "rls not forced": (TABLE + "ALTER TABLE app.seeded NO FORCE ROW LEVEL SECURITY", "table_without_forced_rls"),
    "no policy": (TABLE + "DROP POLICY tenant_isolation ON app.seeded", "table_without_forced_rls"),
    "rls off on orders": ("ALTER TABLE app.orders DISABLE ROW LEVEL SECURITY", "table_without_forced_rls"),
    "unknown table without a tenant": (
        "CREATE TABLE app.loose (id uuid PRIMARY KEY); ALTER TABLE app.loose OWNER TO app_owner; GRANT SELECT ON app.loose TO app_rw",
        "table_without_tenant_id",
    ),
    "table without a tenant for the worker": (
        "CREATE TABLE app.loose (id uuid PRIMARY KEY); ALTER TABLE app.loose OWNER TO app_owner; GRANT SELECT ON app.loose TO app_worker",
        "table_without_tenant_id",
    ),
    "table without a tenant for everybody": (
        "CREATE TABLE app.loose (id uuid PRIMARY KEY); ALTER TABLE app.loose OWNER TO app_owner; GRANT SELECT ON app.loose TO PUBLIC",
        "table_without_tenant_id",
    ),
    "nullable tenant": ("CREATE TABLE app.loose (tenant_id uuid, id uuid)", "nullable_tenant_id"),
    "policy true": (TABLE + policy("true", "true"), "odd_policy"),
    "policy without nullif": (TABLE + policy("tenant_id = current_setting('app.tenant_id', true)::uuid"), "odd_policy"),
    "policy with a subquery": (
        TABLE + policy("tenant_id = (SELECT nullif(current_setting('app.tenant_id', true), '')::uuid)"),
        "odd_policy",
    ),
    "policy of another setting": (TABLE + policy(INLINE.replace("app.tenant_id", "app.tenant"), INLINE), "odd_policy"),
    "policy whose check is wide": (TABLE + policy(INLINE, "true"), "odd_policy"),
    "policy with an exception": (TABLE + policy(f"{INLINE} OR id IS NULL", INLINE), "odd_policy"),
    "second, permissive policy": (TABLE + "CREATE POLICY more ON app.seeded FOR SELECT USING (true)", "odd_policy"),
    "worker's door on orders": (
        "CREATE POLICY worker_find ON app.orders FOR SELECT TO app_worker USING (true)", "odd_policy",
    ),
    "unique over all tenants": (TABLE + "CREATE UNIQUE INDEX ON app.seeded (id)", "unique_not_tenant_led"),
    "primary key without the tenant": (
        "CREATE TABLE app.seeded (tenant_id uuid NOT NULL, id uuid PRIMARY KEY);" + SECURED, "unique_not_tenant_led",
    ),
    "unique expression before the tenant": (
        TABLE + "CREATE UNIQUE INDEX ON app.seeded (lower(id::text), tenant_id)", "unique_not_tenant_led",
    ),
    "foreign key of one column": (
        "CREATE UNIQUE INDEX loose ON app.stores (id);"
        " CREATE TABLE app.seeded (tenant_id uuid NOT NULL, id uuid NOT NULL REFERENCES app.stores (id), PRIMARY KEY (tenant_id, id));"
        + SECURED,
        "fk_not_tenant_composite",
    ),
    "foreign key that crosses the columns": (
        "CREATE TABLE app.seeded (tenant_id uuid NOT NULL, id uuid NOT NULL, PRIMARY KEY (tenant_id, id),"
        " FOREIGN KEY (id, tenant_id) REFERENCES app.stores (tenant_id, id));" + SECURED,
        "fk_not_tenant_composite",
    ),
    "view of its owner": (
        "CREATE VIEW app.seen AS SELECT * FROM app.orders; ALTER VIEW app.seen OWNER TO app_owner; GRANT SELECT ON app.seen TO app_rw",
        "view_not_security_invoker",
    ),
    "materialised view": (
        "CREATE MATERIALIZED VIEW app.seen AS SELECT 1 AS n; GRANT SELECT ON app.seen TO app_rw", "readable_matview",
    ),
    "function of a superuser": (
        "CREATE FUNCTION app.peek() RETURNS bigint LANGUAGE sql SECURITY DEFINER AS 'SELECT count(*) FROM app.orders'",
        "definer_function",
    ),
    "function of a bypassing role, in another schema": (
        ("CREATE FUNCTION public.peek() RETURNS bigint LANGUAGE sql SECURITY DEFINER AS 'SELECT count(*) FROM app.orders';"
        " ALTER FUNCTION public.peek() OWNER TO app_backup"),
        "definer_function",
    ),
    "immutable function of the tenant": (
        "CREATE FUNCTION app.tid() RETURNS uuid LANGUAGE sql IMMUTABLE AS $$SELECT current_setting('app.tenant_id')::uuid$$",
        "immutable_tenant_function",
    ),
    "stable function of the tenant": (
        "CREATE FUNCTION app.tid() RETURNS uuid LANGUAGE sql STABLE AS $$SELECT current_setting('app.tenant_id')::uuid$$",
        "tenant_function",
    ),
    "application as superuser": ("ALTER ROLE app_rw SUPERUSER", "role_power"),
    "worker that bypasses policies": ("ALTER ROLE app_worker BYPASSRLS", "role_power"),
    "owner that bypasses policies": ("ALTER ROLE app_owner BYPASSRLS", "role_power"),
    "application that makes roles": ("ALTER ROLE app_rw CREATEROLE", "role_power"),
    "application in the owner's role": ("GRANT app_owner TO app_rw", "role_member_of"),
    "worker in the application's role": ("GRANT app_rw TO app_worker", "role_member_of"),
    "table of the application": (TABLE + "ALTER TABLE app.seeded OWNER TO app_rw", "owned_by_app_role"),
    "grant to truncate": ("GRANT TRUNCATE ON app.orders TO app_rw", "grant_truncate_or_references"),
    "grant to reference": ("GRANT REFERENCES ON app.orders TO app_worker", "grant_truncate_or_references"),
    "grant to trigger": ("GRANT TRIGGER ON app.orders TO app_rw", "grant_truncate_or_references"),
    "grant on a partition": (
        "CREATE TABLE app.seeded (tenant_id uuid NOT NULL, id uuid NOT NULL, PRIMARY KEY (tenant_id, id)) PARTITION BY RANGE (id);"
        + SECURED + "CREATE TABLE app.part PARTITION OF app.seeded DEFAULT; GRANT SELECT (id) ON app.part TO app_rw",
        "partition_granted",
    ),
    "table kept by the migrator": (TABLE + "ALTER TABLE app.seeded OWNER TO app_migrator", "not_owned_by_app_owner"),
    "sequence of a superuser": ("CREATE SEQUENCE app.counter", "not_owned_by_app_owner"),
    "index on an enum": (
        "CREATE TYPE app.colour AS ENUM ('red');" + TABLE
        + "ALTER TABLE app.seeded ADD c app.colour; CREATE INDEX ON app.seeded (tenant_id, c)",
        "non_leakproof_indexed_type",
    ),
    "index on numeric": (
        TABLE + "ALTER TABLE app.seeded ADD c numeric; CREATE INDEX ON app.seeded (tenant_id, c)",
        "non_leakproof_indexed_type",
    ),
    "index on jsonb": (
        TABLE + "ALTER TABLE app.seeded ADD c jsonb; CREATE INDEX ON app.seeded USING gin (c)",
        "non_leakproof_indexed_type",
    ),
    "index on an array": (
        TABLE + "ALTER TABLE app.seeded ADD c text[]; CREATE INDEX ON app.seeded USING gin (tenant_id, c)",
        "non_leakproof_indexed_type",
    ),
    "trigger": (
        ("CREATE FUNCTION app.touch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';"
        " CREATE TRIGGER touch BEFORE UPDATE ON app.orders FOR EACH ROW EXECUTE FUNCTION app.touch()"),
        "trigger",
    ),
    "deferrable key": (
        TABLE + "ALTER TABLE app.seeded ADD CONSTRAINT later UNIQUE (tenant_id, id) DEFERRABLE", "deferrable_or_set_null",
    ),
    "set null": (
        TABLE + "ALTER TABLE app.seeded ADD CONSTRAINT gone FOREIGN KEY (tenant_id, id) REFERENCES app.stores (tenant_id, id)"
        " ON DELETE SET NULL (id)",
        "deferrable_or_set_null",
    ),
    "update cascade": (
        TABLE + "ALTER TABLE app.seeded ADD CONSTRAINT gone FOREIGN KEY (tenant_id, id) REFERENCES app.stores (tenant_id, id)"
        " ON UPDATE CASCADE",
        "deferrable_or_set_null",
    ),
    "ledger that may be rewritten": ("GRANT UPDATE (amount_fen) ON app.ledger_entries TO app_rw", "ledger_not_append_only"),
    "ledger that may be erased": ("GRANT DELETE ON app.ledger_entries TO app_worker", "ledger_not_append_only"),
    "no lock timeout": ("ALTER ROLE app_rw RESET lock_timeout", "role_setting_missing"),
    "no statement timeout": ("ALTER ROLE app_worker RESET statement_timeout", "role_setting_missing"),
    "SET LOCAL kept from Citus's workers": (
        "ALTER ROLE app_rw SET citus.propagate_set_commands = 'none'", "role_setting_missing",
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
async def scratch(cluster, database_name):
    name = f"{database_name}_gate"
    await clone_template(cluster, name)
    connection = await connect(cluster.superuser_url, database=name)
    yield connection
    await connection.close()
    await drop_database(cluster, name)


@pytest.fixture
def url(cluster, database_name):
    return lambda role: cluster.url(role, database=f"{database_name}_gate")


@pytest.mark.parametrize("name", SEEDS)
async def test_a_seeded_fault_of_the_catalogue_is_found(scratch, name):
    seed, kind = SEEDS[name]
    undo = scratch.transaction()
    await undo.start()
    try:
        await scratch.execute(seed)
        assert kind in {fault for fault, _ in await gate.catalogue_faults(scratch)}
    finally:
        await undo.rollback()


async def test_every_kind_of_fault_has_a_seed():
    kinds = {line.split("'")[1] for line in gate.CATALOGUE.splitlines() if line.startswith("SELECT '")}
    kinds |= {"readable_matview", "view_not_security_invoker", "immutable_tenant_function", "tenant_function"}
    assert kinds == {kind for _, kind in SEEDS.values()}


async def test_a_clean_schema_shows_only_what_the_allow_list_names(scratch):
    async with scratch.transaction(readonly=True):
        await scratch.execute("SET LOCAL search_path = pg_catalog")
        found = {(row["fault"], row["what"]) for row in await scratch.fetch(gate.CATALOGUE)}
    assert found == set(ALLOWED)


@pytest.mark.parametrize("role", [APP, WORKER])
async def test_the_gate_opens_for_the_application_on_a_clean_database(scratch, url, role):
    found = await gate.look(url(role), role=role)
    assert {name: faults for name, faults in found.items() if faults} == {}


@pytest.mark.parametrize("role", ["storefront", MIGRATOR, WORKER])
async def test_the_gate_refuses_every_other_role(scratch, url, role):
    found = await gate.look(url(role), role=APP)
    assert any("not as app_rw" in fault.line for fault in found["role"])


async def test_the_gate_refuses_an_old_minor(scratch, url, monkeypatch):
    major = scratch.get_server_version().major
    monkeypatch.setitem(gate.SAFE_MINORS, major, 99)
    assert [fault.fix for fault in (await gate.look(url(APP)))["server version"]] == [f"update to {major}.99"]


async def test_the_gate_refuses_a_clock_that_is_off(scratch, url, monkeypatch):
    monkeypatch.setattr(gate, "FURTHEST_CLOCK", timedelta(seconds=-1))
    assert "clock" in (await gate.look(url(APP)))["clock"][0].line


async def test_the_gate_refuses_a_database_at_another_revision(scratch, url):
    head = await scratch.fetchval("SELECT version_num FROM app.alembic_version")
    for revision, fix in (("0000", "storefront migrate"), ("9999", "update this installation")):
        await scratch.execute("UPDATE app.alembic_version SET version_num = $1", revision)
        assert fix in (await gate.look(url(APP)))["migrations"][0].fix
    await scratch.execute("UPDATE app.alembic_version SET version_num = $1", head)
    assert (await gate.look(url(APP)))["migrations"] == []


async def test_the_gate_refuses_a_database_that_takes_chinese_for_punctuation(
    scratch, url, cluster, database_name
):
    name = f"{database_name}_ascii"
    await scratch.execute(
        f'CREATE DATABASE "{name}" TEMPLATE template0 LOCALE_PROVIDER libc LC_COLLATE "C" LC_CTYPE "C"'
    )
    try:
        found = await gate.look(cluster.url(APP, database=name))
    finally:
        await scratch.execute(f'DROP DATABASE "{name}"')
    assert "Chinese" in found["encoding and locale"][0].line
    assert "never been migrated" in found["migrations"][0].line


async def test_the_gate_refuses_a_role_without_its_settings(scratch, url, database_name):
    loosened = "lock_timeout = 0"
    await scratch.execute(f'ALTER ROLE app_rw IN DATABASE "{database_name}_gate" SET {loosened}')
    found = await gate.look(url(APP))
    await scratch.execute(f'ALTER ROLE app_rw IN DATABASE "{database_name}_gate" RESET ALL')
    assert [fault.fix for fault in found["role settings"]] == ["ALTER ROLE app_rw SET lock_timeout = '3s'"]


async def test_a_closed_gate_says_every_fault_and_its_fix_on_its_own_line(scratch, url, settings):
    with pytest.raises(gate.GateClosed) as refused:
        await gate.require_open(Settings(database_url=url(MIGRATOR)))
    lines = str(refused.value).splitlines()
    assert any("app_migrator may bypass row-level security" in line for line in lines)
    assert any("STOREFRONT_TOKEN_KEY" in line for line in lines)
    await gate.require_open(settings)
    await gate.require_open(settings, role=WORKER)


async def test_an_unreachable_database_is_a_fault_and_not_a_crash():
    found = await gate.look("postgresql+asyncpg://app_rw@/none?host=/nowhere")
    assert "cannot be reached" in found["connection"][0].line
