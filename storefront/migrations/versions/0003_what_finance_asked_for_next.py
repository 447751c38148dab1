"""What finance asked for next."""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
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
