"""What finance asked for next."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from storefront.migrations.tenant_tables import secure

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "cashier_terms",
        sa.Column("tenant_id", sa.UUID(), nullable=False),
        sa.Column("cashier", sa.Text(), nullable=False),
        sa.Column("starts_on", sa.Date(), nullable=False),
        sa.Column("deduction_bps", sa.Integer(), nullable=False),
        sa.Column("fee_bps", sa.Integer(), nullable=False),
        sa.Column("rounding", sa.Text(), nullable=False),
        sa.Column("store_id", sa.UUID(), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column("created_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.CheckConstraint("rounding IN ('half_up', 'down')", name=op.f("cashier_terms_ck_rounding")),
        sa.CheckConstraint(
            "deduction_bps BETWEEN 0 AND 10000 AND fee_bps BETWEEN 0 AND 10000",
            name=op.f("cashier_terms_ck_rates"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "store_id"],
            ["app.stores.tenant_id", "app.stores.id"],
            name=op.f("cashier_terms_fk_stores"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "cashier", "starts_on", name=op.f("cashier_terms_pk")),
        schema="app",
    )
    secure("cashier_terms", app="SELECT, INSERT")
    op.add_column("payments", sa.Column("asked_fen", sa.BigInteger(), nullable=True), schema="app")
    op.add_column("payments", sa.Column("accepted_by", sa.Text(), nullable=True), schema="app")
    op.drop_constraint(op.f("journals_ck_cause"), "journals", schema="app", type_="check")
    op.create_check_constraint(
        op.f("journals_ck_cause"),
        "journals",
        "cause IN ('order_paid', 'order_refunded', 'loose_refund', 'split_paid', 'split_returned', 'coupon_paid', 'coupon_refunded', 'fee_charged', 'fee_returned', 'fee_shared', 'fee_share_returned', 'coupons_shared', 'coupons_share_returned', 'unwanted_paid', 'unwanted_refunded', 'unwanted_accepted', 'funded', 'funding_reversed', 'true_up', 'adjusted', 'collected', 'collection_returned', 'joint_variance', 'paid_out', 'payout_returned')",
        schema="app",
    )
    op.drop_constraint(op.f("ledger_entries_ck_cause"), "ledger_entries", schema="app", type_="check")
    op.create_check_constraint(
        op.f("ledger_entries_ck_cause"),
        "ledger_entries",
        "cause IN ('order_paid', 'order_refunded', 'loose_refund', 'split_paid', 'split_returned', 'coupon_paid', 'coupon_refunded', 'fee_charged', 'fee_returned', 'fee_shared', 'fee_share_returned', 'coupons_shared', 'coupons_share_returned', 'unwanted_paid', 'unwanted_refunded', 'unwanted_accepted', 'funded', 'funding_reversed', 'true_up', 'adjusted', 'collected', 'collection_returned', 'joint_variance', 'paid_out', 'payout_returned')",
        schema="app",
    )
    op.drop_constraint(op.f("ledger_entries_ck_party"), "ledger_entries", schema="app", type_="check")
    op.create_check_constraint(
        op.f("ledger_entries_ck_party"),
        "ledger_entries",
        "party_id IS NOT NULL OR cause IN ('coupon_paid', 'coupon_refunded', 'fee_charged', 'fee_returned', 'unwanted_paid', 'unwanted_refunded', 'unwanted_accepted', 'joint_variance')",
        schema="app",
    )
    op.drop_constraint(op.f("differences_ck_match_class"), "differences", schema="app", type_="check")
    op.create_check_constraint(
        op.f("differences_ck_match_class"),
        "differences",
        "match_class IN ('matched', 'missing_here', 'missing_there', 'duplicated', 'amount', 'fee', 'state', 'late', 'totals', 'variance', 'balance')",
        schema="app",
    )
    op.drop_constraint(op.f("ledger_accounts_ck_kind"), "ledger_accounts", schema="app", type_="check")
    op.create_check_constraint(
        op.f("ledger_accounts_ck_kind"),
        "ledger_accounts",
        "kind IN ('channel', 'payable', 'coupon', 'fee', 'suspense', 'clearing', 'variance', 'bank')",
        schema="app",
    )
    op.drop_constraint(
        op.f("dispute_differences_ck_kind"), "dispute_differences", schema="app", type_="check"
    )
    op.create_check_constraint(
        op.f("dispute_differences_ck_kind"),
        "dispute_differences",
        "kind IN ('matched', 'missing_here', 'missing_there', 'duplicated', 'amount', 'fee', 'state', 'late', 'totals', 'variance', 'balance')",
        schema="app",
    )


def downgrade() -> None:
    op.drop_constraint(
        op.f("dispute_differences_ck_kind"), "dispute_differences", schema="app", type_="check"
    )
    op.create_check_constraint(
        op.f("dispute_differences_ck_kind"),
        "dispute_differences",
        "((kind = ANY (ARRAY['matched'::text, 'missing_here'::text, 'missing_there'::text, 'duplicated'::text, 'amount'::text, 'fee'::text, 'state'::text, 'late'::text, 'totals'::text])))",
        schema="app",
    )
    op.drop_constraint(op.f("ledger_accounts_ck_kind"), "ledger_accounts", schema="app", type_="check")
    op.create_check_constraint(
        op.f("ledger_accounts_ck_kind"),
        "ledger_accounts",
        "((kind = ANY (ARRAY['channel'::text, 'payable'::text, 'coupon'::text, 'fee'::text, 'suspense'::text, 'clearing'::text, 'bank'::text])))",
        schema="app",
    )
    op.drop_constraint(op.f("differences_ck_match_class"), "differences", schema="app", type_="check")
    op.create_check_constraint(
        op.f("differences_ck_match_class"),
        "differences",
        "((match_class = ANY (ARRAY['matched'::text, 'missing_here'::text, 'missing_there'::text, 'duplicated'::text, 'amount'::text, 'fee'::text, 'state'::text, 'late'::text, 'totals'::text])))",
        schema="app",
    )
    op.drop_constraint(op.f("ledger_entries_ck_party"), "ledger_entries", schema="app", type_="check")
    op.create_check_constraint(
        op.f("ledger_entries_ck_party"),
        "ledger_entries",
        "(((party_id IS NOT NULL) OR (cause = ANY (ARRAY['coupon_paid'::text, 'coupon_refunded'::text, 'fee_charged'::text, 'fee_returned'::text, 'unwanted_paid'::text, 'unwanted_refunded'::text]))))",
        schema="app",
    )
    op.drop_constraint(op.f("ledger_entries_ck_cause"), "ledger_entries", schema="app", type_="check")
    op.create_check_constraint(
        op.f("ledger_entries_ck_cause"),
        "ledger_entries",
        "((cause = ANY (ARRAY['order_paid'::text, 'order_refunded'::text, 'loose_refund'::text, 'split_paid'::text, 'split_returned'::text, 'coupon_paid'::text, 'coupon_refunded'::text, 'fee_charged'::text, 'fee_returned'::text, 'fee_shared'::text, 'fee_share_returned'::text, 'unwanted_paid'::text, 'unwanted_refunded'::text, 'funded'::text, 'funding_reversed'::text, 'true_up'::text, 'adjusted'::text, 'collected'::text, 'collection_returned'::text, 'paid_out'::text, 'payout_returned'::text])))",
        schema="app",
    )
    op.drop_constraint(op.f("journals_ck_cause"), "journals", schema="app", type_="check")
    op.create_check_constraint(
        op.f("journals_ck_cause"),
        "journals",
        "((cause = ANY (ARRAY['order_paid'::text, 'order_refunded'::text, 'loose_refund'::text, 'split_paid'::text, 'split_returned'::text, 'coupon_paid'::text, 'coupon_refunded'::text, 'fee_charged'::text, 'fee_returned'::text, 'fee_shared'::text, 'fee_share_returned'::text, 'unwanted_paid'::text, 'unwanted_refunded'::text, 'funded'::text, 'funding_reversed'::text, 'true_up'::text, 'adjusted'::text, 'collected'::text, 'collection_returned'::text, 'paid_out'::text, 'payout_returned'::text])))",
        schema="app",
    )
    op.drop_column("payments", "accepted_by", schema="app")
    op.drop_column("payments", "asked_fen", schema="app")
    op.drop_table("cashier_terms", schema="app")
