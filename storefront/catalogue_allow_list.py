"""The rows that `catalogue.sql` reports and that are meant to be there, each with its reason. Reviewed with every migration."""

ALLOWED: dict[tuple[str, str], str] = {
    (
        "table_without_forced_rls",
        "app.tenant_directory",
    ): "finds the tenant of an outside identifier before any is bound",
    ("unique_not_tenant_led", "app.tenant_directory_pk"): "an outside identifier belongs to one tenant only",
    (
        "table_without_tenant_id",
        "app.alembic_version",
    ): "the gate compares the database's revision with its own",
    ("table_without_tenant_id", "app.malls"): "places, shared by the brands that have stores in them",
    ("table_without_tenant_id", "app.platform_users"): "the platform's operators belong to no tenant",
    ("table_without_tenant_id", "app.platform_sessions"): "their sessions",
    (
        "worker_door",
        "app.outbox.worker_find",
    ): "the worker finds work of all tenants; claiming passes tenant_isolation",
}
