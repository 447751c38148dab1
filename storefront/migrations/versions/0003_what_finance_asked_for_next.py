"""What finance asked for next."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("payments", sa.Column("asked_fen", sa.BigInteger(), nullable=True), schema="app")
    op.add_column("payments", sa.Column("accepted_by", sa.Text(), nullable=True), schema="app")
    op.drop_constraint(op.f("journals_ck_cause"), "journals", schema="app", type_="check")
    op.create_check_constraint(
        op.f("journals_ck_cause"),
        "journals",
        "cause IN ('order_paid', 'order_refunded', 'loose_refund', 'split_paid', 'split_returned', 'coupon_paid', 'coupon_refunded', 'fee_charged', 'fee_returned', 'fee_shared', 'fee_share_returned', 'unwanted_paid', 'unwanted_refunded', 'unwanted_accepted', 'funded', 'funding_reversed', 'true_up', 'adjusted', 'collected', 'collection_returned', 'paid_out', 'payout_returned')",
        schema="app",
    )
    op.drop_constraint(op.f("ledger_entries_ck_cause"), "ledger_entries", schema="app", type_="check")
    op.create_check_constraint(
        op.f("ledger_entries_ck_cause"),
        "ledger_entries",
        "cause IN ('order_paid', 'order_refunded', 'loose_refund', 'split_paid', 'split_returned', 'coupon_paid', 'coupon_refunded', 'fee_charged', 'fee_returned', 'fee_shared', 'fee_share_returned', 'unwanted_paid', 'unwanted_refunded', 'unwanted_accepted', 'funded', 'funding_reversed', 'true_up', 'adjusted', 'collected', 'collection_returned', 'paid_out', 'payout_returned')",
        schema="app",
    )
    op.drop_constraint(op.f("ledger_entries_ck_party"), "ledger_entries", schema="app", type_="check")
    op.create_check_constraint(
        op.f("ledger_entries_ck_party"),
        "ledger_entries",
        "party_id IS NOT NULL OR cause IN ('coupon_paid', 'coupon_refunded', 'fee_charged', 'fee_returned', 'unwanted_paid', 'unwanted_refunded', 'unwanted_accepted')",
        schema="app",
    )
    op.drop_constraint(op.f("differences_ck_match_class"), "differences", schema="app", type_="check")
    op.create_check_constraint(
        op.f("differences_ck_match_class"),
        "differences",
        "match_class IN ('matched', 'missing_here', 'missing_there', 'duplicated', 'amount', 'fee', 'state', 'late', 'totals', 'balance')",
        schema="app",
    )
    op.drop_constraint(
        op.f("dispute_differences_ck_kind"), "dispute_differences", schema="app", type_="check"
    )
    op.create_check_constraint(
        op.f("dispute_differences_ck_kind"),
        "dispute_differences",
        "kind IN ('matched', 'missing_here', 'missing_there', 'duplicated', 'amount', 'fee', 'state', 'late', 'totals', 'balance')",
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
