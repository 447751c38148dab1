"""Settlement that finance can sign."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
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
    op.drop_index(op.f("ledger_entries_ix_journal"), table_name="ledger_entries", schema="app")
    op.drop_constraint(op.f("ledger_entries_fk_debit"), "ledger_entries", schema="app", type_="foreignkey")
    op.drop_constraint(op.f("ledger_entries_fk_credit"), "ledger_entries", schema="app", type_="foreignkey")
    op.drop_constraint(op.f("ledger_entries_fk_journals"), "ledger_entries", schema="app", type_="foreignkey")
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
    op.drop_constraint(op.f("ledger_accounts_ck_kind"), "ledger_accounts", schema="app", type_="check")
    op.create_check_constraint(
        op.f("ledger_accounts_ck_kind"),
        "ledger_accounts",
        "kind IN ('channel', 'payable', 'coupon', 'fee', 'suspense', 'clearing', 'bank')",
        schema="app",
    )


def downgrade() -> None:
    op.drop_constraint(op.f("ledger_accounts_ck_kind"), "ledger_accounts", schema="app", type_="check")
    op.create_check_constraint(
        op.f("ledger_accounts_ck_kind"),
        "ledger_accounts",
        "((kind = ANY (ARRAY['channel'::text, 'payable'::text, 'coupon'::text])))",
        schema="app",
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
    op.create_index(
        op.f("ledger_entries_ix_journal"),
        "ledger_entries",
        ["tenant_id", "journal_id"],
        unique=False,
        schema="app",
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
