"""Every read of the catalogue that is not a listing (`listings`) or a page (`page_queries`): lists, search, detail, barcodes, categories.

A list goes through products in their order and keeps those of which the store carries a priced unit; the test is a look-up by primary
key a product, and paging is by key, so a page costs the same at any depth. Search first narrows to the products behind the postings.
"""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any
from uuid import UUID

import msgspec
from sqlalchemy import select, text

from catalog.errors import BarcodeUnknown, CategoryNotFound, NotRangedHere, ProductNotFound
from catalog.listings import Listing, listings_of_products, listings_with_barcode
from catalog.models import Category, Spu
from catalog.search import LONGEST_GRAM, SEARCHABLE_SQL, SearchTerms, search_terms
from catalog.states import Availability, SaleStatus
from catalog.views import (
    BarcodeMatch,
    BarcodeMatches,
    CategoryView,
    ProductPage,
    ProductSummary,
    ProductView,
    summary_view,
    texts,
    variant_view,
)
from tenants.kernel.ids import CategoryId, SpuId
from tenants.kernel.paging import page_limit, read_cursor, write_cursor
from tenants.kernel.scope import Reading
from tenants.levels import LevelPath

LARGEST_POSITION = 2**31 - 1


class Sorting(StrEnum):
    """The order of a list."""

    POSITION = "position"
    """As the brand arranged its products."""
    NEWEST = "newest"
    """The latest additions first."""


class Filter(msgspec.Struct, frozen=True, kw_only=True):
    """What a list is narrowed to: a category with everything below it, a tag, a search text, or some of these."""

    category: str | None = None
    tag: str | None = None
    searched: str | None = None


_CARRIED = """
EXISTS (
  SELECT FROM app.skus s
  WHERE s.tenant_id = :tenant_id AND s.spu_id = u.id AND s.status = 'on_sale'
    AND (SELECT a.listed FROM app.assortments a
         WHERE a.tenant_id = :tenant_id AND a.sku_id = s.id AND a.level_id = ANY(CAST(:path AS uuid[]))
         ORDER BY array_position(CAST(:path AS uuid[]), a.level_id) DESC LIMIT 1)
    AND EXISTS (SELECT FROM app.prices p
                WHERE p.tenant_id = :tenant_id AND p.sku_id = s.id AND p.level_id = ANY(CAST(:path AS uuid[]))
                  AND p.active_from <= :at AND (p.active_to IS NULL OR p.active_to > :at)))"""
_CATEGORY = "u.category_id = ANY(CAST(:categories AS uuid[]))"
_TAG = "u.tags @> CAST(:tag AS jsonb)"
# Two ways to the same products. Few postings: gather them and sort. Many: go through the products in order and look each up, because
# gathering thousands to show twenty would cost the more the commoner the word.
_GATHERED = """u.id IN (
  SELECT g.spu_id FROM app.search_grams g
  WHERE g.tenant_id = :tenant_id AND g.gram = ANY(CAST(:grams AS text[]))
  GROUP BY g.spu_id HAVING count(*) = cardinality(CAST(:grams AS text[])))"""
_LOOKED_UP = """(
  SELECT count(*) FROM app.search_grams g
  WHERE g.tenant_id = :tenant_id AND g.gram = ANY(CAST(:grams AS text[])) AND g.spu_id = u.id
) = cardinality(CAST(:grams AS text[]))"""
MANY_POSTINGS = 500
# The same choice for a store that carries little of what the brand has: its own few hundred rows, rather than 20,000 products one by one.
_RANGED = """u.id IN (
  SELECT s.spu_id FROM app.assortments a JOIN app.skus s ON s.tenant_id = :tenant_id AND s.id = a.sku_id
  WHERE a.tenant_id = :tenant_id AND a.level_id = ANY(CAST(:path AS uuid[])) AND a.listed)"""
MANY_RANGED = 1000
# The order keeps the planner on the index: it takes matching rows to lie spread over the table, and a scan to meet a thousand at once.
_RANGED_COUNT = text("""
SELECT count(*) FROM (
  SELECT FROM app.assortments a
  WHERE a.tenant_id = :tenant_id AND a.level_id = ANY(CAST(:path AS uuid[])) AND a.listed
  ORDER BY a.level_id LIMIT :many
) AS first_ones
""")
_RAREST = text("""
SELECT min(counted.postings) FROM unnest(CAST(:grams AS text[])) AS wanted (gram), LATERAL (
  SELECT count(*) AS postings FROM (
    SELECT FROM app.search_grams g WHERE g.tenant_id = :tenant_id AND g.gram = wanted.gram ORDER BY g.spu_id LIMIT :many
  ) AS first_ones
) AS counted
""")
# The postings say that all pairs occur, not that they stand in one word; the text itself decides.
_WORDS = f"""NOT EXISTS (
  SELECT FROM unnest(CAST(:words AS text[])) AS wanted (word) WHERE strpos({SEARCHABLE_SQL}, wanted.word) = 0)"""
