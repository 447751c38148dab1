"""Kept bytes are fresh within a second, belong to one tenant and store, and are nobody's in particular."""

import asyncio
import gzip
import json
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from catalog.commands import PriceChange, SetPrices
from catalog.price import set_prices
from storefront.edge import Edge
from storefront.page_layer import OLDEST_SECONDS, RECHECK_SECONDS, PageLayer
from storefront.tokens import Audience, Principal
from tenants.kernel.ids import LevelId, SessionId, new_id
from tenants.levels import Level
from tests.support.shop import add_product, add_store, say, sell

LIST = "/shopper/v1/listings"


class Kitchen:
    """The app behind a layer whose clock stands still until it is moved; counts what reaches the app."""

    def __init__(self, app, **options):
        self.now, self.reached = 1000.0, 0
        inner = app.asgi_handler.inner if isinstance(app.asgi_handler, Edge) else app.asgi_handler
        while isinstance(inner, PageLayer):
            inner = inner.inner

        async def counted(scope, receive, send):
            self.reached += 1
            await inner(scope, receive, send)

        self.layer = PageLayer(counted, wiring=app.state.wiring, ticks=lambda: self.now, **options)
        edge = Edge(self.layer)

        async def served(scope, receive, send):
            scope["app"] = scope["litestar_app"] = app
            await edge(scope, receive, send)

        transport = httpx.ASGITransport(served)
        self.http = httpx.AsyncClient(transport=transport, base_url="http://testserver.local")

    async def get(self, path=LIST, *, tenant=None, store=None, **headers):
        named = {"x-tenant-id": str(tenant.tenant_id)} if tenant else {}
        named |= {"x-store-id": str(store.id)} if store else {}
        return await self.http.get(path, headers=named | {k.replace("_", "-"): v for k, v in headers.items()})


@pytest.fixture
def kitchen(app):
    return Kitchen(app)


@pytest.fixture
async def shop(tenant):
    async with tenant.writing() as db:
        store = await add_store(db)
        coat = await sell(db, await add_product(db, "女士风衣"), price=100)
        return store, coat


async def set_price(tenant, sku_id, fen):
    async with tenant.writing() as db:
        change = PriceChange(sku_id=sku_id, price_fen=fen, active_from=datetime(2024, 1, 1, tzinfo=UTC))
        await set_prices(
            db, SetPrices(level=Level.BRAND, level_id=LevelId(tenant.tenant_id), prices=[change])
        )


def price(response):
    return response.json()["data"]["items"][0]["priceFen"]


async def test_a_repeated_question_does_not_reach_the_app(kitchen, tenant, shop):
    first = await kitchen.get(tenant=tenant, store=shop[0])
    second = await kitchen.get(tenant=tenant, store=shop[0])
    assert kitchen.reached == 1
    assert first.json()["data"] == second.json()["data"]
    assert first.json()["requestId"] == first.headers["x-request-id"] != second.json()["requestId"]
    assert second.headers["etag"] == first.headers["etag"]


async def test_what_is_not_changed_is_not_sent_again(kitchen, tenant, shop):
    first = await kitchen.get(tenant=tenant, store=shop[0])
    again = await kitchen.get(tenant=tenant, store=shop[0], if_none_match=first.headers["etag"])
    assert (again.status_code, again.content) == (304, b"")
    await set_price(tenant, shop[1].sku, 200)
    kitchen.now += RECHECK_SECONDS
    changed = await kitchen.get(tenant=tenant, store=shop[0], if_none_match=first.headers["etag"])
    assert (changed.status_code, price(changed)) == (200, 200)


async def test_a_change_shows_within_a_second(kitchen, tenant, shop):
    assert price(await kitchen.get(tenant=tenant, store=shop[0])) == 100
    await set_price(tenant, shop[1].sku, 200)
    kitchen.now += RECHECK_SECONDS
    assert price(await kitchen.get(tenant=tenant, store=shop[0])) == 200


async def test_without_the_version_a_change_would_not_show(kitchen, tenant, shop, monkeypatch):
    """The control: bytes that nobody checks go on telling the old price."""

    async def never_changes(*_, **__):
        return "same"

    monkeypatch.setattr("storefront.page_layer.shown_version", never_changes)
    assert price(await kitchen.get(tenant=tenant, store=shop[0])) == 100
    await set_price(tenant, shop[1].sku, 200)
    kitchen.now += RECHECK_SECONDS
    assert price(await kitchen.get(tenant=tenant, store=shop[0])) == 100


async def test_a_change_made_through_this_process_shows_at_once(kitchen, client, tenant, shop):
    assert price(await kitchen.get(tenant=tenant, store=shop[0])) == 100
    await set_price(tenant, shop[1].sku, 200)
    await kitchen.http.put("/brand/v1/prices", json={})
    assert price(await kitchen.get(tenant=tenant, store=shop[0])) == 200


async def test_what_time_alone_changes_shows_within_seconds(kitchen, tenant, shop):
    """A price that begins bumps no version; bytes grow old."""
    assert price(await kitchen.get(tenant=tenant, store=shop[0])) == 100
    soon = datetime.now(UTC) + timedelta(milliseconds=300)
    async with tenant.writing() as db:
        await say(db, shop[1].sku, price=50, since=soon)
    await asyncio.sleep(0.4)
    kitchen.now += RECHECK_SECONDS
    assert price(await kitchen.get(tenant=tenant, store=shop[0])) == 100
    kitchen.now += OLDEST_SECONDS
    assert price(await kitchen.get(tenant=tenant, store=shop[0])) == 50


