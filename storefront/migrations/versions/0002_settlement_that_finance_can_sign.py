"""Settlement that finance can sign."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "payments", sa.Column("closing_at", postgresql.TIMESTAMP(timezone=True), nullable=True), schema="app"
    )


def downgrade() -> None:
    op.drop_column("payments", "closing_at", schema="app")
