"""A store's listings: what the database resolves is what the specification says, from indexes alone."""

import json
import random
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from sqlalchemy import text

from catalog import listings
from catalog.listings import listings_of, listings_of_products, listings_with_barcode
from catalog.queries import (
    _BROWSE,
    _CARRIED,
    _GATHERED,
    _LOOKED_UP,
    _RANGED,
    _RANGED_COUNT,
    _RAREST,
    _SORTED,
    _WORDS,
    Sorting,
)
from catalog.resolve import (
    AssortmentFact,
    PriceFact,
    StockFact,
    availability_of,
    most_specific,
    winning_price,
)
from catalog.states import Availability, SaleStatus
from tenants.kernel.ids import LevelId, SkuId, new_id
from tenants.kernel.money import Fen
from tenants.kernel.scope import open_database
from tenants.levels import Level, path_of
from tests.support.shop import add_category, add_group, add_product, add_store, say, sell

NOON = datetime(2026, 11, 11, 12, tzinfo=UTC)


async def listing_of(db, sku_id, path, at=NOON):
    return (await listings_of(db, path=path, sku_ids=[sku_id], at=at))[sku_id]


async def test_a_listing_says_what_a_quote_needs(db):
    category = await add_category(db, "外套")
    store = await add_store(db)
    product = await add_product(
        db, "女士风衣", barcode="6901234567892", category_id=category, image="https://img.example/a.jpg"
    )
    await say(db, product.sku, listed=True, price=59900, line_price=69900, stock=3, reserved=1)
    found = await listing_of(db, product.sku, store.path)
    assert (found.title, found.category_code, found.barcode) == ("女士风衣", "外套", "6901234567892")
    assert (found.price_fen, found.line_price_fen, found.available) == (59900, 69900, 2)
    assert found.availability is Availability.AVAILABLE
    assert found.image == "https://img.example/a.jpg"
    assert found.price_evidence is not None
    assert found.price_evidence.level is Level.BRAND
    assert found.specs[0].value == "M"


async def test_one_sku_has_two_prices_in_two_stores_and_one_catalogue_row(db):
    here, there = await add_store(db), await add_store(db)
    product = await sell(db, await add_product(db), price=59900)
    await say(db, product.sku, there.id, price=49900)
    assert (await listing_of(db, product.sku, here.path)).price_fen == 59900
    cheap = await listing_of(db, product.sku, there.path)
    assert cheap.price_fen == 49900
    assert cheap.price_evidence is not None
    assert (cheap.price_evidence.level, cheap.price_evidence.level_id) == (Level.STORE, there.id)


async def test_a_store_that_drops_a_sku_is_not_sold_out(db):
    store = await add_store(db)
    dropped, gone = await sell(db, await add_product(db)), await sell(db, await add_product(db), stock=0)
    await say(db, dropped.sku, store.id, listed=False)
    assert (await listing_of(db, gone.sku, store.path)).availability is Availability.SOLD_OUT
    refused = await listing_of(db, dropped.sku, store.path)
    assert refused.availability is Availability.NOT_RANGED_HERE
    assert refused.price_fen is None, "no listing here, so no price here"


@pytest.mark.parametrize("what", ["sku", "spu"])
async def test_what_is_off_sale_counts_as_not_ranged(db, what):
    product = await add_product(db, status=SaleStatus.OFF_SALE if what == "spu" else SaleStatus.ON_SALE)
    await sell(db, product)
    if what == "sku":
        await db.execute(
            text("UPDATE app.skus SET status = 'off_sale' WHERE tenant_id = :t AND id = :s"),
            {"t": db.tenant_id, "s": product.sku},
        )
    found = await listing_of(db, product.sku, path_of(db.tenant_id))
    assert found.availability is Availability.NOT_RANGED_HERE


async def test_unknown_ids_and_another_tenants_are_absent(db, other_tenant):
    async with other_tenant.writing() as theirs:
        foreign = await sell(theirs, await add_product(theirs))
    found = await listings_of(db, path=path_of(db.tenant_id), sku_ids=[foreign.sku, SkuId(new_id())], at=NOON)
    assert found == {}


async def test_a_barcode_finds_every_unit_that_bears_it(db):
    first = await sell(db, await add_product(db, barcode="6900000000001"))
    second = await sell(db, await add_product(db, barcode="6900000000001"))
    found = await listings_with_barcode(db, path=path_of(db.tenant_id), barcode="6900000000001", at=NOON)
    assert {listing.sku_id for listing in found} == {first.sku, second.sku}