async def test_tenants_and_stores_never_share_bytes(kitchen, tenant, other_tenant, shop):
    async with tenant.writing() as db:
        sister = await add_store(db)
        await say(db, shop[1].sku, sister.id, price=70)
    async with other_tenant.writing() as db:
        await sell(db, await add_product(db, "别家的茶"), price=7)
    seen = [
        price(await kitchen.get(tenant=who, store=where))
        for _ in range(2)
        for who, where in ((tenant, shop[0]), (tenant, sister), (other_tenant, None), (tenant, None))
    ]
    assert seen == [100, 70, 7, 100] * 2


async def test_headers_said_twice_are_left_to_the_app(kitchen, tenant, other_tenant, shop):
    """Two readers could take two different ones of them, and keep one brand's bytes under the other's name."""
    named = [("x-tenant-id", str(who.tenant_id)) for who in (tenant, other_tenant)]
    await kitchen.http.get(LIST, headers=named)
    assert kitchen.layer.held_bytes == 0


async def test_shoppers_get_the_same_bytes_as_guests_and_staff_none(kitchen, app, tenant, shop):
    def bearer(audience, **more):
        principal = Principal(
            audience=audience,
            subject=new_id(),
            session_id=SessionId(new_id()),
            tenant_id=tenant.tenant_id,
            **more,
        )
        return f"Bearer {app.state.wiring.tokens.issue(principal, now=datetime.now(UTC))[0]}"

    guest = await kitchen.get(tenant=tenant, store=shop[0])
    for _ in range(2):
        shopper = await kitchen.get(store=shop[0], authorization=bearer(Audience.SHOPPER))
        assert shopper.json()["data"] == guest.json()["data"]
    assert kitchen.reached == 1
    assert (await kitchen.get(store=shop[0], authorization="Bearer nonsense")).json()[
        "code"
    ] == "LOGIN_REQUIRED"
    staff = await kitchen.get(store=shop[0], authorization=bearer(Audience.STAFF, role="brand_hq"))
    assert staff.json()["code"] == "AUDIENCE_NOT_ALLOWED"


async def test_a_hundred_who_ask_at_once_cause_one_answer(kitchen, tenant, shop):
    answers = await asyncio.gather(*(kitchen.get(tenant=tenant, store=shop[0]) for _ in range(100)))
    assert {price(each) for each in answers} == {100}
    assert len({each.json()["requestId"] for each in answers}) == 100
    assert kitchen.reached == 1


async def test_refusals_are_never_kept(kitchen, tenant, shop):
    store, coat = shop
    path = f"/shopper/v1/products/{coat.id}"
    async with tenant.writing() as db:
        await say(db, coat.sku, store.id, listed=False)
    assert (await kitchen.get(path, tenant=tenant, store=store)).json()["code"] == "NOT_RANGED_HERE"
    assert (await kitchen.get(LIST + "?limit=0", tenant=tenant)).json()["code"] == "PAGE_TOO_LARGE"
    assert (await kitchen.get(tenant=tenant, x_store_id=str(new_id()))).json()["code"] == "STORE_NOT_FOUND"
    assert (await kitchen.get(tenant=tenant, x_store_id="7")).json()["code"] == "MALFORMED_REQUEST"
    assert (await kitchen.get(x_tenant_id="nobody")).json()["code"] == "TENANT_NOT_FOUND"
    assert kitchen.layer.held_bytes == 0


async def test_packed_bytes_unpack_to_the_same_answer(kitchen, tenant, shop):
    async with tenant.writing() as db:
        for number in range(20):
            await sell(db, await add_product(db, f"风衣 {number}"))
    async with kitchen.http.stream(
        "GET", LIST, headers={"x-tenant-id": str(tenant.tenant_id), "accept-encoding": "gzip"}
    ) as response:
        packed = b"".join([part async for part in response.aiter_raw()])
    assert response.headers["content-encoding"] == "gzip"
    plain = await kitchen.get(tenant=tenant, accept_encoding="identity")
    body = json.loads(gzip.decompress(packed))
    assert body["data"] == plain.json()["data"]
    assert body["requestId"] == response.headers["x-request-id"]
    assert len(packed) < len(plain.content) / 3


async def test_memory_is_bounded_and_the_least_asked_for_goes_first(app, tenant, shop):
    kitchen = Kitchen(app, most_bytes=6000)
    for limit in (1, 2, 3, 1, 4, 1, 5, 6):
        await kitchen.get(f"{LIST}?limit={limit}", tenant=tenant)
    assert kitchen.layer.held_bytes <= 6000
    before = kitchen.reached
    await kitchen.get(f"{LIST}?limit=6", tenant=tenant)
    assert kitchen.reached == before
    await kitchen.get(f"{LIST}?limit=2", tenant=tenant)
    assert kitchen.reached == before + 1


@pytest.mark.parametrize("path", ["/shopper/v1/home", "/shopper/v1/categories", "/shopper/v1/pages/home"])
async def test_every_public_face_is_kept(kitchen, tenant, shop, path):
    for _ in range(2):
        assert (await kitchen.get(path, tenant=tenant, store=shop[0])).status_code == 200
    assert kitchen.reached == 1
