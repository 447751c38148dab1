"""Who stands on the other side of a true-up: whoever has the rest of a store's sales when the term ends, store by store.

A rehearsal asks the same as the books, so that what was foretold is what is then settled.
"""

from collections.abc import Iterable, Mapping
from datetime import date, datetime, time, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from settlement.agreements.sides import sellers_at
from settlement.calendar import ONE_DAY
from settlement.parties import NewParty
from settlement.true_ups.stretches import AgreedVersion
from settlement.true_ups.turnover import StoreTurnover
from tenants.kernel.ids import PartyId, StoreId
from tenants.kernel.money import Fen, allocate
from tenants.kernel.scope import Reading


class Half(NamedTuple):
    """What one party gets (or gives, below zero) at a store; without a store it concerns the whole contract."""

    store_id: StoreId | None
    party_id: PartyId
    amount_fen: Fen


def spread(amount: Fen, stores: Mapping[StoreId, StoreTurnover]) -> dict[StoreId, Fen]:
    """Spread a true-up over stores in proportion to what was sold there; evenly where nothing was. Without a store it is the contract's own."""
    ids = sorted(stores)
    weights = [max(0, stores[store_id].turnover_fen) for store_id in ids]
    if not any(weights):
        weights = [1] * len(ids)
    if not ids:
        return {}
    sign = -1 if amount < 0 else 1
    parts = allocate(Fen(abs(amount)), weights=weights)
    return {store_id: Fen(sign * part) for store_id, part in zip(ids, parts, strict=True)}


async def sellers_of(
    db: Reading, version: AgreedVersion, *, store_ids: Iterable[StoreId], last_day: date
) -> dict[StoreId, NewParty]:
    """The franchisees that have the rest of these stores' sales at the end of the day; none where the contract leaves it to nobody else."""
    if not version.left_to_seller:
        return {}
    after = datetime.combine(last_day + ONE_DAY, time(0), ZoneInfo(version.time_zone))
    over = after if version.active_to is None else min(after, version.active_to)
    return await sellers_at(db, store_ids, at=over - timedelta(microseconds=1))


def halves(
    amount: Fen,
    by_store: Mapping[StoreId, Fen],
    *,
    party_id: PartyId,
    residual: PartyId,
    sellers: Mapping[StoreId, PartyId],
) -> list[Half]:
    """Both halves of each store's part: the party's, and the other way that of whoever has the rest there."""
    stores: list[tuple[StoreId | None, Fen]] = [*by_store.items()] or [(None, amount)]
    found = []
    for store_id, part in stores:
        rest = residual if store_id is None else sellers.get(store_id, residual)
        # With itself it settles nothing: all that is left there is its own already.
        if rest != party_id:
            found += [Half(store_id, party_id, part), Half(store_id, rest, Fen(-part))]
    return found
