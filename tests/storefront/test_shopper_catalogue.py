"""Home, lists, details, barcodes, stores and pages as a mini-program asks for them."""

from datetime import timedelta

import pytest

from tenants.kernel.ids import new_id
from tenants.models import OpeningHours
from tests.support.http import answered, refused
from tests.support.shop import add_category, add_product, add_store, say, sell

EVERY_DAY = [{"days": [1, 2, 3, 4, 5, 6, 7], "opens": "00:00", "closes": "24:00"}]


@pytest.fixture
def guest(client, tenant):
    """A guest of the brand's mini-program."""
    return client.as_visitor(tenant)


async def put_hours(db, level_id, weekly, level="store"):
    db.add(
        OpeningHours(
            tenant_id=db.tenant_id, level_id=level_id, level=level, weekly=weekly, source_text="全天"
        )
    )
    await db.flush()


async def test_home_is_one_call(guest, tenant):
    async with tenant.writing() as db:
        store = await add_store(db, "淮海路店", city="上海", address="淮海中路 819 号", phone="021-0000")
        await put_hours(db, store.id, EVERY_DAY)
        coat = await sell(db, await add_product(db, "女士风衣"), price=59900)
    home = answered(await guest.with_headers(x_store_id=store.id).get("/shopper/v1/home"))
    assert home["brandName"] == "春序服饰"
    assert home["store"]["name"] == "淮海路店"
    assert home["store"]["address"] == "上海淮海中路 819 号"
    assert (home["store"]["openNow"], home["store"]["hours"]) == (True, ["周一至周日 00:00-24:00"])
    (goods,) = [each["items"] for each in home["page"]["components"] if each["items"] is not None]
    assert [(item["spuId"], item["priceFen"], item["stock"]) for item in goods] == [
        (str(coat.id), 59900, "10+")
    ]
    assert home["faceVersion"].count(".") == 1


async def test_without_a_store_the_flagship_is_shown_and_without_a_flagship_the_brand(guest, tenant):
    assert answered(await guest.get("/shopper/v1/home"))["store"] is None
    async with tenant.writing() as db:
        flagship = await add_store(db, "旗舰店", is_flagship=True)
        coat = await add_product(db)
        await say(db, coat.sku, flagship.id, listed=True, price=1, stock=1)
    assert answered(await guest.get("/shopper/v1/home"))["store"]["name"] == "旗舰店"
    assert [item["spuId"] for item in answered(await guest.get("/shopper/v1/listings"))["items"]] == [
        str(coat.id)
    ]


async def test_two_stores_show_two_prices_of_one_product(guest, tenant):
    async with tenant.writing() as db:
        here, there = await add_store(db), await add_store(db)
        coat = await sell(db, await add_product(db), price=59900)
        await say(db, coat.sku, there.id, price=49900)
    prices = [
        answered(await guest.with_headers(x_store_id=store.id).get(f"/shopper/v1/products/{coat.id}"))[
            "variants"
        ][0]
        for store in (here, there)
    ]
    assert [(each["priceFen"], each["priceLevel"]) for each in prices] == [(59900, "brand"), (49900, "store")]


async def test_a_list_is_narrowed_searched_and_continued(guest, tenant):
    async with tenant.writing() as db:
        coats = await add_category(db, "coats")
        for number in range(3):
            await sell(db, await add_product(db, f"风衣 {number}", category_id=coats, tags=["新品"]))
        await sell(db, await add_product(db, "裙"))
    path = "/shopper/v1/listings"
    assert len(answered(await guest.get(path))["items"]) == 4
    assert len(answered(await guest.get(path, params={"category": "coats"}))["items"]) == 3
    assert len(answered(await guest.get(path, params={"tag": "新品"}))["items"]) == 3
    assert [item["title"] for item in answered(await guest.get(path, params={"q": "裙"}))["items"]] == ["裙"]
    first = answered(await guest.get(path, params={"limit": 3, "sort": "newest"}))
    rest = answered(
        await guest.get(path, params={"limit": 3, "sort": "newest", "cursor": first["nextCursor"]})
    )
    assert len(first["items"] + rest["items"]) == 4
    assert rest["nextCursor"] is None


async def test_not_ranged_here_differs_from_sold_out_and_from_unknown(guest, tenant, other_tenant):
    async with tenant.writing() as db:
        store = await add_store(db)
        gone = await sell(db, await add_product(db, barcode="690001"), stock=0)
        dropped = await sell(db, await add_product(db, "半身裙", barcode="690002"))
        await say(db, dropped.sku, store.id, listed=False)
    async with other_tenant.writing() as db:
        foreign = await sell(db, await add_product(db, barcode="690003"))
    caller = guest.with_headers(x_store_id=store.id)
    detail = answered(await caller.get(f"/shopper/v1/products/{gone.id}"))
    assert detail["variants"][0]["availability"] == "SOLD_OUT"
    refused(await caller.get(f"/shopper/v1/products/{dropped.id}"), 409, "NOT_RANGED_HERE")
    assert answered(await caller.get("/shopper/v1/listings", params={"q": "裙"}))["items"] == []
    for spu_id in (foreign.id, new_id()):
        refused(await caller.get(f"/shopper/v1/products/{spu_id}"), 404, "PRODUCT_NOT_FOUND")
    assert answered(await caller.get("/shopper/v1/barcodes/690001"))["items"][0]["spuId"] == str(gone.id)
    refused(await caller.get("/shopper/v1/barcodes/690002"), 409, "NOT_RANGED_HERE")
    refused(await caller.get("/shopper/v1/barcodes/690003"), 404, "BARCODE_UNKNOWN")


