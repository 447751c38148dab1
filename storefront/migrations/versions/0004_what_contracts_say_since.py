"""What contracts say since."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _key_entries("tenant_id", "journal_id", "id")
    op.drop_index(op.f("ledger_entries_ix_journal"), table_name="ledger_entries", schema="app")
    op.add_column(
        "terms_portions",
        sa.Column("of_paid", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        schema="app",
    )


def downgrade() -> None:
    op.drop_column("terms_portions", "of_paid", schema="app")
    op.create_index(
        op.f("ledger_entries_ix_journal"),
        "ledger_entries",
        ["tenant_id", "journal_id"],
        unique=False,
        schema="app",
    )
    _key_entries("tenant_id", "id")


def _key_entries(*columns: str) -> None:
    op.drop_constraint(op.f("ledger_entries_pk"), "ledger_entries", schema="app")
    op.create_primary_key(op.f("ledger_entries_pk"), "ledger_entries", list(columns), schema="app")
