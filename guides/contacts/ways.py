"""A guide's contact way: made once and kept with WeCom's number, deleted when the guide has left. Flows.

The code it is told by is written down before WeCom hears it; when nobody can say whether a way was made, another is made with the same
code, which leads to the same guide.
"""

from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from guides.contacts.models import ContactWay
from guides.contacts.queries import Member, find_member, live_way, way_view
from guides.contacts.views import ContactWayView
from guides.errors import ContactWayPending, ContactWayRefused, GuideLeft, GuideNotInWecom
from guides.events import GuideChanged, GuideDeparted
from guides.ports import ContactBook, Refused, Unknown, WayEnded
from tenants.kernel.ids import ContactWayId, GuideId, new_id, random_code
from tenants.kernel.outbox import append
from tenants.kernel.scope import TenantScope, Writing

CODE_LENGTH = 24
LONGEST_REMARK = 30


async def open_contact_way(
    tenant: TenantScope, guide_id: GuideId, *, contacts: ContactBook, actor: str, now: datetime
) -> ContactWayView:
    """Make a guide's contact way, or show the one there is.

    Raises GuideNotFound, GuideLeft, GuideNotInWecom, ContactWayRefused, and ContactWayPending: then ask again.
    """
    async with tenant.writing() as db:
        member = await find_member(db, guide_id, at=now)
        if not member.works:
            raise GuideLeft(guide_id=guide_id)
        if member.member_no is None:
            raise GuideNotInWecom(guide_id=guide_id)
        way = await _intend(db, guide_id, actor=actor, now=now)
        if way.way_no is not None:
            return way_view(way)
        way_id, code, member_no = ContactWayId(way.id), way.code, member.member_no
    answer = await contacts.make_way(tenant, member_no=member_no, hint=code, remark=_remark(member))
    if isinstance(answer, Unknown):
        raise ContactWayPending(guide_id=guide_id, reason=answer.reason)
    if isinstance(answer, Refused):
        raise ContactWayRefused(details={"wecom": f"{answer.code} {answer.message}"}, guide_id=guide_id)
    async with tenant.writing() as db:
        made = (
            update(ContactWay)
            .where(ContactWay.tenant_id == db.tenant_id, ContactWay.id == way_id, ContactWay.way_no.is_(None))
            .values(way_no=answer.way_no, qr_code_url=answer.qr_code_url, made_at=now)
        )
        await db.execute(made)
        await append(db, GuideChanged(guide_id=guide_id), now=now)
        statement = select(ContactWay).where(ContactWay.tenant_id == db.tenant_id, ContactWay.id == way_id)
        return way_view((await db.execute(statement)).scalar_one())


async def end_contact_ways(
    tenant: TenantScope, fact: GuideDeparted, *, contacts: ContactBook, now: datetime
) -> None:
    """A guide left: delete their contact ways at WeCom; raises ContactWayPending, and is then run again."""
    async with tenant.writing() as db:
        ending = (
            update(ContactWay)
            .where(
                ContactWay.tenant_id == db.tenant_id,
                ContactWay.guide_id == fact.guide_id,
                ContactWay.ending_at.is_(None),
            )
            .values(ending_at=now)
        )
        await db.execute(ending)
        statement = select(ContactWay.id, ContactWay.way_no).where(
            ContactWay.tenant_id == db.tenant_id,
            ContactWay.guide_id == fact.guide_id,
            ContactWay.ended_at.is_(None),
        )
        left = [(ContactWayId(row.id), row.way_no) for row in await db.execute(statement)]
    for way_id, way_no in left:
        # One that was never heard of at WeCom has no number to be deleted by.
        answer = WayEnded() if way_no is None else await contacts.end_way(tenant, way_no=way_no)
        if not isinstance(answer, WayEnded):
            raise ContactWayPending(guide_id=fact.guide_id, answer=str(answer))
        async with tenant.writing() as db:
            ended = update(ContactWay).where(ContactWay.tenant_id == db.tenant_id, ContactWay.id == way_id)
            await db.execute(ended.values(ended_at=now))


async def _intend(db: Writing, guide_id: GuideId, *, actor: str, now: datetime) -> ContactWay:
    row = upsert(ContactWay).values(
        tenant_id=db.tenant_id,
        id=ContactWayId(new_id()),
        guide_id=guide_id,
        code=random_code(CODE_LENGTH),
        created_at=now,
        created_by=actor,
    )
    await db.execute(row.on_conflict_do_nothing())
    way = await live_way(db, guide_id)
    if way is None:
        raise ContactWayPending(guide_id=guide_id)
    return way


def _remark(member: Member) -> str:
    return f"{member.code} {member.name}"[:LONGEST_REMARK]
