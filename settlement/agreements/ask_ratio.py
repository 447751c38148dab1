"""Asks the channels of the merchants behind a contract's stores how much of a payment they may split off, where a channel tells it.

A flow: nothing is written, and no transaction is open while a channel is asked. Where it does not tell, or cannot be asked, the tenant's
own setting stands.
"""

from settlement.commands import CreateContract
from settlement.ports import SplittingChannels
from tenants.errors import MerchantNotReady
from tenants.kernel.ids import MerchantId
from tenants.kernel.money import Bps
from tenants.kernel.scope import TenantScope
from tenants.standings import merchants_of_stores


async def largest_rates(
    tenant: TenantScope, command: CreateContract, *, channels: SplittingChannels
) -> dict[MerchantId, Bps]:
    """What the channels say, by merchant; a contract that is not split asks nobody."""
    if not command.profit_sharing:
        return {}
    async with tenant.reading() as db:
        found = set((await merchants_of_stores(db, command.store_ids, at=command.active_from)).values())
    told = {}
    for merchant_id in sorted(found):
        try:
            largest = await (await channels.splitting(tenant, merchant_id)).largest_rate()
        except MerchantNotReady:
            continue
        if isinstance(largest, int):
            told[merchant_id] = largest
    return told
