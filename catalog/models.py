"""The catalogue's tables: private to `catalog`; others read through `queries` and `views`.

Assortment, price, stock and pages are sparse: a row stands at the level (brand, group, store) where somebody decided something.
"""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from catalog.states import PageState, ReservationState, SaleStatus
from tenants.kernel.money import Fen
from tenants.kernel.tables import Base, Key, Moment, TenantKey, belongs_to, one_of, rule, tenant_table
from tenants.levels import Level

ALWAYS = text("'1970-01-01T00:00:00Z'::timestamptz")


class Category(Base):
    """类目: where a product stands in the menu."""

    __tablename__ = "categories"
    __table_args__ = tenant_table(
        belongs_to("tenants", key=(), name="categories_fk_tenants"),
        belongs_to("categories", "parent_id", name="categories_fk_parent"),
        UniqueConstraint("tenant_id", "code"),
    )

    tenant_id: Mapped[TenantKey]
    id: Mapped[Key]
    code: Mapped[str]
    name: Mapped[str]
    parent_id: Mapped[UUID | None]
    image: Mapped[str | None]
    position: Mapped[int] = mapped_column(default=0)


class Spu(Base):
    """SPU: the product as shown. `code` is the brand's own (ERP) code and never changes."""

    __tablename__ = "spus"
    __table_args__ = tenant_table(
        belongs_to("tenants", key=(), name="spus_fk_tenants"),
        belongs_to("categories", "category_id"),
        UniqueConstraint("tenant_id", "code"),
        one_of("status", SaleStatus),
        Index("spus_ix_list", "tenant_id", "position", "id"),
        Index("spus_ix_category", "tenant_id", "category_id", "position", "id"),
    )

    tenant_id: Mapped[TenantKey]
    id: Mapped[Key]
    code: Mapped[str]
    title: Mapped[str]
    subtitle: Mapped[str | None]
    brand_name: Mapped[str | None]
    category_id: Mapped[UUID | None]
    image: Mapped[str | None]
    gallery: Mapped[list[Any]] = mapped_column(default=list)
    attributes: Mapped[list[Any]] = mapped_column(default=list)
    tags: Mapped[list[Any]] = mapped_column(default=list)
    detail: Mapped[str | None]
    unit: Mapped[str | None]
    status: Mapped[str] = mapped_column(default=SaleStatus.ON_SALE)
    position: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[datetime] = mapped_column(Moment)
    updated_at: Mapped[datetime] = mapped_column(Moment)


class Sku(Base):
    """SKU: the unit as sold and counted. `specs` is the ordered list of {name, value} that tells it from its sisters."""

    __tablename__ = "skus"
    __table_args__ = tenant_table(
        belongs_to("spus", "spu_id"),
        UniqueConstraint("tenant_id", "code"),
        one_of("status", SaleStatus),
        Index("skus_ix_spu", "tenant_id", "spu_id", "position"),
        Index("skus_ix_barcode", "tenant_id", "barcode"),
    )

    tenant_id: Mapped[TenantKey]
    id: Mapped[Key]
    spu_id: Mapped[UUID]
    code: Mapped[str]
    barcode: Mapped[str | None]
    specs: Mapped[list[Any]] = mapped_column(default=list)
    image: Mapped[str | None]
    status: Mapped[str] = mapped_column(default=SaleStatus.ON_SALE)
    position: Mapped[int] = mapped_column(default=0)


class SearchGram(Base):
    """One character or pair of characters of a product's searchable text.

    A posting table instead of a text index: equality on text is leakproof, so row-level security keeps the index (two Chinese
    characters are enough to find a product), and it distributes by tenant.
    """

    __tablename__ = "search_grams"
    __table_args__ = tenant_table(
        belongs_to("spus", "spu_id", cascade=True), Index("search_grams_ix_spu", "tenant_id", "spu_id")
    )

    tenant_id: Mapped[TenantKey]
    gram: Mapped[str] = mapped_column(primary_key=True)
    spu_id: Mapped[Key]


class AssortmentRow(Base):
    """货盘: whether one level carries a SKU."""

    __tablename__ = "assortments"
    __table_args__ = tenant_table(
        belongs_to("skus", "sku_id"),
        one_of("level", Level),
        Index("assortments_ix_level", "tenant_id", "level_id"),
    )

    tenant_id: Mapped[TenantKey]
    sku_id: Mapped[Key]
    level_id: Mapped[Key]
    level: Mapped[str]
    listed: Mapped[bool]


