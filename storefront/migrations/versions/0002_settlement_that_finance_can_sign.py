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
    op.add_column("merchants", sa.Column("owner_party_code", sa.Text(), nullable=True), schema="app")


def downgrade() -> None:
    op.drop_column("merchants", "owner_party_code", schema="app")
    op.drop_table("store_ownerships", schema="app")
