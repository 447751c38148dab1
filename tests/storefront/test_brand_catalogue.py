"""Headquarters and store managers change what stores offer and show, each what they may."""

from datetime import timedelta

import pytest

from tenants.kernel.ids import new_id
from tenants.states import StaffRole
from tests.support.http import answered, refused
from tests.support.shop import add_group, add_product, add_store, say, sell

DRAFT = {"content": {"components": [{"id": "top", "type": "TitleBar", "props": {"title": "春序"}}]}}


@pytest.fixture
def boss(client, tenant):
    """Headquarters."""
    return client.as_staff(tenant, StaffRole.BRAND_HQ)


@pytest.fixture
async def shop(tenant):
    """A store and a product on sale brand-wide."""
    async with tenant.writing() as db:
        group = await add_group(db)
        store, sister = await add_store(db, group=group), await add_store(db)
        return store, sister, await sell(db, await add_product(db, "女士风衣"), price=100), group


async def price_at(client, tenant, store):
    guest = client.as_visitor(tenant).with_headers(x_store_id=store.id)
    return answered(await guest.get("/shopper/v1/listings"))["items"][0]["priceFen"]


async def test_headquarters_prices_and_ranges_at_every_level(client, tenant, boss, shop):
    store, sister, coat, group = shop
    for level, level_id, fen in (("brand", tenant.tenant_id, 120), ("group", group, 110)):
        body = {"level": level, "levelId": level_id, "prices": [{"skuId": coat.sku, "priceFen": fen}]}
        assert answered(await boss.put("/brand/v1/prices", json=body), 200) == {"written": 1, "withdrawn": 0}
    body = {"level": "store", "levelId": sister.id, "drop": [coat.sku]}
    assert answered(await boss.put("/brand/v1/assortments", json=body))["written"] == 1
    guest = client.as_visitor(tenant)
    seen = [
        [item["priceFen"] for item in answered(await guest.with_headers(x_store_id=each.id).get("/shopper/v1/listings"))["items"]]
        for each in (store, sister)
    ]  # fmt: skip
    assert seen == [[110], []]


async def test_a_store_manager_decides_for_the_own_store_alone(client, tenant, shop):
    store, sister, coat, group = shop
    manager = client.as_staff(tenant, StaffRole.STORE_MANAGER, store_id=store.id)
    prices = {"prices": [{"skuId": coat.sku, "priceFen": 90}]}
    counts = {"counts": [{"skuId": coat.sku, "onHand": 3}]}
    for path, body in (("prices", prices), ("assortments", {"drop": []}), ("stock", counts)):
        own = {"level": "store", "levelId": store.id}
        assert answered(await manager.put(f"/brand/v1/{path}", json=own | body), 200) is not None
        for level, level_id in (("store", sister.id), ("group", group), ("brand", tenant.tenant_id)):
            elsewhere = {"level": level, "levelId": level_id}
            refused(await manager.put(f"/brand/v1/{path}", json=elsewhere | body), 403, "ROLE_NOT_ALLOWED")
    assert await price_at(client, tenant, store) == 90


@pytest.mark.parametrize("role", [StaffRole.FINANCE, StaffRole.GUIDE, StaffRole.MALL_FINANCE])
async def test_other_roles_decide_nothing(client, tenant, role):
    place = {"store_id": new_id()} if role is StaffRole.GUIDE else {}
    caller = client.as_staff(tenant, role, **place)
    body = {"level": "brand", "levelId": tenant.tenant_id}
    for path, more in (("prices", {}), ("assortments", {}), ("stock", {"counts": []})):
        refused(await caller.put(f"/brand/v1/{path}", json=body | more), 403, "ROLE_NOT_ALLOWED")
    refused(await caller.put("/brand/v1/pages/home/brand/draft", json=DRAFT), 403, "ROLE_NOT_ALLOWED")
    refused(await caller.get("/brand/v1/products"), 403, "ROLE_NOT_ALLOWED")


async def test_a_page_goes_from_draft_to_shown_to_taken_down(client, tenant, boss, shop, now):
    store = shop[0]
    home = "/brand/v1/pages/home/brand"
    draft = answered(await boss.put(f"{home}/draft", json=DRAFT), 200)
    assert (draft["version"], draft["state"], draft["publishAt"]) == (1, "draft", None)
    answered(await boss.post(f"{home}/versions/1/publish"), 200)
    manager = client.as_staff(tenant, StaffRole.STORE_MANAGER, store_id=store.id)
    own = {"levelId": str(store.id)}
    change = {"content": {"override": {"top": {"props": {"title": "淮海路"}}}}}
    layer = "/brand/v1/pages/home/store"
    answered(await manager.put(f"{layer}/draft", params=own, json=change))
    seen = answered(await manager.get(f"{layer}/versions/1/preview", params=own))
    assert seen["components"][0]["props"]["title"] == "淮海路"
    later = {"publishAt": (now + timedelta(hours=1)).isoformat()}
    planned = answered(await manager.post(f"{layer}/versions/1/schedule", params=own, json=later))
    assert planned["state"] == "scheduled"
    guest = client.as_visitor(tenant).with_headers(x_store_id=store.id)
    page = answered(await guest.get("/shopper/v1/pages/home"))
    assert page["components"][0]["props"]["title"] == "春序"
    assert answered(await manager.post(f"{layer}/versions/1/retire", params=own))["state"] == "retired"
    assert len(answered(await manager.get(f"{layer}/versions", params=own))) == 1
    refused(await manager.put(f"{home}/draft", json=DRAFT), 403, "ROLE_NOT_ALLOWED")