class Price(Base):
    """价格 of a SKU at one level over a time; of several that hold at one level the one that began last wins."""

    __tablename__ = "prices"
    __table_args__ = tenant_table(
        belongs_to("skus", "sku_id"),
        one_of("level", Level),
        rule("price", "price_fen >= 0 AND (line_price_fen IS NULL OR line_price_fen >= 0)"),
        rule("active", "active_to IS NULL OR active_from < active_to"),
        Index("prices_ix_level", "tenant_id", "level_id"),
    )

    tenant_id: Mapped[TenantKey]
    sku_id: Mapped[Key]
    level_id: Mapped[Key]
    active_from: Mapped[datetime] = mapped_column(Moment, primary_key=True, server_default=ALWAYS)
    active_to: Mapped[datetime | None] = mapped_column(Moment)
    level: Mapped[str]
    price_fen: Mapped[Fen]
    line_price_fen: Mapped[Fen | None]
    promotion_code: Mapped[str | None]
    """活动: the campaign that this price belongs to; contracts may have a rate for it."""


class Stock(Base):
    """库存 at one level: units on hand and units held for unpaid orders. Available = on_hand - reserved; only guarded UPDATEs change it."""

    __tablename__ = "stock"
    __table_args__ = tenant_table(
        belongs_to("skus", "sku_id"),
        one_of("level", Level),
        rule("counts", "on_hand >= 0 AND reserved >= 0"),
        Index("stock_ix_level", "tenant_id", "level_id"),
        postgresql_with={"fillfactor": 50},
    )

    tenant_id: Mapped[TenantKey]
    sku_id: Mapped[Key]
    level_id: Mapped[Key]
    level: Mapped[str]
    on_hand: Mapped[int]
    reserved: Mapped[int] = mapped_column(default=0)
    feed_sequence: Mapped[int] = mapped_column(default=0)


class Reservation(Base):
    """Units of one SKU held for one order, the level whose stock they came from, and how many of them have left the shelf."""

    __tablename__ = "reservations"
    __table_args__ = tenant_table(
        belongs_to("skus", "sku_id"),
        one_of("state", ReservationState),
        rule("quantity", "quantity > 0"),
        rule("taken", "taken BETWEEN 0 AND quantity"),
        Index("reservations_ix_sku", "tenant_id", "sku_id", postgresql_where=text("state = 'held'")),
    )

    tenant_id: Mapped[TenantKey]
    order_id: Mapped[Key]
    sku_id: Mapped[Key]
    level_id: Mapped[UUID]
    quantity: Mapped[int]
    taken: Mapped[int] = mapped_column(default=0)
    state: Mapped[str] = mapped_column(default=ReservationState.HELD)
    expires_at: Mapped[datetime] = mapped_column(Moment)


class PageLayer(Base):
    """页面装修: one version of what one level says about a page: whole components, overrides by component id, removals."""

    __tablename__ = "page_layers"
    __table_args__ = tenant_table(
        belongs_to("tenants", key=(), name="page_layers_fk_tenants"),
        UniqueConstraint("tenant_id", "page_key", "level_id", "version"),
        one_of("level", Level),
        one_of("state", PageState),
        Index("page_layers_ix_shown", "tenant_id", "page_key", "level_id", "publish_at"),
    )

    tenant_id: Mapped[TenantKey]
    id: Mapped[Key]
    page_key: Mapped[str]
    level: Mapped[str]
    level_id: Mapped[UUID]
    version: Mapped[int]
    state: Mapped[str]
    content: Mapped[dict[str, Any]]
    publish_at: Mapped[datetime | None] = mapped_column(Moment)
    created_by: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(Moment)


class FaceVersion(Base):
    """How often one level's face has changed: bumped in the transaction that changes it, so kept bytes can never lie."""

    __tablename__ = "face_versions"
    __table_args__ = tenant_table(belongs_to("tenants", key=(), name="face_versions_fk_tenants"))

    tenant_id: Mapped[TenantKey]
    level_id: Mapped[Key]
    version: Mapped[int]