async def test_the_units_of_a_product_come_in_their_order(db):
    product = await sell(db, await add_product(db, sizes=("S", "M", "L")))
    found = await listings_of_products(db, path=path_of(db.tenant_id), spu_ids=[product.id], at=NOON)
    assert [listing.sku_id for listing in found[product.id]] == product.skus


def _draw(rng: random.Random, levels: list[LevelId]):
    """What a random subset of levels says about one SKU."""
    assortments = [AssortmentFact(level, rng.random() < 0.6) for level in levels if rng.random() < 0.5]
    starts = [NOON + timedelta(hours=hours) for hours in (-48, -24, -1, 0, 1)]
    prices = [
        PriceFact(
            level, start, rng.choice([None, start + timedelta(hours=rng.choice([1, 24, 30]))]), Fen(rng.randrange(10**6))
        )
        for level in levels
        for start in starts
        if rng.random() < 0.25
    ]  # fmt: skip
    stocks = [StockFact(level, rng.randrange(4), rng.randrange(4)) for level in levels if rng.random() < 0.5]
    return assortments, prices, stocks


async def test_the_query_and_the_specification_always_agree(db):
    """240 SKUs with random rows at brand, group, store and at levels off the path."""
    rng = random.Random(20261111)
    group = await add_group(db)
    store, sister = await add_store(db, group=group), await add_store(db, group=group)
    levels = [LevelId(each) for each in (db.tenant_id, group, store.id, sister.id)]
    names = dict(zip(levels, (Level.BRAND, Level.GROUP, Level.STORE, Level.STORE), strict=True))
    said = {}
    product = await add_product(db, sizes=tuple(str(size) for size in range(240)))
    for sku_id in product.skus:
        said[sku_id] = assortments, prices, stocks = _draw(rng, levels)
        for fact in assortments:
            await say(db, sku_id, fact.level_id, level=names[fact.level_id], listed=fact.listed)
        for fact in prices:
            await say(
                db, sku_id, fact.level_id, level=names[fact.level_id],
                price=fact.price_fen, since=fact.active_from, until=fact.active_to,
            )  # fmt: skip
        for fact in stocks:
            await say(
                db,
                sku_id,
                fact.level_id,
                level=names[fact.level_id],
                stock=fact.on_hand,
                reserved=fact.reserved,
            )
    for path in (store.path, path_of(db.tenant_id), path_of(db.tenant_id, group_id=group)):
        for at in (NOON, NOON - timedelta(hours=1), NOON + timedelta(hours=1), NOON - timedelta(days=9)):
            found = await listings_of(db, path=path, sku_ids=product.skus, at=at)
            for sku_id, (assortments, prices, stocks) in said.items():
                ranged, priced = most_specific(assortments, path), winning_price(prices, path, at=at)
                stocked = most_specific(stocks, path)
                available = stocked.on_hand - stocked.reserved if stocked else 0
                expected = availability_of(
                    on_sale=True,
                    listed=ranged and ranged.listed,
                    priced=priced is not None,
                    available=available,
                )
                got = found[sku_id]
                assert got.availability is expected
                assert got.available == max(available, 0)
                assert got.stock_level_id == (stocked.level_id if stocked else None)
                if expected is not Availability.NOT_RANGED_HERE and priced:
                    assert got.price_evidence is not None
                    assert (got.price_fen, got.price_evidence.level_id, got.price_evidence.active_from) == (
                        priced.price_fen, priced.level_id, priced.active_from,
                    )  # fmt: skip


