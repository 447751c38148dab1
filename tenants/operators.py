"""Appoint the platform's own people."""

from datetime import datetime

from sqlalchemy.dialects.postgresql import insert as upsert

from tenants.errors import OperatorLoginTaken
from tenants.kernel.ids import OperatorId, new_id
from tenants.kernel.scope import Writing
from tenants.models import PlatformUser


async def appoint_operator(
    db: Writing, login: str, *, name: str, password_hash: str, now: datetime
) -> OperatorId:
    """Give a person the platform's log-in, in an unbound transaction; refuses a name that is taken."""
    operator_id = OperatorId(new_id())
    row = upsert(PlatformUser).values(
        id=operator_id, login=login, name=name, password_hash=password_hash, active=True, created_at=now
    )
    appointed = await db.execute(row.on_conflict_do_nothing().returning(PlatformUser.id))
    if appointed.scalar_one_or_none() is None:
        raise OperatorLoginTaken(login=login)
    return operator_id
