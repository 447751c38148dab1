"""Lists, search, details and barcodes of one store."""

from datetime import UTC, datetime, timedelta

import pytest

from catalog.assortment import set_assortment
from catalog.commands import PriceChange, SetAssortment, SetPrices
from catalog.errors import (
    BarcodeUnknown,
    CategoryNotFound,
    NotRangedHere,
    PricePeriodEmpty,
    ProductNotFound,
    SkuNotFound,
)
from catalog.price import set_prices
from catalog.queries import Filter, Sorting, browse, categories, product, with_barcode
from catalog.resolve import StockLevel
from catalog.search import grams, search_terms
from catalog.states import Availability, SaleStatus
from catalog.versions import face_version
from tenants.errors import LevelUnknown
from tenants.kernel.ids import LevelId, SkuId, SpuId, new_id
from tenants.kernel.paging import CursorUnreadable, PageTooLarge, write_cursor
from tenants.levels import Level, path_of
from tests.support.shop import add_category, add_product, add_store, level_of, say, sell

NOON = datetime(2026, 11, 11, 12, tzinfo=UTC)


async def titles(db, path=None, **chosen):
    found = await browse(db, path=path or path_of(db.tenant_id), at=NOON, chosen=Filter(**chosen))
    return [item.title for item in found.items]


