"""What the catalogue shows: structs that go out. Stock appears in steps, so that most orders change no page."""

from typing import Any

import msgspec

from catalog.listings import Listing, Spec
from catalog.resolve import StockLevel, stock_level
from catalog.states import Availability
from tenants.kernel.ids import CategoryId, SkuId, SpuId
from tenants.kernel.money import Fen
from tenants.levels import Level


class _View(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    pass


class CategoryView(_View, frozen=True):
    """A category of the menu; the tree is told by `parentId`."""

    id: CategoryId
    code: str
    name: str
    parent_id: CategoryId | None
    image: str | None


class ProductSummary(_View, frozen=True):
    """A product on a list: the lowest price among its units that can be had here, and how much is left of all of them."""

    spu_id: SpuId
    code: str
    title: str
    subtitle: str | None
    brand_name: str | None
    image: str | None
    tags: list[str]
    category_code: str | None
    price_fen: Fen
    highest_price_fen: Fen
    line_price_fen: Fen | None
    availability: Availability
    stock: StockLevel
    variant_count: int


class ProductPage(_View, frozen=True):
    """One page of a list of products, and where it goes on."""

    items: list[ProductSummary]
    next_cursor: str | None


class VariantView(_View, frozen=True):
    """One unit of sale as this store offers it."""

    sku_id: SkuId
    sku_code: str
    barcode: str | None
    specs: tuple[Spec, ...]
    image: str | None
    availability: Availability
    price_fen: Fen | None
    line_price_fen: Fen | None
    price_level: Level | None
    stock: StockLevel


class ProductView(_View, frozen=True):
    """A product in full, with the units that this store carries and no other."""

    spu_id: SpuId
    code: str
    title: str
    subtitle: str | None
    brand_name: str | None
    image: str | None
    gallery: list[str]
    attributes: list[dict[str, Any]]
    tags: list[str]
    detail: str | None
    unit: str | None
    category_code: str | None
    variants: list[VariantView]


class BarcodeMatch(_View, frozen=True):
    """A unit of sale that bears a barcode, and the product it belongs to."""

    spu_id: SpuId
    title: str
    variant: VariantView


class BarcodeMatches(_View, frozen=True):
    """Everything this store carries under one barcode; several units may share one."""

    items: list[BarcodeMatch]


def variant_view(listing: Listing) -> VariantView:
    """Show a listing."""
    evidence = listing.price_evidence
    return VariantView(
        sku_id=listing.sku_id,
        sku_code=listing.sku_code,
        barcode=listing.barcode,
        specs=listing.specs,
        image=listing.image,
        availability=listing.availability,
        price_fen=listing.price_fen,
        line_price_fen=listing.line_price_fen,
        price_level=evidence.level if evidence else None,
        stock=stock_level(listing.available),
    )


def summary_view(product: Any, listings: list[Listing]) -> ProductSummary | None:
    """Show a product's row on a list; None when no unit of it can be shown with a price here."""
    priced = [listing for listing in listings if listing.price_fen is not None]
    if not priced:
        return None
    on_shelf = [listing for listing in priced if listing.availability is Availability.AVAILABLE]
    offered = sorted(on_shelf or priced, key=lambda listing: listing.price_fen or 0)
    cheapest, dearest = offered[0], offered[-1]
    return ProductSummary(
        spu_id=SpuId(product.id),
        code=product.code,
        title=product.title,
        subtitle=product.subtitle,
        brand_name=product.brand_name,
        image=product.image,
        tags=texts(product.tags),
        category_code=cheapest.category_code,
        price_fen=Fen(cheapest.price_fen or 0),
        highest_price_fen=Fen(dearest.price_fen or 0),
        line_price_fen=cheapest.line_price_fen,
        availability=cheapest.availability,
        stock=stock_level(sum(listing.available for listing in on_shelf)),
        variant_count=len(priced),
    )


def texts(stored: Any) -> list[str]:
    """The strings of a stored list; imported rows may hold anything."""
    return [each for each in stored if isinstance(each, str)] if isinstance(stored, list) else []
