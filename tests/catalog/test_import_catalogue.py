"""Catalogues, prices, stock and assortments from files."""

from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import select

from catalog import import_levels
from catalog.import_catalogue import CatalogueRow, SkuPart, SpuPart, import_catalogue
from catalog.import_levels import (
    AssortmentRow,
    PriceRow,
    StockRow,
    import_assortments,
    import_prices,
    import_stock,
)
from catalog.models import AssortmentRow as AssortmentTable
from catalog.models import Category, FaceVersion, Price, SearchGram, Sku, Spu, Stock
from tenants.batches import upsert_batch
from tenants.import_outcomes import RowOutcome, RowState
from tenants.import_stores import StoreRow, import_stores
from tenants.kernel.money import Fen
from tenants.kernel.scope import Writing

SPECS = [{"name": "颜色", "value": "白"}]


def states(outcomes: list[RowOutcome]) -> dict[int, str]:
    return {outcome.number: outcome.state.value for outcome in outcomes}


def unit(
    number: int, code: str, *, spu_code: str = "P1", title: str | None = "衬衫", **fields: Any
) -> CatalogueRow:
    product = {
        name.removeprefix("spu_"): fields.pop(name) for name in list(fields) if name.startswith("spu_")
    }
    product |= {name: fields.pop(name) for name in list(fields) if "category" in name}
    spu = SpuPart(title=title, **product) if title else None
    return CatalogueRow(number=number, spu_code=spu_code, spu=spu, sku=SkuPart(code=code, **fields))


async def rows_of(db: Writing, table: Any) -> list[Any]:
    statement = select(table).where(table.tenant_id == db.tenant_id)
    return list(await db.scalars(statement.execution_options(populate_existing=True)))


async def test_products_units_categories_and_prices_come_out_of_one_file_and_once(
    db: Writing, now: datetime
) -> None:
    rows = [
        unit(2, "A-1", specs=SPECS, barcode="6908512108211", price=Fen(9900), category_name="上衣", parent_category_name="女装"),
        unit(3, "A-2", price=Fen(10900), category_name="上衣", parent_category_name="女装"),
        CatalogueRow(number=4, spu_code="P2", spu=SpuPart(title="裤子"), sku=None),
    ]  # fmt: skip
    assert set(states(await import_catalogue(db, rows, now=now)).values()) == {"imported"}
    units = {each.code: each for each in await rows_of(db, Sku)}
    assert (units["A-1"].specs, units["A-1"].barcode) == (SPECS, "6908512108211")
    assert {each.code for each in await rows_of(db, Spu)} == {"P1", "P2"}
    categories = {each.code: each for each in await rows_of(db, Category)}
    assert categories["上衣"].parent_id == categories["女装"].id
    assert sorted(price.price_fen for price in await rows_of(db, Price)) == [9900, 10900]
    versions = [each.version for each in await rows_of(db, FaceVersion)]
    assert set(states(await import_catalogue(db, rows, now=now)).values()) == {"unchanged"}
    assert [each.version for each in await rows_of(db, FaceVersion)] == versions


async def test_codes_that_differ_by_letter_case_are_two_units(db: Writing, now: datetime) -> None:
    await import_catalogue(db, [unit(2, "85123A"), unit(3, "85123a")], now=now)
    assert sorted(each.code for each in await rows_of(db, Sku)) == ["85123A", "85123a"]


async def test_a_unit_whose_product_nobody_named_is_refused_and_its_neighbour_is_not(
    db: Writing, now: datetime
) -> None:
    outcomes = await import_catalogue(
        db, [unit(2, "A", spu_code="none", title=None), unit(3, "B"), unit(4, "B")], now=now
    )
    assert states(outcomes) == {2: "refused", 3: "imported", 4: "refused"}


async def test_a_change_of_title_moves_the_search_and_keeps_what_the_file_does_not_speak_of(
    db: Writing, now: datetime
) -> None:
    await import_catalogue(db, [unit(2, "A", spu_status="off_sale", spu_brand_name="春序")], now=now)
    assert states(await import_catalogue(db, [unit(2, "A", title="风衣")], now=now)) == {2: "imported"}
    product = (await rows_of(db, Spu))[0]
    assert (product.title, product.status, product.brand_name) == ("风衣", "off_sale", "春序")
    found = {each.gram for each in await rows_of(db, SearchGram)}
    assert "风衣" in found
    assert "衬衫" not in found


