"""Import a catalogue, many rows at once: categories, products (SPU), units (SKU) with their codes, barcodes and specifications, brand prices.

A row is a unit with its product's fields beside it, or a product alone (no `sku_code`). Fields that the file does not have (UNSET) keep what is
there. The first row of a product in a file speaks for the product; the file's reader sends `spu=None` for the later ones.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec
from msgspec import UNSET, UnsetType
from sqlalchemy import Table

from catalog.codes import category_ids, spu_ids
from catalog.import_levels import PriceRow, import_prices
from catalog.models import Category, Sku, Spu
from catalog.search import index_again
from catalog.states import SaleStatus
from catalog.versions import bump
from tenants.batches import upsert_batch
from tenants.import_outcomes import RowOutcome, RowState, refusal
from tenants.kernel.ids import CategoryId, LevelId, SpuId, derived_id
from tenants.kernel.money import Fen
from tenants.kernel.scope import Writing

CATEGORIES: Table = Category.__table__  # type: ignore[assignment]
SPUS: Table = Spu.__table__  # type: ignore[assignment]
SKUS: Table = Sku.__table__  # type: ignore[assignment]
SPU_PLAIN = ("subtitle", "brand_name", "image", "detail", "unit")
SPU_DEFAULTS: dict[str, Any] = {
    "gallery": [],
    "attributes": [],
    "tags": [],
    "status": SaleStatus.ON_SALE.value,
    "position": 0,
}
SKU_PLAIN = ("barcode", "image")
SKU_DEFAULTS: dict[str, Any] = {"specs": [], "status": SaleStatus.ON_SALE.value, "position": 0}

Named = list[dict[str, str]]


class SpuPart(msgspec.Struct, frozen=True, kw_only=True):
    """What a row says of the product. UNSET: the file does not speak of it; None: it says there is none."""

    title: str
    category_code: str | UnsetType | None = UNSET
    category_name: str | UnsetType | None = UNSET
    parent_category_code: str | UnsetType | None = UNSET
    parent_category_name: str | UnsetType | None = UNSET
    subtitle: str | UnsetType | None = UNSET
    brand_name: str | UnsetType | None = UNSET
    image: str | UnsetType | None = UNSET
    gallery: list[str] | UnsetType | None = UNSET
    attributes: Named | UnsetType | None = UNSET
    tags: list[str] | UnsetType | None = UNSET
    detail: str | UnsetType | None = UNSET
    unit: str | UnsetType | None = UNSET
    status: str | UnsetType | None = UNSET
    position: int | UnsetType | None = UNSET


class SkuPart(msgspec.Struct, frozen=True, kw_only=True):
    """What a row says of the unit."""

    code: str
    barcode: str | UnsetType | None = UNSET
    specs: Named | UnsetType | None = UNSET
    image: str | UnsetType | None = UNSET
    status: str | UnsetType | None = UNSET
    position: int | UnsetType | None = UNSET
    price: Fen | UnsetType | None = UNSET
    line_price: Fen | UnsetType | None = UNSET


class CatalogueRow(msgspec.Struct, frozen=True, kw_only=True):
    """One row of a catalogue. `spu` None: an earlier row of the file spoke for the product."""

    number: int
    spu_code: str
    spu: SpuPart | None
    sku: SkuPart | None


async def import_catalogue(db: Writing, rows: Sequence[CatalogueRow], *, now: datetime) -> list[RowOutcome]:
    """Add or change products and units; a row whose product nobody named is refused."""
    outcomes: list[RowOutcome] = []
    carriers: dict[str, CatalogueRow] = {}
    units: dict[str, CatalogueRow] = {}
    good: list[CatalogueRow] = []
    for row in rows:
        earlier = units.setdefault(row.sku.code, row) if row.sku else row
        if row.sku and earlier is not row:
            wrong = refusal(
                "sku_code", row.sku.code, reason=f"stands in row {earlier.number} already (SKU 重复)"
            )
            outcomes.append(RowOutcome(row.number, RowState.REFUSED, (wrong,)))
            continue
        good.append(row)
        if row.spu is not None:
            carriers.setdefault(row.spu_code, row)
    changed_spus = await _write_spus(db, carriers, now=now)
    ids = await spu_ids(db, (row.spu_code for row in good))
    for row in [row for row in good if row.spu_code not in ids]:
        wrong = refusal("spu_code", row.spu_code, reason="no such product (商品不存在)")
        outcomes.append(RowOutcome(row.number, RowState.REFUSED, (wrong,)))
    good = [row for row in good if row.spu_code in ids]
    changed_skus = await _write_skus(db, good, ids=ids)
    changed_skus |= await _write_prices(db, good, now=now)
    await index_again(db, [ids[code] for code in changed_spus])
    if changed_spus or changed_skus:
        await bump(db, [LevelId(db.tenant_id)])
    for row in good:
        is_changed = (carriers.get(row.spu_code) is row and row.spu_code in changed_spus) or (
            row.sku is not None and row.sku.code in changed_skus
        )
        outcomes.append(RowOutcome(row.number, RowState.IMPORTED if is_changed else RowState.UNCHANGED))
    return outcomes


async def _write_categories(db: Writing, parts: Sequence[SpuPart]) -> dict[str, CategoryId]:
    """Make the categories that the products name, parents first; a category without a code is known by its name."""
    parents: dict[str, str | None] = {}
    own: dict[str, tuple[str | None, str | UnsetType | None]] = {}
    for part in parts:
        parent = _category_code(part.parent_category_code, part.parent_category_name)
        code = _category_code(part.category_code, part.category_name)
        if parent:
            parents.setdefault(parent, part.parent_category_name or None)
        if code:
            spoken = part.parent_category_code is not UNSET or part.parent_category_name is not UNSET
            own.setdefault(code, (part.category_name or None, parent if spoken else UNSET))
    await _upsert_categories(db, {code: (name, UNSET) for code, name in parents.items()}, ids={})
    ids = await category_ids(db, parents)
    await _upsert_categories(db, own, ids=ids)
    return await category_ids(db, own)


def _category_code(code: str | UnsetType | None, name: str | UnsetType | None) -> str | None:
    return (code or None) or (name or None)


async def _upsert_categories(
    db: Writing,
    categories: Mapping[str, tuple[str | None, str | UnsetType | None]],
    *,
    ids: Mapping[str, CategoryId],
) -> None:
    """Write categories; a name or a parent that the file does not give is set on new categories alone."""
    groups: dict[frozenset[str], list[dict[str, Any]]] = {}
    for code, (name, parent) in categories.items():
        columns = {
            "id": derived_id(db.tenant_id, "category", code),
            "code": code,
            "name": name or code,
            "parent_id": ids[parent] if isinstance(parent, str) else None,
            "position": 0,
        }
        kept = (
            {"id", "position"}
            | ({"name"} if not name else set())
            | ({"parent_id"} if parent is UNSET else set())
        )
        groups.setdefault(frozenset(kept), []).append(columns)
    for insert_only, rows in groups.items():
        await upsert_batch(db, CATEGORIES, rows=rows, key=("code",), insert_only=insert_only)


async def _write_spus(db: Writing, carriers: Mapping[str, CatalogueRow], *, now: datetime) -> set[str]:
    parts = {code: row.spu for code, row in carriers.items() if row.spu is not None}
    categories = await _write_categories(db, list(parts.values()))
    groups: dict[tuple[frozenset[str], tuple[str, ...]], list[dict[str, Any]]] = {}
    for code, part in parts.items():
        columns, unspoken = _columns(part, plain=SPU_PLAIN, defaults=SPU_DEFAULTS)
        columns |= {
            "id": derived_id(db.tenant_id, "spu", code),
            "code": code,
            "title": part.title,
            "created_at": now,
            "updated_at": now,
        }
        if part.category_code is not UNSET or part.category_name is not UNSET:
            category = _category_code(part.category_code, part.category_name)
            columns["category_id"] = categories[category] if category else None
        groups.setdefault((unspoken, tuple(columns)), []).append(columns)
    changed: set[str] = set()
    for (unspoken, _), rows in groups.items():
        insert_only = frozenset({"id", "created_at"}) | unspoken
        changed |= {
            code
            for (code,) in await upsert_batch(db, SPUS, rows=rows, key=("code",), insert_only=insert_only)
        }
    return changed


async def _write_skus(db: Writing, rows: Sequence[CatalogueRow], *, ids: Mapping[str, SpuId]) -> set[str]:
    groups: dict[tuple[frozenset[str], tuple[str, ...]], list[dict[str, Any]]] = {}
    for row in rows:
        if row.sku is None:
            continue
        columns, unspoken = _columns(row.sku, plain=SKU_PLAIN, defaults=SKU_DEFAULTS)
        columns |= {
            "id": derived_id(db.tenant_id, "sku", row.sku.code),
            "code": row.sku.code,
            "spu_id": ids[row.spu_code],
        }
        groups.setdefault((unspoken, tuple(columns)), []).append(columns)
    changed: set[str] = set()
    for (unspoken, _), values in groups.items():
        insert_only = frozenset({"id"}) | unspoken
        changed |= {
            code
            for (code,) in await upsert_batch(db, SKUS, rows=values, key=("code",), insert_only=insert_only)
        }
    return changed


async def _write_prices(db: Writing, rows: Sequence[CatalogueRow], *, now: datetime) -> set[str]:
    """Set the brand's prices that the catalogue carries; an empty price says nothing (a catalogue may lack them)."""
    prices = {
        row.sku.code: PriceRow(
            number=row.number, sku_code=row.sku.code, price=row.sku.price, line_price=row.sku.line_price
        )
        for row in rows
        if row.sku is not None and row.sku.price is not UNSET and row.sku.price is not None
    }
    outcomes = await import_prices(db, list(prices.values()), now=now) if prices else []
    changed = {outcome.number for outcome in outcomes if outcome.state is RowState.IMPORTED}
    return {code for code, row in prices.items() if row.number in changed}


def _columns(
    part: SpuPart | SkuPart, *, plain: tuple[str, ...], defaults: Mapping[str, Any]
) -> tuple[dict[str, Any], frozenset[str]]:
    """The part's columns, and those among them that only a new row may take because the file does not speak of them."""
    columns = {name: found for name in plain if (found := getattr(part, name)) is not UNSET}
    unspoken = frozenset(name for name in defaults if getattr(part, name) is UNSET)
    for name, default in defaults.items():
        found = getattr(part, name)
        columns[name] = default if found is UNSET or found is None else found
    return columns, unspoken
