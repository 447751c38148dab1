"""Write down who did what to which object, when and why, in the transaction of the deed."""

from datetime import datetime

from sqlalchemy import insert

from tenants.kernel.ids import new_id
from tenants.kernel.scope import Writing
from tenants.models import AuditEntry


async def record_deed(
    db: Writing, *, actor: str, action: str, subject_id: object, now: datetime, reason: str | None = None
) -> None:
    """Append one audit entry: `actor` is `kind:id`, `action` a verb of the house."""
    await db.execute(
        insert(AuditEntry).values(
            tenant_id=db.tenant_id,
            id=new_id(),
            actor=actor,
            action=action,
            subject_id=str(subject_id),
            reason=reason,
            at=now,
        )
    )
