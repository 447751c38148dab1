"""Refunds that came before their sale keep its number."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("refunds", sa.Column("document", sa.Text(), nullable=True), schema="app")
    op.create_index(
        "refunds_ix_document",
        "refunds",
        ["tenant_id", "source_name", "document"],
        unique=False,
        schema="app",
        postgresql_where=sa.text("document IS NOT NULL"),
    )


def downgrade() -> None:
    op.drop_index("refunds_ix_document", table_name="refunds", schema="app")
    op.drop_column("refunds", "document", schema="app")