@pytest.mark.parametrize(
    ("content", "place"),
    [
        ({"components": [{"id": "a", "type": "Coupon"}]}, "content.components[0].type"),
        ({"components": [{"id": "a", "type": "ImageBar", "props": {"image": "https://a.example/b", "link": "javascript:x"}}]},
         "content.components[0].props.link"),
        ({"components": [{"id": "a", "type": "Divider", "props": {"onTap": "x"}}]}, "content.components[0].props.onTap"),
        ({"override": {"gone": {}}}, "override.gone"),
        ({"components": [], "title": "x" * 81}, "content.title"),
    ],
)  # fmt: skip
async def test_a_page_that_cannot_be_shown_is_refused_with_its_place(boss, content, place):
    response = await boss.put("/brand/v1/pages/home/brand/draft", json={"content": content})
    assert response.status_code == 422
    assert place in response.json()["details"]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("POST", "/brand/v1/pages/home/brand/versions/1/publish", 404),
        ("POST", "/brand/v1/pages/home/brand/versions/99999999999/publish", 400),
        ("GET", "/brand/v1/pages/home/brand/versions/1/preview?at=2026-01-01T00:00:00", 400),
        ("GET", "/brand/v1/pages/home/store/versions?levelId=01a1ffae-969f-70ba-aa27-7a545d3ac5fc", 200),
        ("GET", "/brand/v1/pages/home/store/versions", 404),
        ("GET", "/brand/v1/pages/Home!/brand/versions", 400),
        ("GET", "/brand/v1/pages/home/mall/versions", 400),
        ("GET", "/brand/v1/products/01a1ffae-969f-70ba-aa27-7a545d3ac5fc", 404),
        ("GET", "/brand/v1/products?cursor=x", 422),
    ],
)
async def test_bad_questions_get_a_framed_answer(boss, method, path, status):
    assert (await boss.request(method, path)).status_code == status


async def test_products_are_listed_by_code_and_resolved_with_evidence(tenant, boss, shop):
    store, _, coat, _ = shop
    async with tenant.writing() as db:
        await say(db, coat.sku, store.id, price=90)
        await add_product(db, "下架", code="ZZ", status="off_sale")
    first = answered(await boss.get("/brand/v1/products", params={"limit": 1}))
    rest = answered(await boss.get("/brand/v1/products", params={"cursor": first["nextCursor"]}))
    assert {item["title"] for item in first["items"] + rest["items"]} == {"女士风衣", "下架"}
    assert [item["code"] for item in answered(await boss.get("/brand/v1/products?code=Z"))["items"]] == ["ZZ"]
    detail = answered(await boss.get(f"/brand/v1/products/{coat.id}", params={"storeId": str(store.id)}))
    (listing,) = detail["listings"]
    assert (listing["priceFen"], listing["priceEvidence"]["level"]) == (90, "store")
    assert (listing["available"], listing["stockLevelId"]) == (10, str(tenant.tenant_id))


async def test_prices_that_cannot_be_are_refused(tenant, boss, shop):
    coat = shop[2]
    place = {"level": "brand", "levelId": tenant.tenant_id}

    async def put(**price):
        return await boss.put(
            "/brand/v1/prices", json=place | {"prices": [{"skuId": coat.sku, "priceFen": 1} | price]}
        )

    refused(await put(priceFen=-1), 422, "VALIDATION_FAILED")
    refused(await put(priceFen=1.5), 422, "VALIDATION_FAILED")
    refused(await put(activeFrom="2026-01-01T00:00:00"), 422, "VALIDATION_FAILED")
    refused(await put(skuId=new_id()), 404, "SKU_NOT_FOUND")
    refused(
        await put(activeFrom="2026-01-02T00:00:00Z", activeTo="2026-01-01T00:00:00Z"),
        422,
        "PRICE_PERIOD_EMPTY",
    )
    unknown = {"level": "store", "levelId": new_id()}
    refused(await boss.put("/brand/v1/prices", json=unknown), 404, "LEVEL_UNKNOWN")
