"""A demonstration brand's stores and shelves, as rows for the same import verbs that files go through."""

from collections.abc import Callable, Coroutine, Sequence
from datetime import datetime, timedelta
from typing import Any, TypeVar

from catalog.import_catalogue import CatalogueRow, SkuPart, SpuPart, import_catalogue
from catalog.import_levels import (
    AssortmentRow,
    PriceRow,
    StockRow,
    import_assortments,
    import_prices,
    import_stock,
)
from storefront.demo.shapes import DemoBrand, DemoProduct, DemoStore, units_of
from tenants.import_malls import MallRow, import_malls
from tenants.import_outcomes import RowOutcome, RowState
from tenants.import_stores import StoreGroupRow, StoreRow, import_store_groups, import_stores
from tenants.kernel.money import WHOLE, Fen
from tenants.kernel.scope import Writing
from tenants.states import StoreStatus

MALL_CODE = "DEMO-PLAZA"
MALL = MallRow(
    number=1, code=MALL_CODE, name="示例广场", province="上海市", city="上海市", district="徐汇区",
    address="样板大道 88 号", latitude=31.1946, longitude=121.4366,
)  # fmt: skip
GROUPS = {"east": "华东", "north": "华北", "city": "街边店", "mall": "商场店"}
BRAND_STOCK, STORE_STOCK = 500, 40
ROUND_TO = 100

Row = TypeVar("Row")
Import = Callable[..., Coroutine[Any, Any, list[RowOutcome]]]


class DemoRowRefused(RuntimeError):
    """A row of the demonstration was refused: the demonstration itself is wrong."""


async def open_stores(db: Writing, brand: DemoBrand, *, now: datetime) -> None:
    """The mall, the groups and the stores."""
    groups = sorted({store.group for store in brand.stores})
    await _load(db, import_malls, [MALL], now=now)
    named = [StoreGroupRow(number=at, code=code, name=GROUPS[code]) for at, code in enumerate(groups)]
    await _load(db, import_store_groups, named, now=now)
    await _load(
        db,
        import_stores,
        [_store_row(at, store, brand, now=now) for at, store in enumerate(brand.stores)],
        now=now,
    )


async def fill_shelves(db: Writing, brand: DemoBrand, *, now: datetime) -> int:
    """Products, assortments, prices and stock: the brand's once, a store's only where it differs. Returns the number of units."""
    rows = list(_catalogue_rows(brand))
    await _load(db, import_catalogue, rows, now=now)
    units = [(product, unit) for product in brand.products for unit in units_of(brand, product)]
    carried = [
        AssortmentRow(number=at, sku_code=unit.code, listed=True) for at, (_, unit) in enumerate(units)
    ]
    await _load(db, import_assortments, carried + _left_out(brand), now=now)
    await _load(db, import_prices, _own_prices(brand), now=now)
    await _load(db, import_stock, _stock(brand), now=now)
    return len(units)


def _store_row(number: int, store: DemoStore, brand: DemoBrand, *, now: datetime) -> StoreRow:
    opens, closes = store.hours or brand.hours
    before, after = store.popup_days or (0, 0)
    return StoreRow(
        number=number,
        code=store.code,
        name=store.name,
        group_code=store.group,
        mall_code=MALL_CODE if store.in_mall else None,
        mall_floor=store.floor,
        ownership=store.ownership,
        status=StoreStatus.OPEN,
        is_flagship=store.flagship,
        city=store.city,
        district=store.district,
        address=store.address,
        latitude=store.latitude,
        longitude=store.longitude,
        phone="000-0000-0000",
        business_day_starts=store.business_day_starts,
        active_from=now - timedelta(days=before) if store.popup_days else None,
        active_to=now + timedelta(days=after) if store.popup_days else None,
        hours=f"{opens}-{closes}",
    )


def _catalogue_rows(brand: DemoBrand) -> list[CatalogueRow]:
    rows: list[CatalogueRow] = []
    for position, product in enumerate(brand.products):
        for at, unit in enumerate(units_of(brand, product)):
            sku = SkuPart(
                code=unit.code,
                barcode=unit.barcode,
                specs=[{"name": name, "value": value} for name, value in unit.specs],
                position=at,
                price=Fen(unit.price_fen),
            )
            spu = _spu(brand, product, position=position) if at == 0 else None
            rows.append(CatalogueRow(number=len(rows), spu_code=product.code, spu=spu, sku=sku))
    return rows


def _spu(brand: DemoBrand, product: DemoProduct, *, position: int) -> SpuPart:
    return SpuPart(
        title=product.title,
        subtitle=product.subtitle,
        brand_name=brand.name,
        category_code=product.category,
        category_name=brand.categories[product.category],
        tags=list(product.tags),
        position=position,
    )


def _left_out(brand: DemoBrand) -> list[AssortmentRow]:
    return [
        AssortmentRow(number=0, sku_code=unit.code, store_code=store.code, listed=False)
        for store in brand.stores
        for product in brand.products
        if product.code in store.left_out
        for unit in units_of(brand, product)
    ]


def _own_prices(brand: DemoBrand) -> list[PriceRow]:
    """Prices of the stores that differ, in whole yuan as a shop would write them."""
    return [
        PriceRow(
            number=0,
            sku_code=unit.code,
            store_code=store.code,
            price=Fen(unit.price_fen * (WHOLE + store.price_change * 100) // WHOLE // ROUND_TO * ROUND_TO),
            line_price=Fen(unit.price_fen) if store.price_change < 0 else None,
        )
        for store in brand.stores
        if store.price_change
        for product in brand.products
        for unit in units_of(brand, product)
    ]


def _stock(brand: DemoBrand) -> list[StockRow]:
    """Stock for the whole brand, and own stock in the stores that are not direct; one unit is sold out everywhere."""
    units = [unit for product in brand.products for unit in units_of(brand, product)]
    last = units[-1].code
    rows = [
        StockRow(number=0, sku_code=unit.code, on_hand=0 if unit.code == last else BRAND_STOCK)
        for unit in units
    ]
    own = [store for store in brand.stores if store.ownership != "direct"]
    for store in own:
        rows += [
            StockRow(number=0, sku_code=unit.code, store_code=store.code, on_hand=STORE_STOCK)
            for unit in units
            if unit.code != last
        ]
    return rows


async def _load(db: Writing, verb: Import, rows: Sequence[Row], *, now: datetime) -> None:
    outcomes = await verb(db, rows, now=now)
    refused = [outcome for outcome in outcomes if outcome.state is RowState.REFUSED]
    if refused:
        raise DemoRowRefused(str(refused[0].findings))
