"""${message[:1].upper() + message[1:]}."""

# ruff: noqa: PLR0915 a revision has as many statements as the schema needs

${imports.replace("\\n", "\n") if imports else ""}
import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}
branch_labels = None
depends_on = None


def upgrade() -> None:
    ${upgrades if upgrades else "pass"}


def downgrade() -> None:
    ${downgrades if downgrades else "pass"}
