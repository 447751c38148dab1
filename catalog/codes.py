"""From the catalogue's codes to its ids, many at once, and from the codes of a level to the level. Reads only."""

from collections.abc import Iterable, Sequence
from typing import Protocol

import msgspec
from msgspec import UNSET, UnsetType
from sqlalchemy import select

from catalog.models import Category, Sku, Spu
from tenants.codes import store_group_ids, store_ids
from tenants.import_outcomes import Finding, refusal
from tenants.kernel.ids import CategoryId, LevelId, SkuId, SpuId
from tenants.kernel.scope import Reading
from tenants.levels import Level


async def category_ids(db: Reading, codes: Iterable[str]) -> dict[str, CategoryId]:
    """The categories behind these codes."""
    found = await db.execute(
        select(Category.code, Category.id).where(
            Category.tenant_id == db.tenant_id, Category.code.in_(set(codes))
        )
    )
    return {code: CategoryId(category_id) for code, category_id in found.tuples()}


async def spu_ids(db: Reading, codes: Iterable[str]) -> dict[str, SpuId]:
    """The products behind these codes."""
    found = await db.execute(
        select(Spu.code, Spu.id).where(Spu.tenant_id == db.tenant_id, Spu.code.in_(set(codes)))
    )
    return {code: SpuId(spu_id) for code, spu_id in found.tuples()}


async def sku_ids(db: Reading, codes: Iterable[str]) -> dict[str, SkuId]:
    """The units behind these codes."""
    found = await db.execute(
        select(Sku.code, Sku.id).where(Sku.tenant_id == db.tenant_id, Sku.code.in_(set(codes)))
    )
    return {code: SkuId(sku_id) for code, sku_id in found.tuples()}


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
            return refusal("sku_code", row.sku_code, "no such SKU (SKU 不存在)")
        if row.store_code and row.group_code:
            return refusal(
                "group_code", str(row.group_code), "a store or a group, not both (门店与分组只能填一个)"
            )
        if row.store_code and row.store_code not in self.stores:
            return refusal("store_code", str(row.store_code), "no such store (门店不存在)")
        if row.group_code and row.group_code not in self.groups:
            return refusal("group_code", str(row.group_code), "no such store group (门店分组不存在)")
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
