"""A guide leaves, or gives shoppers away: write down which relation goes to whom. What WeCom has to move is moved afterwards.

Shoppers whom nobody has in WeCom move at once, since there is nobody to be asked. Until a taker takes over, the giver holds the
relation (`old_until_takeover`): a guide who stays earns on it, for one who left it is the store's. What was earned stays earned.
"""

from datetime import datetime

from sqlalchemy import insert

from guides.contacts.bonds import end_bonds
from guides.contacts.commands import Depart, Reassign
from guides.contacts.hold import hand_over, leave_to_store
from guides.contacts.models import RelationMove
from guides.contacts.queries import (
    bonds_of_guide,
    contacts_moving,
    find_member,
    moves_of,
    shoppers_of_guide,
    store_of_guide,
)
from guides.contacts.states import MoveState
from guides.contacts.views import MovePage
from guides.employ import let_guide_go
from guides.errors import GuideLeft, TakerNotReady
from guides.events import MovesRequested
from tenants.audit import record_deed
from tenants.kernel.ids import ContactId, GuideId, MoveId, ShopperId, StoreId, new_id
from tenants.kernel.outbox import append
from tenants.kernel.scope import Writing


async def depart(db: Writing, command: Depart, *, guide_id: GuideId, actor: str, now: datetime) -> MovePage:
    """End a guide's employment and give the relations away; raises GuideNotFound, TakerNotReady."""
    store_id = await store_of_guide(db, guide_id, at=now)
    await let_guide_go(db, guide_id, now=now)
    bonds, held = await bonds_of_guide(db, guide_id), await shoppers_of_guide(db, guide_id)
    await _write_moves(
        db, bonds, held=held, giver=guide_id, taker=command.taker_guide_id, store_id=store_id, resigned=True,
        actor=actor, now=now,
    )  # fmt: skip
    await record_deed(
        db, actor=actor, action="guide_departed", subject_id=guide_id, now=now,
        reason=f"taker {command.taker_guide_id}" if command.taker_guide_id else "to the store",
    )  # fmt: skip
    return await moves_of(db, guide_id)


async def reassign(
    db: Writing, command: Reassign, *, guide_id: GuideId, actor: str, now: datetime
) -> MovePage:
    """Give some or all of a working guide's relations to another guide; raises GuideNotFound, GuideLeft, TakerNotReady."""
    member = await find_member(db, guide_id, at=now)
    if not member.works:
        raise GuideLeft(guide_id=guide_id)
    bonds, held = await bonds_of_guide(db, guide_id), await shoppers_of_guide(db, guide_id)
    if command.shopper_ids is not None:
        named = set(command.shopper_ids)
        bonds = {contact: shopper for contact, shopper in bonds.items() if shopper in named}
        held &= named
    store_id = await store_of_guide(db, guide_id, at=now)
    await _write_moves(
        db, bonds, held=held, giver=guide_id, taker=command.taker_guide_id, store_id=store_id, resigned=False,
        actor=actor, now=now,
    )  # fmt: skip
    await record_deed(
        db, actor=actor, action="reassign_relations", subject_id=guide_id, now=now,
        reason=f"taker {command.taker_guide_id}",
    )  # fmt: skip
    return await moves_of(db, guide_id)


async def _write_moves(
    db: Writing,
    bonds: dict[ContactId, ShopperId | None],
    *,
    held: set[ShopperId],
    giver: GuideId,
    taker: GuideId | None,
    store_id: StoreId | None,
    resigned: bool,
    actor: str,
    now: datetime,
) -> None:
    await _check_taker(db, taker, giver=giver, in_wecom=bool(bonds), now=now)
    moving = await contacts_moving(db, giver)
    row = {
        "tenant_id": db.tenant_id, "giver_id": giver, "taker_id": taker, "store_id": store_id, "resigned": resigned,
        "requested_by": actor, "created_at": now, "contact_id": None, "ended_at": None,
    }  # fmt: skip
    at_once = sorted(held if taker is None else held - {each for each in bonds.values() if each is not None})
    ended = {"state": MoveState.DONE, "ended_at": now}
    rows = [row | ended | {"id": MoveId(new_id()), "shopper_id": each} for each in at_once]
    if taker is None:
        await leave_to_store(db, at_once, giver=giver, store_id=store_id, at=now)
        await end_bonds(db, giver, at=now)
    else:
        await hand_over(db, at_once, giver=giver, taker=taker, at=now)
        asked = {"state": MoveState.INTENDED}
        rows += [
            row | asked | {"id": MoveId(new_id()), "contact_id": contact, "shopper_id": shopper}
            for contact, shopper in bonds.items()
            if contact not in moving
        ]
        if set(bonds) - moving:
            fact = MovesRequested(giver_id=giver, taker_id=taker, resigned=resigned)
            await append(db, fact, now=now)
    if rows:
        await db.execute(insert(RelationMove), rows)


async def _check_taker(
    db: Writing, taker: GuideId | None, *, giver: GuideId, in_wecom: bool, now: datetime
) -> None:
    if taker is None:
        return
    member = await find_member(db, taker, at=now)
    if taker == giver or not member.works or (in_wecom and member.member_no is None):
        raise TakerNotReady(guide_id=taker)