_SORTED = {
    Sorting.POSITION: (
        "u.position, u.id",
        "(u.position, u.id) > (CAST(:after AS integer), CAST(:after_id AS uuid))",
    ),
    Sorting.NEWEST: (
        "u.created_at DESC, u.id DESC",
        "(u.created_at, u.id) < (CAST(:after AS timestamptz), CAST(:after_id AS uuid))",
    ),
}
# OFFSET 0 keeps the planner from testing every product before it sorts: products are tested in order until the page is full.
_BROWSE = """
SELECT u.id, u.code, u.title, u.subtitle, u.brand_name, u.image, u.tags, u.position, u.created_at
FROM (SELECT u.* FROM app.spus u WHERE u.tenant_id = :tenant_id AND {conditions} ORDER BY {order} OFFSET 0) u
WHERE {tests} LIMIT :limit
"""
_DESCENDANTS = text("""
WITH RECURSIVE below AS (
  SELECT c.id FROM app.categories c WHERE c.tenant_id = :tenant_id AND c.code = :code
  UNION
  SELECT c.id FROM app.categories c JOIN below b ON c.parent_id = b.id WHERE c.tenant_id = :tenant_id
) SELECT id FROM below
""")

Moment = Annotated[datetime, msgspec.Meta(tz=True)]


async def browse(
    db: Reading,
    *,
    path: LevelPath,
    at: datetime,
    chosen: Filter | None = None,
    cursor: str | None = None,
    limit: int | None = None,
    sorting: Sorting = Sorting.POSITION,
) -> ProductPage:
    """One page of the products a store carries, in order; unknown categories, cursors and limits are refused."""
    size = page_limit(limit)
    if chosen and chosen.category and not await category_with_descendants(db, chosen.category):
        raise CategoryNotFound(code=chosen.category)
    found = await carried_products(
        db, path=path, at=at, chosen=chosen or Filter(), cursor=cursor, limit=size + 1, sorting=sorting
    )
    shown, more = found[:size], len(found) > size
    last = shown[-1] if more else None
    return ProductPage(
        items=await summaries(db, shown, path=path, at=at),
        next_cursor=write_cursor(_key(last, sorting), last.id) if last is not None else None,
    )


async def carried_products(
    db: Reading,
    *,
    path: LevelPath,
    at: datetime,
    chosen: Filter,
    cursor: str | None = None,
    limit: int,
    sorting: Sorting = Sorting.POSITION,
) -> Sequence[Any]:
    """The rows of the products a store carries, in order, at most `limit`."""
    order, after = _SORTED[sorting]
    conditions, tests = ["u.status = 'on_sale'"], [_CARRIED]
    given: dict[str, Any] = {"tenant_id": db.tenant_id, "path": path.ids(), "at": at, "limit": limit}
    if cursor:
        conditions.append(after)
        key_type: Any = tuple[int, UUID] if sorting is Sorting.POSITION else tuple[Moment, UUID]
        given["after"], given["after_id"] = _bounded(read_cursor(cursor, key_type))
    if chosen.category:
        conditions.append(_CATEGORY)
        given["categories"] = await category_with_descendants(db, chosen.category)
        if not given["categories"]:
            return []
    if chosen.tag:
        conditions.append(_TAG)
        given["tag"] = msgspec.json.encode([chosen.tag]).decode()
    if chosen.searched is not None:
        terms = search_terms(chosen.searched)
        if not terms.words:
            return []
        given |= {
            "grams": list(terms.grams),
            "words": [word for word in terms.words if len(word) > LONGEST_GRAM],
        }
        if await _rarest(db, terms) < MANY_POSTINGS:
            conditions.append(_GATHERED)
        else:
            tests.insert(0, _LOOKED_UP)
        tests.append(_WORDS)
    if await _ranged(db, path) < MANY_RANGED:
        conditions.append(_RANGED)
    statement = _BROWSE.format(conditions=" AND ".join(conditions), order=order, tests=" AND ".join(tests))
    return (await db.execute(text(statement), given)).all()


async def summaries(
    db: Reading, products: Sequence[Any], *, path: LevelPath, at: datetime
) -> list[ProductSummary]:
    """Show these products' rows as a list does, with one more query for all their listings; what has no price here is left out."""
    listings = await listings_of_products(db, path=path, spu_ids=[SpuId(row.id) for row in products], at=at)
    shown = (summary_view(row, listings.get(SpuId(row.id), [])) for row in products)
    return [summary for summary in shown if summary is not None]


