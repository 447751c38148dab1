"""From the catalogue's codes to its ids, many at once, and from the codes of a level to the level. Reads only."""

from collections.abc import Iterable, Sequence
from typing import Protocol

import msgspec
from msgspec import UNSET, UnsetType
from sqlalchemy import Table, text

from catalog.models import Category, Sku, Spu
from tenants.batches import ids_of
from tenants.codes import store_group_ids, store_ids
from tenants.import_outcomes import Finding, refusal
from tenants.kernel.ids import CategoryId, LevelId, SkuId, SpuId
from tenants.kernel.scope import Reading
from tenants.levels import Level

CATEGORIES: Table = Category.__table__  # type: ignore[assignment]
SPUS: Table = Spu.__table__  # type: ignore[assignment]
SKUS: Table = Sku.__table__  # type: ignore[assignment]


async def category_ids(db: Reading, codes: Iterable[str]) -> dict[str, CategoryId]:
    """The categories behind these codes."""
    return {code: CategoryId(found) for code, found in (await ids_of(db, CATEGORIES, codes=codes)).items()}


async def spu_ids(db: Reading, codes: Iterable[str]) -> dict[str, SpuId]:
    """The products behind these codes."""
    return {code: SpuId(found) for code, found in (await ids_of(db, SPUS, codes=codes)).items()}


async def category_codes_of_skus(db: Reading, codes: Sequence[str]) -> dict[str, str]:
    """The category codes of these units, by the units' codes; a unit without a category is left out."""
    statement = text(
        "SELECT k.code AS sku_code, c.code AS category_code"
        " FROM unnest(CAST(:codes AS text[])) AS asked (code)"
        " JOIN app.skus k ON k.tenant_id = :tenant_id AND k.code = asked.code"
        " JOIN app.spus s ON s.tenant_id = :tenant_id AND s.id = k.spu_id"
        " JOIN app.categories c ON c.tenant_id = :tenant_id AND c.id = s.category_id"
    )
    found = await db.execute(statement, {"tenant_id": db.tenant_id, "codes": list(codes)})
    return {row.sku_code: row.category_code for row in found}


async def sku_ids(db: Reading, codes: Iterable[str]) -> dict[str, SkuId]:
    """The units behind these codes."""
    return {code: SkuId(found) for code, found in (await ids_of(db, SKUS, codes=codes)).items()}


class AtLevel(Protocol):
    """A row that says something about one SKU at one level."""

    @property
    def sku_code(self) -> str:
        """The SKU's code."""
        ...

    @property
    def store_code(self) -> str | UnsetType | None:
        """The store, if it speaks of one."""
        ...

    @property
    def group_code(self) -> str | UnsetType | None:
        """The store group, if it speaks of one."""
        ...


class Places(msgspec.Struct, frozen=True, kw_only=True):
    """What a batch's codes lead to: its SKUs and the levels its rows speak of."""

    brand: LevelId
    skus: dict[str, SkuId]
    stores: dict[str, LevelId]
    groups: dict[str, LevelId]

    def level_of(self, row: AtLevel) -> tuple[Level, LevelId]:
        """The level a row speaks of: its store, else its group, else the whole brand. KeyError when it is not known."""
        if row.store_code is not UNSET and row.store_code:
            return Level.STORE, self.stores[row.store_code]
        if row.group_code is not UNSET and row.group_code:
            return Level.GROUP, self.groups[row.group_code]
        return Level.BRAND, self.brand

    def wrong(self, row: AtLevel) -> Finding | None:
        """What in the row's references is not known."""
        if row.sku_code not in self.skus:
            return refusal("sku_code", row.sku_code, reason="no such SKU (SKU 不存在)")
        if row.store_code and row.group_code:
            return refusal(
                "group_code",
                str(row.group_code),
                reason="a store or a group, not both (门店与分组只能填一个)",
            )
        if row.store_code and row.store_code not in self.stores:
            return refusal("store_code", str(row.store_code), reason="no such store (门店不存在)")
        if row.group_code and row.group_code not in self.groups:
            return refusal("group_code", str(row.group_code), reason="no such store group (门店分组不存在)")
        return None


async def places(db: Reading, rows: Sequence[AtLevel]) -> Places:
    """Look up everything that these rows refer to, in three statements however many rows there are."""
    stores = await store_ids(db, (row.store_code or None for row in rows))
    groups = await store_group_ids(db, (row.group_code or None for row in rows))
    return Places(
        brand=LevelId(db.tenant_id),
        skus=await sku_ids(db, (row.sku_code for row in rows)),
        stores={code: LevelId(store_id) for code, store_id in stores.items()},
        groups={code: LevelId(group_id) for code, group_id in groups.items()},
    )
