"""Open a store or change what is known of it; store groups, malls and opening hours with it."""

from datetime import date, datetime
from typing import Any

import msgspec
from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from tenants.commands import NameGroup, OpenStore, RegisterMall, SetHours
from tenants.create import check_time_zone
from tenants.errors import (
    FlagshipTaken,
    HoursUnreadable,
    LevelUnknown,
    MallNotFound,
    MerchantNotFound,
    StoreCodeTaken,
    StoreGroupNotFound,
    StoreNotFound,
    StoreTimesReversed,
)
from tenants.hours import check_spans
from tenants.kernel.ids import LevelId, MallId, StoreGroupId, StoreId, derived_id, new_id
from tenants.kernel.scope import Writing
from tenants.levels import Level
from tenants.models import Mall, Merchant, OpeningHours, Store, StoreGroup
from tenants.queries import find_mall, find_tenant, level_exists, malls, store_facts
from tenants.views import GroupView, MallView, StoreView


async def open_store(db: Writing, command: OpenStore, *, now: datetime) -> StoreView:
    """Open a new store; refuses a code that exists, and references to what does not."""
    facts = await _store_columns(db, command, current=None)
    row = upsert(Store).values(tenant_id=db.tenant_id, id=StoreId(new_id()), created_at=now, **facts)
    opened = await db.execute(
        row.on_conflict_do_nothing(index_elements=[Store.tenant_id, Store.code]).returning(Store.id)
    )
    store_id = opened.scalar_one_or_none()
    if store_id is None:
        raise StoreCodeTaken(code=command.code)
    return (await store_facts(db, StoreId(store_id))).store


async def change_store(db: Writing, command: OpenStore, *, store_id: StoreId) -> StoreView:
    """Replace what is known of a store."""
    facts = await _store_columns(db, command, current=store_id)
    changed = await db.execute(
        update(Store)
        .where(Store.tenant_id == db.tenant_id, Store.id == store_id)
        .values(**facts)
        .returning(Store.id)
    )
    if changed.scalar_one_or_none() is None:
        raise StoreNotFound(store_id=store_id)
    return (await store_facts(db, store_id)).store


async def make_group(db: Writing, command: NameGroup) -> GroupView:
    """Make a store group, or rename the one with this code."""
    row = upsert(StoreGroup).values(
        tenant_id=db.tenant_id, id=StoreGroupId(new_id()), code=command.code, name=command.name
    )
    kept = await db.execute(
        row.on_conflict_do_update(
            index_elements=[StoreGroup.tenant_id, StoreGroup.code], set_={"name": row.excluded.name}
        ).returning(StoreGroup.id)
    )
    return GroupView(id=StoreGroupId(kept.scalar_one()), code=command.code, name=command.name)


async def register_mall(db: Writing, command: RegisterMall) -> MallView:
    """Make a mall known; one that is known already is returned as it is, since other brands rely on it."""
    facts = msgspec.structs.asdict(command)
    row = upsert(Mall).values(id=MallId(derived_id("mall", command.code)), **facts)
    await db.execute(row.on_conflict_do_nothing())
    return (await malls(db, codes=[command.code]))[0]


async def set_hours(db: Writing, command: SetHours, *, level: Level, level_id: LevelId) -> None:
    """Set opening hours at one level; refuses clock times and dates that do not exist."""
    if not await level_exists(db, level_id):
        raise LevelUnknown(level_id=level_id)
    try:
        check_spans(
            [*(command.weekly or []), *(span for spans in command.exceptions.values() for span in spans)]
        )
        exceptions = {
            date.fromisoformat(day).isoformat(): msgspec.to_builtins(spans)
            for day, spans in command.exceptions.items()
        }
    except ValueError as error:
        raise HoursUnreadable(details={"hours": str(error)}) from error
    row = upsert(OpeningHours).values(
        tenant_id=db.tenant_id,
        level_id=level_id,
        level=level,
        weekly=None if command.weekly is None else msgspec.to_builtins(command.weekly),
        exceptions=exceptions,
        source_text=command.source_text,
    )
    replaced = {name: row.excluded[name] for name in ("weekly", "exceptions", "source_text")}
    await db.execute(
        row.on_conflict_do_update(
            index_elements=[OpeningHours.tenant_id, OpeningHours.level_id], set_=replaced
        )
    )


async def _store_columns(db: Writing, command: OpenStore, *, current: StoreId | None) -> dict[str, Any]:
    """The store's columns, once everything it points at is known to exist."""
    await _check_references(db, command)
    if command.active_from and command.active_to and command.active_from >= command.active_to:
        raise StoreTimesReversed
    flagship = select(Store.id).where(
        Store.tenant_id == db.tenant_id, Store.is_flagship, Store.id != (current or new_id())
    )
    if command.is_flagship and (await db.execute(flagship)).scalar_one_or_none() is not None:
        raise FlagshipTaken
    time_zone = command.time_zone or (await find_tenant(db)).time_zone
    check_time_zone(time_zone)
    return {**msgspec.structs.asdict(command), "time_zone": time_zone}


async def _check_references(db: Writing, command: OpenStore) -> None:
    if command.group_id is not None:
        group = select(StoreGroup.id).where(
            StoreGroup.tenant_id == db.tenant_id, StoreGroup.id == command.group_id
        )
        if (await db.execute(group)).scalar_one_or_none() is None:
            raise StoreGroupNotFound(group_id=command.group_id)
    if command.merchant_id is not None:
        merchant = select(Merchant.id).where(
            Merchant.tenant_id == db.tenant_id, Merchant.id == command.merchant_id
        )
        if (await db.execute(merchant)).scalar_one_or_none() is None:
            raise MerchantNotFound(merchant_id=command.merchant_id)
    if command.mall_id is not None and await find_mall(db, command.mall_id) is None:
        raise MallNotFound(mall_id=command.mall_id)