async def test_prices_stand_at_brand_group_or_store_and_the_same_again_is_unchanged(
    db: Writing, now: datetime
) -> None:
    await import_catalogue(db, [unit(2, "A")], now=now)
    await import_stores(db, [StoreRow(number=2, code="S1", name="店")], now=now)
    began = datetime(2026, 10, 1, tzinfo=UTC)
    rows = [
        PriceRow(number=2, sku_code="A", price=Fen(100), line_price=Fen(120)),
        PriceRow(number=3, sku_code="A", store_code="S1", price=Fen(90)),
        PriceRow(number=4, sku_code="A", price=Fen(80), active_from=began),
        PriceRow(number=5, sku_code="A", price=Fen(70), active_from=began),
        PriceRow(number=6, sku_code="none", price=Fen(1)),
        PriceRow(number=7, sku_code="A", store_code="none", price=Fen(1)),
        PriceRow(number=8, sku_code="A", store_code="S1", group_code="G", price=Fen(1)),
        PriceRow(number=9, sku_code="A", price=Fen(1), active_from=began, active_to=began),
    ]
    first = states(await import_prices(db, rows, now=now))
    assert first == {2: "imported", 3: "imported", 4: "imported"} | dict.fromkeys(range(5, 10), "refused")
    again = states(await import_prices(db, rows, now=now))
    assert [again[number] for number in (2, 3, 4)] == ["unchanged"] * 3
    assert {(each.level, each.price_fen) for each in await rows_of(db, Price)} == {
        ("brand", 100),
        ("store", 90),
        ("brand", 80),
    }


async def test_stock_is_set_on_hand_and_leaves_what_is_held_for_orders(db: Writing, now: datetime) -> None:
    await import_catalogue(db, [unit(2, "A"), unit(3, "B")], now=now)
    await import_stock(db, [StockRow(number=2, sku_code="A", on_hand=5)], now=now)
    (held,) = await rows_of(db, Stock)
    held.reserved = 3
    await db.flush()
    rows = [StockRow(number=2, sku_code="A", on_hand=9), StockRow(number=3, sku_code="B", on_hand=-1)]
    assert states(await import_stock(db, rows, now=now)) == {2: "imported", 3: "refused"}
    (kept,) = await rows_of(db, Stock)
    assert (kept.on_hand, kept.reserved) == (9, 3)


async def test_an_older_message_of_a_numbered_feed_cannot_overtake_a_newer_one(
    db: Writing, now: datetime
) -> None:
    await import_catalogue(db, [unit(2, "A")], now=now)
    newer = [StockRow(number=2, sku_code="A", on_hand=5, feed_sequence=8)]
    older = [StockRow(number=2, sku_code="A", on_hand=50, feed_sequence=7)]
    await import_stock(db, newer, now=now)
    assert states(await import_stock(db, older, now=now)) == {2: "refused"}
    assert states(await import_stock(db, newer, now=now)) == {2: "unchanged"}
    assert [each.on_hand for each in await rows_of(db, Stock)] == [5]


async def test_an_assortment_lists_what_is_carried_unless_it_says_otherwise(
    db: Writing, now: datetime
) -> None:
    await import_catalogue(db, [unit(2, "A"), unit(3, "B")], now=now)
    rows = [AssortmentRow(number=2, sku_code="A"), AssortmentRow(number=3, sku_code="B", listed=False)]
    outcomes = await import_assortments(db, rows, now=now)
    assert all(outcome.state is RowState.IMPORTED for outcome in outcomes)
    assert sorted(each.listed for each in await rows_of(db, AssortmentTable)) == [False, True]


async def test_control_without_the_guard_the_older_message_wins(
    db: Writing, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def unguarded(*arguments: Any, **options: Any) -> Any:
        return await upsert_batch(*arguments, **{**options, "guard": ""})

    monkeypatch.setattr(import_levels, "upsert_batch", unguarded)
    await import_catalogue(db, [unit(2, "A")], now=now)
    for sequence, on_hand in ((8, 5), (7, 50)):
        row = StockRow(number=2, sku_code="A", on_hand=on_hand, feed_sequence=sequence)
        await import_stock(db, [row], now=now)
    assert [each.on_hand for each in await rows_of(db, Stock)] == [50]
