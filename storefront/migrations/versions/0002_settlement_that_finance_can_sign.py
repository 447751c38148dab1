"""Settlement that finance can sign."""

# ruff: noqa: PLR0915 a revision has as many statements as the schema needs

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from storefront.migrations.tenant_tables import secure

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "ledger_days",
        sa.Column("tenant_id", sa.UUID(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("entries", sa.BigInteger(), nullable=False),
        sa.Column("content_sha256", sa.Text(), nullable=False),
        sa.Column("chain_sha256", sa.Text(), nullable=False),
        sa.Column("sealed_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.CheckConstraint("entries >= 0", name=op.f("ledger_days_ck_entries")),
        sa.ForeignKeyConstraint(["tenant_id"], ["app.tenants.tenant_id"], name="ledger_days_fk_tenants"),
        sa.PrimaryKeyConstraint("tenant_id", "day", name=op.f("ledger_days_pk")),
        schema="app",
    )
    secure("ledger_days", app="SELECT, INSERT")
    op.create_table(
        "payouts",
        sa.Column("tenant_id", sa.UUID(), nullable=False),
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("payout_no", sa.Text(), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("line_count", sa.Integer(), nullable=False),
        sa.Column("total_fen", sa.BigInteger(), nullable=False),
        sa.Column("prepared_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("prepared_by", sa.Text(), nullable=False),
        sa.Column("released_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("released_by", sa.Text(), nullable=True),
        sa.Column("ended_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.CheckConstraint(
            "state IN ('prepared', 'released', 'withdrawn', 'done')", name=op.f("payouts_ck_state")
        ),
        sa.CheckConstraint(
            "released_by IS NULL OR released_by <> prepared_by", name=op.f("payouts_ck_two_people")
        ),
        sa.CheckConstraint("total_fen > 0 AND line_count > 0", name=op.f("payouts_ck_total")),
        sa.ForeignKeyConstraint(["tenant_id"], ["app.tenants.tenant_id"], name="payouts_fk_tenants"),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("payouts_pk")),
        sa.UniqueConstraint("tenant_id", "payout_no", name=op.f("payouts_uq_tenant_id_payout_no")),
        schema="app",
    )
    secure("payouts", app="SELECT, INSERT, UPDATE (state, released_at, released_by, ended_at)")
    op.create_index("payouts_ix_state", "payouts", ["tenant_id", "state"], unique=False, schema="app")
    op.create_table(
        "promotions",
        sa.Column("tenant_id", sa.UUID(), nullable=False),
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("residual_funder", sa.Text(), nullable=False),
        sa.Column("active_from", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("active_to", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column("created_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.CheckConstraint(
            "residual_funder IN ('brand', 'mall', 'owner', 'platform')",
            name=op.f("promotions_ck_residual_funder"),
        ),
        sa.CheckConstraint("active_to IS NULL OR active_from < active_to", name=op.f("promotions_ck_active")),
        sa.ForeignKeyConstraint(["tenant_id"], ["app.tenants.tenant_id"], name="promotions_fk_tenants"),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("promotions_pk")),
        sa.UniqueConstraint("tenant_id", "code", name=op.f("promotions_uq_tenant_id_code")),
        schema="app",
    )
    secure("promotions", app="SELECT, INSERT, UPDATE (active_to)")
    op.create_table(
        "bill_files",
        sa.Column("tenant_id", sa.UUID(), nullable=False),
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("merchant_id", sa.UUID(), nullable=True),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("content_sha256", sa.Text(), nullable=False),
        sa.Column("row_count", sa.Integer(), nullable=False),
        sa.Column("told", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("counted", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("origin", sa.Text(), nullable=False),
        sa.Column("taken_by", sa.Text(), nullable=False),
        sa.Column("taken_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.CheckConstraint(
            "kind IN ('trade', 'split', 'fund', 'cashier', 'till')", name=op.f("bill_files_ck_kind")
        ),
        sa.CheckConstraint("state IN ('current', 'superseded')", name=op.f("bill_files_ck_state")),
        sa.CheckConstraint("row_count >= 0", name=op.f("bill_files_ck_rows")),
        sa.ForeignKeyConstraint(
            ["tenant_id", "merchant_id"],
            ["app.merchants.tenant_id", "app.merchants.id"],
            name=op.f("bill_files_fk_merchants"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("bill_files_pk")),
        sa.UniqueConstraint(
            "tenant_id",
            "kind",
            "account",
            "day",
            "version",
            name=op.f("bill_files_uq_tenant_id_kind_account_day_version"),
        ),
        schema="app",
    )
    secure("bill_files", app="SELECT, INSERT, UPDATE (state)")
    op.create_index(
        "bill_files_uq_current",
        "bill_files",
        ["tenant_id", "kind", "account", "day"],
        unique=True,
        schema="app",
        postgresql_where=sa.text("state = 'current'"),
    )
    op.create_table(
        "contacts",
        sa.Column("tenant_id", sa.UUID(), nullable=False),
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("contact_no", sa.Text(), nullable=False),
        sa.Column("union_id", sa.Text(), nullable=True),
        sa.Column("shopper_id", sa.UUID(), nullable=True),
        sa.Column("met_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "shopper_id"],
            ["app.shoppers.tenant_id", "app.shoppers.id"],
            name=op.f("contacts_fk_shoppers"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("contacts_pk")),
        sa.UniqueConstraint("tenant_id", "contact_no", name=op.f("contacts_uq_tenant_id_contact_no")),
        schema="app",
    )
    secure("contacts", app="SELECT, INSERT, UPDATE, DELETE")
    op.create_index(
        "contacts_ix_shopper", "contacts", ["tenant_id", "shopper_id"], unique=False, schema="app"
    )
    op.create_index("contacts_ix_union", "contacts", ["tenant_id", "union_id"], unique=False, schema="app")
    op.create_table(
        "differences",
        sa.Column("tenant_id", sa.UUID(), nullable=False),
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("merchant_id", sa.UUID(), nullable=True),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("occurrence", sa.Integer(), nullable=False),
        sa.Column("match_class", sa.Text(), nullable=False),
        sa.Column("ours", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("theirs", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("differing", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("amount_fen", sa.BigInteger(), nullable=False),
        sa.Column("fee_millifen", sa.BigInteger(), nullable=False),
        sa.Column("facts_sha256", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("resolved_by", sa.Text(), nullable=True),
        sa.Column("first_seen_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("ended_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.CheckConstraint(
            "(state = 'resolved') = (resolved_by IS NOT NULL)", name=op.f("differences_ck_resolved")
        ),
        sa.CheckConstraint(
            "kind IN ('trade', 'split', 'fund', 'cashier', 'till')", name=op.f("differences_ck_kind")
        ),
        sa.CheckConstraint(
            "match_class IN ('matched', 'missing_here', 'missing_there', 'duplicated', 'amount', 'fee', 'state', 'late', 'totals')",
            name=op.f("differences_ck_match_class"),
        ),
        sa.CheckConstraint("state IN ('open', 'resolved', 'gone')", name=op.f("differences_ck_state")),
        sa.ForeignKeyConstraint(
            ["tenant_id", "merchant_id"],
            ["app.merchants.tenant_id", "app.merchants.id"],
            name=op.f("differences_fk_merchants"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("differences_pk")),
        sa.UniqueConstraint(
            "tenant_id", "kind", "account", "day", "key", "occurrence", name="differences_uq_key"
        ),
        schema="app",
    )
    secure(
        "differences",
        app="SELECT, INSERT, UPDATE (match_class, ours, theirs, differing, amount_fen, fee_millifen, facts_sha256, state, owner, note, reason, resolved_by, ended_at)",
    )
    op.create_index("differences_ix_key", "differences", ["tenant_id", "key"], unique=False, schema="app")
    op.create_index(
        "differences_ix_open",
        "differences",
        ["tenant_id", "first_seen_at", "id"],
        unique=False,
        schema="app",
        postgresql_where=sa.text("state = 'open'"),
    )
    op.create_table(
        "promotion_funders",
        sa.Column("tenant_id", sa.UUID(), nullable=False),
        sa.Column("promotion_id", sa.UUID(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("rate_bps", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "role IN ('brand', 'mall', 'owner', 'platform')", name=op.f("promotion_funders_ck_role")
        ),
        sa.CheckConstraint("rate_bps BETWEEN 1 AND 10000", name=op.f("promotion_funders_ck_rate")),
        sa.ForeignKeyConstraint(
            ["tenant_id", "promotion_id"],
            ["app.promotions.tenant_id", "app.promotions.id"],
            name=op.f("promotion_funders_fk_promotions"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "promotion_id", "role", name=op.f("promotion_funders_pk")),
        schema="app",
    )
    secure("promotion_funders", app="SELECT, INSERT")
    op.create_table(
        "reconciled_days",
        sa.Column("tenant_id", sa.UUID(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("merchant_id", sa.UUID(), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("bill_id", sa.UUID(), nullable=True),
        sa.Column("matched", sa.Integer(), nullable=False),
        sa.Column("ours_count", sa.Integer(), nullable=False),
        sa.Column("ours_fen", sa.BigInteger(), nullable=False),
        sa.Column("theirs_count", sa.Integer(), nullable=False),
        sa.Column("theirs_fen", sa.BigInteger(), nullable=False),
        sa.Column("counts", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("compared_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.CheckConstraint(
            "kind IN ('trade', 'split', 'fund', 'cashier', 'till')", name=op.f("reconciled_days_ck_kind")
        ),
        sa.CheckConstraint(
            "state IN ('expected', 'pending', 'nothing', 'taken', 'refused')",
            name=op.f("reconciled_days_ck_state"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "merchant_id"],
            ["app.merchants.tenant_id", "app.merchants.id"],
            name=op.f("reconciled_days_fk_merchants"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "kind", "account", "day", name=op.f("reconciled_days_pk")),
        schema="app",
    )
    secure(
        "reconciled_days",
        app="SELECT, INSERT, UPDATE (state, reason, bill_id, matched, ours_count, ours_fen, theirs_count, theirs_fen, counts, compared_at)",
    )
    op.create_index(
        "reconciled_days_ix_day", "reconciled_days", ["tenant_id", "day"], unique=False, schema="app"
    )
    op.create_table(
        "bill_rows",
        sa.Column("tenant_id", sa.UUID(), nullable=False),
        sa.Column("bill_id", sa.UUID(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("occurrence", sa.Integer(), nullable=False),
        sa.Column("line", sa.Integer(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("amount_fen", sa.BigInteger(), nullable=False),
        sa.Column("fee_millifen", sa.BigInteger(), nullable=True),
        sa.Column("amounts", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("words", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("cells", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "bill_id"],
            ["app.bill_files.tenant_id", "app.bill_files.id"],
            name=op.f("bill_rows_fk_bill_files"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "bill_id", "key", "occurrence", name=op.f("bill_rows_pk")),
        schema="app",
    )
    secure("bill_rows", app="SELECT, INSERT")
    op.create_index("bill_rows_ix_key", "bill_rows", ["tenant_id", "key"], unique=False, schema="app")
    op.create_table(
        "store_ownerships",
        sa.Column("tenant_id", sa.UUID(), nullable=False),
        sa.Column("store_id", sa.UUID(), nullable=False),
        sa.Column("active_from", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("active_to", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("ownership", sa.Text(), nullable=False),
        sa.Column("owner_code", sa.Text(), nullable=True),
        sa.Column("owner_name", sa.Text(), nullable=True),
        sa.Column("merchant_id", sa.UUID(), nullable=True),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column("created_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.CheckConstraint(
            "(ownership IN ('franchise', 'agent')) = (owner_code IS NOT NULL)",
            name=op.f("store_ownerships_ck_owner"),
        ),
        sa.CheckConstraint(
            "ownership IN ('direct', 'franchise', 'agent', 'joint')",
            name=op.f("store_ownerships_ck_ownership"),
        ),
        sa.CheckConstraint(
            "active_to IS NULL OR active_from < active_to", name=op.f("store_ownerships_ck_active")
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "merchant_id"],
            ["app.merchants.tenant_id", "app.merchants.id"],
            name=op.f("store_ownerships_fk_merchants"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "store_id"],
            ["app.stores.tenant_id", "app.stores.id"],
            name=op.f("store_ownerships_fk_stores"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "store_id", "active_from", name=op.f("store_ownerships_pk")),
        schema="app",
    )
    secure("store_ownerships", app="SELECT, INSERT, UPDATE (active_to)")
    op.create_table(
        "contact_ways",
        sa.Column("tenant_id", sa.UUID(), nullable=False),
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("guide_id", sa.UUID(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("way_no", sa.Text(), nullable=True),
        sa.Column("qr_code_url", sa.Text(), nullable=True),
        sa.Column("created_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column("made_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("ending_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("ended_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["tenant_id", "guide_id"],
            ["app.guides.tenant_id", "app.guides.id"],
            name=op.f("contact_ways_fk_guides"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("contact_ways_pk")),
        sa.UniqueConstraint("tenant_id", "code", name=op.f("contact_ways_uq_tenant_id_code")),
        schema="app",
    )
    secure("contact_ways", app="SELECT, INSERT, UPDATE, DELETE")
    op.create_index(
        "contact_ways_uq_live",
        "contact_ways",
        ["tenant_id", "guide_id"],
        unique=True,
        schema="app",
        postgresql_where=sa.text("ending_at IS NULL"),
    )
    op.create_table(
        "relation_moves",
        sa.Column("tenant_id", sa.UUID(), nullable=False),
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("contact_id", sa.UUID(), nullable=True),
        sa.Column("shopper_id", sa.UUID(), nullable=True),
        sa.Column("giver_id", sa.UUID(), nullable=False),
        sa.Column("taker_id", sa.UUID(), nullable=True),
        sa.Column("store_id", sa.UUID(), nullable=True),
        sa.Column("resigned", sa.Boolean(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("code", sa.Text(), nullable=True),
        sa.Column("requested_by", sa.Text(), nullable=False),
        sa.Column("created_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("started_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("due_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("ended_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.CheckConstraint(
            "state IN ('intended', 'waiting', 'done', 'refused', 'limited', 'taker_full', 'failed')",
            name=op.f("relation_moves_ck_state"),
        ),
        sa.CheckConstraint(
            "contact_id IS NOT NULL OR shopper_id IS NOT NULL", name=op.f("relation_moves_ck_whom")
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "contact_id"],
            ["app.contacts.tenant_id", "app.contacts.id"],
            name=op.f("relation_moves_fk_contacts"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "giver_id"],
            ["app.guides.tenant_id", "app.guides.id"],
            name="relation_moves_fk_giver",
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "shopper_id"],
            ["app.shoppers.tenant_id", "app.shoppers.id"],
            name=op.f("relation_moves_fk_shoppers"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "store_id"],
            ["app.stores.tenant_id", "app.stores.id"],
            name=op.f("relation_moves_fk_stores"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "taker_id"],
            ["app.guides.tenant_id", "app.guides.id"],
            name="relation_moves_fk_taker",
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("relation_moves_pk")),
        schema="app",
    )
    secure("relation_moves", app="SELECT, INSERT, UPDATE, DELETE")
    op.create_index(
        "relation_moves_ix_contact",
        "relation_moves",
        ["tenant_id", "contact_id", "started_at"],
        unique=False,
        schema="app",
    )
    op.create_index(
        "relation_moves_ix_giver",
        "relation_moves",
        ["tenant_id", "giver_id", "id"],
        unique=False,
        schema="app",
    )
    op.create_index(
        "relation_moves_uq_open",
        "relation_moves",
        ["tenant_id", "contact_id"],
        unique=True,
        schema="app",
        postgresql_where=sa.text("state IN ('intended', 'waiting')"),
    )
    op.create_table(
        "contact_bonds",
        sa.Column("tenant_id", sa.UUID(), nullable=False),
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("contact_id", sa.UUID(), nullable=False),
        sa.Column("guide_id", sa.UUID(), nullable=False),
        sa.Column("way_id", sa.UUID(), nullable=True),
        sa.Column("active_from", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("active_to", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("ended_by", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "active_to IS NULL OR active_from <= active_to", name=op.f("contact_bonds_ck_active")
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "contact_id"],
            ["app.contacts.tenant_id", "app.contacts.id"],
            name=op.f("contact_bonds_fk_contacts"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "guide_id"],
            ["app.guides.tenant_id", "app.guides.id"],
            name=op.f("contact_bonds_fk_guides"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "way_id"],
            ["app.contact_ways.tenant_id", "app.contact_ways.id"],
            name=op.f("contact_bonds_fk_contact_ways"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("contact_bonds_pk")),
        schema="app",
    )
    secure("contact_bonds", app="SELECT, INSERT, UPDATE, DELETE")
    op.create_index(
        "contact_bonds_ix_guide", "contact_bonds", ["tenant_id", "guide_id"], unique=False, schema="app"
    )
    op.create_index(
        "contact_bonds_uq_live",
        "contact_bonds",
        ["tenant_id", "contact_id", "guide_id"],
        unique=True,
        schema="app",
        postgresql_where=sa.text("active_to IS NULL"),
    )
    op.create_table(
        "payees",
        sa.Column("tenant_id", sa.UUID(), nullable=False),
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("party_id", sa.UUID(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("payroll_no", sa.Text(), nullable=True),
        sa.Column("account_tail", sa.Text(), nullable=True),
        sa.Column("created_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column("ended_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("ended_by", sa.Text(), nullable=True),
        sa.CheckConstraint("(kind = 'payroll') = (payroll_no IS NOT NULL)", name=op.f("payees_ck_payroll")),
        sa.CheckConstraint("kind IN ('bank', 'payroll')", name=op.f("payees_ck_kind")),
        sa.ForeignKeyConstraint(
            ["tenant_id", "party_id"],
            ["app.parties.tenant_id", "app.parties.id"],
            name=op.f("payees_fk_parties"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("payees_pk")),
        schema="app",
    )
    secure("payees", app="SELECT, INSERT, UPDATE (ended_at, ended_by)")
    op.create_index(
        "payees_uq_current",
        "payees",
        ["tenant_id", "party_id"],
        unique=True,
        schema="app",
        postgresql_where=sa.text("ended_at IS NULL"),
    )
    op.create_table(
        "true_ups",
        sa.Column("tenant_id", sa.UUID(), nullable=False),
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("contract_code", sa.Text(), nullable=False),
        sa.Column("party_id", sa.UUID(), nullable=False),
        sa.Column("term_starts_on", sa.Date(), nullable=False),
        sa.Column("period_on", sa.Date(), nullable=False),
        sa.Column("amount_fen", sa.BigInteger(), nullable=False),
        sa.Column("reckoning", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("created_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "party_id"],
            ["app.parties.tenant_id", "app.parties.id"],
            name=op.f("true_ups_fk_parties"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("true_ups_pk")),
        sa.UniqueConstraint("tenant_id", "contract_code", "party_id", "period_on", name="true_ups_uq_period"),
        schema="app",
    )
    secure("true_ups", app="SELECT, INSERT")
    op.create_table(
        "adjustments",
        sa.Column("tenant_id", sa.UUID(), nullable=False),
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("party_id", sa.UUID(), nullable=False),
        sa.Column("counterparty_id", sa.UUID(), nullable=False),
        sa.Column("contract_id", sa.UUID(), nullable=False),
        sa.Column("store_id", sa.UUID(), nullable=True),
        sa.Column("amount_fen", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("evidence", sa.Text(), nullable=True),
        sa.Column("statement_id", sa.UUID(), nullable=True),
        sa.Column("order_id", sa.UUID(), nullable=True),
        sa.Column("restates", sa.Boolean(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("proposed_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("proposed_by", sa.Text(), nullable=False),
        sa.Column("decided_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("decided_by", sa.Text(), nullable=True),
        sa.Column("decision", sa.Text(), nullable=True),
        sa.Column("period_on", sa.Date(), nullable=True),
        sa.CheckConstraint(
            "(state = 'booked') = (period_on IS NOT NULL)", name=op.f("adjustments_ck_booked")
        ),
        sa.CheckConstraint("state IN ('proposed', 'booked', 'refused')", name=op.f("adjustments_ck_state")),
        sa.CheckConstraint("amount_fen <> 0", name=op.f("adjustments_ck_amount")),
        sa.CheckConstraint(
            "decided_by IS NULL OR decided_by <> proposed_by", name=op.f("adjustments_ck_two_people")
        ),
        sa.CheckConstraint("party_id <> counterparty_id", name=op.f("adjustments_ck_parties")),
        sa.CheckConstraint(
            "statement_id IS NOT NULL OR order_id IS NOT NULL", name=op.f("adjustments_ck_names")
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "contract_id"],
            ["app.contracts.tenant_id", "app.contracts.id"],
            name=op.f("adjustments_fk_contracts"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "counterparty_id"],
            ["app.parties.tenant_id", "app.parties.id"],
            name="adjustments_fk_counterparty",
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "order_id"],
            ["app.orders.tenant_id", "app.orders.id"],
            name=op.f("adjustments_fk_orders"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "party_id"],
            ["app.parties.tenant_id", "app.parties.id"],
            name=op.f("adjustments_fk_parties"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "statement_id"],
            ["app.statements.tenant_id", "app.statements.id"],
            name=op.f("adjustments_fk_statements"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "store_id"],
            ["app.stores.tenant_id", "app.stores.id"],
            name=op.f("adjustments_fk_stores"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("adjustments_pk")),
        schema="app",
    )
    secure("adjustments", app="SELECT, INSERT, UPDATE (state, decided_at, decided_by, decision, period_on)")
    op.create_index("adjustments_ix_state", "adjustments", ["tenant_id", "state"], unique=False, schema="app")
    op.create_index(
        "adjustments_ix_statement", "adjustments", ["tenant_id", "statement_id"], unique=False, schema="app"
    )
    op.create_table(
        "contract_period_terms",
        sa.Column("tenant_id", sa.UUID(), nullable=False),
        sa.Column("contract_id", sa.UUID(), nullable=False),
        sa.Column("party_id", sa.UUID(), nullable=False),
        sa.Column("rules", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "contract_id"],
            ["app.contracts.tenant_id", "app.contracts.id"],
            name=op.f("contract_period_terms_fk_contracts"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "party_id"],
            ["app.parties.tenant_id", "app.parties.id"],
            name=op.f("contract_period_terms_fk_parties"),
        ),
        sa.PrimaryKeyConstraint(
            "tenant_id", "contract_id", "party_id", name=op.f("contract_period_terms_pk")
        ),
        schema="app",
    )
    secure("contract_period_terms", app="SELECT, INSERT")
    op.create_table(
        "contract_special_rates",
        sa.Column("tenant_id", sa.UUID(), nullable=False),
        sa.Column("contract_id", sa.UUID(), nullable=False),
        sa.Column("row_no", sa.Integer(), nullable=False),
        sa.Column("party_id", sa.UUID(), nullable=False),
        sa.Column("category_code", sa.Text(), nullable=False),
        sa.Column("sku_code", sa.Text(), nullable=False),
        sa.Column("promotion_code", sa.Text(), nullable=False),
        sa.Column("valid_from_on", sa.Date(), nullable=True),
        sa.Column("valid_to_on", sa.Date(), nullable=True),
        sa.Column("rate_bps", sa.Integer(), nullable=False),
        sa.CheckConstraint("rate_bps BETWEEN 0 AND 10000", name=op.f("contract_special_rates_ck_rate")),
        sa.CheckConstraint(
            "valid_from_on IS NULL OR valid_to_on IS NULL OR valid_from_on <= valid_to_on",
            name=op.f("contract_special_rates_ck_valid"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "contract_id"],
            ["app.contracts.tenant_id", "app.contracts.id"],
            name=op.f("contract_special_rates_fk_contracts"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "party_id"],
            ["app.parties.tenant_id", "app.parties.id"],
            name=op.f("contract_special_rates_fk_parties"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "contract_id", "row_no", name=op.f("contract_special_rates_pk")),
        schema="app",
    )
    secure("contract_special_rates", app="SELECT, INSERT")
    op.create_table(
        "disputes",
        sa.Column("tenant_id", sa.UUID(), nullable=False),
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("statement_id", sa.UUID(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("opened_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("opened_by", sa.Text(), nullable=False),
        sa.Column("level", sa.Text(), nullable=True),
        sa.Column("compares", sa.Text(), nullable=True),
        sa.Column("file_name", sa.Text(), nullable=True),
        sa.Column("file_sha256", sa.Text(), nullable=True),
        sa.Column("rows_read", sa.Integer(), nullable=True),
        sa.Column("ours_fen", sa.BigInteger(), nullable=True),
        sa.Column("theirs_fen", sa.BigInteger(), nullable=True),
        sa.Column("matched", sa.Integer(), nullable=True),
        sa.Column("matched_fen", sa.BigInteger(), nullable=True),
        sa.Column("imported_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("imported_by", sa.Text(), nullable=True),
        sa.Column("resolved_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("resolved_by", sa.Text(), nullable=True),
        sa.Column("resolution", sa.Text(), nullable=True),
        sa.CheckConstraint("compares IN ('portion', 'base')", name=op.f("disputes_ck_compares")),
        sa.CheckConstraint("level IN ('line', 'order', 'day')", name=op.f("disputes_ck_level")),
        sa.CheckConstraint("state IN ('open', 'resolved')", name=op.f("disputes_ck_state")),
        sa.ForeignKeyConstraint(
            ["tenant_id", "statement_id"],
            ["app.statements.tenant_id", "app.statements.id"],
            name=op.f("disputes_fk_statements"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("disputes_pk")),
        schema="app",
    )
    secure(
        "disputes",
        app="SELECT, INSERT, UPDATE (state, level, compares, file_name, file_sha256, rows_read, ours_fen, theirs_fen, matched, matched_fen, imported_at, imported_by, resolved_at, resolved_by, resolution)",
    )
    op.create_index(
        "disputes_ix_statement", "disputes", ["tenant_id", "statement_id"], unique=False, schema="app"
    )
    op.create_index(
        "disputes_uq_open",
        "disputes",
        ["tenant_id", "statement_id"],
        unique=True,
        schema="app",
        postgresql_where=sa.text("state = 'open'"),
    )
    op.create_table(
        "payout_lines",
        sa.Column("tenant_id", sa.UUID(), nullable=False),
        sa.Column("payout_id", sa.UUID(), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("line_no", sa.Text(), nullable=False),
        sa.Column("party_id", sa.UUID(), nullable=False),
        sa.Column("party_name", sa.Text(), nullable=False),
        sa.Column("statement_id", sa.UUID(), nullable=False),
        sa.Column("payee_id", sa.UUID(), nullable=False),
        sa.Column("amount_fen", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("paid_on", sa.Date(), nullable=True),
        sa.Column("bank_reference", sa.Text(), nullable=True),
        sa.Column("trouble", sa.Text(), nullable=True),
        sa.Column("ended_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("ended_by", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "state IN ('held', 'sent', 'paid', 'failed', 'returned', 'freed')",
            name=op.f("payout_lines_ck_state"),
        ),
        sa.CheckConstraint("amount_fen > 0", name=op.f("payout_lines_ck_amount")),
        sa.ForeignKeyConstraint(
            ["tenant_id", "party_id"],
            ["app.parties.tenant_id", "app.parties.id"],
            name=op.f("payout_lines_fk_parties"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "payee_id"],
            ["app.payees.tenant_id", "app.payees.id"],
            name=op.f("payout_lines_fk_payees"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "payout_id"],
            ["app.payouts.tenant_id", "app.payouts.id"],
            name=op.f("payout_lines_fk_payouts"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "statement_id"],
            ["app.statements.tenant_id", "app.statements.id"],
            name=op.f("payout_lines_fk_statements"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "payout_id", "number", name=op.f("payout_lines_pk")),
        sa.UniqueConstraint("tenant_id", "line_no", name=op.f("payout_lines_uq_tenant_id_line_no")),
        sa.UniqueConstraint(
            "tenant_id",
            "payout_id",
            "statement_id",
            name=op.f("payout_lines_uq_tenant_id_payout_id_statement_id"),
        ),
        schema="app",
    )
    secure(
        "payout_lines",
        app="SELECT, INSERT, UPDATE (state, paid_on, bank_reference, trouble, ended_at, ended_by)",
    )
    op.create_index(
        "payout_lines_ix_party", "payout_lines", ["tenant_id", "party_id"], unique=False, schema="app"
    )
    op.create_index(
        "payout_lines_ix_statement", "payout_lines", ["tenant_id", "statement_id"], unique=False, schema="app"
    )
    op.create_table(
        "statement_invoices",
        sa.Column("tenant_id", sa.UUID(), nullable=False),
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("statement_id", sa.UUID(), nullable=False),
        sa.Column("invoice_no", sa.Text(), nullable=False),
        sa.Column("issued_on", sa.Date(), nullable=False),
        sa.Column("amount_fen", sa.BigInteger(), nullable=False),
        sa.Column("tax_fen", sa.BigInteger(), nullable=False),
        sa.Column("recorded_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("recorded_by", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "abs(tax_fen) < abs(amount_fen) AND tax_fen * amount_fen >= 0",
            name=op.f("statement_invoices_ck_tax"),
        ),
        sa.CheckConstraint("amount_fen <> 0", name=op.f("statement_invoices_ck_amount")),
        sa.ForeignKeyConstraint(
            ["tenant_id", "statement_id"],
            ["app.statements.tenant_id", "app.statements.id"],
            name=op.f("statement_invoices_fk_statements"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("statement_invoices_pk")),
        sa.UniqueConstraint(
            "tenant_id", "invoice_no", name=op.f("statement_invoices_uq_tenant_id_invoice_no")
        ),
        schema="app",
    )
    secure("statement_invoices", app="SELECT, INSERT")
    op.create_index(
        "statement_invoices_ix_statement",
        "statement_invoices",
        ["tenant_id", "statement_id"],
        unique=False,
        schema="app",
    )
    op.create_table(
        "statement_standings",
        sa.Column("tenant_id", sa.UUID(), nullable=False),
        sa.Column("statement_id", sa.UUID(), nullable=False),
        sa.Column("state", sa.Text(), server_default="closed", nullable=False),
        sa.Column("approved_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("approved_by", sa.Text(), nullable=True),
        sa.Column("agreed_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("agreed_by", sa.Text(), nullable=True),
        sa.Column("payable_fen", sa.BigInteger(), nullable=False),
        sa.Column("payout_fen", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.CheckConstraint(
            "state <> 'approved' OR approved_at IS NOT NULL", name=op.f("statement_standings_ck_signed")
        ),
        sa.CheckConstraint(
            "state IN ('closed', 'approved', 'disputed', 'resolved', 'superseded')",
            name=op.f("statement_standings_ck_state"),
        ),
        sa.CheckConstraint(
            "(agreed_at IS NULL) = (agreed_by IS NULL)", name=op.f("statement_standings_ck_agreed")
        ),
        sa.CheckConstraint(
            "(approved_at IS NULL) = (approved_by IS NULL)", name=op.f("statement_standings_ck_approved")
        ),
        sa.CheckConstraint(
            "payout_fen >= 0 AND payout_fen <= payable_fen", name=op.f("statement_standings_ck_payout")
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "statement_id"],
            ["app.statements.tenant_id", "app.statements.id"],
            name=op.f("statement_standings_fk_statements"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "statement_id", name=op.f("statement_standings_pk")),
        schema="app",
    )
    secure(
        "statement_standings",
        app="SELECT, INSERT, UPDATE (state, approved_at, approved_by, agreed_at, agreed_by, payout_fen)",
    )
    op.create_index(
        "statement_standings_ix_state",
        "statement_standings",
        ["tenant_id", "state"],
        unique=False,
        schema="app",
    )
    op.create_table(
        "dispute_differences",
        sa.Column("tenant_id", sa.UUID(), nullable=False),
        sa.Column("dispute_id", sa.UUID(), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("about", sa.Text(), nullable=False),
        sa.Column("occurred_on", sa.Date(), nullable=False),
        sa.Column("ours_fen", sa.BigInteger(), nullable=True),
        sa.Column("theirs_fen", sa.BigInteger(), nullable=True),
        sa.Column("row_no", sa.Integer(), nullable=True),
        sa.Column("contract_id", sa.UUID(), nullable=True),
        sa.Column("store_id", sa.UUID(), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("answered_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("answered_by", sa.Text(), nullable=True),
        sa.Column("adjustment_id", sa.UUID(), nullable=True),
        sa.CheckConstraint(
            "(state = 'open') = (answered_at IS NULL)", name=op.f("dispute_differences_ck_answered")
        ),
        sa.CheckConstraint(
            "kind IN ('matched', 'missing_here', 'missing_there', 'duplicated', 'amount', 'fee', 'state', 'late', 'totals')",
            name=op.f("dispute_differences_ck_kind"),
        ),
        sa.CheckConstraint(
            "state = 'open' OR reason IS NOT NULL", name=op.f("dispute_differences_ck_reason")
        ),
        sa.CheckConstraint(
            "state IN ('open', 'ours_stand', 'theirs_stand')", name=op.f("dispute_differences_ck_state")
        ),
        sa.CheckConstraint(
            "ours_fen IS NOT NULL OR theirs_fen IS NOT NULL", name=op.f("dispute_differences_ck_sides")
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "adjustment_id"],
            ["app.adjustments.tenant_id", "app.adjustments.id"],
            name=op.f("dispute_differences_fk_adjustments"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "contract_id"],
            ["app.contracts.tenant_id", "app.contracts.id"],
            name=op.f("dispute_differences_fk_contracts"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "dispute_id"],
            ["app.disputes.tenant_id", "app.disputes.id"],
            name=op.f("dispute_differences_fk_disputes"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "store_id"],
            ["app.stores.tenant_id", "app.stores.id"],
            name=op.f("dispute_differences_fk_stores"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "dispute_id", "number", name=op.f("dispute_differences_pk")),
        schema="app",
    )
    secure(
        "dispute_differences",
        app="SELECT, INSERT, DELETE, UPDATE (state, reason, answered_at, answered_by, adjustment_id)",
    )
    op.create_table(
        "terms_funders",
        sa.Column("tenant_id", sa.UUID(), nullable=False),
        sa.Column("terms_id", sa.UUID(), nullable=False),
        sa.Column("party_id", sa.UUID(), nullable=False),
        sa.Column("rate_bps", sa.Integer(), nullable=False),
        sa.CheckConstraint("rate_bps BETWEEN 1 AND 10000", name=op.f("terms_funders_ck_rate")),
        sa.ForeignKeyConstraint(
            ["tenant_id", "party_id"],
            ["app.parties.tenant_id", "app.parties.id"],
            name=op.f("terms_funders_fk_parties"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "terms_id"],
            ["app.frozen_terms.tenant_id", "app.frozen_terms.id"],
            name=op.f("terms_funders_fk_frozen_terms"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "terms_id", "party_id", name=op.f("terms_funders_pk")),
        schema="app",
    )
    secure("terms_funders", app="SELECT, INSERT")
    op.add_column(
        "contracts",
        sa.Column("residual_by_owner", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        schema="app",
    )
    op.add_column("contracts", sa.Column("collected_by_party_id", sa.UUID(), nullable=True), schema="app")
    op.add_column(
        "contracts",
        sa.Column(
            "collected_sources",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'[]'::jsonb"),
            nullable=False,
        ),
        schema="app",
    )
    op.add_column(
        "contracts",
        sa.Column(
            "base_includes_funded_by",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'[]'::jsonb"),
            nullable=False,
        ),
        schema="app",
    )
    op.add_column(
        "contracts", sa.Column("over_ratio", sa.Text(), server_default="refuse", nullable=False), schema="app"
    )
    op.add_column("contracts", sa.Column("cut_off_day", sa.Integer(), nullable=True), schema="app")
    op.add_column(
        "contracts",
        sa.Column("payment_days", sa.Integer(), server_default=sa.text("0"), nullable=False),
        schema="app",
    )
    op.add_column(
        "contracts",
        sa.Column("tax_bps", sa.Integer(), server_default=sa.text("0"), nullable=False),
        schema="app",
    )
    op.add_column(
        "contracts", sa.Column("invoice", sa.Text(), server_default="none", nullable=False), schema="app"
    )
    op.add_column(
        "contracts",
        sa.Column("channel_fee_by", sa.Text(), server_default="residual", nullable=False),
        schema="app",
    )
    op.add_column("contracts", sa.Column("channel_fee_party_id", sa.UUID(), nullable=True), schema="app")
    op.add_column(
        "contracts",
        sa.Column("coupons_by", sa.Text(), server_default="residual", nullable=False),
        schema="app",
    )
    op.add_column("contracts", sa.Column("coupons_party_id", sa.UUID(), nullable=True), schema="app")
    op.create_foreign_key(
        "contracts_fk_coupons_party",
        "contracts",
        "parties",
        ["tenant_id", "coupons_party_id"],
        ["tenant_id", "id"],
        source_schema="app",
        referent_schema="app",
    )
    op.create_foreign_key(
        "contracts_fk_collected_by_party",
        "contracts",
        "parties",
        ["tenant_id", "collected_by_party_id"],
        ["tenant_id", "id"],
        source_schema="app",
        referent_schema="app",
    )
    op.create_foreign_key(
        "contracts_fk_channel_fee_party",
        "contracts",
        "parties",
        ["tenant_id", "channel_fee_party_id"],
        ["tenant_id", "id"],
        source_schema="app",
        referent_schema="app",
    )
    op.add_column("frozen_terms", sa.Column("collector_party_id", sa.UUID(), nullable=True), schema="app")
    op.add_column("frozen_terms", sa.Column("funder_party_id", sa.UUID(), nullable=True), schema="app")
    op.create_foreign_key(
        "frozen_terms_fk_collector_party",
        "frozen_terms",
        "parties",
        ["tenant_id", "collector_party_id"],
        ["tenant_id", "id"],
        source_schema="app",
        referent_schema="app",
    )
    op.create_foreign_key(
        "frozen_terms_fk_funder_party",
        "frozen_terms",
        "parties",
        ["tenant_id", "funder_party_id"],
        ["tenant_id", "id"],
        source_schema="app",
        referent_schema="app",
    )
    op.add_column("guides", sa.Column("avatar_url", sa.Text(), nullable=True), schema="app")
    op.create_index("journals_ix_posted", "journals", ["tenant_id", "posted_at"], unique=False, schema="app")
    op.drop_constraint(op.f("journals_fk_tenants"), "journals", schema="app", type_="foreignkey")
    op.add_column(
        "ledger_entries",
        sa.Column("statement_version", sa.SmallInteger(), server_default=sa.text("1"), nullable=False),
        schema="app",
    )
    op.alter_column("ledger_entries", "party_id", existing_type=sa.UUID(), nullable=True, schema="app")
    op.alter_column("ledger_entries", "contract_id", existing_type=sa.UUID(), nullable=True, schema="app")
    op.alter_column("ledger_entries", "store_id", existing_type=sa.UUID(), nullable=True, schema="app")
    op.alter_column("ledger_entries", "terms_id", existing_type=sa.UUID(), nullable=True, schema="app")
    op.drop_constraint(op.f("ledger_entries_fk_credit"), "ledger_entries", schema="app", type_="foreignkey")
    op.drop_constraint(op.f("ledger_entries_fk_journals"), "ledger_entries", schema="app", type_="foreignkey")
    op.drop_constraint(op.f("ledger_entries_fk_debit"), "ledger_entries", schema="app", type_="foreignkey")
    op.add_column("merchants", sa.Column("owner_party_code", sa.Text(), nullable=True), schema="app")
    op.add_column("order_lines", sa.Column("promotion_code", sa.Text(), nullable=True), schema="app")
    op.add_column("order_lines", sa.Column("promotion_fen", sa.BigInteger(), nullable=True), schema="app")
    op.add_column("order_lines", sa.Column("base_fen", sa.BigInteger(), nullable=True), schema="app")
    op.add_column(
        "payments", sa.Column("coupons", postgresql.JSONB(astext_type=sa.Text()), nullable=True), schema="app"
    )
    op.add_column(
        "payments", sa.Column("closing_at", postgresql.TIMESTAMP(timezone=True), nullable=True), schema="app"
    )
    op.create_index(
        "payments_ix_paid", "payments", ["tenant_id", "merchant_id", "paid_at"], unique=False, schema="app"
    )
    op.add_column("prices", sa.Column("promotion_code", sa.Text(), nullable=True), schema="app")
    op.add_column("refund_lines", sa.Column("base_fen", sa.BigInteger(), nullable=True), schema="app")
    op.create_index(
        "refunds_ix_requested",
        "refunds",
        ["tenant_id", "requested_at"],
        unique=False,
        schema="app",
        postgresql_where=sa.text("payment_id IS NOT NULL"),
    )
    op.add_column("relations", sa.Column("store_id", sa.UUID(), nullable=True), schema="app")
    op.alter_column("relations", "guide_id", existing_type=sa.UUID(), nullable=True, schema="app")
    op.create_foreign_key(
        op.f("relations_fk_stores"),
        "relations",
        "stores",
        ["tenant_id", "store_id"],
        ["tenant_id", "id"],
        source_schema="app",
        referent_schema="app",
    )
    op.create_index(
        "shoppers_ix_unionid",
        "shoppers",
        ["tenant_id", "unionid"],
        unique=False,
        schema="app",
        postgresql_where=sa.text("unionid IS NOT NULL"),
    )
    op.add_column(
        "splits", sa.Column("confirmed_at", postgresql.TIMESTAMP(timezone=True), nullable=True), schema="app"
    )
    op.create_index(
        "splits_ix_transaction", "splits", ["tenant_id", "transaction_id"], unique=False, schema="app"
    )
    op.add_column(
        "statements",
        sa.Column("version", sa.SmallInteger(), server_default=sa.text("1"), nullable=False),
        schema="app",
    )
    op.add_column(
        "statements",
        sa.Column("adjusted_fen", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        schema="app",
    )
    op.add_column(
        "statements",
        sa.Column("collected_fen", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        schema="app",
    )
    op.add_column(
        "statements",
        sa.Column("adjustments", sa.Integer(), server_default=sa.text("0"), nullable=False),
        schema="app",
    )
    op.add_column(
        "statements",
        sa.Column(
            "names", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'"), nullable=False
        ),
        schema="app",
    )
    op.add_column("statements", sa.Column("closed_by", sa.Text(), nullable=True), schema="app")
    op.add_column("statements", sa.Column("restated_for", sa.Text(), nullable=True), schema="app")
    op.drop_constraint(
        op.f("statements_uq_tenant_id_party_id_period_on"), "statements", schema="app", type_="unique"
    )
    op.create_unique_constraint(
        op.f("statements_uq_tenant_id_party_id_period_on_version"),
        "statements",
        ["tenant_id", "party_id", "period_on", "version"],
        schema="app",
    )
    op.add_column("stores", sa.Column("wechat_store_no", sa.BigInteger(), nullable=True), schema="app")
    op.drop_constraint(op.f("journals_ck_cause"), "journals", schema="app", type_="check")
    op.create_check_constraint(
        op.f("journals_ck_cause"),
        "journals",
        "cause IN ('order_paid', 'order_refunded', 'loose_refund', 'split_paid', 'split_returned', 'coupon_paid', 'coupon_refunded', 'fee_charged', 'fee_returned', 'fee_shared', 'fee_share_returned', 'unwanted_paid', 'unwanted_refunded', 'funded', 'funding_reversed', 'true_up', 'adjusted', 'collected', 'collection_returned', 'paid_out', 'payout_returned')",
        schema="app",
    )
    op.drop_constraint(op.f("ledger_entries_ck_cause"), "ledger_entries", schema="app", type_="check")
    op.create_check_constraint(
        op.f("ledger_entries_ck_cause"),
        "ledger_entries",
        "cause IN ('order_paid', 'order_refunded', 'loose_refund', 'split_paid', 'split_returned', 'coupon_paid', 'coupon_refunded', 'fee_charged', 'fee_returned', 'fee_shared', 'fee_share_returned', 'unwanted_paid', 'unwanted_refunded', 'funded', 'funding_reversed', 'true_up', 'adjusted', 'collected', 'collection_returned', 'paid_out', 'payout_returned')",
        schema="app",
    )
    op.create_check_constraint(
        op.f("ledger_entries_ck_party"),
        "ledger_entries",
        "party_id IS NOT NULL OR cause IN ('coupon_paid', 'coupon_refunded', 'fee_charged', 'fee_returned', 'unwanted_paid', 'unwanted_refunded')",
        schema="app",
    )
    op.create_check_constraint(
        op.f("ledger_entries_ck_sale"),
        "ledger_entries",
        "cause NOT IN ('order_paid', 'order_refunded', 'loose_refund') OR (store_id IS NOT NULL AND contract_id IS NOT NULL AND terms_id IS NOT NULL)",
        schema="app",
    )
    op.create_check_constraint(
        op.f("ledger_entries_ck_statement_version"), "ledger_entries", "statement_version > 0", schema="app"
    )
    op.create_check_constraint(
        op.f("merchants_ck_default_is_brands"),
        "merchants",
        "NOT (is_default AND owner_party_code IS NOT NULL)",
        schema="app",
    )
    op.drop_constraint(op.f("contracts_ck_base"), "contracts", schema="app", type_="check")
    op.create_check_constraint(
        op.f("contracts_ck_base"),
        "contracts",
        "base IN ('paid_goods', 'list_goods', 'paid_total', 'ex_tax')",
        schema="app",
    )
    op.create_check_constraint(
        op.f("contracts_ck_channel_fee_by"),
        "contracts",
        "channel_fee_by IN ('residual', 'party', 'shared')",
        schema="app",
    )
    op.create_check_constraint(
        op.f("contracts_ck_channel_fee_by_party"),
        "contracts",
        "(channel_fee_by = 'party') = (channel_fee_party_id IS NOT NULL)",
        schema="app",
    )
    op.create_check_constraint(
        op.f("contracts_ck_coupons_by"),
        "contracts",
        "coupons_by IN ('residual', 'party', 'shared')",
        schema="app",
    )
    op.create_check_constraint(
        op.f("contracts_ck_coupons_by_party"),
        "contracts",
        "(coupons_by = 'party') = (coupons_party_id IS NOT NULL)",
        schema="app",
    )
    op.create_check_constraint(
        op.f("contracts_ck_cut_off_day"), "contracts", "cut_off_day BETWEEN 1 AND 28", schema="app"
    )
    op.create_check_constraint(
        op.f("contracts_ck_invoice"),
        "contracts",
        "invoice IN ('we_issue', 'they_issue', 'none')",
        schema="app",
    )
    op.create_check_constraint(
        op.f("contracts_ck_over_ratio"), "contracts", "over_ratio IN ('refuse', 'payable')", schema="app"
    )
    op.create_check_constraint(
        op.f("contracts_ck_payment_days"), "contracts", "payment_days BETWEEN 0 AND 365", schema="app"
    )
    op.create_check_constraint(
        op.f("contracts_ck_tax"), "contracts", "tax_bps BETWEEN 0 AND 10000", schema="app"
    )
    op.create_check_constraint(
        op.f("statements_ck_closing"),
        "statements",
        "closing_fen = opening_fen + earned_fen - reversed_fen + adjusted_fen - collected_fen - paid_fen",
        schema="app",
    )
    op.create_check_constraint(op.f("statements_ck_version"), "statements", "version > 0", schema="app")
    op.drop_constraint(op.f("ledger_accounts_ck_kind"), "ledger_accounts", schema="app", type_="check")
    op.create_check_constraint(
        op.f("ledger_accounts_ck_kind"),
        "ledger_accounts",
        "kind IN ('channel', 'payable', 'coupon', 'fee', 'suspense', 'clearing', 'bank')",
        schema="app",
    )
    op.create_check_constraint(
        op.f("order_lines_ck_base"), "order_lines", "base_fen IS NULL OR base_fen >= 0", schema="app"
    )
    op.create_check_constraint(
        op.f("refund_lines_ck_base"), "refund_lines", "base_fen IS NULL OR base_fen >= 0", schema="app"
    )


def downgrade() -> None:
    op.drop_constraint(op.f("refund_lines_ck_base"), "refund_lines", schema="app", type_="check")
    op.drop_constraint(op.f("order_lines_ck_base"), "order_lines", schema="app", type_="check")
    op.drop_constraint(op.f("ledger_accounts_ck_kind"), "ledger_accounts", schema="app", type_="check")
    op.create_check_constraint(
        op.f("ledger_accounts_ck_kind"),
        "ledger_accounts",
        "((kind = ANY (ARRAY['channel'::text, 'payable'::text, 'coupon'::text])))",
        schema="app",
    )
    op.drop_constraint(op.f("statements_ck_version"), "statements", schema="app", type_="check")
    op.drop_constraint(op.f("statements_ck_closing"), "statements", schema="app", type_="check")
    op.drop_constraint(op.f("contracts_ck_tax"), "contracts", schema="app", type_="check")
    op.drop_constraint(op.f("contracts_ck_payment_days"), "contracts", schema="app", type_="check")
    op.drop_constraint(op.f("contracts_ck_over_ratio"), "contracts", schema="app", type_="check")
    op.drop_constraint(op.f("contracts_ck_invoice"), "contracts", schema="app", type_="check")
    op.drop_constraint(op.f("contracts_ck_cut_off_day"), "contracts", schema="app", type_="check")
    op.drop_constraint(op.f("contracts_ck_coupons_by_party"), "contracts", schema="app", type_="check")
    op.drop_constraint(op.f("contracts_ck_coupons_by"), "contracts", schema="app", type_="check")
    op.drop_constraint(op.f("contracts_ck_channel_fee_by_party"), "contracts", schema="app", type_="check")
    op.drop_constraint(op.f("contracts_ck_channel_fee_by"), "contracts", schema="app", type_="check")
    op.drop_constraint(op.f("contracts_ck_base"), "contracts", schema="app", type_="check")
    op.create_check_constraint(
        op.f("contracts_ck_base"), "contracts", "((base = 'paid_goods'::text))", schema="app"
    )
    op.drop_constraint(op.f("merchants_ck_default_is_brands"), "merchants", schema="app", type_="check")
    op.drop_constraint(
        op.f("ledger_entries_ck_statement_version"), "ledger_entries", schema="app", type_="check"
    )
    op.drop_constraint(op.f("ledger_entries_ck_sale"), "ledger_entries", schema="app", type_="check")
    op.drop_constraint(op.f("ledger_entries_ck_party"), "ledger_entries", schema="app", type_="check")
    op.drop_constraint(op.f("ledger_entries_ck_cause"), "ledger_entries", schema="app", type_="check")
    op.create_check_constraint(
        op.f("ledger_entries_ck_cause"),
        "ledger_entries",
        "((cause = ANY (ARRAY['order_paid'::text, 'order_refunded'::text, 'loose_refund'::text, 'split_paid'::text, 'split_returned'::text, 'coupon_paid'::text, 'coupon_refunded'::text])))",
        schema="app",
    )
    op.drop_constraint(op.f("journals_ck_cause"), "journals", schema="app", type_="check")
    op.create_check_constraint(
        op.f("journals_ck_cause"),
        "journals",
        "((cause = ANY (ARRAY['order_paid'::text, 'order_refunded'::text, 'loose_refund'::text, 'split_paid'::text, 'split_returned'::text, 'coupon_paid'::text, 'coupon_refunded'::text])))",
        schema="app",
    )
    op.drop_column("stores", "wechat_store_no", schema="app")
    op.drop_constraint(
        op.f("statements_uq_tenant_id_party_id_period_on_version"), "statements", schema="app", type_="unique"
    )
    op.create_unique_constraint(
        op.f("statements_uq_tenant_id_party_id_period_on"),
        "statements",
        ["tenant_id", "party_id", "period_on"],
        schema="app",
        postgresql_nulls_not_distinct=False,
    )
    op.drop_column("statements", "restated_for", schema="app")
    op.drop_column("statements", "closed_by", schema="app")
    op.drop_column("statements", "names", schema="app")
    op.drop_column("statements", "adjustments", schema="app")
    op.drop_column("statements", "collected_fen", schema="app")
    op.drop_column("statements", "adjusted_fen", schema="app")
    op.drop_column("statements", "version", schema="app")
    op.drop_index("splits_ix_transaction", table_name="splits", schema="app")
    op.drop_column("splits", "confirmed_at", schema="app")
    op.drop_index(
        "shoppers_ix_unionid",
        table_name="shoppers",
        schema="app",
        postgresql_where=sa.text("unionid IS NOT NULL"),
    )
    op.drop_constraint(op.f("relations_fk_stores"), "relations", schema="app", type_="foreignkey")
    op.alter_column("relations", "guide_id", existing_type=sa.UUID(), nullable=False, schema="app")
    op.drop_column("relations", "store_id", schema="app")
    op.drop_index(
        "refunds_ix_requested",
        table_name="refunds",
        schema="app",
        postgresql_where=sa.text("payment_id IS NOT NULL"),
    )
    op.drop_column("refund_lines", "base_fen", schema="app")
    op.drop_column("prices", "promotion_code", schema="app")
    op.drop_index("payments_ix_paid", table_name="payments", schema="app")
    op.drop_column("payments", "closing_at", schema="app")
    op.drop_column("payments", "coupons", schema="app")
    op.drop_column("order_lines", "base_fen", schema="app")
    op.drop_column("order_lines", "promotion_fen", schema="app")
    op.drop_column("order_lines", "promotion_code", schema="app")
    op.drop_column("merchants", "owner_party_code", schema="app")
    op.create_foreign_key(
        op.f("ledger_entries_fk_debit"),
        "ledger_entries",
        "ledger_accounts",
        ["tenant_id", "debit_account_id"],
        ["tenant_id", "id"],
        source_schema="app",
        referent_schema="app",
    )
    op.create_foreign_key(
        op.f("ledger_entries_fk_journals"),
        "ledger_entries",
        "journals",
        ["tenant_id", "journal_id"],
        ["tenant_id", "id"],
        source_schema="app",
        referent_schema="app",
    )
    op.create_foreign_key(
        op.f("ledger_entries_fk_credit"),
        "ledger_entries",
        "ledger_accounts",
        ["tenant_id", "credit_account_id"],
        ["tenant_id", "id"],
        source_schema="app",
        referent_schema="app",
    )
    op.alter_column("ledger_entries", "terms_id", existing_type=sa.UUID(), nullable=False, schema="app")
    op.alter_column("ledger_entries", "store_id", existing_type=sa.UUID(), nullable=False, schema="app")
    op.alter_column("ledger_entries", "contract_id", existing_type=sa.UUID(), nullable=False, schema="app")
    op.alter_column("ledger_entries", "party_id", existing_type=sa.UUID(), nullable=False, schema="app")
    op.drop_column("ledger_entries", "statement_version", schema="app")
    op.create_foreign_key(
        op.f("journals_fk_tenants"),
        "journals",
        "tenants",
        ["tenant_id"],
        ["tenant_id"],
        source_schema="app",
        referent_schema="app",
    )
    op.drop_index("journals_ix_posted", table_name="journals", schema="app")
    op.drop_column("guides", "avatar_url", schema="app")
    op.drop_constraint("frozen_terms_fk_funder_party", "frozen_terms", schema="app", type_="foreignkey")
    op.drop_constraint("frozen_terms_fk_collector_party", "frozen_terms", schema="app", type_="foreignkey")
    op.drop_column("frozen_terms", "funder_party_id", schema="app")
    op.drop_column("frozen_terms", "collector_party_id", schema="app")
    op.drop_constraint("contracts_fk_channel_fee_party", "contracts", schema="app", type_="foreignkey")
    op.drop_constraint("contracts_fk_collected_by_party", "contracts", schema="app", type_="foreignkey")
    op.drop_constraint("contracts_fk_coupons_party", "contracts", schema="app", type_="foreignkey")
    op.drop_column("contracts", "coupons_party_id", schema="app")
    op.drop_column("contracts", "coupons_by", schema="app")
    op.drop_column("contracts", "channel_fee_party_id", schema="app")
    op.drop_column("contracts", "channel_fee_by", schema="app")
    op.drop_column("contracts", "invoice", schema="app")
    op.drop_column("contracts", "tax_bps", schema="app")
    op.drop_column("contracts", "payment_days", schema="app")
    op.drop_column("contracts", "cut_off_day", schema="app")
    op.drop_column("contracts", "over_ratio", schema="app")
    op.drop_column("contracts", "base_includes_funded_by", schema="app")
    op.drop_column("contracts", "collected_sources", schema="app")
    op.drop_column("contracts", "collected_by_party_id", schema="app")
    op.drop_column("contracts", "residual_by_owner", schema="app")
    op.drop_table("terms_funders", schema="app")
    op.drop_table("dispute_differences", schema="app")
    op.drop_index("statement_standings_ix_state", table_name="statement_standings", schema="app")
    op.drop_table("statement_standings", schema="app")
    op.drop_index("statement_invoices_ix_statement", table_name="statement_invoices", schema="app")
    op.drop_table("statement_invoices", schema="app")
    op.drop_index("payout_lines_ix_statement", table_name="payout_lines", schema="app")
    op.drop_index("payout_lines_ix_party", table_name="payout_lines", schema="app")
    op.drop_table("payout_lines", schema="app")
    op.drop_index(
        "disputes_uq_open", table_name="disputes", schema="app", postgresql_where=sa.text("state = 'open'")
    )
    op.drop_index("disputes_ix_statement", table_name="disputes", schema="app")
    op.drop_table("disputes", schema="app")
    op.drop_table("contract_special_rates", schema="app")
    op.drop_table("contract_period_terms", schema="app")
    op.drop_index("adjustments_ix_statement", table_name="adjustments", schema="app")
    op.drop_index("adjustments_ix_state", table_name="adjustments", schema="app")
    op.drop_table("adjustments", schema="app")
    op.drop_table("true_ups", schema="app")
    op.drop_index(
        "payees_uq_current", table_name="payees", schema="app", postgresql_where=sa.text("ended_at IS NULL")
    )
    op.drop_table("payees", schema="app")
    op.drop_index(
        "contact_bonds_uq_live",
        table_name="contact_bonds",
        schema="app",
        postgresql_where=sa.text("active_to IS NULL"),
    )
    op.drop_index("contact_bonds_ix_guide", table_name="contact_bonds", schema="app")
    op.drop_table("contact_bonds", schema="app")
    op.drop_index(
        "relation_moves_uq_open",
        table_name="relation_moves",
        schema="app",
        postgresql_where=sa.text("state IN ('intended', 'waiting')"),
    )
    op.drop_index("relation_moves_ix_giver", table_name="relation_moves", schema="app")
    op.drop_index("relation_moves_ix_contact", table_name="relation_moves", schema="app")
    op.drop_table("relation_moves", schema="app")
    op.drop_index(
        "contact_ways_uq_live",
        table_name="contact_ways",
        schema="app",
        postgresql_where=sa.text("ending_at IS NULL"),
    )
    op.drop_table("contact_ways", schema="app")
    op.drop_table("store_ownerships", schema="app")
    op.drop_index("bill_rows_ix_key", table_name="bill_rows", schema="app")
    op.drop_table("bill_rows", schema="app")
    op.drop_index("reconciled_days_ix_day", table_name="reconciled_days", schema="app")
    op.drop_table("reconciled_days", schema="app")
    op.drop_table("promotion_funders", schema="app")
    op.drop_index(
        "differences_ix_open",
        table_name="differences",
        schema="app",
        postgresql_where=sa.text("state = 'open'"),
    )
    op.drop_index("differences_ix_key", table_name="differences", schema="app")
    op.drop_table("differences", schema="app")
    op.drop_index("contacts_ix_union", table_name="contacts", schema="app")
    op.drop_index("contacts_ix_shopper", table_name="contacts", schema="app")
    op.drop_table("contacts", schema="app")
    op.drop_index(
        "bill_files_uq_current",
        table_name="bill_files",
        schema="app",
        postgresql_where=sa.text("state = 'current'"),
    )
    op.drop_table("bill_files", schema="app")
    op.drop_table("promotions", schema="app")
    op.drop_index("payouts_ix_state", table_name="payouts", schema="app")
    op.drop_table("payouts", schema="app")
    op.drop_table("ledger_days", schema="app")