async def products_by_id(db: Reading, spu_ids: Sequence[SpuId]) -> Sequence[Any]:
    """The rows of these products that are on sale, in the order asked for."""
    if not spu_ids:
        return []
    statement = select(Spu.id, Spu.code, Spu.title, Spu.subtitle, Spu.brand_name, Spu.image, Spu.tags).where(
        Spu.tenant_id == db.tenant_id, Spu.id.in_(spu_ids), Spu.status == SaleStatus.ON_SALE
    )
    rows = {row.id: row for row in await db.execute(statement)}
    return [rows[spu_id] for spu_id in spu_ids if spu_id in rows]


async def product(db: Reading, *, path: LevelPath, spu_id: SpuId, at: datetime) -> ProductView:
    """A product with the units that this store carries; NotRangedHere when it carries none, ProductNotFound when there is none."""
    statement = (
        select(Spu, Category.code)
        .outerjoin(Category, (Category.tenant_id == db.tenant_id) & (Category.id == Spu.category_id))
        .where(Spu.tenant_id == db.tenant_id, Spu.id == spu_id)
    )
    found = (await db.execute(statement)).one_or_none()
    if found is None:
        raise ProductNotFound(spu_id=spu_id)
    spu, category_code = found
    listings = (await listings_of_products(db, path=path, spu_ids=[spu_id], at=at)).get(spu_id, [])
    variants = [variant_view(listing) for listing in _carried(listings)]
    if not variants:
        raise NotRangedHere(spu_id=spu_id)
    return ProductView(
        spu_id=spu_id,
        code=spu.code,
        title=spu.title,
        subtitle=spu.subtitle,
        brand_name=spu.brand_name,
        image=spu.image,
        gallery=texts(spu.gallery),
        attributes=[each for each in spu.attributes if isinstance(each, dict)],
        tags=texts(spu.tags),
        detail=spu.detail,
        unit=spu.unit,
        category_code=category_code,
        variants=variants,
    )


async def with_barcode(db: Reading, *, path: LevelPath, barcode: str, at: datetime) -> BarcodeMatches:
    """What this store carries under a barcode; NotRangedHere when the brand has it but not here, BarcodeUnknown when nobody has."""
    listings = await listings_with_barcode(db, path=path, barcode=barcode, at=at)
    if not listings:
        raise BarcodeUnknown(barcode=barcode)
    items = [
        BarcodeMatch(spu_id=each.spu_id, title=each.title, variant=variant_view(each))
        for each in _carried(listings)
    ]
    if not items:
        raise NotRangedHere(barcode=barcode)
    return BarcodeMatches(items=items)


async def categories(db: Reading) -> list[CategoryView]:
    """The brand's categories in the order of the menu."""
    statement = (
        select(Category.id, Category.code, Category.name, Category.parent_id, Category.image)
        .where(Category.tenant_id == db.tenant_id)
        .order_by(Category.position, Category.code)
    )
    return [CategoryView(**row._mapping) for row in await db.execute(statement)]  # noqa: SLF001 a row's public mapping


async def category_with_descendants(db: Reading, code: str) -> list[CategoryId]:
    """A category and everything below it; nothing when there is no such category."""
    rows = await db.execute(_DESCENDANTS, {"tenant_id": db.tenant_id, "code": code})
    return [CategoryId(row.id) for row in rows]


def _carried(listings: Sequence[Listing]) -> list[Listing]:
    return [each for each in listings if each.availability is not Availability.NOT_RANGED_HERE]


async def _rarest(db: Reading, terms: SearchTerms) -> int:
    """How many products the rarest gram has, counted no further than MANY_POSTINGS."""
    given = {"tenant_id": db.tenant_id, "grams": list(terms.grams), "many": MANY_POSTINGS}
    return int((await db.execute(_RAREST, given)).scalar_one())


async def _ranged(db: Reading, path: LevelPath) -> int:
    """How many SKUs the levels on the path carry between them, counted no further than MANY_RANGED."""
    given = {"tenant_id": db.tenant_id, "path": path.ids(), "many": MANY_RANGED}
    return int((await db.execute(_RANGED_COUNT, given)).scalar_one())


def _key(row: Any, sorting: Sorting) -> Any:
    return row.position if sorting is Sorting.POSITION else row.created_at


def _bounded(key: tuple[Any, UUID]) -> tuple[Any, UUID]:
    after, after_id = key
    # A forged cursor is harmless, but a number the column cannot hold would be an error of the driver.
    return (
        max(min(after, LARGEST_POSITION), -LARGEST_POSITION) if isinstance(after, int) else after
    ), after_id
