"""Every read of guides' contacts and moves."""

from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import func, or_, select

from guides.contacts.models import Contact, ContactBond, ContactWay, RelationMove
from guides.contacts.states import OPEN, MoveState
from guides.contacts.views import ContactWayView, MoveCounts, MovePage, MoveView
from guides.errors import GuideNotFound
from guides.models import Guide, GuideAssignment, Relation
from tenants.kernel.ids import ContactId, ContactWayId, GuideId, MoveId, ShopperId, StoreId
from tenants.kernel.paging import page_limit, read_cursor, write_cursor
from tenants.kernel.scope import Reading


class Member(msgspec.Struct, frozen=True, kw_only=True):
    """A guide as WeCom and cards need them. The phone stays out of texts."""

    guide_id: GuideId
    name: str
    code: str
    phone: str | None
    member_no: str | None
    avatar_url: str | None
    works: bool

    def __repr__(self) -> str:
        """Name the guide only."""
        return f"Member({self.guide_id})"


async def find_member(db: Reading, guide_id: GuideId, *, at: datetime) -> Member:
    """One guide; raises GuideNotFound."""
    found = (await db.execute(_members(db).where(Guide.id == guide_id))).one_or_none()
    if found is None:
        raise GuideNotFound(guide_id=guide_id)
    return _member(found, at=at)


async def member_numbered(db: Reading, member_no: str, *, at: datetime) -> Member | None:
    """The guide who is this member in WeCom, the working one first; None for the company's other people."""
    statement = _members(db).where(Guide.wecom_userid == member_no)
    found = [_member(row, at=at) for row in await db.execute(statement.order_by(Guide.active_from.desc()))]
    return next((each for each in found if each.works), found[0] if found else None)


async def store_of_guide(db: Reading, guide_id: GuideId, *, at: datetime) -> StoreId | None:
    """The store where a guide works at a moment; the one they came to last, if several."""
    statement = (
        select(GuideAssignment.store_id)
        .where(
            GuideAssignment.tenant_id == db.tenant_id,
            GuideAssignment.guide_id == guide_id,
            GuideAssignment.active_from <= at,
            or_(GuideAssignment.active_to.is_(None), GuideAssignment.active_to > at),
        )
        .order_by(GuideAssignment.active_from.desc())
        .limit(1)
    )
    found = (await db.execute(statement)).scalar_one_or_none()
    return None if found is None else StoreId(found)


async def live_way(db: Reading, guide_id: GuideId) -> ContactWay | None:
    """The guide's contact way that is not on its way out."""
    statement = select(ContactWay).where(
        ContactWay.tenant_id == db.tenant_id, ContactWay.guide_id == guide_id, ContactWay.ending_at.is_(None)
    )
    return (await db.execute(statement)).scalar_one_or_none()


async def ways_of(db: Reading, guide_id: GuideId) -> list[ContactWayView]:
    """Every contact way a guide ever had, newest first."""
    statement = (
        select(ContactWay)
        .where(ContactWay.tenant_id == db.tenant_id, ContactWay.guide_id == guide_id)
        .order_by(ContactWay.id.desc())
        .limit(100)
    )
    return [way_view(way) for way in (await db.execute(statement)).scalars()]


async def way_hinted(db: Reading, hint: str, *, guide_id: GuideId) -> ContactWayId | None:
    """The guide's own way that a message's hint names; a hint has been seen to name somebody else's."""
    statement = select(ContactWay.id).where(
        ContactWay.tenant_id == db.tenant_id, ContactWay.code == hint, ContactWay.guide_id == guide_id
    )
    found = (await db.execute(statement)).scalar_one_or_none()
    return None if found is None else ContactWayId(found)


async def find_contact(db: Reading, contact_no: str) -> Contact | None:
    """A contact by WeCom's number."""
    statement = select(Contact).where(Contact.tenant_id == db.tenant_id, Contact.contact_no == contact_no)
    return (await db.execute(statement)).scalar_one_or_none()


