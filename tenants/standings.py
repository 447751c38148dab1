"""Reads of who runs a store and who takes its money at a moment: what placing an order and freezing its terms ask of the ground floor."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import and_, func, or_, select
from sqlalchemy.orm import aliased

from tenants.errors import MerchantNotFound, StoreNotFound
from tenants.kernel.ids import MallId, MerchantId, StoreId
from tenants.kernel.scope import Reading
from tenants.models import Merchant, Store, StoreOwnership
from tenants.ownership import owner_party_code
from tenants.states import Ownership
from tenants.views import OwnershipView


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """Who runs a store and whose merchant takes its money. No party code: the brand."""

    ownership: Ownership
    owner_code: str | None = None
    owner_name: str | None = None
    payee_code: str | None = None
    payee_name: str | None = None

    @property
    def owner_party_code(self) -> str | None:
        """The party that runs the store; None for the brand."""
        return owner_party_code(self.ownership, self.owner_code)


class StoreStandings(msgspec.Struct, frozen=True, kw_only=True):
    """A store's standings in time, and the mall it stands in."""

    mall_id: MallId | None
    undated: Standing
    dated: tuple[tuple[datetime, datetime | None, Standing], ...]

    def at(self, moment: datetime) -> Standing:
        """The standing at that moment (half-open); the undated one where nothing is written down."""
        for since, until, standing in self.dated:
            if since <= moment and (until is None or moment < until):
                return standing
        return self.undated


async def merchant_of_store(db: Reading, store_id: StoreId, *, at: datetime) -> MerchantId:
    """Who takes a store's money then: the merchant of its ownership, else (where none is dated) its own, else the tenant's default one."""
    default = select(Merchant.id).where(Merchant.tenant_id == db.tenant_id, Merchant.is_default)
    named = func.coalesce(StoreOwnership.merchant_id, default.scalar_subquery())
    own = func.coalesce(Store.merchant_id, default.scalar_subquery())
    statement = (
        select(StoreOwnership.store_id, named.label("named"), own.label("own"))
        .select_from(Store)
        .outerjoin(StoreOwnership, and_(_of_store(db), *_in_force(at, at)))
        .where(Store.tenant_id == db.tenant_id, Store.id == store_id)
    )
    found = (await db.execute(statement)).one_or_none()
    if found is None:
        raise StoreNotFound(store_id=store_id)
    merchant_id = found.own if found.store_id is None else found.named
    if merchant_id is None:
        raise MerchantNotFound
    return MerchantId(merchant_id)


async def merchants_of_stores(
    db: Reading, store_ids: Sequence[StoreId], *, at: datetime
) -> dict[StoreId, MerchantId]:
    """Who takes each store's money then, of many stores at once; stores that nobody could take money for are absent."""
    default = select(Merchant.id).where(Merchant.tenant_id == db.tenant_id, Merchant.is_default)
    own = (
        select(
            Store.id, Store.merchant_id, StoreOwnership.store_id, StoreOwnership.merchant_id.label("named")
        )
        .outerjoin(StoreOwnership, and_(_of_store(db), *_in_force(at, at)))
        .where(Store.tenant_id == db.tenant_id, Store.id.in_(list(store_ids)))
    )
    house = (await db.execute(default)).scalar_one_or_none()
    found = {
        row.id: (row.merchant_id if row.store_id is None else row.named) or house
        for row in await db.execute(own)
    }
    return {StoreId(store_id): MerchantId(each) for store_id, each in found.items() if each is not None}


async def ownerships(db: Reading, store_ids: Sequence[StoreId]) -> list[OwnershipView]:
    """Everything that is written down of these stores' owners, by store and time."""
    statement = (
        select(StoreOwnership)
        .where(StoreOwnership.tenant_id == db.tenant_id, StoreOwnership.store_id.in_(store_ids))
        .order_by(StoreOwnership.store_id, StoreOwnership.active_from)
        .execution_options(populate_existing=True)
    )
    return [
        OwnershipView(
            store_id=StoreId(row.store_id), active_from=row.active_from, active_to=row.active_to,
            ownership=Ownership(row.ownership), owner_code=row.owner_code, owner_name=row.owner_name,
            merchant_id=None if row.merchant_id is None else MerchantId(row.merchant_id),
        )
        for row in (await db.execute(statement)).scalars()
    ]  # fmt: skip


async def standings(
    db: Reading, store_ids: Iterable[StoreId], *, first: datetime, last: datetime
) -> dict[StoreId, StoreStandings]:
    """Who ran these stores some time between `first` and `last`, in one query."""
    own, named = aliased(Merchant), aliased(Merchant)
    statement = (
        select(
            Store.id, Store.mall_id, Store.ownership.label("undated"),
            own.owner_party_code.label("own_code"), own.legal_name.label("own_name"),
            StoreOwnership.active_from, StoreOwnership.active_to, StoreOwnership.ownership,
            StoreOwnership.owner_code, StoreOwnership.owner_name,
            named.owner_party_code.label("payee_code"), named.legal_name.label("payee_name"),
        )
        .select_from(Store)
        .outerjoin(StoreOwnership, and_(_of_store(db), *_in_force(first, last)))
        .outerjoin(own, and_(own.tenant_id == db.tenant_id, own.id == Store.merchant_id))
        .outerjoin(named, and_(named.tenant_id == db.tenant_id, named.id == StoreOwnership.merchant_id))
        .where(Store.tenant_id == db.tenant_id, Store.id.in_(list(store_ids)))
    )  # fmt: skip
    heads = {}
    dated = defaultdict(list)
    for row in await db.execute(statement):
        heads[StoreId(row.id)] = (row.mall_id, _undated(row))
        if row.active_from is not None:
            dated[StoreId(row.id)].append((row.active_from, row.active_to, _dated(row)))
    return {
        store_id: StoreStandings(
            mall_id=None if mall_id is None else MallId(mall_id),
            undated=undated,
            dated=tuple(dated[store_id]),
        )
        for store_id, (mall_id, undated) in heads.items()
    }


def _undated(row: Any) -> Standing:
    # A store that was called a franchise before owners were dated has nobody to owe: what is left stays the brand's.
    return Standing(
        ownership=Ownership(row.undated), payee_code=row.own_code, payee_name=row.own_name if row.own_code else None
    )  # fmt: skip


def _dated(row: Any) -> Standing:
    return Standing(
        ownership=Ownership(row.ownership), owner_code=row.owner_code, owner_name=row.owner_name,
        payee_code=row.payee_code, payee_name=row.payee_name if row.payee_code else None,
    )  # fmt: skip


def _of_store(db: Reading) -> Any:
    return and_(StoreOwnership.tenant_id == db.tenant_id, StoreOwnership.store_id == Store.id)


def _in_force(first: datetime, last: datetime) -> tuple[Any, Any]:
    return (
        StoreOwnership.active_from <= last,
        or_(StoreOwnership.active_to.is_(None), StoreOwnership.active_to > first),
    )
