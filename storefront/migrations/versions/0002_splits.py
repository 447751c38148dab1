"""Splits."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from storefront.migrations.tenant_tables import secure

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

CAUSES = (
    "'order_paid', 'order_refunded', 'loose_refund', 'split_paid', 'split_returned', 'coupon_paid',"
    " 'coupon_refunded'"
)
WIDER = (
    ("ledger_accounts", "kind", "'channel', 'payable', 'coupon'"),
    ("journals", "cause", CAUSES),
    ("ledger_entries", "cause", CAUSES),
)


def upgrade() -> None:
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
    op.add_column("refunds", sa.Column("channel_code", sa.Text(), nullable=True), schema="app")
    op.add_column(
        "statements",
        sa.Column("paid_fen", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        schema="app",
    )
    for table, column, members in WIDER:
        op.drop_constraint(f"{table}_ck_{column}", table, schema="app")
        op.create_check_constraint(
            op.f(f"{table}_ck_{column}"), table, f"{column} IN ({members})", schema="app"
        )


def downgrade() -> None:
    op.drop_column("statements", "paid_fen", schema="app")
    op.drop_column("refunds", "channel_code", schema="app")
    op.drop_index("unfreezes_ix_split", table_name="unfreezes", schema="app")
    op.drop_table("unfreezes", schema="app")
    op.drop_index("split_returns_ix_split", table_name="split_returns", schema="app")
    op.drop_index("split_returns_ix_refund", table_name="split_returns", schema="app")
    op.drop_table("split_returns", schema="app")
    op.drop_table("split_parts", schema="app")
    op.drop_index(
        "splits_ix_unfinished",
        table_name="splits",
        schema="app",
        postgresql_where=sa.text("state NOT IN ('ended', 'lapsed')"),
    )
    op.drop_index("splits_ix_order", table_name="splits", schema="app")
    op.drop_table("splits", schema="app")
    op.drop_index(
        "receivers_uq_current",
        table_name="receivers",
        schema="app",
        postgresql_where=sa.text("state <> 'ended'"),
    )
    op.drop_table("receivers", schema="app")
    op.drop_table("guide_cards", schema="app")
