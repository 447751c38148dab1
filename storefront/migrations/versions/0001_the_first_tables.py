"""The first tables."""

# ruff: noqa: PLR0915 a revision has as many statements as the schema needs

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from storefront.migrations.tenant_tables import open_table, secure

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "idempotency_keys",
        sa.Column("tenant_id", sa.UUID(), nullable=False),
        sa.Column("principal", sa.Text(), nullable=False),
        sa.Column("route", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=True),
        sa.Column("answer", sa.LargeBinary(), nullable=True),
        sa.Column("expires_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "principal", "route", "key", name=op.f("idempotency_keys_pk")),
        schema="app",
    )
    secure("idempotency_keys", app="SELECT, INSERT, UPDATE, DELETE")
    op.create_index(
        "idempotency_keys_ix_expires",
        "idempotency_keys",
        ["tenant_id", "expires_at"],
        unique=False,
        schema="app",
    )
    op.create_table(
        "inbox",
        sa.Column("tenant_id", sa.UUID(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("external_id", sa.Text(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("received_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "source", "external_id", name=op.f("inbox_pk")),
        schema="app",
    )
    secure("inbox", app="SELECT, INSERT")
    op.create_table(
        "malls",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("province", sa.Text(), nullable=True),
        sa.Column("city", sa.Text(), nullable=True),
        sa.Column("district", sa.Text(), nullable=True),
        sa.Column("address", sa.Text(), nullable=True),
        sa.Column("latitude", sa.Double(), nullable=True),
        sa.Column("longitude", sa.Double(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("malls_pk")),
        sa.UniqueConstraint("code", name=op.f("malls_uq_code")),
        schema="app",
    )
    open_table("malls", "reference", app="SELECT, INSERT")
    op.create_table(
        "outbox",
        sa.Column("tenant_id", sa.UUID(), nullable=False),
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("payload", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("occurred_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("due_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("leased_until", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("fence", sa.Integer(), nullable=False),
        sa.Column("done_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("parked_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("last_error", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("outbox_pk")),
        schema="app",
    )
    secure(
        "outbox",
        app="SELECT, INSERT, UPDATE (due_at, attempts, parked_at, last_error)",
        worker="SELECT, INSERT, UPDATE (leased_until, fence, done_at, due_at, attempts, parked_at, last_error)",
        worker_finds=True,
    )
    op.create_index(
        "outbox_ix_parked",
        "outbox",
        ["tenant_id", "parked_at"],
        unique=False,
        schema="app",
        postgresql_where=sa.text("parked_at IS NOT NULL AND done_at IS NULL"),
    )
    op.create_index(
        "outbox_ix_waiting",
        "outbox",
        ["tenant_id", "due_at"],
        unique=False,
        schema="app",
        postgresql_where=sa.text("done_at IS NULL AND parked_at IS NULL"),
    )
    op.create_table(
        "platform_sessions",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("family_id", sa.UUID(), nullable=False),
        sa.Column("operator_id", sa.UUID(), nullable=False),
        sa.Column("token_hash", sa.Text(), nullable=False),
        sa.Column("created_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("expires_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("rotated_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("replaced_by", sa.UUID(), nullable=True),
        sa.Column("revoked_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("platform_sessions_pk")),
        schema="app",
    )
    open_table(
        "platform_sessions", "local", app="SELECT, INSERT, UPDATE (rotated_at, revoked_at, replaced_by)"
    )
    op.create_index(
        "platform_sessions_ix_token", "platform_sessions", ["token_hash"], unique=True, schema="app"
    )
    op.create_table(
        "platform_users",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("login", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("password_hash", sa.Text(), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("created_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("platform_users_pk")),
        sa.UniqueConstraint("login", name=op.f("platform_users_uq_login")),
        schema="app",
    )
    open_table("platform_users", "local", app="SELECT, INSERT, UPDATE (password_hash, active)")
    op.create_table(
        "reactions",
        sa.Column("tenant_id", sa.UUID(), nullable=False),
        sa.Column("event_id", sa.UUID(), nullable=False),
        sa.Column("verb", sa.Text(), nullable=False),
        sa.Column("done_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "event_id", "verb", name=op.f("reactions_pk")),
        schema="app",
    )
    secure("reactions", app="SELECT, INSERT")
    op.create_table(
        "tenant_directory",
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("tenant_id", sa.UUID(), nullable=False),
        sa.CheckConstraint(
            "kind IN ('code', 'public', 'appid', 'callback')", name=op.f("tenant_directory_ck_kind")
        ),
        sa.PrimaryKeyConstraint("kind", "key", name=op.f("tenant_directory_pk")),
        schema="app",
    )
    open_table("tenant_directory", "reference", app="SELECT, INSERT")
    op.create_table(
        "tenants",
        sa.Column("tenant_id", sa.UUID(), nullable=False),
        sa.Column("org_id", sa.UUID(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("public_code", sa.Text(), nullable=False),
        sa.Column("callback_key", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("appid", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("time_zone", sa.Text(), nullable=False),
        sa.Column("platform_fee_bps", sa.Integer(), nullable=False),
        sa.Column("settings", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("created_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.CheckConstraint("status IN ('active', 'suspended')", name=op.f("tenants_ck_status")),
        sa.CheckConstraint("platform_fee_bps BETWEEN 0 AND 10000", name=op.f("tenants_ck_platform_fee")),
        sa.PrimaryKeyConstraint("tenant_id", name=op.f("tenants_pk")),
        schema="app",
    )
    secure("tenants", app="SELECT, INSERT, UPDATE (name, status, settings, platform_fee_bps)")
    op.create_table(
        "access_sessions",
        sa.Column("tenant_id", sa.UUID(), nullable=False),
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("family_id", sa.UUID(), nullable=False),
        sa.Column("principal_kind", sa.Text(), nullable=False),
        sa.Column("principal_id", sa.UUID(), nullable=False),
        sa.Column("token_hash", sa.Text(), nullable=False),
        sa.Column("created_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("expires_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("rotated_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("replaced_by", sa.UUID(), nullable=True),
        sa.Column("revoked_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.CheckConstraint(
            "principal_kind IN ('staff', 'shopper')", name=op.f("access_sessions_ck_principal_kind")
        ),
        sa.ForeignKeyConstraint(["tenant_id"], ["app.tenants.tenant_id"], name="access_sessions_fk_tenants"),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("access_sessions_pk")),
        sa.UniqueConstraint("tenant_id", "token_hash", name=op.f("access_sessions_uq_tenant_id_token_hash")),
        schema="app",
    )
    secure("access_sessions", app="SELECT, INSERT, UPDATE, DELETE")
    op.create_index(
        "access_sessions_ix_family", "access_sessions", ["tenant_id", "family_id"], unique=False, schema="app"
    )
    op.create_table(
        "audit_log",
        sa.Column("tenant_id", sa.UUID(), nullable=False),
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("subject_id", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["tenant_id"], ["app.tenants.tenant_id"], name="audit_log_fk_tenants"),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("audit_log_pk")),
        schema="app",
    )
    secure("audit_log", app="SELECT, INSERT")
    op.create_index(
        "audit_log_ix_subject", "audit_log", ["tenant_id", "subject_id"], unique=False, schema="app"
    )
    op.create_table(
        "categories",
        sa.Column("tenant_id", sa.UUID(), nullable=False),
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("parent_id", sa.UUID(), nullable=True),
        sa.Column("image", sa.Text(), nullable=True),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "parent_id"],
            ["app.categories.tenant_id", "app.categories.id"],
            name="categories_fk_parent",
        ),
        sa.ForeignKeyConstraint(["tenant_id"], ["app.tenants.tenant_id"], name="categories_fk_tenants"),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("categories_pk")),
        sa.UniqueConstraint("tenant_id", "code", name=op.f("categories_uq_tenant_id_code")),
        schema="app",
    )
    secure("categories", app="SELECT, INSERT, UPDATE, DELETE")
    op.create_table(
        "commission_plans",
        sa.Column("tenant_id", sa.UUID(), nullable=False),
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("level", sa.Text(), nullable=False),
        sa.Column("level_id", sa.UUID(), nullable=False),
        sa.Column("base", sa.Text(), nullable=False),
        sa.Column("active_from", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("active_to", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("created_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.CheckConstraint("base IN ('paid_goods')", name=op.f("commission_plans_ck_base")),
        sa.CheckConstraint("level IN ('brand', 'group', 'store')", name=op.f("commission_plans_ck_level")),
        sa.CheckConstraint(
            "active_to IS NULL OR active_from < active_to", name=op.f("commission_plans_ck_active")
        ),
        sa.ForeignKeyConstraint(["tenant_id"], ["app.tenants.tenant_id"], name="commission_plans_fk_tenants"),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("commission_plans_pk")),
        schema="app",
    )
    secure("commission_plans", app="SELECT, INSERT, UPDATE (active_to)")
    op.create_index(
        "commission_plans_ix_level",
        "commission_plans",
        ["tenant_id", "level_id", "active_from"],
        unique=False,
        schema="app",
    )
    op.create_table(
        "credentials",
        sa.Column("tenant_id", sa.UUID(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("envelope", sa.LargeBinary(), nullable=False),
        sa.Column("updated_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["tenant_id"], ["app.tenants.tenant_id"], name="credentials_fk_tenants"),
        sa.PrimaryKeyConstraint("tenant_id", "name", name=op.f("credentials_pk")),
        schema="app",
    )
    secure("credentials", app="SELECT, INSERT, UPDATE, DELETE")
    op.create_table(
        "face_versions",
        sa.Column("tenant_id", sa.UUID(), nullable=False),
        sa.Column("level_id", sa.UUID(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["tenant_id"], ["app.tenants.tenant_id"], name="face_versions_fk_tenants"),
        sa.PrimaryKeyConstraint("tenant_id", "level_id", name=op.f("face_versions_pk")),
        schema="app",
    )
    secure("face_versions", app="SELECT, INSERT, UPDATE, DELETE")
    op.create_table(
        "journals",
        sa.Column("tenant_id", sa.UUID(), nullable=False),
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("cause", sa.Text(), nullable=False),
        sa.Column("cause_id", sa.UUID(), nullable=False),
        sa.Column("occurred_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("posted_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.CheckConstraint(
            "cause IN ('order_paid', 'order_refunded', 'loose_refund', 'split_paid', 'split_returned', 'coupon_paid', 'coupon_refunded')",
            name=op.f("journals_ck_cause"),
        ),
        sa.ForeignKeyConstraint(["tenant_id"], ["app.tenants.tenant_id"], name="journals_fk_tenants"),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("journals_pk")),
        sa.UniqueConstraint(
            "tenant_id", "cause", "cause_id", name=op.f("journals_uq_tenant_id_cause_cause_id")
        ),
        schema="app",
    )
    secure("journals", app="SELECT, INSERT")
    op.create_table(
        "merchants",
        sa.Column("tenant_id", sa.UUID(), nullable=False),
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("merchant_no", sa.Text(), nullable=False),
        sa.Column("legal_name", sa.Text(), nullable=False),
        sa.Column("certificate_serial", sa.Text(), nullable=False),
        sa.Column("fee_bps", sa.Integer(), nullable=False),
        sa.Column("is_default", sa.Boolean(), nullable=False),
        sa.Column("created_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.CheckConstraint("fee_bps BETWEEN 0 AND 10000", name=op.f("merchants_ck_fee")),
        sa.ForeignKeyConstraint(["tenant_id"], ["app.tenants.tenant_id"], name="merchants_fk_tenants"),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("merchants_pk")),
        sa.UniqueConstraint("tenant_id", "merchant_no", name=op.f("merchants_uq_tenant_id_merchant_no")),
        schema="app",
    )
    secure("merchants", app="SELECT, INSERT, UPDATE, DELETE")
    op.create_table(
        "opening_hours",
        sa.Column("tenant_id", sa.UUID(), nullable=False),
        sa.Column("level_id", sa.UUID(), nullable=False),
        sa.Column("level", sa.Text(), nullable=False),
        sa.Column("weekly", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("exceptions", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("source_text", sa.Text(), nullable=True),
        sa.CheckConstraint("level IN ('brand', 'group', 'store')", name=op.f("opening_hours_ck_level")),
        sa.ForeignKeyConstraint(["tenant_id"], ["app.tenants.tenant_id"], name="opening_hours_fk_tenants"),
        sa.PrimaryKeyConstraint("tenant_id", "level_id", name=op.f("opening_hours_pk")),
        schema="app",
    )
    secure("opening_hours", app="SELECT, INSERT, UPDATE, DELETE")
    op.create_table(
        "page_layers",
        sa.Column("tenant_id", sa.UUID(), nullable=False),
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("page_key", sa.Text(), nullable=False),
        sa.Column("level", sa.Text(), nullable=False),
        sa.Column("level_id", sa.UUID(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("content", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("publish_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column("created_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.CheckConstraint("level IN ('brand', 'group', 'store')", name=op.f("page_layers_ck_level")),
        sa.CheckConstraint(
            "state IN ('draft', 'scheduled', 'published', 'retired')", name=op.f("page_layers_ck_state")
        ),
        sa.ForeignKeyConstraint(["tenant_id"], ["app.tenants.tenant_id"], name="page_layers_fk_tenants"),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("page_layers_pk")),
        sa.UniqueConstraint(
            "tenant_id",
            "page_key",
            "level_id",
            "version",
            name=op.f("page_layers_uq_tenant_id_page_key_level_id_version"),
        ),
        schema="app",
    )
    secure("page_layers", app="SELECT, INSERT, UPDATE, DELETE")
    op.create_index(
        "page_layers_ix_shown",
        "page_layers",
        ["tenant_id", "page_key", "level_id", "publish_at"],
        unique=False,
        schema="app",
    )
    op.create_table(
        "periods",
        sa.Column("tenant_id", sa.UUID(), nullable=False),
        sa.Column("contract_code", sa.Text(), nullable=False),
        sa.Column("starts_on", sa.Date(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("closed_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("closed_by", sa.Text(), nullable=True),
        sa.Column("stated_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.CheckConstraint("state IN ('open', 'closed')", name=op.f("periods_ck_state")),
        sa.CheckConstraint("stated_at IS NULL OR state = 'closed'", name=op.f("periods_ck_stated")),
        sa.ForeignKeyConstraint(["tenant_id"], ["app.tenants.tenant_id"], name="periods_fk_tenants"),
        sa.PrimaryKeyConstraint("tenant_id", "contract_code", "starts_on", name=op.f("periods_pk")),
        schema="app",
    )
    secure("periods", app="SELECT, INSERT, UPDATE (state, closed_at, closed_by, stated_at)")
    op.create_table(
        "shoppers",
        sa.Column("tenant_id", sa.UUID(), nullable=False),
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("openid", sa.Text(), nullable=False),
        sa.Column("unionid", sa.Text(), nullable=True),
        sa.Column("nickname", sa.Text(), nullable=True),
        sa.Column("phone_envelope", sa.LargeBinary(), nullable=True),
        sa.Column("phone_hash", sa.Text(), nullable=True),
        sa.Column("phone_tail", sa.Text(), nullable=True),
        sa.Column("member_since", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("created_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["tenant_id"], ["app.tenants.tenant_id"], name="shoppers_fk_tenants"),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("shoppers_pk")),
        sa.UniqueConstraint("tenant_id", "openid", name=op.f("shoppers_uq_tenant_id_openid")),
        schema="app",
    )
    secure("shoppers", app="SELECT, INSERT, UPDATE, DELETE")
    op.create_index("shoppers_ix_phone", "shoppers", ["tenant_id", "phone_hash"], unique=False, schema="app")
    op.create_table(
        "store_groups",
        sa.Column("tenant_id", sa.UUID(), nullable=False),
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["tenant_id"], ["app.tenants.tenant_id"], name="store_groups_fk_tenants"),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("store_groups_pk")),
        sa.UniqueConstraint("tenant_id", "code", name=op.f("store_groups_uq_tenant_id_code")),
        schema="app",
    )
    secure("store_groups", app="SELECT, INSERT, UPDATE, DELETE")
    op.create_table(
        "commission_rates",
        sa.Column("tenant_id", sa.UUID(), nullable=False),
        sa.Column("plan_id", sa.UUID(), nullable=False),
        sa.Column("category_code", sa.Text(), nullable=False),
        sa.Column("rate_bps", sa.Integer(), nullable=False),
        sa.CheckConstraint("rate_bps BETWEEN 0 AND 10000", name=op.f("commission_rates_ck_rate")),
        sa.ForeignKeyConstraint(
            ["tenant_id", "plan_id"],
            ["app.commission_plans.tenant_id", "app.commission_plans.id"],
            name=op.f("commission_rates_fk_commission_plans"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "plan_id", "category_code", name=op.f("commission_rates_pk")),
        schema="app",
    )
    secure("commission_rates", app="SELECT, INSERT")
    op.create_table(
        "spus",
        sa.Column("tenant_id", sa.UUID(), nullable=False),
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("subtitle", sa.Text(), nullable=True),
        sa.Column("brand_name", sa.Text(), nullable=True),
        sa.Column("category_id", sa.UUID(), nullable=True),
        sa.Column("image", sa.Text(), nullable=True),
        sa.Column("gallery", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("attributes", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("tags", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("detail", sa.Text(), nullable=True),
        sa.Column("unit", sa.Text(), nullable=True),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("created_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("updated_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.CheckConstraint("status IN ('on_sale', 'off_sale')", name=op.f("spus_ck_status")),
        sa.ForeignKeyConstraint(
            ["tenant_id", "category_id"],
            ["app.categories.tenant_id", "app.categories.id"],
            name=op.f("spus_fk_categories"),
        ),
        sa.ForeignKeyConstraint(["tenant_id"], ["app.tenants.tenant_id"], name="spus_fk_tenants"),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("spus_pk")),
        sa.UniqueConstraint("tenant_id", "code", name=op.f("spus_uq_tenant_id_code")),
        schema="app",
    )
    secure("spus", app="SELECT, INSERT, UPDATE, DELETE")
    op.create_index(
        "spus_ix_category", "spus", ["tenant_id", "category_id", "position", "id"], unique=False, schema="app"
    )
    op.create_index("spus_ix_list", "spus", ["tenant_id", "position", "id"], unique=False, schema="app")
    op.create_table(
        "stores",
        sa.Column("tenant_id", sa.UUID(), nullable=False),
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("group_id", sa.UUID(), nullable=True),
        sa.Column("merchant_id", sa.UUID(), nullable=True),
        sa.Column("mall_id", sa.UUID(), nullable=True),
        sa.Column("mall_floor", sa.Text(), nullable=True),
        sa.Column("ownership", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("is_flagship", sa.Boolean(), nullable=False),
        sa.Column("pickup_offered", sa.Boolean(), nullable=False),
        sa.Column("province", sa.Text(), nullable=True),
        sa.Column("city", sa.Text(), nullable=True),
        sa.Column("district", sa.Text(), nullable=True),
        sa.Column("address", sa.Text(), nullable=True),
        sa.Column("latitude", sa.Double(), nullable=True),
        sa.Column("longitude", sa.Double(), nullable=True),
        sa.Column("phone", sa.Text(), nullable=True),
        sa.Column("time_zone", sa.Text(), nullable=False),
        sa.Column("business_day_starts", sa.Text(), nullable=False),
        sa.Column("active_from", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("active_to", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("opened_on", sa.Date(), nullable=True),
        sa.Column("created_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.CheckConstraint(
            "ownership IN ('direct', 'franchise', 'agent', 'joint')", name=op.f("stores_ck_ownership")
        ),
        sa.CheckConstraint("status IN ('open', 'online_only', 'closed')", name=op.f("stores_ck_status")),
        sa.CheckConstraint(
            "active_to IS NULL OR active_from IS NULL OR active_from < active_to",
            name=op.f("stores_ck_active"),
        ),
        sa.ForeignKeyConstraint(["mall_id"], ["app.malls.id"], name="stores_fk_malls"),
        sa.ForeignKeyConstraint(
            ["tenant_id", "group_id"],
            ["app.store_groups.tenant_id", "app.store_groups.id"],
            name=op.f("stores_fk_store_groups"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "merchant_id"],
            ["app.merchants.tenant_id", "app.merchants.id"],
            name=op.f("stores_fk_merchants"),
        ),
        sa.ForeignKeyConstraint(["tenant_id"], ["app.tenants.tenant_id"], name="stores_fk_tenants"),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("stores_pk")),
        sa.UniqueConstraint("tenant_id", "code", name=op.f("stores_uq_tenant_id_code")),
        schema="app",
    )
    secure("stores", app="SELECT, INSERT, UPDATE, DELETE")
    op.create_index("stores_ix_mall", "stores", ["tenant_id", "mall_id"], unique=False, schema="app")
    op.create_index(
        "stores_uq_flagship",
        "stores",
        ["tenant_id"],
        unique=True,
        schema="app",
        postgresql_where=sa.text("is_flagship"),
    )
    op.create_table(
        "search_grams",
        sa.Column("tenant_id", sa.UUID(), nullable=False),
        sa.Column("gram", sa.Text(), nullable=False),
        sa.Column("spu_id", sa.UUID(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "spu_id"],
            ["app.spus.tenant_id", "app.spus.id"],
            name=op.f("search_grams_fk_spus"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("tenant_id", "gram", "spu_id", name=op.f("search_grams_pk")),
        schema="app",
    )
    secure("search_grams", app="SELECT, INSERT, UPDATE, DELETE")
    op.create_index(
        "search_grams_ix_spu", "search_grams", ["tenant_id", "spu_id"], unique=False, schema="app"
    )
    op.create_table(
        "skus",
        sa.Column("tenant_id", sa.UUID(), nullable=False),
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("spu_id", sa.UUID(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("barcode", sa.Text(), nullable=True),
        sa.Column("specs", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("image", sa.Text(), nullable=True),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.CheckConstraint("status IN ('on_sale', 'off_sale')", name=op.f("skus_ck_status")),
        sa.ForeignKeyConstraint(
            ["tenant_id", "spu_id"], ["app.spus.tenant_id", "app.spus.id"], name=op.f("skus_fk_spus")
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("skus_pk")),
        sa.UniqueConstraint("tenant_id", "code", name=op.f("skus_uq_tenant_id_code")),
        schema="app",
    )
    secure("skus", app="SELECT, INSERT, UPDATE, DELETE")
    op.create_index("skus_ix_barcode", "skus", ["tenant_id", "barcode"], unique=False, schema="app")
    op.create_index("skus_ix_spu", "skus", ["tenant_id", "spu_id", "position"], unique=False, schema="app")
    op.create_table(
        "staff",
        sa.Column("tenant_id", sa.UUID(), nullable=False),
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("login", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("password_hash", sa.Text(), nullable=False),
        sa.Column("store_id", sa.UUID(), nullable=True),
        sa.Column("mall_id", sa.UUID(), nullable=True),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("created_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.CheckConstraint(
            "role IN ('brand_hq', 'finance', 'store_manager', 'guide', 'mall_finance')",
            name=op.f("staff_ck_role"),
        ),
        sa.ForeignKeyConstraint(["mall_id"], ["app.malls.id"], name="staff_fk_malls"),
        sa.ForeignKeyConstraint(
            ["tenant_id", "store_id"], ["app.stores.tenant_id", "app.stores.id"], name=op.f("staff_fk_stores")
        ),
        sa.ForeignKeyConstraint(["tenant_id"], ["app.tenants.tenant_id"], name="staff_fk_tenants"),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("staff_pk")),
        sa.UniqueConstraint("tenant_id", "login", name=op.f("staff_uq_tenant_id_login")),
        schema="app",
    )
    secure("staff", app="SELECT, INSERT, UPDATE, DELETE")
    op.create_table(
        "assortments",
        sa.Column("tenant_id", sa.UUID(), nullable=False),
        sa.Column("sku_id", sa.UUID(), nullable=False),
        sa.Column("level_id", sa.UUID(), nullable=False),
        sa.Column("level", sa.Text(), nullable=False),
        sa.Column("listed", sa.Boolean(), nullable=False),
        sa.CheckConstraint("level IN ('brand', 'group', 'store')", name=op.f("assortments_ck_level")),
        sa.ForeignKeyConstraint(
            ["tenant_id", "sku_id"], ["app.skus.tenant_id", "app.skus.id"], name=op.f("assortments_fk_skus")
        ),
        sa.PrimaryKeyConstraint("tenant_id", "sku_id", "level_id", name=op.f("assortments_pk")),
        schema="app",
    )
    secure("assortments", app="SELECT, INSERT, UPDATE, DELETE")
    op.create_index(
        "assortments_ix_level", "assortments", ["tenant_id", "level_id"], unique=False, schema="app"
    )
    op.create_table(
        "guides",
        sa.Column("tenant_id", sa.UUID(), nullable=False),
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("phone", sa.Text(), nullable=True),
        sa.Column("staff_id", sa.UUID(), nullable=True),
        sa.Column("openid", sa.Text(), nullable=True),
        sa.Column("wecom_userid", sa.Text(), nullable=True),
        sa.Column("active_from", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("active_to", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["tenant_id", "staff_id"], ["app.staff.tenant_id", "app.staff.id"], name=op.f("guides_fk_staff")
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("guides_pk")),
        sa.UniqueConstraint("tenant_id", "code", name=op.f("guides_uq_tenant_id_code")),
        schema="app",
    )
    secure("guides", app="SELECT, INSERT, UPDATE, DELETE")
    op.create_index(
        "guides_uq_staff",
        "guides",
        ["tenant_id", "staff_id"],
        unique=True,
        schema="app",
        postgresql_where=sa.text("staff_id IS NOT NULL"),
    )
    op.create_table(
        "pickup_attempts",
        sa.Column("tenant_id", sa.UUID(), nullable=False),
        sa.Column("staff_id", sa.UUID(), nullable=False),
        sa.Column("window_starts_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.CheckConstraint("failures >= 0", name=op.f("pickup_attempts_ck_failures")),
        sa.ForeignKeyConstraint(
            ["tenant_id", "staff_id"],
            ["app.staff.tenant_id", "app.staff.id"],
            name=op.f("pickup_attempts_fk_staff"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "staff_id", "window_starts_at", name=op.f("pickup_attempts_pk")),
        schema="app",
    )
    secure("pickup_attempts", app="SELECT, INSERT, UPDATE, DELETE")
    op.create_table(
        "prices",
        sa.Column("tenant_id", sa.UUID(), nullable=False),
        sa.Column("sku_id", sa.UUID(), nullable=False),
        sa.Column("level_id", sa.UUID(), nullable=False),
        sa.Column(
            "active_from",
            postgresql.TIMESTAMP(timezone=True),
            server_default=sa.text("'1970-01-01T00:00:00Z'::timestamptz"),
            nullable=False,
        ),
        sa.Column("active_to", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("level", sa.Text(), nullable=False),
        sa.Column("price_fen", sa.BigInteger(), nullable=False),
        sa.Column("line_price_fen", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("level IN ('brand', 'group', 'store')", name=op.f("prices_ck_level")),
        sa.CheckConstraint("active_to IS NULL OR active_from < active_to", name=op.f("prices_ck_active")),
        sa.CheckConstraint(
            "price_fen >= 0 AND (line_price_fen IS NULL OR line_price_fen >= 0)", name=op.f("prices_ck_price")
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "sku_id"], ["app.skus.tenant_id", "app.skus.id"], name=op.f("prices_fk_skus")
        ),
        sa.PrimaryKeyConstraint("tenant_id", "sku_id", "level_id", "active_from", name=op.f("prices_pk")),
        schema="app",
    )
    secure("prices", app="SELECT, INSERT, UPDATE, DELETE")
    op.create_index("prices_ix_level", "prices", ["tenant_id", "level_id"], unique=False, schema="app")
    op.create_table(
        "reservations",
        sa.Column("tenant_id", sa.UUID(), nullable=False),
        sa.Column("order_id", sa.UUID(), nullable=False),
        sa.Column("sku_id", sa.UUID(), nullable=False),
        sa.Column("level_id", sa.UUID(), nullable=False),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.Column("taken", sa.Integer(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("expires_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.CheckConstraint("state IN ('held', 'taken', 'released')", name=op.f("reservations_ck_state")),
        sa.CheckConstraint("quantity > 0", name=op.f("reservations_ck_quantity")),
        sa.CheckConstraint("taken BETWEEN 0 AND quantity", name=op.f("reservations_ck_taken")),
        sa.ForeignKeyConstraint(
            ["tenant_id", "sku_id"], ["app.skus.tenant_id", "app.skus.id"], name=op.f("reservations_fk_skus")
        ),
        sa.PrimaryKeyConstraint("tenant_id", "order_id", "sku_id", name=op.f("reservations_pk")),
        schema="app",
    )
    secure("reservations", app="SELECT, INSERT, UPDATE, DELETE")
    op.create_index(
        "reservations_ix_sku",
        "reservations",
        ["tenant_id", "sku_id"],
        unique=False,
        schema="app",
        postgresql_where=sa.text("state = 'held'"),
    )
    op.create_table(
        "stock",
        sa.Column("tenant_id", sa.UUID(), nullable=False),
        sa.Column("sku_id", sa.UUID(), nullable=False),
        sa.Column("level_id", sa.UUID(), nullable=False),
        sa.Column("level", sa.Text(), nullable=False),
        sa.Column("on_hand", sa.Integer(), nullable=False),
        sa.Column("reserved", sa.Integer(), nullable=False),
        sa.Column("feed_sequence", sa.Integer(), nullable=False),
        sa.CheckConstraint("level IN ('brand', 'group', 'store')", name=op.f("stock_ck_level")),
        sa.CheckConstraint("on_hand >= 0 AND reserved >= 0", name=op.f("stock_ck_counts")),
        sa.ForeignKeyConstraint(
            ["tenant_id", "sku_id"], ["app.skus.tenant_id", "app.skus.id"], name=op.f("stock_fk_skus")
        ),
        sa.PrimaryKeyConstraint("tenant_id", "sku_id", "level_id", name=op.f("stock_pk")),
        schema="app",
        postgresql_with={"fillfactor": 50},
    )
    secure("stock", app="SELECT, INSERT, UPDATE, DELETE")
    op.create_index("stock_ix_level", "stock", ["tenant_id", "level_id"], unique=False, schema="app")
    op.create_table(
        "guide_assignments",
        sa.Column("tenant_id", sa.UUID(), nullable=False),
        sa.Column("guide_id", sa.UUID(), nullable=False),
        sa.Column("store_id", sa.UUID(), nullable=False),
        sa.Column("active_from", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("active_to", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.CheckConstraint(
            "active_to IS NULL OR active_from < active_to", name=op.f("guide_assignments_ck_active")
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "guide_id"],
            ["app.guides.tenant_id", "app.guides.id"],
            name=op.f("guide_assignments_fk_guides"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "store_id"],
            ["app.stores.tenant_id", "app.stores.id"],
            name=op.f("guide_assignments_fk_stores"),
        ),
        sa.PrimaryKeyConstraint(
            "tenant_id", "guide_id", "store_id", "active_from", name=op.f("guide_assignments_pk")
        ),
        schema="app",
    )
    secure("guide_assignments", app="SELECT, INSERT, UPDATE, DELETE")
    op.create_index(
        "guide_assignments_ix_store",
        "guide_assignments",
        ["tenant_id", "store_id"],
        unique=False,
        schema="app",
    )
    op.create_table(
        "guide_cards",
        sa.Column("tenant_id", sa.UUID(), nullable=False),
        sa.Column("guide_id", sa.UUID(), nullable=False),
        sa.Column("merchant_id", sa.UUID(), nullable=False),
        sa.Column("card_no", sa.Text(), nullable=False),
        sa.Column("kept_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "guide_id"],
            ["app.guides.tenant_id", "app.guides.id"],
            name=op.f("guide_cards_fk_guides"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "merchant_id"],
            ["app.merchants.tenant_id", "app.merchants.id"],
            name=op.f("guide_cards_fk_merchants"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "guide_id", "merchant_id", name=op.f("guide_cards_pk")),
        schema="app",
    )
    secure("guide_cards", app="SELECT, INSERT, UPDATE, DELETE")
    op.create_table(
        "orders",
        sa.Column("tenant_id", sa.UUID(), nullable=False),
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("order_no", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("source_name", sa.Text(), nullable=False),
        sa.Column("external_no", sa.Text(), nullable=True),
        sa.Column("external_status", sa.Text(), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("scene", sa.Text(), nullable=False),
        sa.Column("store_id", sa.UUID(), nullable=False),
        sa.Column("pickup_store_id", sa.UUID(), nullable=True),
        sa.Column("shopper_id", sa.UUID(), nullable=True),
        sa.Column("placed_by_staff_id", sa.UUID(), nullable=True),
        sa.Column("guide_id", sa.UUID(), nullable=True),
        sa.Column("attribution_rule", sa.Text(), nullable=False),
        sa.Column("attribution", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("merchant_id", sa.UUID(), nullable=True),
        sa.Column("profit_sharing", sa.Boolean(), nullable=False),
        sa.Column("off_hours", sa.Boolean(), nullable=True),
        sa.Column("business_on", sa.Date(), nullable=False),
        sa.Column("goods_fen", sa.BigInteger(), nullable=False),
        sa.Column("freight_fen", sa.BigInteger(), nullable=False),
        sa.Column("other_fen", sa.BigInteger(), nullable=False),
        sa.Column("discount_fen", sa.BigInteger(), nullable=False),
        sa.Column("total_fen", sa.BigInteger(), nullable=False),
        sa.Column("paid_fen", sa.BigInteger(), nullable=False),
        sa.Column("refunded_fen", sa.BigInteger(), nullable=False),
        sa.Column("split_fen", sa.BigInteger(), nullable=False),
        sa.Column("remark", sa.Text(), nullable=True),
        sa.Column("placed_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("expires_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("paid_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("closed_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.CheckConstraint(
            "attribution_rule IN ('operator', 'picked', 'last_touch', 'relation', 'store_only', 'imported')",
            name=op.f("orders_ck_attribution_rule"),
        ),
        sa.CheckConstraint(
            "refunded_fen >= 0 AND split_fen >= 0 AND (source = 'history' OR refunded_fen + split_fen <= paid_fen)",
            name=op.f("orders_ck_kept"),
        ),
        sa.CheckConstraint(
            "scene IN ('official_shop', 'guide', 'community', 'live', 'scan_and_go', 'mall_partner', 'joint_checkout', 'in_store', 'marketplace')",
            name=op.f("orders_ck_scene"),
        ),
        sa.CheckConstraint("source IN ('storefront', 'history')", name=op.f("orders_ck_source")),
        sa.CheckConstraint(
            "state IN ('awaiting_payment', 'paid', 'collected', 'cancelled', 'refunded')",
            name=op.f("orders_ck_state"),
        ),
        sa.CheckConstraint(
            "total_fen = goods_fen + freight_fen + other_fen - discount_fen AND (source = 'history' OR total_fen >= 0)",
            name=op.f("orders_ck_totals"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "guide_id"],
            ["app.guides.tenant_id", "app.guides.id"],
            name=op.f("orders_fk_guides"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "merchant_id"],
            ["app.merchants.tenant_id", "app.merchants.id"],
            name=op.f("orders_fk_merchants"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "pickup_store_id"],
            ["app.stores.tenant_id", "app.stores.id"],
            name="orders_fk_pickup_store",
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "shopper_id"],
            ["app.shoppers.tenant_id", "app.shoppers.id"],
            name=op.f("orders_fk_shoppers"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "store_id"], ["app.stores.tenant_id", "app.stores.id"], name="orders_fk_store"
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("orders_pk")),
        sa.UniqueConstraint("tenant_id", "order_no", name=op.f("orders_uq_tenant_id_order_no")),
        schema="app",
    )
    secure("orders", app="SELECT, INSERT, UPDATE, DELETE")
    op.create_index("orders_ix_business", "orders", ["tenant_id", "business_on"], unique=False, schema="app")
    op.create_index(
        "orders_ix_guide", "orders", ["tenant_id", "guide_id", "placed_at"], unique=False, schema="app"
    )
    op.create_index(
        "orders_ix_shopper", "orders", ["tenant_id", "shopper_id", "placed_at"], unique=False, schema="app"
    )
    op.create_index(
        "orders_ix_store", "orders", ["tenant_id", "store_id", "placed_at"], unique=False, schema="app"
    )
    op.create_index(
        "orders_uq_external",
        "orders",
        ["tenant_id", "source_name", "external_no"],
        unique=True,
        schema="app",
        postgresql_where=sa.text("external_no IS NOT NULL"),
    )
    op.create_table(
        "parties",
        sa.Column("tenant_id", sa.UUID(), nullable=False),
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("mall_id", sa.UUID(), nullable=True),
        sa.Column("guide_id", sa.UUID(), nullable=True),
        sa.Column("created_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.CheckConstraint(
            "kind IN ('brand', 'franchisee', 'agent', 'mall', 'guide', 'platform', 'service_provider')",
            name=op.f("parties_ck_kind"),
        ),
        sa.ForeignKeyConstraint(["mall_id"], ["app.malls.id"], name="parties_fk_malls"),
        sa.ForeignKeyConstraint(
            ["tenant_id", "guide_id"],
            ["app.guides.tenant_id", "app.guides.id"],
            name=op.f("parties_fk_guides"),
        ),
        sa.ForeignKeyConstraint(["tenant_id"], ["app.tenants.tenant_id"], name="parties_fk_tenants"),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("parties_pk")),
        sa.UniqueConstraint("tenant_id", "code", name=op.f("parties_uq_tenant_id_code")),
        schema="app",
    )
    secure("parties", app="SELECT, INSERT, UPDATE, DELETE")
    op.create_index("parties_ix_guide", "parties", ["tenant_id", "guide_id"], unique=False, schema="app")
    op.create_index("parties_ix_mall", "parties", ["tenant_id", "mall_id"], unique=False, schema="app")
    op.create_table(
        "relations",
        sa.Column("tenant_id", sa.UUID(), nullable=False),
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("shopper_id", sa.UUID(), nullable=False),
        sa.Column("guide_id", sa.UUID(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("active_from", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("active_to", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.CheckConstraint(
            "source IN ('scan', 'order', 'wecom', 'import')", name=op.f("relations_ck_source")
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "guide_id"],
            ["app.guides.tenant_id", "app.guides.id"],
            name=op.f("relations_fk_guides"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "shopper_id"],
            ["app.shoppers.tenant_id", "app.shoppers.id"],
            name=op.f("relations_fk_shoppers"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("relations_pk")),
        schema="app",
    )
    secure("relations", app="SELECT, INSERT, UPDATE, DELETE")
    op.create_index("relations_ix_guide", "relations", ["tenant_id", "guide_id"], unique=False, schema="app")
    op.create_index(
        "relations_uq_held",
        "relations",
        ["tenant_id", "shopper_id"],
        unique=True,
        schema="app",
        postgresql_where=sa.text("active_to IS NULL"),
    )
    op.create_table(
        "scene_links",
        sa.Column("tenant_id", sa.UUID(), nullable=False),
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("scene", sa.Text(), nullable=False),
        sa.Column("store_id", sa.UUID(), nullable=True),
        sa.Column("guide_id", sa.UUID(), nullable=True),
        sa.Column("campaign", sa.Text(), nullable=True),
        sa.Column("target", sa.Text(), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column("created_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("expires_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("revoked_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.CheckConstraint(
            "scene IN ('official_shop', 'guide', 'community', 'live', 'scan_and_go', 'mall_partner', 'joint_checkout', 'in_store', 'marketplace')",
            name=op.f("scene_links_ck_scene"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "guide_id"],
            ["app.guides.tenant_id", "app.guides.id"],
            name=op.f("scene_links_fk_guides"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "store_id"],
            ["app.stores.tenant_id", "app.stores.id"],
            name=op.f("scene_links_fk_stores"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("scene_links_pk")),
        sa.UniqueConstraint("tenant_id", "code", name=op.f("scene_links_uq_tenant_id_code")),
        schema="app",
    )
    secure("scene_links", app="SELECT, INSERT, UPDATE, DELETE")
    op.create_index(
        "scene_links_ix_guide", "scene_links", ["tenant_id", "guide_id"], unique=False, schema="app"
    )
    op.create_table(
        "contracts",
        sa.Column("tenant_id", sa.UUID(), nullable=False),
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("residual_party_id", sa.UUID(), nullable=False),
        sa.Column("base", sa.Text(), nullable=False),
        sa.Column("profit_sharing", sa.Boolean(), nullable=False),
        sa.Column("time_zone", sa.Text(), nullable=False),
        sa.Column("active_from", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("active_to", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column("created_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.CheckConstraint("base IN ('paid_goods')", name=op.f("contracts_ck_base")),
        sa.CheckConstraint("active_to IS NULL OR active_from < active_to", name=op.f("contracts_ck_active")),
        sa.ForeignKeyConstraint(
            ["tenant_id", "residual_party_id"],
            ["app.parties.tenant_id", "app.parties.id"],
            name=op.f("contracts_fk_parties"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("contracts_pk")),
        sa.UniqueConstraint("tenant_id", "code", "version", name=op.f("contracts_uq_tenant_id_code_version")),
        schema="app",
    )
    secure("contracts", app="SELECT, INSERT, UPDATE (active_to)")
    op.create_table(
        "payments",
        sa.Column("tenant_id", sa.UUID(), nullable=False),
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("order_id", sa.UUID(), nullable=False),
        sa.Column("merchant_id", sa.UUID(), nullable=False),
        sa.Column("payment_no", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("amount_fen", sa.BigInteger(), nullable=False),
        sa.Column("prepay_id", sa.Text(), nullable=True),
        sa.Column("parameters", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("transaction_id", sa.Text(), nullable=True),
        sa.Column("payer_total_fen", sa.BigInteger(), nullable=True),
        sa.Column("created_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("expires_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("paid_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.CheckConstraint(
            "state IN ('intended', 'prepared', 'paid', 'closed', 'refused')", name=op.f("payments_ck_state")
        ),
        sa.CheckConstraint("amount_fen > 0", name=op.f("payments_ck_amount")),
        sa.ForeignKeyConstraint(
            ["tenant_id", "merchant_id"],
            ["app.merchants.tenant_id", "app.merchants.id"],
            name=op.f("payments_fk_merchants"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "order_id"],
            ["app.orders.tenant_id", "app.orders.id"],
            name=op.f("payments_fk_orders"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("payments_pk")),
        sa.UniqueConstraint("tenant_id", "payment_no", name=op.f("payments_uq_tenant_id_payment_no")),
        schema="app",
    )
    secure("payments", app="SELECT, INSERT, UPDATE, DELETE")
    op.create_index("payments_ix_order", "payments", ["tenant_id", "order_id"], unique=False, schema="app")
    op.create_index(
        "payments_uq_open",
        "payments",
        ["tenant_id", "order_id"],
        unique=True,
        schema="app",
        postgresql_where=sa.text("state IN ('intended', 'prepared')"),
    )
    op.create_table(
        "pickups",
        sa.Column("tenant_id", sa.UUID(), nullable=False),
        sa.Column("order_id", sa.UUID(), nullable=False),
        sa.Column("store_id", sa.UUID(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("created_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("redeemed_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("redeemed_by_staff_id", sa.UUID(), nullable=True),
        sa.Column("redeemed_at_store_id", sa.UUID(), nullable=True),
        sa.CheckConstraint("state IN ('waiting', 'redeemed', 'void')", name=op.f("pickups_ck_state")),
        sa.ForeignKeyConstraint(
            ["tenant_id", "order_id"],
            ["app.orders.tenant_id", "app.orders.id"],
            name=op.f("pickups_fk_orders"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "store_id"],
            ["app.stores.tenant_id", "app.stores.id"],
            name=op.f("pickups_fk_stores"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "order_id", name=op.f("pickups_pk")),
        schema="app",
    )
    secure("pickups", app="SELECT, INSERT, UPDATE, DELETE")
    op.create_index(
        "pickups_ix_store", "pickups", ["tenant_id", "store_id", "state"], unique=False, schema="app"
    )
    op.create_index(
        "pickups_uq_code",
        "pickups",
        ["tenant_id", "code"],
        unique=True,
        schema="app",
        postgresql_where=sa.text("state = 'waiting'"),
    )
    op.create_table(
        "receivers",
        sa.Column("tenant_id", sa.UUID(), nullable=False),
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("party_id", sa.UUID(), nullable=False),
        sa.Column("merchant_id", sa.UUID(), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("relation", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("channel_code", sa.Text(), nullable=True),
        sa.Column("channel_message", sa.Text(), nullable=True),
        sa.Column("created_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column("added_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("ended_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.CheckConstraint(
            "relation IN ('store', 'staff', 'store_owner', 'partner', 'headquarters', 'brand', 'distributor', 'supplier', 'service_provider', 'platform', 'other')",
            name=op.f("receivers_ck_relation"),
        ),
        sa.CheckConstraint(
            "state IN ('intended', 'added', 'refused', 'ended')", name=op.f("receivers_ck_state")
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "merchant_id"],
            ["app.merchants.tenant_id", "app.merchants.id"],
            name=op.f("receivers_fk_merchants"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "party_id"],
            ["app.parties.tenant_id", "app.parties.id"],
            name=op.f("receivers_fk_parties"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("receivers_pk")),
        schema="app",
    )
    secure(
        "receivers", app="SELECT, INSERT, UPDATE (state, added_at, ended_at, channel_code, channel_message)"
    )
    op.create_index(
        "receivers_uq_current",
        "receivers",
        ["tenant_id", "party_id", "merchant_id"],
        unique=True,
        schema="app",
        postgresql_where=sa.text("state <> 'ended'"),
    )
    op.create_table(
        "refunds",
        sa.Column("tenant_id", sa.UUID(), nullable=False),
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("refund_no", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("source_name", sa.Text(), nullable=False),
        sa.Column("external_no", sa.Text(), nullable=True),
        sa.Column("document", sa.Text(), nullable=True),
        sa.Column("order_id", sa.UUID(), nullable=True),
        sa.Column("payment_id", sa.UUID(), nullable=True),
        sa.Column("store_id", sa.UUID(), nullable=False),
        sa.Column("guide_id", sa.UUID(), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("amount_fen", sa.BigInteger(), nullable=False),
        sa.Column("on_the_shelf", sa.Boolean(), nullable=True),
        sa.Column("payer_refund_fen", sa.BigInteger(), nullable=True),
        sa.Column("vendor_refund_id", sa.Text(), nullable=True),
        sa.Column("channel_code", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("requested_by", sa.Text(), nullable=False),
        sa.Column("business_on", sa.Date(), nullable=False),
        sa.Column("requested_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("refunded_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.CheckConstraint("source IN ('storefront', 'history')", name=op.f("refunds_ck_source")),
        sa.CheckConstraint(
            "state IN ('intended', 'pending', 'done', 'failed', 'abnormal')", name=op.f("refunds_ck_state")
        ),
        sa.CheckConstraint("amount_fen >= 0", name=op.f("refunds_ck_amount")),
        sa.ForeignKeyConstraint(
            ["tenant_id", "guide_id"],
            ["app.guides.tenant_id", "app.guides.id"],
            name=op.f("refunds_fk_guides"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "order_id"],
            ["app.orders.tenant_id", "app.orders.id"],
            name=op.f("refunds_fk_orders"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "store_id"],
            ["app.stores.tenant_id", "app.stores.id"],
            name=op.f("refunds_fk_stores"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("refunds_pk")),
        sa.UniqueConstraint("tenant_id", "refund_no", name=op.f("refunds_uq_tenant_id_refund_no")),
        schema="app",
    )
    secure("refunds", app="SELECT, INSERT, UPDATE, DELETE")
    op.create_index(
        "refunds_ix_business", "refunds", ["tenant_id", "business_on"], unique=False, schema="app"
    )
    op.create_index(
        "refunds_ix_document",
        "refunds",
        ["tenant_id", "source_name", "document"],
        unique=False,
        schema="app",
        postgresql_where=sa.text("document IS NOT NULL"),
    )
    op.create_index("refunds_ix_order", "refunds", ["tenant_id", "order_id"], unique=False, schema="app")
    op.create_index(
        "refunds_uq_external",
        "refunds",
        ["tenant_id", "source_name", "external_no"],
        unique=True,
        schema="app",
        postgresql_where=sa.text("external_no IS NOT NULL"),
    )
    op.create_table(
        "statements",
        sa.Column("tenant_id", sa.UUID(), nullable=False),
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("party_id", sa.UUID(), nullable=False),
        sa.Column("period_on", sa.Date(), nullable=False),
        sa.Column("opening_fen", sa.BigInteger(), nullable=False),
        sa.Column("earned_fen", sa.BigInteger(), nullable=False),
        sa.Column("reversed_fen", sa.BigInteger(), nullable=False),
        sa.Column("paid_fen", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("closing_fen", sa.BigInteger(), nullable=False),
        sa.Column("lines", sa.Integer(), nullable=False),
        sa.Column("content_sha256", sa.Text(), nullable=False),
        sa.Column("closed_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "party_id"],
            ["app.parties.tenant_id", "app.parties.id"],
            name=op.f("statements_fk_parties"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("statements_pk")),
        sa.UniqueConstraint(
            "tenant_id", "party_id", "period_on", name=op.f("statements_uq_tenant_id_party_id_period_on")
        ),
        schema="app",
    )
    secure("statements", app="SELECT, INSERT")
    op.create_index(
        "statements_ix_period", "statements", ["tenant_id", "period_on"], unique=False, schema="app"
    )
    op.create_table(
        "tenders",
        sa.Column("tenant_id", sa.UUID(), nullable=False),
        sa.Column("order_id", sa.UUID(), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("method", sa.Text(), nullable=False),
        sa.Column("amount_fen", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "order_id"],
            ["app.orders.tenant_id", "app.orders.id"],
            name=op.f("tenders_fk_orders"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "order_id", "sequence", name=op.f("tenders_pk")),
        schema="app",
    )
    secure("tenders", app="SELECT, INSERT, UPDATE, DELETE")
    op.create_table(
        "touches",
        sa.Column("tenant_id", sa.UUID(), nullable=False),
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("shopper_id", sa.UUID(), nullable=True),
        sa.Column("visitor", sa.Text(), nullable=True),
        sa.Column("scene_link_id", sa.UUID(), nullable=False),
        sa.Column("scene", sa.Text(), nullable=False),
        sa.Column("store_id", sa.UUID(), nullable=True),
        sa.Column("guide_id", sa.UUID(), nullable=True),
        sa.Column("campaign", sa.Text(), nullable=True),
        sa.Column("launch_scene", sa.Integer(), nullable=True),
        sa.Column("touched_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.CheckConstraint(
            "scene IN ('official_shop', 'guide', 'community', 'live', 'scan_and_go', 'mall_partner', 'joint_checkout', 'in_store', 'marketplace')",
            name=op.f("touches_ck_scene"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "scene_link_id"],
            ["app.scene_links.tenant_id", "app.scene_links.id"],
            name=op.f("touches_fk_scene_links"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "shopper_id"],
            ["app.shoppers.tenant_id", "app.shoppers.id"],
            name=op.f("touches_fk_shoppers"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("touches_pk")),
        schema="app",
    )
    secure("touches", app="SELECT, INSERT, UPDATE (shopper_id)")
    op.create_index(
        "touches_ix_shopper", "touches", ["tenant_id", "shopper_id", "touched_at"], unique=False, schema="app"
    )
    op.create_table(
        "contract_rates",
        sa.Column("tenant_id", sa.UUID(), nullable=False),
        sa.Column("contract_id", sa.UUID(), nullable=False),
        sa.Column("party_id", sa.UUID(), nullable=False),
        sa.Column("category_code", sa.Text(), nullable=False),
        sa.Column("rate_bps", sa.Integer(), nullable=False),
        sa.CheckConstraint("rate_bps BETWEEN 0 AND 10000", name=op.f("contract_rates_ck_rate")),
        sa.ForeignKeyConstraint(
            ["tenant_id", "contract_id"],
            ["app.contracts.tenant_id", "app.contracts.id"],
            name=op.f("contract_rates_fk_contracts"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "party_id"],
            ["app.parties.tenant_id", "app.parties.id"],
            name=op.f("contract_rates_fk_parties"),
        ),
        sa.PrimaryKeyConstraint(
            "tenant_id", "contract_id", "party_id", "category_code", name=op.f("contract_rates_pk")
        ),
        schema="app",
    )
    secure("contract_rates", app="SELECT, INSERT")
    op.create_table(
        "contract_stores",
        sa.Column("tenant_id", sa.UUID(), nullable=False),
        sa.Column("contract_id", sa.UUID(), nullable=False),
        sa.Column("store_id", sa.UUID(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "contract_id"],
            ["app.contracts.tenant_id", "app.contracts.id"],
            name=op.f("contract_stores_fk_contracts"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "store_id"],
            ["app.stores.tenant_id", "app.stores.id"],
            name=op.f("contract_stores_fk_stores"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "contract_id", "store_id", name=op.f("contract_stores_pk")),
        schema="app",
    )
    secure("contract_stores", app="SELECT, INSERT")
    op.create_index(
        "contract_stores_ix_store", "contract_stores", ["tenant_id", "store_id"], unique=False, schema="app"
    )
    op.create_table(
        "frozen_terms",
        sa.Column("tenant_id", sa.UUID(), nullable=False),
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("contract_id", sa.UUID(), nullable=False),
        sa.Column("residual_party_id", sa.UUID(), nullable=False),
        sa.Column("profit_sharing", sa.Boolean(), nullable=False),
        sa.Column("content", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "contract_id"],
            ["app.contracts.tenant_id", "app.contracts.id"],
            name=op.f("frozen_terms_fk_contracts"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "residual_party_id"],
            ["app.parties.tenant_id", "app.parties.id"],
            name=op.f("frozen_terms_fk_parties"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("frozen_terms_pk")),
        schema="app",
    )
    secure("frozen_terms", app="SELECT, INSERT")
    op.create_table(
        "ledger_accounts",
        sa.Column("tenant_id", sa.UUID(), nullable=False),
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("party_id", sa.UUID(), nullable=True),
        sa.Column("store_id", sa.UUID(), nullable=True),
        sa.Column("contract_id", sa.UUID(), nullable=True),
        sa.Column("balance_fen", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("kind IN ('channel', 'payable', 'coupon')", name=op.f("ledger_accounts_ck_kind")),
        sa.ForeignKeyConstraint(
            ["tenant_id", "contract_id"],
            ["app.contracts.tenant_id", "app.contracts.id"],
            name=op.f("ledger_accounts_fk_contracts"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "party_id"],
            ["app.parties.tenant_id", "app.parties.id"],
            name=op.f("ledger_accounts_fk_parties"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "store_id"],
            ["app.stores.tenant_id", "app.stores.id"],
            name=op.f("ledger_accounts_fk_stores"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("ledger_accounts_pk")),
        schema="app",
        postgresql_with={"fillfactor": 50},
    )
    secure("ledger_accounts", app="SELECT, INSERT, UPDATE (balance_fen)")
    op.create_index(
        "ledger_accounts_ix_party", "ledger_accounts", ["tenant_id", "party_id"], unique=False, schema="app"
    )
    op.create_table(
        "splits",
        sa.Column("tenant_id", sa.UUID(), nullable=False),
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("order_id", sa.UUID(), nullable=False),
        sa.Column("payment_id", sa.UUID(), nullable=False),
        sa.Column("merchant_id", sa.UUID(), nullable=False),
        sa.Column("transaction_id", sa.Text(), nullable=False),
        sa.Column("split_no", sa.Text(), nullable=True),
        sa.Column("channel_no", sa.Text(), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("total_fen", sa.BigInteger(), nullable=False),
        sa.Column("channel_code", sa.Text(), nullable=True),
        sa.Column("channel_message", sa.Text(), nullable=True),
        sa.Column("paid_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("due_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("created_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("warned_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("ended_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.CheckConstraint(
            "state IN ('waiting', 'scheduled', 'intended', 'accepted', 'finished', 'ended', 'lapsed')",
            name=op.f("splits_ck_state"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "merchant_id"],
            ["app.merchants.tenant_id", "app.merchants.id"],
            name=op.f("splits_fk_merchants"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "order_id"],
            ["app.orders.tenant_id", "app.orders.id"],
            name=op.f("splits_fk_orders"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "payment_id"],
            ["app.payments.tenant_id", "app.payments.id"],
            name=op.f("splits_fk_payments"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("splits_pk")),
        sa.UniqueConstraint("tenant_id", "payment_id", name=op.f("splits_uq_tenant_id_payment_id")),
        sa.UniqueConstraint("tenant_id", "split_no", name=op.f("splits_uq_tenant_id_split_no")),
        schema="app",
    )
    secure("splits", app="SELECT, INSERT, UPDATE, DELETE")
    op.create_index("splits_ix_order", "splits", ["tenant_id", "order_id"], unique=False, schema="app")
    op.create_index(
        "splits_ix_unfinished",
        "splits",
        ["tenant_id", "paid_at"],
        unique=False,
        schema="app",
        postgresql_where=sa.text("state NOT IN ('ended', 'lapsed')"),
    )
    op.create_table(
        "ledger_entries",
        sa.Column("tenant_id", sa.UUID(), nullable=False),
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("journal_id", sa.UUID(), nullable=False),
        sa.Column("cause", sa.Text(), nullable=False),
        sa.Column("debit_account_id", sa.UUID(), nullable=False),
        sa.Column("credit_account_id", sa.UUID(), nullable=False),
        sa.Column("amount_fen", sa.BigInteger(), nullable=False),
        sa.Column("party_id", sa.UUID(), nullable=False),
        sa.Column("contract_id", sa.UUID(), nullable=False),
        sa.Column("store_id", sa.UUID(), nullable=False),
        sa.Column("terms_id", sa.UUID(), nullable=False),
        sa.Column("order_id", sa.UUID(), nullable=True),
        sa.Column("order_line_id", sa.UUID(), nullable=True),
        sa.Column("refund_id", sa.UUID(), nullable=True),
        sa.Column("refund_line_no", sa.Integer(), nullable=True),
        sa.Column("occurred_on", sa.Date(), nullable=False),
        sa.Column("period_on", sa.Date(), nullable=False),
        sa.CheckConstraint(
            "cause IN ('order_paid', 'order_refunded', 'loose_refund', 'split_paid', 'split_returned', 'coupon_paid', 'coupon_refunded')",
            name=op.f("ledger_entries_ck_cause"),
        ),
        sa.CheckConstraint("amount_fen > 0", name=op.f("ledger_entries_ck_amount")),
        sa.CheckConstraint("debit_account_id <> credit_account_id", name=op.f("ledger_entries_ck_accounts")),
        sa.ForeignKeyConstraint(
            ["tenant_id", "credit_account_id"],
            ["app.ledger_accounts.tenant_id", "app.ledger_accounts.id"],
            name="ledger_entries_fk_credit",
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "debit_account_id"],
            ["app.ledger_accounts.tenant_id", "app.ledger_accounts.id"],
            name="ledger_entries_fk_debit",
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "journal_id"],
            ["app.journals.tenant_id", "app.journals.id"],
            name=op.f("ledger_entries_fk_journals"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("ledger_entries_pk")),
        schema="app",
    )
    secure("ledger_entries", app="SELECT, INSERT")
    op.create_index(
        "ledger_entries_ix_journal", "ledger_entries", ["tenant_id", "journal_id"], unique=False, schema="app"
    )
    op.create_index(
        "ledger_entries_ix_order", "ledger_entries", ["tenant_id", "order_id"], unique=False, schema="app"
    )
    op.create_index(
        "ledger_entries_ix_period",
        "ledger_entries",
        ["tenant_id", "period_on", "party_id"],
        unique=False,
        schema="app",
    )
    op.create_table(
        "order_lines",
        sa.Column("tenant_id", sa.UUID(), nullable=False),
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("order_id", sa.UUID(), nullable=False),
        sa.Column("line_no", sa.Integer(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("sku_id", sa.UUID(), nullable=True),
        sa.Column("sku_code", sa.Text(), nullable=True),
        sa.Column("title", sa.Text(), nullable=True),
        sa.Column("specs", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("category_code", sa.Text(), nullable=True),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.Column("unit_price_fen", sa.BigInteger(), nullable=True),
        sa.Column("goods_fen", sa.BigInteger(), nullable=False),
        sa.Column("discount_fen", sa.BigInteger(), nullable=False),
        sa.Column("paid_fen", sa.BigInteger(), nullable=False),
        sa.Column("refunded_fen", sa.BigInteger(), nullable=False),
        sa.Column("refunded_quantity", sa.Integer(), nullable=False),
        sa.Column("terms_id", sa.UUID(), nullable=True),
        sa.Column("evidence", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.CheckConstraint("kind IN ('goods', 'freight', 'other')", name=op.f("order_lines_ck_kind")),
        sa.CheckConstraint(
            "refunded_fen >= 0 AND refunded_fen <= paid_fen AND refunded_quantity >= 0",
            name=op.f("order_lines_ck_refunded"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "order_id"],
            ["app.orders.tenant_id", "app.orders.id"],
            name=op.f("order_lines_fk_orders"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "sku_id"], ["app.skus.tenant_id", "app.skus.id"], name=op.f("order_lines_fk_skus")
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "terms_id"],
            ["app.frozen_terms.tenant_id", "app.frozen_terms.id"],
            name=op.f("order_lines_fk_frozen_terms"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("order_lines_pk")),
        sa.UniqueConstraint(
            "tenant_id", "order_id", "line_no", name=op.f("order_lines_uq_tenant_id_order_id_line_no")
        ),
        schema="app",
    )
    secure("order_lines", app="SELECT, INSERT, UPDATE, DELETE")
    op.create_table(
        "split_parts",
        sa.Column("tenant_id", sa.UUID(), nullable=False),
        sa.Column("split_id", sa.UUID(), nullable=False),
        sa.Column("party_id", sa.UUID(), nullable=False),
        sa.Column("receiver_id", sa.UUID(), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("amount_fen", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("trouble", sa.Text(), nullable=True),
        sa.Column("channel_code", sa.Text(), nullable=True),
        sa.Column("detail_no", sa.Text(), nullable=True),
        sa.Column("ended_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.CheckConstraint("state IN ('pending', 'done', 'closed')", name=op.f("split_parts_ck_state")),
        sa.CheckConstraint("amount_fen > 0", name=op.f("split_parts_ck_amount")),
        sa.ForeignKeyConstraint(
            ["tenant_id", "party_id"],
            ["app.parties.tenant_id", "app.parties.id"],
            name=op.f("split_parts_fk_parties"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "receiver_id"],
            ["app.receivers.tenant_id", "app.receivers.id"],
            name=op.f("split_parts_fk_receivers"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "split_id"],
            ["app.splits.tenant_id", "app.splits.id"],
            name=op.f("split_parts_fk_splits"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "split_id", "party_id", name=op.f("split_parts_pk")),
        schema="app",
    )
    secure("split_parts", app="SELECT, INSERT, UPDATE, DELETE")
    op.create_table(
        "split_returns",
        sa.Column("tenant_id", sa.UUID(), nullable=False),
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("split_id", sa.UUID(), nullable=False),
        sa.Column("party_id", sa.UUID(), nullable=False),
        sa.Column("refund_id", sa.UUID(), nullable=False),
        sa.Column("replaces_id", sa.UUID(), nullable=True),
        sa.Column("return_no", sa.Text(), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("amount_fen", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("trouble", sa.Text(), nullable=True),
        sa.Column("channel_code", sa.Text(), nullable=True),
        sa.Column("channel_message", sa.Text(), nullable=True),
        sa.Column("created_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("sent_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("ended_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.CheckConstraint(
            "state IN ('intended', 'pending', 'done', 'claimed', 'replaced', 'dropped')",
            name=op.f("split_returns_ck_state"),
        ),
        sa.CheckConstraint("amount_fen > 0", name=op.f("split_returns_ck_amount")),
        sa.ForeignKeyConstraint(
            ["tenant_id", "party_id"],
            ["app.parties.tenant_id", "app.parties.id"],
            name=op.f("split_returns_fk_parties"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "refund_id"],
            ["app.refunds.tenant_id", "app.refunds.id"],
            name=op.f("split_returns_fk_refunds"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "replaces_id"],
            ["app.split_returns.tenant_id", "app.split_returns.id"],
            name="split_returns_fk_replaces",
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "split_id"],
            ["app.splits.tenant_id", "app.splits.id"],
            name=op.f("split_returns_fk_splits"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("split_returns_pk")),
        sa.UniqueConstraint("tenant_id", "return_no", name=op.f("split_returns_uq_tenant_id_return_no")),
        schema="app",
    )
    secure("split_returns", app="SELECT, INSERT, UPDATE, DELETE")
    op.create_index(
        "split_returns_ix_refund", "split_returns", ["tenant_id", "refund_id"], unique=False, schema="app"
    )
    op.create_index(
        "split_returns_ix_split", "split_returns", ["tenant_id", "split_id"], unique=False, schema="app"
    )
    op.create_table(
        "terms_portions",
        sa.Column("tenant_id", sa.UUID(), nullable=False),
        sa.Column("terms_id", sa.UUID(), nullable=False),
        sa.Column("party_id", sa.UUID(), nullable=False),
        sa.Column("rate_bps", sa.Integer(), nullable=False),
        sa.CheckConstraint("rate_bps BETWEEN 0 AND 10000", name=op.f("terms_portions_ck_rate")),
        sa.ForeignKeyConstraint(
            ["tenant_id", "party_id"],
            ["app.parties.tenant_id", "app.parties.id"],
            name=op.f("terms_portions_fk_parties"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "terms_id"],
            ["app.frozen_terms.tenant_id", "app.frozen_terms.id"],
            name=op.f("terms_portions_fk_frozen_terms"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "terms_id", "party_id", name=op.f("terms_portions_pk")),
        schema="app",
    )
    secure("terms_portions", app="SELECT, INSERT")
    op.create_table(
        "unfreezes",
        sa.Column("tenant_id", sa.UUID(), nullable=False),
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("split_id", sa.UUID(), nullable=False),
        sa.Column("unfreeze_no", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("created_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("ended_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.CheckConstraint("state IN ('intended', 'done', 'futile')", name=op.f("unfreezes_ck_state")),
        sa.ForeignKeyConstraint(
            ["tenant_id", "split_id"],
            ["app.splits.tenant_id", "app.splits.id"],
            name=op.f("unfreezes_fk_splits"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("unfreezes_pk")),
        sa.UniqueConstraint("tenant_id", "unfreeze_no", name=op.f("unfreezes_uq_tenant_id_unfreeze_no")),
        schema="app",
    )
    secure("unfreezes", app="SELECT, INSERT, UPDATE, DELETE")
    op.create_index("unfreezes_ix_split", "unfreezes", ["tenant_id", "split_id"], unique=False, schema="app")
    op.create_table(
        "refund_lines",
        sa.Column("tenant_id", sa.UUID(), nullable=False),
        sa.Column("refund_id", sa.UUID(), nullable=False),
        sa.Column("line_no", sa.Integer(), nullable=False),
        sa.Column("order_line_id", sa.UUID(), nullable=True),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("sku_code", sa.Text(), nullable=True),
        sa.Column("title", sa.Text(), nullable=True),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.Column("amount_fen", sa.BigInteger(), nullable=False),
        sa.Column("kept_before_fen", sa.BigInteger(), nullable=True),
        sa.Column("terms_id", sa.UUID(), nullable=True),
        sa.CheckConstraint("kind IN ('goods', 'freight', 'other')", name=op.f("refund_lines_ck_kind")),
        sa.CheckConstraint("amount_fen >= 0 AND quantity >= 0", name=op.f("refund_lines_ck_amount")),
        sa.ForeignKeyConstraint(
            ["tenant_id", "order_line_id"],
            ["app.order_lines.tenant_id", "app.order_lines.id"],
            name=op.f("refund_lines_fk_order_lines"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "refund_id"],
            ["app.refunds.tenant_id", "app.refunds.id"],
            name=op.f("refund_lines_fk_refunds"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "terms_id"],
            ["app.frozen_terms.tenant_id", "app.frozen_terms.id"],
            name=op.f("refund_lines_fk_frozen_terms"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "refund_id", "line_no", name=op.f("refund_lines_pk")),
        schema="app",
    )
    secure("refund_lines", app="SELECT, INSERT, UPDATE, DELETE")
    op.create_index(
        "refund_lines_ix_line", "refund_lines", ["tenant_id", "order_line_id"], unique=False, schema="app"
    )


def downgrade() -> None:
    op.drop_index("refund_lines_ix_line", table_name="refund_lines", schema="app")
    op.drop_table("refund_lines", schema="app")
    op.drop_index("unfreezes_ix_split", table_name="unfreezes", schema="app")
    op.drop_table("unfreezes", schema="app")
    op.drop_table("terms_portions", schema="app")
    op.drop_index("split_returns_ix_split", table_name="split_returns", schema="app")
    op.drop_index("split_returns_ix_refund", table_name="split_returns", schema="app")
    op.drop_table("split_returns", schema="app")
    op.drop_table("split_parts", schema="app")
    op.drop_table("order_lines", schema="app")
    op.drop_index("ledger_entries_ix_period", table_name="ledger_entries", schema="app")
    op.drop_index("ledger_entries_ix_order", table_name="ledger_entries", schema="app")
    op.drop_index("ledger_entries_ix_journal", table_name="ledger_entries", schema="app")
    op.drop_table("ledger_entries", schema="app")
    op.drop_index(
        "splits_ix_unfinished",
        table_name="splits",
        schema="app",
        postgresql_where=sa.text("state NOT IN ('ended', 'lapsed')"),
    )
    op.drop_index("splits_ix_order", table_name="splits", schema="app")
    op.drop_table("splits", schema="app")
    op.drop_index("ledger_accounts_ix_party", table_name="ledger_accounts", schema="app")
    op.drop_table("ledger_accounts", schema="app")
    op.drop_table("frozen_terms", schema="app")
    op.drop_index("contract_stores_ix_store", table_name="contract_stores", schema="app")
    op.drop_table("contract_stores", schema="app")
    op.drop_table("contract_rates", schema="app")
    op.drop_index("touches_ix_shopper", table_name="touches", schema="app")
    op.drop_table("touches", schema="app")
    op.drop_table("tenders", schema="app")
    op.drop_index("statements_ix_period", table_name="statements", schema="app")
    op.drop_table("statements", schema="app")
    op.drop_index(
        "refunds_uq_external",
        table_name="refunds",
        schema="app",
        postgresql_where=sa.text("external_no IS NOT NULL"),
    )
    op.drop_index("refunds_ix_order", table_name="refunds", schema="app")
    op.drop_index(
        "refunds_ix_document",
        table_name="refunds",
        schema="app",
        postgresql_where=sa.text("document IS NOT NULL"),
    )
    op.drop_index("refunds_ix_business", table_name="refunds", schema="app")
    op.drop_table("refunds", schema="app")
    op.drop_index(
        "receivers_uq_current",
        table_name="receivers",
        schema="app",
        postgresql_where=sa.text("state <> 'ended'"),
    )
    op.drop_table("receivers", schema="app")
    op.drop_index(
        "pickups_uq_code", table_name="pickups", schema="app", postgresql_where=sa.text("state = 'waiting'")
    )
    op.drop_index("pickups_ix_store", table_name="pickups", schema="app")
    op.drop_table("pickups", schema="app")
    op.drop_index(
        "payments_uq_open",
        table_name="payments",
        schema="app",
        postgresql_where=sa.text("state IN ('intended', 'prepared')"),
    )
    op.drop_index("payments_ix_order", table_name="payments", schema="app")
    op.drop_table("payments", schema="app")
    op.drop_table("contracts", schema="app")
    op.drop_index("scene_links_ix_guide", table_name="scene_links", schema="app")
    op.drop_table("scene_links", schema="app")
    op.drop_index(
        "relations_uq_held",
        table_name="relations",
        schema="app",
        postgresql_where=sa.text("active_to IS NULL"),
    )
    op.drop_index("relations_ix_guide", table_name="relations", schema="app")
    op.drop_table("relations", schema="app")
    op.drop_index("parties_ix_mall", table_name="parties", schema="app")
    op.drop_index("parties_ix_guide", table_name="parties", schema="app")
    op.drop_table("parties", schema="app")
    op.drop_index(
        "orders_uq_external",
        table_name="orders",
        schema="app",
        postgresql_where=sa.text("external_no IS NOT NULL"),
    )
    op.drop_index("orders_ix_store", table_name="orders", schema="app")
    op.drop_index("orders_ix_shopper", table_name="orders", schema="app")
    op.drop_index("orders_ix_guide", table_name="orders", schema="app")
    op.drop_index("orders_ix_business", table_name="orders", schema="app")
    op.drop_table("orders", schema="app")
    op.drop_table("guide_cards", schema="app")
    op.drop_index("guide_assignments_ix_store", table_name="guide_assignments", schema="app")
    op.drop_table("guide_assignments", schema="app")
    op.drop_index("stock_ix_level", table_name="stock", schema="app")
    op.drop_table("stock", schema="app")
    op.drop_index(
        "reservations_ix_sku",
        table_name="reservations",
        schema="app",
        postgresql_where=sa.text("state = 'held'"),
    )
    op.drop_table("reservations", schema="app")
    op.drop_index("prices_ix_level", table_name="prices", schema="app")
    op.drop_table("prices", schema="app")
    op.drop_table("pickup_attempts", schema="app")
    op.drop_index(
        "guides_uq_staff", table_name="guides", schema="app", postgresql_where=sa.text("staff_id IS NOT NULL")
    )
    op.drop_table("guides", schema="app")
    op.drop_index("assortments_ix_level", table_name="assortments", schema="app")
    op.drop_table("assortments", schema="app")
    op.drop_table("staff", schema="app")
    op.drop_index("skus_ix_spu", table_name="skus", schema="app")
    op.drop_index("skus_ix_barcode", table_name="skus", schema="app")
    op.drop_table("skus", schema="app")
    op.drop_index("search_grams_ix_spu", table_name="search_grams", schema="app")
    op.drop_table("search_grams", schema="app")
    op.drop_index(
        "stores_uq_flagship", table_name="stores", schema="app", postgresql_where=sa.text("is_flagship")
    )
    op.drop_index("stores_ix_mall", table_name="stores", schema="app")
    op.drop_table("stores", schema="app")
    op.drop_index("spus_ix_list", table_name="spus", schema="app")
    op.drop_index("spus_ix_category", table_name="spus", schema="app")
    op.drop_table("spus", schema="app")
    op.drop_table("commission_rates", schema="app")
    op.drop_table("store_groups", schema="app")
    op.drop_index("shoppers_ix_phone", table_name="shoppers", schema="app")
    op.drop_table("shoppers", schema="app")
    op.drop_table("periods", schema="app")
    op.drop_index("page_layers_ix_shown", table_name="page_layers", schema="app")
    op.drop_table("page_layers", schema="app")
    op.drop_table("opening_hours", schema="app")
    op.drop_table("merchants", schema="app")
    op.drop_table("journals", schema="app")
    op.drop_table("face_versions", schema="app")
    op.drop_table("credentials", schema="app")
    op.drop_index("commission_plans_ix_level", table_name="commission_plans", schema="app")
    op.drop_table("commission_plans", schema="app")
    op.drop_table("categories", schema="app")
    op.drop_index("audit_log_ix_subject", table_name="audit_log", schema="app")
    op.drop_table("audit_log", schema="app")
    op.drop_index("access_sessions_ix_family", table_name="access_sessions", schema="app")
    op.drop_table("access_sessions", schema="app")
    op.drop_table("tenants", schema="app")
    op.drop_table("tenant_directory", schema="app")
    op.drop_table("reactions", schema="app")
    op.drop_table("platform_users", schema="app")
    op.drop_index("platform_sessions_ix_token", table_name="platform_sessions", schema="app")
    op.drop_table("platform_sessions", schema="app")
    op.drop_index(
        "outbox_ix_waiting",
        table_name="outbox",
        schema="app",
        postgresql_where=sa.text("done_at IS NULL AND parked_at IS NULL"),
    )
    op.drop_index(
        "outbox_ix_parked",
        table_name="outbox",
        schema="app",
        postgresql_where=sa.text("parked_at IS NOT NULL AND done_at IS NULL"),
    )
    op.drop_table("outbox", schema="app")
    op.drop_table("malls", schema="app")
    op.drop_table("inbox", schema="app")
    op.drop_index("idempotency_keys_ix_expires", table_name="idempotency_keys", schema="app")
    op.drop_table("idempotency_keys", schema="app")
