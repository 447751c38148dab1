"""Write down who runs a store from a day on, and whose a merchant number is.

History is never rewritten: a change begins after everything that is written down and ends the one before it. Orders keep the owner that
was frozen with them, whatever is written here later.
"""

from datetime import datetime

from sqlalchemy import insert, or_, select, update

from tenants.audit import record_deed
from tenants.commands import OwnMerchant, OwnStore
from tenants.errors import (
    DefaultMerchantIsBrands,
    MerchantNotFound,
    MerchantOfAnother,
    OwnershipTimesReversed,
    OwnershipTooEarly,
    OwnerUnclear,
    StoreNotFound,
)
from tenants.kernel.ids import MerchantId, StoreId
from tenants.kernel.scope import Writing
from tenants.models import Merchant, Store, StoreOwnership
from tenants.ownership import owner_matches, owner_party_code
from tenants.queries import merchants
from tenants.standings import ownerships
from tenants.views import MerchantView, OwnershipView


async def own_store(
    db: Writing, command: OwnStore, *, store_id: StoreId, actor: str, now: datetime
) -> OwnershipView:
    """Let an ownership begin; it ends the one before. Raises OwnershipTooEarly, OwnerUnclear, MerchantOfAnother."""
    if not owner_matches(command.ownership, command.owner_code):
        raise OwnerUnclear(
            details={"ownerCode": f"{command.ownership.value}: {command.owner_code or 'none'}"}
        )
    if command.active_to is not None and command.active_from >= command.active_to:
        raise OwnershipTimesReversed
    await hold_stores(db, [store_id])
    known = await ownerships(db, [store_id])
    if known and command.active_from <= known[-1].active_from:
        raise OwnershipTooEarly(
            details={"activeFrom": f"the last one began {known[-1].active_from.isoformat()}"}
        )
    await _refuse_anothers_merchant(db, command)
    await end_before(db, store_id, at=command.active_from)
    row = {
        "tenant_id": db.tenant_id, "store_id": store_id, "active_from": command.active_from,
        "active_to": command.active_to, "ownership": command.ownership.value, "owner_code": command.owner_code,
        "owner_name": (command.owner_name or command.owner_code) if command.owner_code else None,
        "merchant_id": command.merchant_id, "created_by": actor, "created_at": now,
    }  # fmt: skip
    await db.execute(insert(StoreOwnership).values(row))
    since = f"{command.ownership.value} {command.owner_code or ''} since {command.active_from.isoformat()}"
    await record_deed(db, actor=actor, action="own_store", subject_id=store_id, now=now, reason=since)
    return (await ownerships(db, [store_id]))[-1]


async def own_merchant(
    db: Writing, command: OwnMerchant, *, merchant_id: MerchantId, actor: str, now: datetime
) -> MerchantView:
    """Say whose a merchant number is; orders placed before keep whose it was."""
    if not owner_matches(command.ownership, command.owner_code):
        raise OwnerUnclear(
            details={"ownerCode": f"{command.ownership.value}: {command.owner_code or 'none'}"}
        )
    owner = owner_party_code(command.ownership, command.owner_code)
    found = next((each for each in await merchants(db) if each.id == merchant_id), None)
    if found is None:
        raise MerchantNotFound(merchant_id=merchant_id)
    if found.is_default and owner is not None:
        raise DefaultMerchantIsBrands(merchant_id=merchant_id)
    changed = update(Merchant).where(Merchant.tenant_id == db.tenant_id, Merchant.id == merchant_id)
    await db.execute(changed.values(owner_party_code=owner))
    await record_deed(
        db, actor=actor, action="own_merchant", subject_id=merchant_id, now=now, reason=owner or "brand"
    )
    return next(each for each in await merchants(db) if each.id == merchant_id)


async def hold_stores(db: Writing, store_ids: list[StoreId]) -> None:
    """Let one change of these stores' owners follow the other; raises StoreNotFound."""
    held = select(Store.id).where(Store.tenant_id == db.tenant_id, Store.id.in_(store_ids)).order_by(Store.id)
    found = set((await db.execute(held.with_for_update(key_share=True))).scalars())
    missing = set(store_ids) - found
    if missing:
        raise StoreNotFound(store_id=min(missing))


async def end_before(db: Writing, store_id: StoreId, *, at: datetime) -> None:
    """End what is still open when the next one begins."""
    still = or_(StoreOwnership.active_to.is_(None), StoreOwnership.active_to > at)
    ended = update(StoreOwnership).where(
        StoreOwnership.tenant_id == db.tenant_id, StoreOwnership.store_id == store_id,
        StoreOwnership.active_from < at, still,
    )  # fmt: skip
    await db.execute(ended.values(active_to=at))


async def _refuse_anothers_merchant(db: Writing, command: OwnStore) -> None:
    if command.merchant_id is None:
        return
    found = next((each for each in await merchants(db) if each.id == command.merchant_id), None)
    if found is None:
        raise MerchantNotFound(merchant_id=command.merchant_id)
    owner = owner_party_code(command.ownership, command.owner_code)
    if found.owner_party_code not in {None, owner}:
        raise MerchantOfAnother(details={"merchantId": f"{found.merchant_no}: {found.owner_party_code}"})
