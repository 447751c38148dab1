"""What headquarters reads of its catalogue: every product whatever its status, and how each unit resolves at a level, with the evidence."""

from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import Select, func, select, tuple_

from catalog.errors import ProductNotFound
from catalog.listings import Listing, listings_of_products
from catalog.models import Category, Sku, Spu
from catalog.search import LONGEST_SEARCH
from catalog.states import SaleStatus
from catalog.views import texts
from tenants.kernel.ids import SpuId
from tenants.kernel.paging import page_limit, read_cursor, write_cursor
from tenants.kernel.scope import Reading
from tenants.levels import LevelPath


class BrandProduct(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A product as headquarters lists it."""

    spu_id: SpuId
    code: str
    title: str
    status: SaleStatus
    category_code: str | None
    image: str | None
    tags: list[str]
    sku_count: int
    updated_at: datetime


class BrandProducts(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Products by code, and where the list goes on."""

    items: list[BrandProduct]
    next_cursor: str | None


class BrandProductDetail(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A product, and how each of its units stands at the level asked about: the price with its evidence, the exact stock."""

    product: BrandProduct
    listings: list[Listing]


async def brand_products(
    db: Reading, *, code_starts: str | None = None, cursor: str | None = None, limit: int | None = None
) -> BrandProducts:
    """Products by code, a page at a time (key-set)."""
    size = page_limit(limit)
    statement = _products(db).order_by(Spu.code, Spu.id).limit(size + 1)
    if code_starts:
        statement = statement.where(Spu.code.startswith(code_starts[:LONGEST_SEARCH], autoescape=True))
    if cursor:
        after = read_cursor(cursor, tuple[str, UUID])
        statement = statement.where(tuple_(Spu.code, Spu.id) > tuple_(*after))
    rows = (await db.execute(statement)).all()
    items = [_shown(row) for row in rows[:size]]
    more = len(rows) > size
    return BrandProducts(
        items=items, next_cursor=write_cursor(items[-1].code, items[-1].spu_id) if more else None
    )


async def brand_product(db: Reading, *, spu_id: SpuId, path: LevelPath, at: datetime) -> BrandProductDetail:
    """One product as it resolves along a path."""
    row = (await db.execute(_products(db).where(Spu.id == spu_id))).one_or_none()
    if row is None:
        raise ProductNotFound(spu_id=spu_id)
    listings = await listings_of_products(db, path=path, spu_ids=[spu_id], at=at)
    return BrandProductDetail(product=_shown(row), listings=listings.get(spu_id, []))


def _products(db: Reading) -> Select[Any]:
    skus = (
        select(func.count())
        .where(Sku.tenant_id == db.tenant_id, Sku.spu_id == Spu.id)
        .scalar_subquery()
        .label("sku_count")
    )
    return (
        select(
            Spu.id, Spu.code, Spu.title, Spu.status, Spu.image, Spu.tags, Spu.updated_at,
            Category.code.label("category_code"), skus,
        )
        .outerjoin(Category, (Category.tenant_id == db.tenant_id) & (Category.id == Spu.category_id))
        .where(Spu.tenant_id == db.tenant_id)
    )  # fmt: skip


def _shown(row: Any) -> BrandProduct:
    return BrandProduct(
        spu_id=SpuId(row.id),
        code=row.code,
        title=row.title,
        status=SaleStatus(row.status),
        category_code=row.category_code,
        image=row.image,
        tags=texts(row.tags),
        sku_count=row.sku_count,
        updated_at=row.updated_at,
    )
