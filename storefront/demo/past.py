"""The demonstration's last month: a POS day file's worth of sales and a few refunds, so that the month's end has something to sign.

The same rows for the same month, drawn from a seeded generator; imported through the verb that files go through.
"""

import random
from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from msgspec.structs import replace

from orders.history.commands import OrderRow
from orders.history.sales_import import import_orders
from settlement.agreements.freeze import ContractTerms
from storefront.demo.shapes import DemoBrand, DemoProduct, DemoStore, DemoUnit, units_of
from tenants.import_outcomes import RowState
from tenants.kernel.scope import Writing

ZONE = ZoneInfo("Asia/Shanghai")
SALES_A_DAY = 2
REFUND_ONE_IN = 12
OPENING_HOUR, HOURS_OPEN = 11, 10
SOURCE_NAME = "demo-pos"
METHODS = ("现金", "银行卡", "储值卡")


class DemoPastRefused(RuntimeError):
    """A row of the demonstration's past was refused: the demonstration itself is wrong."""


async def import_last_month(db: Writing, brand: DemoBrand, *, now: datetime) -> int:
    """Import last month's sales of every store; returns how many rows there were."""
    rows = list(_rows(brand, now=now))
    outcomes = await import_orders(db, rows, source_name=SOURCE_NAME, now=now, terms=ContractTerms())
    refused = [outcome for outcome in outcomes if outcome.state is RowState.REFUSED]
    if refused:
        raise DemoPastRefused(str(refused[0].findings))
    return len(rows)


def _rows(brand: DemoBrand, *, now: datetime) -> Iterator[OrderRow]:
    chance = random.Random(brand.number)  # noqa: S311 the same past for everybody, nothing secret
    first = (now.astimezone(ZONE).replace(day=1) - timedelta(days=1)).replace(
        day=1, hour=0, minute=0, second=0, microsecond=0
    )
    days = ((first + timedelta(days=32)).replace(day=1) - first).days
    number = 0
    for store in brand.stores:
        carried = [each for each in brand.products if each.code not in store.left_out]
        for day in range(days):
            for sale in range(SALES_A_DAY):
                sold_at = first + timedelta(
                    days=day, hours=OPENING_HOUR + chance.randrange(HOURS_OPEN), minutes=sale
                )
                lines = list(_document(store, carried, brand, chance=chance, sold_at=sold_at, serial=sale))
                for line in lines:
                    number += 1
                    yield replace(line, number=number)


def _document(
    store: DemoStore,
    carried: list[DemoProduct],
    brand: DemoBrand,
    *,
    chance: random.Random,
    sold_at: datetime,
    serial: int,
) -> Iterator[OrderRow]:
    """One receipt of one or two lines; now and then a receipt that takes goods back."""
    back = chance.randrange(REFUND_ONE_IN) == 0
    name = f"{store.code}-{sold_at:%y%m%d}-{serial + 1:03d}{'R' if back else ''}"
    guide = chance.choice([*range(len(store.guides)), None])
    for product in chance.sample(carried, k=chance.randrange(1, 3)):
        unit: DemoUnit = chance.choice(units_of(brand, product))
        quantity = chance.randrange(1, 3)
        price = Decimal(unit.price_fen) * (100 + store.price_change) / 10_000
        yield OrderRow(
            number=0,
            document=name,
            store_code=store.code,
            sold_at=sold_at,
            document_kind="refund" if back else "sale",
            guide_code=None if guide is None else f"{store.code}-G{guide + 1}",
            scene="in_store",
            sku_code=unit.code,
            title=product.title,
            category_code=product.category,
            quantity=Decimal(quantity),
            unit_price=price,
            tender_method=chance.choice(METHODS),
        )
