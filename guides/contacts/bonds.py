"""Keep who has whom in WeCom: contacts, guides' dated bonds with them, and the shopper a contact turns out to be."""

from datetime import datetime

from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from guides.contacts.hold import end_held
from guides.contacts.models import Contact, ContactBond
from guides.share import found_relation
from guides.states import RelationSource
from tenants.kernel.ids import ContactId, ContactWayId, GuideId, ShopperId, new_id
from tenants.kernel.scope import Writing
from tenants.queries import shopper_with_unionid

BY_GUIDE, BY_SHOPPER, BY_MOVE = "guide", "shopper", "move"
"""Who ended a bond."""


async def keep_contact(
    db: Writing, contact_no: str, *, union_id: str | None, now: datetime
) -> tuple[ContactId, ShopperId | None]:
    """Keep a contact, and the shopper it is where the union id is known; what was known before is not forgotten."""
    shopper_id = None if union_id is None else await shopper_with_unionid(db, union_id)
    row = upsert(Contact).values(
        tenant_id=db.tenant_id,
        id=ContactId(new_id()),
        contact_no=contact_no,
        union_id=union_id,
        shopper_id=shopper_id,
        met_at=now,
    )
    known = {
        "union_id": func.coalesce(Contact.union_id, row.excluded.union_id),
        "shopper_id": func.coalesce(Contact.shopper_id, row.excluded.shopper_id),
    }
    kept = row.on_conflict_do_update(index_elements=[Contact.tenant_id, Contact.contact_no], set_=known)
    found = (await db.execute(kept.returning(Contact.id, Contact.shopper_id))).one()
    return ContactId(found.id), None if found.shopper_id is None else ShopperId(found.shopper_id)


async def open_bond(
    db: Writing,
    contact_id: ContactId,
    *,
    shopper_id: ShopperId | None,
    guide_id: GuideId,
    way_id: ContactWayId | None,
    at: datetime,
) -> bool:
    """A guide has a contact since `at`; a shopper whom no guide holds becomes the guide's. False when it was known."""
    row = upsert(ContactBond).values(
        tenant_id=db.tenant_id,
        id=new_id(),
        contact_id=contact_id,
        guide_id=guide_id,
        way_id=way_id,
        active_from=at,
    )
    opened = await db.execute(row.on_conflict_do_nothing().returning(ContactBond.id))
    if shopper_id is not None:
        await found_relation(db, shopper_id, guide_id=guide_id, source=RelationSource.WECOM, now=at)
    return opened.scalar_one_or_none() is not None


async def end_bond(
    db: Writing, contact_id: ContactId, *, guide_id: GuideId, ended_by: str, at: datetime
) -> bool:
    """A guide's time with a contact ended at `at`; one that began later is another time and goes on."""
    statement = (
        update(ContactBond)
        .where(
            ContactBond.tenant_id == db.tenant_id,
            ContactBond.contact_id == contact_id,
            ContactBond.guide_id == guide_id,
            ContactBond.active_to.is_(None),
            ContactBond.active_from <= at,
        )
        .values(active_to=at, ended_by=ended_by)
        .returning(ContactBond.id)
    )
    return (await db.execute(statement)).scalar_one_or_none() is not None


async def end_bonds(db: Writing, guide_id: GuideId, *, at: datetime) -> None:
    """A guide left and nobody takes over: WeCom keeps the contacts for whoever is named there."""
    statement = update(ContactBond).where(
        ContactBond.tenant_id == db.tenant_id,
        ContactBond.guide_id == guide_id,
        ContactBond.active_to.is_(None),
        ContactBond.active_from <= at,
    )
    await db.execute(statement.values(active_to=at, ended_by=BY_MOVE))


async def part(db: Writing, contact_id: ContactId, *, guide_id: GuideId, ended_by: str, at: datetime) -> bool:
    """A guide or a shopper ended it by hand: the bond ends, and with it the guide's hold on the shopper's relation."""
    if not await end_bond(db, contact_id, guide_id=guide_id, ended_by=ended_by, at=at):
        return False
    statement = select(Contact.shopper_id).where(Contact.tenant_id == db.tenant_id, Contact.id == contact_id)
    shopper_id = (await db.execute(statement)).scalar_one()
    if shopper_id is not None:
        await end_held(db, [ShopperId(shopper_id)], guide_id=guide_id, at=at)
    return True


async def recognise_contacts(db: Writing, union_id: str, *, shopper_id: ShopperId, now: datetime) -> int:
    """At log-in: contacts with the shopper's union id are the shopper; the guide who had one first wins the relation."""
    statement = (
        update(Contact)
        .where(Contact.tenant_id == db.tenant_id, Contact.union_id == union_id, Contact.shopper_id.is_(None))
        .values(shopper_id=shopper_id)
        .returning(Contact.id)
    )
    contacts = list((await db.execute(statement)).scalars())
    if not contacts:
        return 0
    first = (
        select(ContactBond.guide_id)
        .where(
            ContactBond.tenant_id == db.tenant_id,
            ContactBond.contact_id.in_(contacts),
            ContactBond.active_to.is_(None),
        )
        .order_by(ContactBond.active_from, ContactBond.id)
        .limit(1)
    )
    guide_id = (await db.execute(first)).scalar_one_or_none()
    if guide_id is not None:
        await found_relation(db, shopper_id, guide_id=GuideId(guide_id), source=RelationSource.WECOM, now=now)
    return len(contacts)