async def test_stores_come_by_distance(guest, tenant):
    async with tenant.writing() as db:
        far = await add_store(db, "北京店", latitude=39.9042, longitude=116.4074)
        near = await add_store(db, "上海店", latitude=31.2304, longitude=121.4737)
        await add_store(db, "无坐标店")
        await add_store(db, "已闭店", latitude=31.23, longitude=121.47, status="closed")
        await put_hours(db, tenant.tenant_id, EVERY_DAY, "brand")
    place = {"latitude": 31.22, "longitude": 121.48}
    found = answered(await guest.get("/shopper/v1/stores", params=place))["items"]
    assert [store["name"] for store in found] == ["上海店", "北京店", "无坐标店"]
    assert 1000 < found[0]["distanceMetres"] < 1600
    assert found[0]["openNow"] is True
    assert found[2]["distanceMetres"] is None
    assert len(answered(await guest.get("/shopper/v1/stores"))["items"]) == 3
    assert answered(await guest.get(f"/shopper/v1/stores/{near.id}"))["name"] == "上海店"
    assert far.id != near.id


async def test_a_pop_up_whose_time_is_over_can_be_read_and_sells_nothing(guest, tenant, now):
    async with tenant.writing() as db:
        popup = await add_store(db, active_from=now - timedelta(days=9), active_to=now - timedelta(days=1))
    store = answered(await guest.with_headers(x_store_id=popup.id).get("/shopper/v1/home"))["store"]
    assert store["selling"] is False


async def test_categories_come_as_the_menu_orders_them(guest, tenant):
    async with tenant.writing() as db:
        women = await add_category(db, "women")
        await add_category(db, "coats", parent=women)
    found = answered(await guest.get("/shopper/v1/categories"))
    assert [(each["code"], each["parentId"]) for each in found] == [("coats", str(women)), ("women", None)]


async def test_a_refused_parameter_is_called_as_the_caller_calls_it(guest):
    details = refused(await guest.get("/shopper/v1/listings?q=" + "x" * 201), 400, "MALFORMED_REQUEST")
    assert details.keys() == {"q"}
    answer = await guest.get("/shopper/v1/listings", headers={"X-Store-Id": "no-uuid"})
    assert refused(answer, 400, "MALFORMED_REQUEST").keys() == {"X-Store-Id"}


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/shopper/v1/listings?category=none", 404, "CATEGORY_NOT_FOUND"),
        ("/shopper/v1/listings?limit=0", 422, "PAGE_TOO_LARGE"),
        ("/shopper/v1/listings?limit=x", 400, "MALFORMED_REQUEST"),
        ("/shopper/v1/listings?cursor=x", 422, "CURSOR_UNREADABLE"),
        ("/shopper/v1/listings?sort=price", 400, "MALFORMED_REQUEST"),
        ("/shopper/v1/listings?q=%00", 200, "OK"),
        ("/shopper/v1/listings?tag=%00", 422, "TEXT_UNSTORABLE"),
        ("/shopper/v1/listings?category=%00", 422, "TEXT_UNSTORABLE"),
        ("/shopper/v1/listings?q=" + "x" * 201, 400, "MALFORMED_REQUEST"),
        ("/shopper/v1/barcodes/%00", 422, "TEXT_UNSTORABLE"),
        ("/shopper/v1/stores?latitude=91&longitude=0", 400, "MALFORMED_REQUEST"),
        ("/shopper/v1/stores?latitude=nan&longitude=0", 400, "MALFORMED_REQUEST"),
        ("/shopper/v1/stores/7", 404, "ROUTE_NOT_FOUND"),
        ("/shopper/v1/pages/none", 404, "PAGE_NOT_FOUND"),
        ("/shopper/v1/pages/%00", 422, "TEXT_UNSTORABLE"),
    ],
)
async def test_bad_questions_get_a_framed_answer(guest, path, status, code):
    response = await guest.get(path)
    assert (response.status_code, response.json()["code"]) == (status, code)


async def test_a_store_of_another_brand_does_not_exist(guest, other_tenant):
    async with other_tenant.writing() as db:
        foreign = await add_store(db)
    for path in ("home", "listings", f"products/{new_id()}", "pages/home"):
        refused(
            await guest.with_headers(x_store_id=foreign.id).get(f"/shopper/v1/{path}"), 404, "STORE_NOT_FOUND"
        )
    refused(await guest.get(f"/shopper/v1/stores/{foreign.id}"), 404, "STORE_NOT_FOUND")


async def test_a_guest_must_name_the_brand(client):
    refused(await client.get("/shopper/v1/home"), 400, "TENANT_NOT_NAMED")