FILL = """
INSERT INTO app.spus (tenant_id, id, code, title, gallery, attributes, tags, status, position, created_at, updated_at)
SELECT :t, md5(:salt || 'p' || n)::uuid, 'P' || n, '风衣 ' || n, '[]', '[]', '[]', 'on_sale', n, now(), now() FROM generate_series(1, 20000) n;
INSERT INTO app.skus (tenant_id, id, spu_id, code, barcode, specs, status, position)
SELECT :t, md5(:salt || 's' || n)::uuid, md5(:salt || 'p' || n)::uuid, 'S' || n, '69' || n, '[]', 'on_sale', 0 FROM generate_series(1, 20000) n;
INSERT INTO app.assortments (tenant_id, sku_id, level_id, level, listed)
SELECT :t, md5(:salt || 's' || n)::uuid, :t, 'brand', n % 3 > 0 FROM generate_series(1, 20000) n;
INSERT INTO app.prices (tenant_id, sku_id, level_id, level, price_fen)
SELECT :t, md5(:salt || 's' || n)::uuid, :t, 'brand', n FROM generate_series(1, 20000) n;
INSERT INTO app.stock (tenant_id, sku_id, level_id, level, on_hand, reserved, feed_sequence)
SELECT :t, md5(:salt || 's' || n)::uuid, md5(:salt || 'store' || m)::uuid, 'store', n % 50, 0, 0 FROM generate_series(1, 1000) n, generate_series(1, 30) m;
INSERT INTO app.prices (tenant_id, sku_id, level_id, level, price_fen)
SELECT :t, md5(:salt || 's' || n)::uuid, md5(:salt || 'store' || m)::uuid, 'store', n FROM generate_series(1, 500) n, generate_series(1, 30) m;
INSERT INTO app.search_grams (tenant_id, gram, spu_id)
SELECT :t, g, md5(:salt || 'p' || n)::uuid FROM generate_series(1, 20000) n, unnest(ARRAY['风', '衣', '风衣', (n % 100)::text]) g
"""


@pytest.fixture
async def large_tenant(tenant, settings):
    """A brand of 20,000 products and 30 stores with rows of their own, with statistics."""
    admin = open_database(str(settings.database_admin_url), pool_size=1)
    async with admin.tx.connect() as connection:
        autocommit = await connection.execution_options(isolation_level="AUTOCOMMIT")
        for statement in FILL.split(";\n"):
            await autocommit.execute(text(statement), {"t": tenant.tenant_id, "salt": str(tenant.tenant_id)})
        for table in ("spus", "skus", "assortments", "prices", "stock", "search_grams"):
            await autocommit.exec_driver_sql(f"ANALYZE app.{table}")
    await admin.close()
    return tenant


def _scans(plan):
    if plan["Node Type"] == "Seq Scan":
        yield plan["Relation Name"]
    for child in plan.get("Plans", ()):
        yield from _scans(child)


async def test_no_statement_of_a_large_brand_scans_a_table(large_tenant):
    salt = str(large_tenant.tenant_id)
    async with large_tenant.reading() as db:
        store = (await db.execute(text("SELECT md5(:salt || 'store1')::uuid"), {"salt": salt})).scalar_one()
        sku = (await db.execute(text("SELECT md5(:salt || 's7')::uuid"), {"salt": salt})).scalar_one()
        spu = (await db.execute(text("SELECT md5(:salt || 'p7')::uuid"), {"salt": salt})).scalar_one()
        order, after = _SORTED[Sorting.POSITION]
        given = {
            "tenant_id": db.tenant_id, "path": [db.tenant_id, store], "at": NOON, "limit": 21, "many": 500,
            "grams": ["风衣", "7"], "words": ["风衣"], "after": 10, "after_id": UUID(int=0),
        }  # fmt: skip
        browsed = {
            name: _BROWSE.format(
                conditions=" AND ".join(["u.status = 'on_sale'", *conditions]),
                order=order,
                tests=" AND ".join(tests),
            )
            for name, conditions, tests in (
                ("list", [after], [_CARRIED]),
                ("small store", [_RANGED], [_CARRIED]),
                ("rare word", [_GATHERED], [_CARRIED, _WORDS]),
                ("common word", [], [_LOOKED_UP, _CARRIED, _WORDS]),
            )
        }
        cases = {
            "skus": (listings.BY_SKU.text, [sku]),
            "products": (listings.BY_SPU.text, [spu]),
            "barcode": (listings.BY_BARCODE.text, "697"),
            "count": (_RAREST.text, None),
            "ranged": (_RANGED_COUNT.text, None),
            **{name: (statement, None) for name, statement in browsed.items()},
        }
        role = (await db.execute(text("SELECT current_user"))).scalar_one()
        assert role == "app_rw"
        for name, (statement, wanted) in cases.items():
            more = {"wanted": wanted} | ({"path": [store]} if name == "small store" else {})
            row = (await db.execute(text(f"EXPLAIN (FORMAT JSON) {statement}"), given | more)).scalar_one()
            plan = (json.loads(row) if isinstance(row, str) else row)[0]["Plan"]
            assert list(_scans(plan)) == [], f"{name} reads a whole table"
