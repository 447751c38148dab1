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
        "contracts_fk_channel_fee_party",
        "contracts",
        "parties",
        ["tenant_id", "channel_fee_party_id"],
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
    op.drop_constraint(op.f("ledger_entries_fk_debit"), "ledger_entries", schema="app", type_="foreignkey")
    op.drop_constraint(op.f("ledger_entries_fk_credit"), "ledger_entries", schema="app", type_="foreignkey")
    op.drop_constraint(op.f("ledger_entries_fk_journals"), "ledger_entries", schema="app", type_="foreignkey")
    op.add_column("order_lines", sa.Column("promotion_code", sa.Text(), nullable=True), schema="app")
    op.add_column("order_lines", sa.Column("base_fen", sa.BigInteger(), nullable=True), schema="app")
    op.add_column(
        "payments", sa.Column("closing_at", postgresql.TIMESTAMP(timezone=True), nullable=True), schema="app"
    )
    op.add_column("prices", sa.Column("promotion_code", sa.Text(), nullable=True), schema="app")
    op.add_column("refund_lines", sa.Column("base_fen", sa.BigInteger(), nullable=True), schema="app")
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
    op.drop_column("refund_lines", "base_fen", schema="app")
    op.drop_column("prices", "promotion_code", schema="app")
    op.drop_column("payments", "closing_at", schema="app")
    op.drop_column("order_lines", "base_fen", schema="app")
    op.drop_column("order_lines", "promotion_code", schema="app")
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
    op.create_foreign_key(
        op.f("ledger_entries_fk_debit"),
        "ledger_entries",
        "ledger_accounts",
        ["tenant_id", "debit_account_id"],
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
    op.drop_constraint("contracts_fk_channel_fee_party", "contracts", schema="app", type_="foreignkey")
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
    op.drop_table("contract_special_rates", schema="app")
    op.drop_table("contract_period_terms", schema="app")
    op.drop_table("true_ups", schema="app")
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
    op.drop_index("contacts_ix_union", table_name="contacts", schema="app")
    op.drop_index("contacts_ix_shopper", table_name="contacts", schema="app")
    op.drop_table("contacts", schema="app")
    op.drop_table("ledger_days", schema="app")
