"""Listings: a SKU at one store, with assortment, price and stock resolved brand -> group -> store in one indexed query.

The query's look-ups are by primary key (tenant, SKU, level), so a page costs the same at ten stores and at ten thousand, and a brand's
price stands in one row. What wins is specified in `resolve`; this module only lets the database do it.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Row, text

from catalog.resolve import PriceEvidence, availability_of, evidence_of
from catalog.states import Availability, SaleStatus
from tenants.kernel.ids import LevelId, SkuId, SpuId
from tenants.kernel.money import Fen
from tenants.kernel.scope import Reading
from tenants.levels import LevelPath


class Spec(msgspec.Struct, frozen=True):
    """One property that tells a SKU from its sisters: colour, red."""

    name: str
    value: str


class Listing(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """One SKU as a store offers it, or the reason why not. A SKU that is not ranged here has no price here."""

    sku_id: SkuId
    spu_id: SpuId
    sku_code: str
    title: str
    specs: tuple[Spec, ...]
    image: str | None
    barcode: str | None
    category_code: str | None
    availability: Availability
    price_fen: Fen | None
    line_price_fen: Fen | None
    price_evidence: PriceEvidence | None
    promotion_code: str | None
    """The campaign whose price it is."""
    available: int
    stock_level_id: LevelId | None


_LISTINGS = """
SELECT s.id, s.spu_id, s.code, s.barcode, s.specs, coalesce(s.image, u.image) AS image, u.title, c.code AS category_code,
       s.status AS sku_status, u.status AS spu_status, ranged.listed,
       priced.level_id AS price_level_id, priced.active_from, priced.price_fen, priced.line_price_fen, priced.promotion_code,
       stocked.level_id AS stock_level_id, coalesce(stocked.on_hand - stocked.reserved, 0) AS available
FROM app.skus s
JOIN app.spus u ON u.tenant_id = :tenant_id AND u.id = s.spu_id
LEFT JOIN app.categories c ON c.tenant_id = :tenant_id AND c.id = u.category_id
LEFT JOIN LATERAL (
  SELECT a.listed FROM app.assortments a
  WHERE a.tenant_id = :tenant_id AND a.sku_id = s.id AND a.level_id = ANY(CAST(:path AS uuid[]))
  ORDER BY array_position(CAST(:path AS uuid[]), a.level_id) DESC LIMIT 1
) ranged ON true
LEFT JOIN LATERAL (
  SELECT p.level_id, p.active_from, p.price_fen, p.line_price_fen, p.promotion_code FROM app.prices p
  WHERE p.tenant_id = :tenant_id AND p.sku_id = s.id AND p.level_id = ANY(CAST(:path AS uuid[]))
    AND p.active_from <= :at AND (p.active_to IS NULL OR p.active_to > :at)
  ORDER BY array_position(CAST(:path AS uuid[]), p.level_id) DESC, p.active_from DESC LIMIT 1
) priced ON true
LEFT JOIN LATERAL (
  SELECT k.level_id, k.on_hand, k.reserved FROM app.stock k
  WHERE k.tenant_id = :tenant_id AND k.sku_id = s.id AND k.level_id = ANY(CAST(:path AS uuid[]))
  ORDER BY array_position(CAST(:path AS uuid[]), k.level_id) DESC LIMIT 1
) stocked ON true
WHERE s.tenant_id = :tenant_id AND {which}
ORDER BY s.spu_id, s.position, s.id
"""
BY_SKU = text(_LISTINGS.format(which="s.id = ANY(CAST(:wanted AS uuid[]))"))
BY_SPU = text(_LISTINGS.format(which="s.spu_id = ANY(CAST(:wanted AS uuid[]))"))
BY_BARCODE = text(_LISTINGS.format(which="s.barcode = CAST(:wanted AS text)"))


async def listings_of(
    db: Reading, *, path: LevelPath, sku_ids: Iterable[SkuId], at: datetime
) -> dict[SkuId, Listing]:
    """The listings of these SKUs at a store at a time; ids that no SKU has are absent from the answer."""
    wanted = list(set(sku_ids))
    if not wanted:
        return {}
    found = await _listings(db, BY_SKU, wanted, path=path, at=at)
    return {listing.sku_id: listing for listing in found}


async def listings_of_products(
    db: Reading, *, path: LevelPath, spu_ids: Sequence[SpuId], at: datetime
) -> dict[SpuId, list[Listing]]:
    """The listings of all SKUs of these products, in the order of their position; ranged here or not."""
    by_product: dict[SpuId, list[Listing]] = {}
    for listing in await _listings(db, BY_SPU, list(spu_ids), path=path, at=at) if spu_ids else ():
        by_product.setdefault(listing.spu_id, []).append(listing)
    return by_product


async def listings_with_barcode(db: Reading, *, path: LevelPath, barcode: str, at: datetime) -> list[Listing]:
    """The listings of all SKUs with this barcode (several may share one), ranged here or not."""
    return await _listings(db, BY_BARCODE, barcode, path=path, at=at)


async def _listings(
    db: Reading, statement: Any, wanted: Any, *, path: LevelPath, at: datetime
) -> list[Listing]:
    parameters = {"tenant_id": db.tenant_id, "path": path.ids(), "wanted": wanted, "at": at}
    return [_listing(row, path) for row in await db.execute(statement, parameters)]


def _listing(row: Row[Any], path: LevelPath) -> Listing:
    availability = availability_of(
        on_sale=row.sku_status == SaleStatus.ON_SALE and row.spu_status == SaleStatus.ON_SALE,
        listed=row.listed,
        priced=row.price_fen is not None,
        available=row.available,
    )
    shown = row.price_fen is not None and availability is not Availability.NOT_RANGED_HERE
    return Listing(
        sku_id=SkuId(row.id),
        spu_id=SpuId(row.spu_id),
        sku_code=row.code,
        title=row.title,
        specs=_specs(row.specs),
        image=row.image,
        barcode=row.barcode,
        category_code=row.category_code,
        availability=availability,
        price_fen=Fen(row.price_fen) if shown else None,
        line_price_fen=Fen(row.line_price_fen) if shown and row.line_price_fen is not None else None,
        price_evidence=evidence_of(path, level_id=row.price_level_id, active_from=row.active_from)
        if shown
        else None,
        promotion_code=row.promotion_code if shown else None,
        available=max(row.available, 0),
        stock_level_id=row.stock_level_id,
    )


def _specs(stored: Any) -> tuple[Spec, ...]:
    # Imported specs come from many hands: what is no {name, value} is left out rather than breaking a whole page.
    return tuple(
        Spec(str(each.get("name", "")), str(each.get("value", "")))
        for each in (stored if isinstance(stored, list) else ())
        if isinstance(each, dict)
    )
