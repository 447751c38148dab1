"""Whether a contract's parties could together get more than a store's merchant may split off through its channel.

The channel's limit counts the whole order's amount and fails late and silently, so it is checked when the contract is saved. Which
parties a payment is really split to, and what is cut, is `splitting`'s.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime

from settlement.agreements.agreed import OverRatio
from settlement.commands import CreateContract
from settlement.errors import MaxSplitExceeded
from settlement.splitting.policy import split_policy
from settlement.states import PartyKind, RateBase
from settlement.terms import Rate
from tenants.kernel.ids import MerchantId, PartyId, StoreId
from tenants.kernel.money import Bps
from tenants.kernel.scope import Reading
from tenants.queries import merchants, store_codes
from tenants.standings import merchants_of_stores


async def refuse_over_ratio(
    db: Reading,
    command: CreateContract,
    *,
    rates: Sequence[Rate],
    ratios: Mapping[MerchantId, Bps],
) -> None:
    """Refuse a contract that is split through the channel when the highest rates of its parties exceed what a merchant may split off."""
    if not command.profit_sharing or command.over_ratio is OverRatio.PAYABLE:
        return
    highest: dict[PartyId, Rate] = {}
    for rate in rates:
        # Guides are never split to; everybody else but the payee is.
        if rate.kind is not PartyKind.GUIDE and rate.rate_bps > _bps(highest.get(rate.party_id)):
            highest[rate.party_id] = rate
    possible = sorted(highest.values(), key=lambda rate: (rate.kind, rate.party_id))
    total = sum(rate.rate_bps for rate in possible)
    largest = await merchant_ratios(db, command.store_ids, ratios=ratios, at=command.active_from)
    for merchant_no, (allowed, stores) in sorted(largest.items()):
        if total > allowed:
            terms = " + ".join(f"{rate.kind} {rate.rate_bps}" for rate in possible)
            of = " of the list price" if command.base is RateBase.LIST_GOODS else ""
            told = f"{terms} = {total}{of} > {allowed} of merchant {merchant_no} (stores {', '.join(stores[:5])})"
            raise MaxSplitExceeded(details={"rates": told, "overRatio": OverRatio.PAYABLE.value})


def _bps(rate: Rate | None) -> int:
    return rate.rate_bps if rate else 0


async def merchant_ratios(
    db: Reading, store_ids: Sequence[StoreId], *, ratios: Mapping[MerchantId, Bps], at: datetime
) -> dict[str, tuple[Bps, list[str]]]:
    """For each merchant that takes these stores' money: how much of a payment it may split off, and the stores. Stores without one split nothing."""
    policy, codes = await split_policy(db), await store_codes(db, store_ids)
    numbers = {merchant.id: merchant.merchant_no for merchant in await merchants(db)}
    stores: dict[MerchantId, list[str]] = defaultdict(list)
    for store_id, merchant_id in (await merchants_of_stores(db, store_ids, at=at)).items():
        stores[merchant_id].append(codes[store_id])
    if not store_ids:
        # The house's: it covers whatever store no other contract names.
        stores |= {merchant_id: [] for merchant_id in numbers}
    return {
        numbers[merchant_id]: (
            ratios.get(merchant_id, policy.largest_of(numbers[merchant_id])),
            sorted(found),
        )
        for merchant_id, found in stores.items()
    }
