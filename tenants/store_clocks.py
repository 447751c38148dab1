"""Stores by the codes of other systems, with the clock each of them keeps. Reads only."""

from collections.abc import Iterable

import msgspec
from sqlalchemy import select

from tenants.kernel.ids import StoreGroupId, StoreId
from tenants.kernel.scope import Reading
from tenants.models import Store


class StoreClock(msgspec.Struct, frozen=True):
    """A store, its zone, and when its business day begins."""

    id: StoreId
    code: str
    time_zone: str
    day_starts: str
    group_id: StoreGroupId | None


async def store_clocks(db: Reading, codes: Iterable[str]) -> dict[str, StoreClock]:
    """The stores behind these codes; one that is not found is absent from the answer."""
    wanted = list(set(codes))
    if not wanted:
        return {}
    columns = (Store.id, Store.code, Store.time_zone, Store.business_day_starts, Store.group_id)
    found = await db.execute(select(*columns).where(Store.tenant_id == db.tenant_id, Store.code.in_(wanted)))
    return {
        row.code: StoreClock(
            id=StoreId(row.id),
            code=row.code,
            time_zone=row.time_zone,
            day_starts=row.business_day_starts,
            group_id=StoreGroupId(row.group_id) if row.group_id else None,
        )
        for row in found
    }
