"""Stores with owners and merchant numbers of their own, for tests of who holds the money."""

from datetime import datetime
from typing import Any

from sqlalchemy import insert

from settlement.posting.pending import post_pending
from settlement.verify import verify_books
from tenants.commands import OwnStore
from tenants.kernel.ids import MerchantId, StoreId, new_id
from tenants.kernel.scope import TenantScope, Writing
from tenants.models import Merchant
from tenants.own_store import own_store
from tenants.states import Ownership
from tests.support.books import LONG_AGO


async def add_number(db: Writing, number: str, *, owner: str | None = None) -> MerchantId:
    """A merchant number of somebody; nobody ever pays through it."""
    merchant_id = MerchantId(new_id())
    row = {
        "tenant_id": db.tenant_id, "id": merchant_id, "merchant_no": number, "legal_name": f"{number}公司",
        "certificate_serial": "5157F09EFDC096DE", "fee_bps": 60, "owner_party_code": owner, "created_at": LONG_AGO,
    }  # fmt: skip
    await db.execute(insert(Merchant).values(row))
    return merchant_id


async def own(
    db: Writing,
    store_id: StoreId,
    ownership: Ownership,
    since: datetime,
    owner: str | None = None,
    **more: Any,
) -> None:
    """Let somebody run a store from then on."""
    command = OwnStore(ownership=ownership, active_from=since, owner_code=owner, **more)
    await own_store(db, command, store_id=store_id, actor="staff:test", now=since)


async def broken_laws(tenant: TenantScope, *, now: datetime) -> list[str]:
    """What is broken of the books once everything is booked: nothing, it is hoped."""
    await post_pending(tenant, now=now)
    async with tenant.reading() as db:
        report = await verify_books(db)
    return [f"{each.law}: {each.examples}" for each in report.findings if each.broken]
