"""Settlement that finance can sign."""

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
    op.add_column(
        "ledger_entries",
        sa.Column("statement_version", sa.SmallInteger(), server_default=sa.text("1"), nullable=False),
        schema="app",
    )
    op.alter_column("ledger_entries", "party_id", existing_type=sa.UUID(), nullable=True, schema="app")
    op.alter_column("ledger_entries", "contract_id", existing_type=sa.UUID(), nullable=True, schema="app")
    op.alter_column("ledger_entries", "store_id", existing_type=sa.UUID(), nullable=True, schema="app")
    op.alter_column("ledger_entries", "terms_id", existing_type=sa.UUID(), nullable=True, schema="app")
    op.create_index(
        "payments_ix_paid", "payments", ["tenant_id", "merchant_id", "paid_at"], unique=False, schema="app"
    )
    op.create_index(
        "refunds_ix_requested",
        "refunds",
        ["tenant_id", "requested_at"],
        unique=False,
        schema="app",
        postgresql_where=sa.text("payment_id IS NOT NULL"),
    )
    op.drop_constraint(op.f("journals_ck_cause"), "journals", schema="app", type_="check")
    op.create_check_constraint(
        op.f("journals_ck_cause"),
        "journals",
        "cause IN ('order_paid', 'order_refunded', 'loose_refund', 'split_paid', 'split_returned', 'coupon_paid', 'coupon_refunded', 'fee_charged', 'fee_returned', 'fee_shared', 'fee_share_returned', 'unwanted_paid', 'unwanted_refunded', 'funded', 'funding_reversed', 'true_up', 'adjusted', 'collected', 'collection_returned', 'paid_out', 'payout_returned')",
        schema="app",
    )
    op.drop_constraint(op.f("ledger_accounts_ck_kind"), "ledger_accounts", schema="app", type_="check")
    op.create_check_constraint(
        op.f("ledger_accounts_ck_kind"),
        "ledger_accounts",
        "kind IN ('channel', 'payable', 'coupon', 'fee', 'suspense', 'clearing', 'bank')",
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


def downgrade() -> None:
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
    op.drop_constraint(op.f("ledger_accounts_ck_kind"), "ledger_accounts", schema="app", type_="check")
    op.create_check_constraint(
        op.f("ledger_accounts_ck_kind"),
        "ledger_accounts",
        "((kind = ANY (ARRAY['channel'::text, 'payable'::text, 'coupon'::text])))",
        schema="app",
    )
    op.drop_constraint(op.f("journals_ck_cause"), "journals", schema="app", type_="check")
    op.create_check_constraint(
        op.f("journals_ck_cause"),
        "journals",
        "((cause = ANY (ARRAY['order_paid'::text, 'order_refunded'::text, 'loose_refund'::text, 'split_paid'::text, 'split_returned'::text, 'coupon_paid'::text, 'coupon_refunded'::text])))",
        schema="app",
    )
    op.drop_index(
        "refunds_ix_requested",
        table_name="refunds",
        schema="app",
        postgresql_where=sa.text("payment_id IS NOT NULL"),
    )
    op.drop_index("payments_ix_paid", table_name="payments", schema="app")
    op.alter_column("ledger_entries", "terms_id", existing_type=sa.UUID(), nullable=False, schema="app")
    op.alter_column("ledger_entries", "store_id", existing_type=sa.UUID(), nullable=False, schema="app")
    op.alter_column("ledger_entries", "contract_id", existing_type=sa.UUID(), nullable=False, schema="app")
    op.alter_column("ledger_entries", "party_id", existing_type=sa.UUID(), nullable=False, schema="app")
    op.drop_column("ledger_entries", "statement_version", schema="app")
    op.drop_index("bill_rows_ix_key", table_name="bill_rows", schema="app")
    op.drop_table("bill_rows", schema="app")
    op.drop_index("reconciled_days_ix_day", table_name="reconciled_days", schema="app")
    op.drop_table("reconciled_days", schema="app")
    op.drop_index(
        "differences_ix_open",
        table_name="differences",
        schema="app",
        postgresql_where=sa.text("state = 'open'"),
    )
    op.drop_index("differences_ix_key", table_name="differences", schema="app")
    op.drop_table("differences", schema="app")
    op.drop_index(
        "bill_files_uq_current",
        table_name="bill_files",
        schema="app",
        postgresql_where=sa.text("state = 'current'"),
    )
    op.drop_table("bill_files", schema="app")
