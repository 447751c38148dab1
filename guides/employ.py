"""Make a person a guide, change what is shown of one, move a guide to another store, let a guide leave. What was earned stays with the person."""

from datetime import datetime

import msgspec
from sqlalchemy import insert, or_, update
from sqlalchemy.dialects.postgresql import insert as upsert

from guides.commands import ChangeGuide, EmployGuide
from guides.errors import GuideCodeTaken, GuideNotFound
from guides.events import GuideChanged, GuideDeparted
from guides.models import Guide, GuideAssignment
from guides.queries import find_guide
from guides.views import GuideView
from tenants.kernel.ids import GuideId, StoreId, new_id
from tenants.kernel.outbox import append
from tenants.kernel.scope import Writing
from tenants.queries import find_staff, store_facts


async def employ_guide(db: Writing, command: EmployGuide, *, now: datetime) -> GuideView:
    """Employ a guide at a store from now on; refuses a code that is taken."""
    await store_facts(db, command.store_id)
    if command.staff_id is not None:
        await find_staff(db, command.staff_id)
    row = upsert(Guide).values(
        tenant_id=db.tenant_id,
        id=GuideId(new_id()),
        code=command.code,
        name=command.name,
        phone=command.phone,
        staff_id=command.staff_id,
        openid=command.openid,
        wecom_userid=command.wecom_userid,
        avatar_url=command.avatar_url,
        active_from=now,
    )
    employed = (await db.execute(row.on_conflict_do_nothing().returning(Guide.id))).scalar_one_or_none()
    if employed is None:
        raise GuideCodeTaken(code=command.code)
    await _assign(db, GuideId(employed), store_id=command.store_id, now=now)
    return await find_guide(db, GuideId(employed))


async def change_guide(db: Writing, command: ChangeGuide, *, guide_id: GuideId, now: datetime) -> GuideView:
    """Replace what is shown of a guide, and tell whoever shows it elsewhere; raises GuideNotFound."""
    changed = await db.execute(
        update(Guide)
        .where(Guide.tenant_id == db.tenant_id, Guide.id == guide_id)
        .values(**msgspec.structs.asdict(command))
        .returning(Guide.id)
    )
    if changed.scalar_one_or_none() is None:
        raise GuideNotFound(guide_id=guide_id)
    await append(db, GuideChanged(guide_id=guide_id), now=now)
    return await find_guide(db, guide_id)


async def move_guide(db: Writing, guide_id: GuideId, *, store_id: StoreId, now: datetime) -> GuideView:
    """End a guide's assignments and start one at another store; old orders and links keep what they say."""
    guide = await find_guide(db, guide_id)
    await store_facts(db, store_id)
    await _end_assignments(db, guide_id, now=now)
    await _assign(db, guide_id, store_id=store_id, now=now)
    return guide


async def let_guide_go(db: Writing, guide_id: GuideId, *, now: datetime) -> GuideView:
    """End a guide's employment: no order after `now` can be attributed to the person any more."""
    left = await db.execute(
        update(Guide)
        .where(Guide.tenant_id == db.tenant_id, Guide.id == guide_id)
        .where(or_(Guide.active_to.is_(None), Guide.active_to > now))
        .values(active_to=now)
        .returning(Guide.id)
    )
    if left.scalar_one_or_none() is None:
        raise GuideNotFound(guide_id=guide_id)
    await _end_assignments(db, guide_id, now=now)
    await append(db, GuideDeparted(guide_id=guide_id), now=now)
    return await find_guide(db, guide_id)


async def _assign(db: Writing, guide_id: GuideId, *, store_id: StoreId, now: datetime) -> None:
    await db.execute(
        insert(GuideAssignment).values(
            tenant_id=db.tenant_id, guide_id=guide_id, store_id=store_id, active_from=now
        )
    )


async def _end_assignments(db: Writing, guide_id: GuideId, *, now: datetime) -> None:
    await db.execute(
        update(GuideAssignment)
        .where(GuideAssignment.tenant_id == db.tenant_id, GuideAssignment.guide_id == guide_id)
        .where(
            GuideAssignment.active_from < now,
            or_(GuideAssignment.active_to.is_(None), GuideAssignment.active_to > now),
        )
        .values(active_to=now)
    )
