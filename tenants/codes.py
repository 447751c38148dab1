"""From the codes that other systems use to our ids, many at once. Reads only.

Codes are kept to the letter; one that is not found is simply absent from the answer, and the caller says what that means.
"""

from collections.abc import Iterable

from sqlalchemy import select

from tenants.kernel.ids import MallId, MerchantId, StoreGroupId, StoreId
from tenants.kernel.scope import Reading
from tenants.models import Mall, Merchant, StoreGroup
from tenants.queries import store_ids_by_code


async def store_ids(db: Reading, codes: Iterable[str | None]) -> dict[str, StoreId]:
    """The stores behind these codes; rows that name none are passed over."""
    wanted = {code for code in codes if code}
    return await store_ids_by_code(db, sorted(wanted)) if wanted else {}


async def store_group_ids(db: Reading, codes: Iterable[str | None]) -> dict[str, StoreGroupId]:
    """The store groups behind these codes."""
    wanted = {code for code in codes if code}
    if not wanted:
        return {}
    found = await db.execute(
        select(StoreGroup.code, StoreGroup.id).where(
            StoreGroup.tenant_id == db.tenant_id, StoreGroup.code.in_(wanted)
        )
    )
    return {code: StoreGroupId(group_id) for code, group_id in found.tuples()}


async def merchant_ids(db: Reading, numbers: Iterable[str | None]) -> dict[str, MerchantId]:
    """The tenant's merchants behind these merchant numbers."""
    wanted = {number for number in numbers if number}
    if not wanted:
        return {}
    found = await db.execute(
        select(Merchant.merchant_no, Merchant.id).where(
            Merchant.tenant_id == db.tenant_id, Merchant.merchant_no.in_(wanted)
        )
    )
    return {number: MerchantId(merchant_id) for number, merchant_id in found.tuples()}


async def mall_ids(db: Reading, codes: Iterable[str | None]) -> dict[str, MallId]:
    """The malls behind these codes; malls belong to no tenant."""
    wanted = {code for code in codes if code}
    if not wanted:
        return {}
    found = await db.execute(select(Mall.code, Mall.id).where(Mall.code.in_(wanted)))
    return {code: MallId(mall_id) for code, mall_id in found.tuples()}