async def test_a_list_goes_on_where_it_stopped_and_shows_each_product_once(db):
    for number in range(7):
        await sell(db, await add_product(db, f"商品{number}", position=number // 3))
    seen, cursor = [], None
    while True:
        found = await browse(db, path=path_of(db.tenant_id), at=NOON, cursor=cursor, limit=2)
        seen += [item.title for item in found.items]
        cursor = found.next_cursor
        if cursor is None:
            break
    assert sorted(seen) == [f"商品{number}" for number in range(7)]
    assert seen[:3] == sorted(seen[:3])


async def test_the_newest_come_first_when_asked(db):
    for days in (3, 1, 2):
        await sell(db, await add_product(db, f"{days} 天前", created_at=NOON - timedelta(days=days)))
    path = path_of(db.tenant_id)
    first = await browse(db, path=path, at=NOON, sorting=Sorting.NEWEST, limit=2)
    rest = await browse(db, path=path, at=NOON, sorting=Sorting.NEWEST, cursor=first.next_cursor)
    assert [item.title for item in first.items + rest.items] == ["1 天前", "2 天前", "3 天前"]


@pytest.mark.parametrize(
    "cursor", ["x", "e30", "W10", write_cursor("a", 1), write_cursor(1, "not-an-id"), "z" * 600]
)
async def test_a_forged_cursor_is_refused(db, cursor):
    with pytest.raises(CursorUnreadable):
        await browse(db, path=path_of(db.tenant_id), at=NOON, cursor=cursor)


async def test_a_cursor_beyond_every_number_is_harmless(db):
    cursor = write_cursor(2**80, new_id())
    assert (await browse(db, path=path_of(db.tenant_id), at=NOON, cursor=cursor)).items == []


@pytest.mark.parametrize("limit", [0, 101, -1])
async def test_a_page_has_bounds(db, limit):
    with pytest.raises(PageTooLarge):
        await browse(db, path=path_of(db.tenant_id), at=NOON, limit=limit)


async def test_a_list_shows_what_this_store_carries_and_prices(db):
    store = await add_store(db)
    await sell(db, await add_product(db, "在售"))
    await sell(db, await add_product(db, "下架", status=SaleStatus.OFF_SALE))
    dropped = await sell(db, await add_product(db, "本店不卖"))
    await say(db, dropped.sku, store.id, listed=False)
    unpriced = await add_product(db, "未定价")
    await say(db, unpriced.sku, listed=True, stock=3)
    await add_product(db, "无人提起")
    assert await titles(db, store.path) == ["在售"]
    assert set(await titles(db)) == {"在售", "本店不卖"}


@pytest.mark.parametrize("many", [0, 1000])
async def test_large_and_small_stores_are_listed_alike(db, monkeypatch, many):
    monkeypatch.setattr("catalog.queries.MANY_RANGED", many)
    store = await add_store(db)
    await sell(db, await add_product(db, "品牌的", position=2))
    own = await add_product(db, "本店的", sizes=("S", "M"), position=1)
    for sku_id in own.skus:
        await say(db, sku_id, store.id, listed=True, price=1)
    dropped = await sell(db, await add_product(db, "不卖的"))
    await say(db, dropped.sku, store.id, listed=False)
    assert await titles(db, store.path) == ["本店的", "品牌的"]
    assert set(await titles(db)) == {"品牌的", "不卖的"}


async def test_a_summary_shows_the_lowest_price_that_can_be_had(db):
    coat = await add_product(db, sizes=("S", "M", "L"))
    for sku_id, price, stock in zip(coat.skus, (100, 300, 200), (0, 60, 60), strict=True):
        await say(db, sku_id, listed=True, price=price, stock=stock)
    (item,) = (await browse(db, path=path_of(db.tenant_id), at=NOON)).items
    assert (item.price_fen, item.highest_price_fen, item.stock) == (200, 300, StockLevel.MANY)
    assert item.availability is Availability.AVAILABLE


async def test_a_sold_out_product_stays_on_the_list_and_says_so(db):
    await sell(db, await add_product(db), price=100, stock=0)
    (item,) = (await browse(db, path=path_of(db.tenant_id), at=NOON)).items
    assert (item.availability, item.price_fen, item.stock) == (Availability.SOLD_OUT, 100, StockLevel.NONE)


async def test_a_category_includes_what_lies_below_it(db):
    women = await add_category(db, "女装")
    coats = await add_category(db, "风衣", parent=women)
    await sell(db, await add_product(db, "裙", category_id=women, position=1))
    await sell(db, await add_product(db, "衣", category_id=coats, position=2))
    assert await titles(db, category="女装") == ["裙", "衣"]
    assert await titles(db, category="风衣") == ["衣"]
    with pytest.raises(CategoryNotFound):
        await titles(db, category="男装")
    assert [(each.code, each.parent_id) for each in await categories(db)] == [("女装", None), ("风衣", women)]


async def test_tags_narrow_a_list(db):
    await sell(db, await add_product(db, "甲", tags=["新品", "秋"]))
    await sell(db, await add_product(db, "乙", tags=["秋"]))
    assert await titles(db, tag="新品") == ["甲"]
    assert await titles(db, tag='"]') == []


@pytest.mark.parametrize(
    "searched",
    ["风", "风衣", "女士风衣", "风衣 女士", "ＴＥＮＣＥＬ", "tencel", "te", "衣。女", "A-01", "风衣　双排扣"],
)
async def test_one_or_two_characters_find_a_product(db, searched):
    await sell(
        db, await add_product(db, "女士风衣 Tencel", subtitle="双排扣", code="A-01", brand_name="春序")
    )
    await sell(db, await add_product(db, "牛仔裤", code="B-9"))
    assert await titles(db, searched=searched) == ["女士风衣 Tencel"]


@pytest.mark.parametrize("searched", ["裤子", "衣风", "士女", "", "。。", "%", "风_衣"])
async def test_what_is_not_there_is_not_found(db, searched):
    await sell(db, await add_product(db, "女士风衣"))
    assert await titles(db, searched=searched) == []


async def test_pairs_that_stand_apart_are_not_a_word(db):
    """The postings hold 红茶 and 茶叶; only the text knows that 红茶叶 does not occur."""
    await sell(db, await add_product(db, "红茶 茶叶"))
    assert await titles(db, searched="红茶叶") == []
    assert await titles(db, searched="红茶") == ["红茶 茶叶"]


@pytest.mark.parametrize("many", [0, 500])
async def test_common_and_rare_words_find_the_same(db, monkeypatch, many):
    monkeypatch.setattr("catalog.queries.MANY_POSTINGS", many)
    for number in range(5):
        await sell(db, await add_product(db, f"女士风衣 {number}", position=number))
    await sell(db, await add_product(db, "风衣女士", position=9))
    path = path_of(db.tenant_id)
    first = await browse(db, path=path, at=NOON, chosen=Filter(searched="士风衣"), limit=3)
    rest = await browse(db, path=path, at=NOON, chosen=Filter(searched="士风衣"), cursor=first.next_cursor)
    assert [item.title[-1] for item in first.items + rest.items] == ["0", "1", "2", "3", "4"]


async def test_search_finds_only_what_the_store_carries(db):
    store = await add_store(db)
    dropped = await sell(db, await add_product(db, "女士风衣"))
    await say(db, dropped.sku, store.id, listed=False)
    assert await titles(db, store.path, searched="风衣") == []


def test_grams_are_characters_and_neighbours_within_words():
    assert grams("红茶 Ab") == {"红", "茶", "红茶", "a", "b", "ab"}
    assert search_terms("红茶叶 a").grams == ("a", "红茶", "茶叶")


async def test_a_detail_shows_the_units_this_store_carries(db):
    store = await add_store(db)
    coat = await sell(db, await add_product(db, sizes=("S", "M")))
    await say(db, coat.skus[0], store.id, listed=False)
    found = await product(db, path=store.path, spu_id=coat.id, at=NOON)
    assert [variant.sku_id for variant in found.variants] == [coat.skus[1]]
    assert found.variants[0].price_level is Level.BRAND


async def test_a_product_nobody_carries_here_differs_from_one_that_is_not(db, other_tenant):
    store = await add_store(db)
    coat = await sell(db, await add_product(db))
    await say(db, coat.sku, store.id, listed=False)
    async with other_tenant.writing() as theirs:
        foreign = await sell(theirs, await add_product(theirs))
    with pytest.raises(NotRangedHere):
        await product(db, path=store.path, spu_id=coat.id, at=NOON)
    for spu_id in (SpuId(new_id()), foreign.id):
        with pytest.raises(ProductNotFound):
            await product(db, path=store.path, spu_id=spu_id, at=NOON)


async def test_a_barcode_finds_what_is_carried_here(db):
    store = await add_store(db)
    here, there = await add_product(db, "甲", barcode="690001"), await add_product(db, "乙", barcode="690001")
    await sell(db, here)
    await sell(db, there)
    await say(db, there.sku, store.id, listed=False)
    found = await with_barcode(db, path=store.path, barcode="690001", at=NOON)
    assert [match.title for match in found.items] == ["甲"]
    await say(db, here.sku, store.id, listed=False)
    with pytest.raises(NotRangedHere):
        await with_barcode(db, path=store.path, barcode="690001", at=NOON)
    with pytest.raises(BarcodeUnknown):
        await with_barcode(db, path=store.path, barcode="690002", at=NOON)


async def test_a_brand_price_reaches_every_store_and_touches_no_stores_row(db):
    stores = [await add_store(db) for _ in range(3)]
    coat = await sell(db, await add_product(db), price=100)
    await say(db, coat.sku, stores[0].id, price=90)
    before = [await face_version(db, store.path) for store in stores]
    changed = await set_prices(
        db,
        SetPrices(
            level=Level.BRAND, level_id=LevelId(db.tenant_id),
            prices=[PriceChange(sku_id=coat.sku, price_fen=120, active_from=NOON)],
        ),
    )  # fmt: skip
    assert (changed.written, changed.withdrawn) == (1, 0)
    prices = [(await browse(db, path=store.path, at=NOON)).items[0].price_fen for store in stores]
    assert prices == [90, 120, 120]
    after = [await face_version(db, store.path) for store in stores]
    assert all(one != other for one, other in zip(before, after, strict=True))


async def test_a_store_price_can_be_set_replaced_and_withdrawn(db):
    store = await add_store(db)
    coat = await sell(db, await add_product(db), price=100)
    place = {"level": Level.STORE, "level_id": level_of(store)}

    async def price():
        return (await browse(db, path=store.path, at=NOON)).items[0].price_fen

    for fen in (80, 70):
        await set_prices(db, SetPrices(**place, prices=[PriceChange(sku_id=coat.sku, price_fen=fen)]))
        assert await price() == fen
    assert (await set_prices(db, SetPrices(**place, withdraw=[coat.sku]))).withdrawn == 1
    assert await price() == 100


async def test_prices_of_nothing_nowhere_or_for_no_time_are_refused(db):
    coat = await add_product(db)
    brand = {"level": Level.BRAND, "level_id": LevelId(db.tenant_id)}
    with pytest.raises(SkuNotFound):
        await set_prices(db, SetPrices(**brand, prices=[PriceChange(sku_id=SkuId(new_id()), price_fen=1)]))
    with pytest.raises(LevelUnknown):
        await set_prices(db, SetPrices(level=Level.STORE, level_id=LevelId(new_id()), prices=[]))
    with pytest.raises(PricePeriodEmpty):
        never = PriceChange(sku_id=coat.sku, price_fen=1, active_from=NOON, active_to=NOON)
        await set_prices(db, SetPrices(**brand, prices=[never]))


async def test_a_level_carries_drops_and_leaves_it_to_the_one_above(db):
    store = await add_store(db)
    coat = await sell(db, await add_product(db, "风衣"))
    place = {"level": Level.STORE, "level_id": level_of(store)}
    await set_assortment(db, SetAssortment(**place, drop=[coat.sku], carry=[coat.sku]))
    assert await titles(db, store.path) == []
    await set_assortment(db, SetAssortment(**place, inherit=[coat.sku]))
    assert await titles(db, store.path) == ["风衣"]
    with pytest.raises(SkuNotFound):
        await set_assortment(db, SetAssortment(**place, carry=[SkuId(new_id())]))
