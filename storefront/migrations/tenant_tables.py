"""What every new table gets right after CREATE TABLE: its policy, its grants, its owner, and its place on Citus.

Revisions call these; `scripts/make_migration` writes the calls from the models. Arguments are constants of our own models, never input.
"""

from alembic import op
from sqlalchemy import text

SCHEMA = "app"
OWNER, APP, WORKER = "app_owner", "app_rw", "app_worker"

BOUND_TENANT = "tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid"
"""Inline on purpose: Citus refuses a subquery in a policy, and a function of ours could be declared wrongly and leak.
NULLIF, because after a transaction the setting reads '' and not NULL."""


def secure(table: str, *, app: str, worker: str | None = None, worker_finds: bool = False) -> None:
    """Make a tenant table safe: distributed by tenant, forced row-level security, exact grants, owned by app_owner."""
    name = f"{SCHEMA}.{table}"
    distribute(table)
    op.execute(f"ALTER TABLE {name} ENABLE ROW LEVEL SECURITY")
    op.execute(f"ALTER TABLE {name} FORCE ROW LEVEL SECURITY")
    op.execute(
        f"CREATE POLICY tenant_isolation ON {name} FOR ALL USING ({BOUND_TENANT}) WITH CHECK ({BOUND_TENANT})"
    )
    if worker_finds:
        # The worker finds work of all tenants here; claiming it still has to pass tenant_isolation.
        op.execute(f"CREATE POLICY worker_find ON {name} FOR SELECT TO {WORKER} USING (true)")
    grant(table, app=app, worker=worker)
    op.execute(f"ALTER TABLE {name} OWNER TO {OWNER}")


def open_table(table: str, shard: str, *, app: str, worker: str | None = None) -> None:
    """Finish a table that belongs to no tenant: copied everywhere if reference, then grants and owner."""
    if shard == "reference":
        reference(table)
    grant(table, app=app, worker=worker)
    op.execute(f"ALTER TABLE {SCHEMA}.{table} OWNER TO {OWNER}")


def grant(table: str, *, app: str, worker: str | None = None) -> None:
    """Give app_rw and app_worker exactly these privileges; `worker` defaults to the same."""
    name = f"{SCHEMA}.{table}"
    for role, privileges in ((APP, app), (WORKER, worker or app)):
        op.execute(f"REVOKE ALL ON {name} FROM {role}")
        op.execute(f"GRANT {privileges} ON {name} TO {role}")


def distribute(table: str) -> None:
    """On Citus: spread the table by tenant, beside its tenant's other rows. Elsewhere: nothing."""
    if _on_citus():
        colocated = "none" if table == "tenants" else f"{SCHEMA}.tenants"
        op.execute(
            f"SELECT create_distributed_table('{SCHEMA}.{table}', 'tenant_id', colocate_with => '{colocated}')"
        )


def reference(table: str) -> None:
    """On Citus: copy the table to every node. Elsewhere: nothing."""
    if _on_citus():
        op.execute(f"SELECT create_reference_table('{SCHEMA}.{table}')")


def _on_citus() -> bool:
    found = op.get_bind().execute(text("SELECT true FROM pg_extension WHERE extname = 'citus'"))
    return found.scalar() is not None
