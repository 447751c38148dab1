"""The shapes in which the demonstration is written down, and how a product unfolds into its units. Pure."""

from collections.abc import Mapping
from itertools import product as every_combination

import msgspec

from tenants.states import Ownership


class DemoProduct(msgspec.Struct, frozen=True, kw_only=True):
    """A product: its options unfold into one unit per combination; `extra` adds yuan to the price per option value."""

    code: str
    title: str
    subtitle: str
    category: str
    price: int
    options: Mapping[str, tuple[str, ...]]
    extra: Mapping[str, int] = {}
    tags: tuple[str, ...] = ()


class DemoUnit(msgspec.Struct, frozen=True, kw_only=True):
    """One unit as sold."""

    code: str
    barcode: str
    specs: tuple[tuple[str, str], ...]
    price_fen: int


class DemoStore(msgspec.Struct, frozen=True, kw_only=True):
    """A store, its people, and what sets it apart."""

    code: str
    name: str
    group: str
    ownership: Ownership
    city: str
    district: str
    address: str
    latitude: float
    longitude: float
    in_mall: bool = False
    floor: str | None = None
    flagship: bool = False
    business_day_starts: str = "00:00"
    hours: tuple[str, str] | None = None
    popup_days: tuple[int, int] | None = None
    """A pop-up: open from so many days before the seeding to so many days after."""
    guides: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    """Product codes that this store does not carry."""
    price_change: int = 0
    """Percent by which this store's own prices differ."""


class DemoBrand(msgspec.Struct, frozen=True, kw_only=True):
    """A brand with everything in it."""

    code: str
    name: str
    name_en: str
    appid: str
    merchant_no: str
    number: int
    categories: dict[str, str]
    products: tuple[DemoProduct, ...]
    stores: tuple[DemoStore, ...]
    hours: tuple[str, str]
    mall_rate_bps: int
    mall_category_rates: dict[str, int]
    commission_bps: int
    commission_by_category: dict[str, int]
    platform_fee_bps: int
    takes_nothing_back: bool = False
    """What is made on the spot is not brought back: its payments need not wait to be split."""


def units_of(brand: DemoBrand, demo_product: DemoProduct) -> list[DemoUnit]:
    """Unfold a product into its units, each with a code, an in-store barcode (prefix 2) and a price."""
    place = [each.code for each in brand.products].index(demo_product.code)
    names = tuple(demo_product.options)
    units = []
    for number, values in enumerate(every_combination(*demo_product.options.values())):
        yuan = demo_product.price + sum(demo_product.extra.get(value, 0) for value in values)
        units.append(
            DemoUnit(
                code=f"{demo_product.code}-{number + 1:02d}",
                barcode=ean13(f"2{brand.number:02d}{place:05d}{number:04d}"),
                specs=tuple(zip(names, values, strict=True)),
                price_fen=yuan * 100,
            )
        )
    return units


def ean13(twelve: str) -> str:
    """Append the check digit (GS1) to twelve digits."""
    weighted = sum(int(digit) * (3 if place % 2 else 1) for place, digit in enumerate(twelve))
    return f"{twelve}{-weighted % 10}"