async def bonds_of_guide(db: Reading, guide_id: GuideId) -> dict[ContactId, ShopperId | None]:
    """The contacts whom a guide has, each with the shopper it is known to be."""
    statement = (
        select(Contact.id, Contact.shopper_id)
        .join(
            ContactBond,
            (ContactBond.tenant_id == Contact.tenant_id) & (ContactBond.contact_id == Contact.id),
        )
        .where(
            Contact.tenant_id == db.tenant_id,
            ContactBond.tenant_id == db.tenant_id,
            ContactBond.guide_id == guide_id,
            ContactBond.active_to.is_(None),
        )
        .order_by(Contact.id)
    )
    return {ContactId(row.id): _shopper(row.shopper_id) for row in await db.execute(statement)}


async def shoppers_of_guide(db: Reading, guide_id: GuideId) -> set[ShopperId]:
    """The shoppers whose relation a guide holds."""
    statement = select(Relation.shopper_id).where(
        Relation.tenant_id == db.tenant_id, Relation.guide_id == guide_id, Relation.active_to.is_(None)
    )
    return {ShopperId(each) for each in (await db.execute(statement)).scalars()}


async def contacts_moving(db: Reading, guide_id: GuideId) -> set[ContactId]:
    """Contacts of a guide that are on their way already."""
    statement = select(RelationMove.contact_id).where(
        RelationMove.tenant_id == db.tenant_id,
        RelationMove.giver_id == guide_id,
        RelationMove.state.in_(OPEN),
        RelationMove.contact_id.is_not(None),
    )
    return {ContactId(each) for each in (await db.execute(statement)).scalars() if each is not None}


async def moves_of(
    db: Reading, guide_id: GuideId, *, cursor: str | None = None, limit: int | None = None
) -> MovePage:
    """A guide's moves, newest first, a page at a time (key-set)."""
    rows = page_limit(limit)
    of_guide = (RelationMove.tenant_id == db.tenant_id, RelationMove.giver_id == guide_id)
    statement = select(RelationMove).where(*of_guide).order_by(RelationMove.id.desc()).limit(rows)
    if cursor:
        (before,) = read_cursor(cursor, tuple[UUID])
        statement = statement.where(RelationMove.id < before)
    found = [_move_view(move) for move in (await db.execute(statement)).scalars()]
    counted = select(RelationMove.state, func.count().label("number")).where(*of_guide)
    counts = {row.state: row.number for row in await db.execute(counted.group_by(RelationMove.state))}
    return MovePage(
        counts=MoveCounts(**counts),
        moves=found,
        next_cursor=write_cursor(found[-1].id) if len(found) == rows else None,
    )


def way_view(way: ContactWay) -> ContactWayView:
    """Show a contact way."""
    return ContactWayView(
        id=ContactWayId(way.id),
        guide_id=GuideId(way.guide_id),
        qr_code_url=way.qr_code_url,
        made_at=way.made_at,
        ending_at=way.ending_at,
        ended_at=way.ended_at,
    )


def _move_view(move: RelationMove) -> MoveView:
    return MoveView(
        id=MoveId(move.id),
        shopper_id=_shopper(move.shopper_id),
        giver_guide_id=GuideId(move.giver_id),
        taker_guide_id=None if move.taker_id is None else GuideId(move.taker_id),
        resigned=move.resigned,
        state=MoveState(move.state),
        code=move.code,
        created_at=move.created_at,
        due_at=move.due_at,
        ended_at=move.ended_at,
    )


def _shopper(found: UUID | None) -> ShopperId | None:
    return None if found is None else ShopperId(found)


def _members(db: Reading) -> Any:
    columns = (
        Guide.id, Guide.name, Guide.code, Guide.phone, Guide.wecom_userid, Guide.avatar_url, Guide.active_from,
        Guide.active_to,
    )  # fmt: skip
    return select(*columns).where(Guide.tenant_id == db.tenant_id)


def _member(row: Any, *, at: datetime) -> Member:
    return Member(
        guide_id=GuideId(row.id),
        name=row.name,
        code=row.code,
        phone=row.phone,
        member_no=row.wecom_userid,
        avatar_url=row.avatar_url,
        works=row.active_from <= at and (row.active_to is None or row.active_to > at),
    )
