"""Who holds a shopper's relation: handed from a guide to another, left to the store, ended. A holder's time is dated and never rewritten."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import insert, update
from sqlalchemy.dialects.postgresql import insert as upsert

from guides.models import Relation
from guides.states import RelationSource
from tenants.kernel.ids import GuideId, ShopperId, StoreId, new_id
from tenants.kernel.scope import Writing


async def end_held(
    db: Writing, shopper_ids: Sequence[ShopperId], *, guide_id: GuideId, at: datetime
) -> list[ShopperId]:
    """End the guide's time as holder of these relations; says whose it held. One begun later than `at` is another time."""
    statement = (
        update(Relation)
        .where(
            Relation.tenant_id == db.tenant_id,
            Relation.shopper_id.in_(shopper_ids),
            Relation.guide_id == guide_id,
            Relation.active_to.is_(None),
            Relation.active_from <= at,
        )
        .values(active_to=at)
        .returning(Relation.shopper_id)
    )
    return [ShopperId(each) for each in (await db.execute(statement)).scalars()]


async def hand_over(
    db: Writing, shopper_ids: Sequence[ShopperId], *, giver: GuideId, taker: GuideId, at: datetime
) -> int:
    """Give relations that a guide holds to another guide as of a moment; those that somebody else holds by now stay."""
    held = await end_held(db, shopper_ids, guide_id=giver, at=at)
    rows = [_holding(db, each, guide_id=taker, store_id=None, at=at) for each in held]
    if rows:
        await db.execute(upsert(Relation).values(rows).on_conflict_do_nothing())
    return len(rows)


async def leave_to_store(
    db: Writing, shopper_ids: Sequence[ShopperId], *, giver: GuideId, store_id: StoreId | None, at: datetime
) -> int:
    """Take relations from a guide without giving them to another: they are the store's until a guide wins them anew."""
    held = await end_held(db, shopper_ids, guide_id=giver, at=at)
    rows = [_holding(db, each, guide_id=None, store_id=store_id, at=at) for each in held]
    if rows:
        await db.execute(insert(Relation), rows)
    return len(rows)


def _holding(
    db: Writing, shopper_id: ShopperId, *, guide_id: GuideId | None, store_id: StoreId | None, at: datetime
) -> dict[str, object]:
    return {
        "tenant_id": db.tenant_id, "id": new_id(), "shopper_id": shopper_id, "guide_id": guide_id,
        "store_id": store_id, "source": RelationSource.WECOM, "active_from": at, "active_to": None,
    }  # fmt: skip
