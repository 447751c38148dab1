"""What follows when WeCom tells that something changed between a shopper and a guide. A flow: the message is a hint, WeCom is asked.

Messages come late, twice and in any order. Adding is taken from how the contact stands now, with the moment it began; an ending counts
for a bond that began before it and for none that came after.
"""

from datetime import datetime
from enum import StrEnum

import msgspec
from sqlalchemy import select

from guides.contacts.bonds import BY_GUIDE, BY_SHOPPER, keep_contact, open_bond, part
from guides.contacts.models import RelationMove
from guides.contacts.queries import Member, find_contact, member_numbered, way_hinted
from guides.contacts.states import OPEN
from guides.errors import ContactsUnread
from guides.events import MovesAwaited
from guides.ports import ContactBook, ContactFacts, Refused, Unknown
from tenants.kernel.ids import ContactId, GuideId
from tenants.kernel.outbox import append
from tenants.kernel.scope import TenantScope, Writing


class Change(StrEnum):
    """What is told."""

    ADDED = "added"
    """A guide has a new contact."""
    EDITED = "edited"
    """A guide changed the contact's remark or tags; the union id may be known by now."""
    INVITED = "invited"
    """A guide's invitation waits for the shopper: nobody has anybody yet."""
    ENDED_BY_GUIDE = "ended_by_guide"
    """The guide removed the shopper."""
    ENDED_BY_SHOPPER = "ended_by_shopper"
    """The shopper removed the guide."""
    MOVE_FAILED = "move_failed"
    """A move to this guide failed."""


class News(msgspec.Struct, frozen=True, kw_only=True):
    """One change; `hint` says which contact way it came by, and has been seen wrong."""

    change: Change
    member_no: str
    contact_no: str
    at: datetime
    hint: str = ""


async def take_news(tenant: TenantScope, news: News, *, contacts: ContactBook, now: datetime) -> None:
    """Do what follows from a change; raises ContactsUnread while WeCom does not say how the contact stands."""
    if news.change is Change.INVITED:
        return
    async with tenant.reading() as db:
        member = await member_numbered(db, news.member_no, at=now)
    if member is None:
        return  # one of the company's other people, who is no guide of ours
    if news.change is Change.MOVE_FAILED:
        await _ask_again(tenant, news, taker=member.guide_id, now=now)
    elif news.change in {Change.ENDED_BY_GUIDE, Change.ENDED_BY_SHOPPER}:
        await _part(tenant, news, guide_id=member.guide_id, now=now)
    else:
        await _meet(tenant, news, member=member, contacts=contacts, now=now)


async def _meet(
    tenant: TenantScope, news: News, *, member: Member, contacts: ContactBook, now: datetime
) -> None:
    facts = await contacts.look_up(tenant, contact_no=news.contact_no)
    if isinstance(facts, Unknown):
        raise ContactsUnread(reason=facts.reason)
    if isinstance(facts, Refused):
        return  # nobody's contact any more: whoever had it has lost it since
    async with tenant.writing() as db:
        await _keep(db, news, facts=facts, member=member, now=now)


async def _keep(db: Writing, news: News, *, facts: ContactFacts, member: Member, now: datetime) -> None:
    following = next((each for each in facts.followings if each.member_no == news.member_no), None)
    contact_id, shopper_id = await keep_contact(db, facts.contact_no, union_id=facts.union_id, now=now)
    if following is None:
        return
    hints = [hint for hint in (news.hint, following.hint) if hint]
    ways = [await way_hinted(db, hint, guide_id=member.guide_id) for hint in hints]
    await open_bond(
        db,
        contact_id,
        shopper_id=shopper_id,
        guide_id=member.guide_id,
        way_id=next((way for way in ways if way is not None), None),
        # WeCom's clock may be ahead of ours: nobody has held anything before it happened.
        at=min(following.since, now),
    )


async def _part(tenant: TenantScope, news: News, *, guide_id: GuideId, now: datetime) -> None:
    ended_by = BY_GUIDE if news.change is Change.ENDED_BY_GUIDE else BY_SHOPPER
    async with tenant.writing() as db:
        contact = await find_contact(db, news.contact_no)
        if contact is not None:
            at = min(news.at, now)
            await part(db, ContactId(contact.id), guide_id=guide_id, ended_by=ended_by, at=at)


async def _ask_again(tenant: TenantScope, news: News, *, taker: GuideId, now: datetime) -> None:
    """A move failed, it says: ask what became of it now, instead of tomorrow."""
    async with tenant.writing() as db:
        contact = await find_contact(db, news.contact_no)
        if contact is None:
            return
        statement = select(RelationMove.giver_id, RelationMove.resigned).where(
            RelationMove.tenant_id == db.tenant_id,
            RelationMove.contact_id == contact.id,
            RelationMove.taker_id == taker,
            RelationMove.state.in_(OPEN),
        )
        for row in await db.execute(statement):
            fact = MovesAwaited(giver_id=GuideId(row.giver_id), taker_id=taker, resigned=row.resigned)
            await append(db, fact, now=now)
