"""From the codes that other systems use to our ids, many at once. Reads only.

Codes are kept to the letter; one that is not found is simply absent from the answer, and the caller says what that means.
"""

from collections.abc import Iterable

from sqlalchemy import ARRAY, Table, Text, any_, bindparam, select

from tenants.batches import ids_of
from tenants.kernel.ids import MallId, MerchantId, StoreGroupId, StoreId
from tenants.kernel.scope import Reading
from tenants.models import Mall, Merchant, Store, StoreGroup

STORES: Table = Store.__table__  # type: ignore[assignment]
GROUPS: Table = StoreGroup.__table__  # type: ignore[assignment]
MERCHANTS: Table = Merchant.__table__  # type: ignore[assignment]


async def store_ids(db: Reading, codes: Iterable[str | None]) -> dict[str, StoreId]:
    """The stores behind these codes."""
    return {code: StoreId(found) for code, found in (await ids_of(db, STORES, codes=codes)).items()}


async def store_group_ids(db: Reading, codes: Iterable[str | None]) -> dict[str, StoreGroupId]:
    """The store groups behind these codes."""
    return {code: StoreGroupId(found) for code, found in (await ids_of(db, GROUPS, codes=codes)).items()}


async def merchant_ids(db: Reading, numbers: Iterable[str | None]) -> dict[str, MerchantId]:
    """The tenant's merchants behind these merchant numbers."""
    found = await ids_of(db, MERCHANTS, codes=numbers, code="merchant_no")
    return {number: MerchantId(merchant_id) for number, merchant_id in found.items()}


async def mall_ids(db: Reading, codes: Iterable[str | None]) -> dict[str, MallId]:
    """The malls behind these codes; malls belong to no tenant."""
    wanted = {code for code in codes if code}
    if not wanted:
        return {}
    found = await db.execute(
        select(Mall.code, Mall.id).where(Mall.code == any_(bindparam("codes", type_=ARRAY(Text)))),
        {"codes": sorted(wanted)},
    )
    return {code: MallId(mall_id) for code, mall_id in found}
