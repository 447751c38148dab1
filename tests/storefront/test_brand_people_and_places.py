"""Headquarters over HTTP: stores, groups, malls, hours, staff, guides, plans, links; who may do what, and what is refused."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tenants.kernel.ids import new_id
from tenants.kernel.scope import TenantScope
from tenants.queries import find_tenant
from tenants.states import StaffRole
from tests.support.fresh_tenant import opening
from tests.support.http import Client


@pytest.fixture
def headquarters(client: Client, tenant: TenantScope) -> Client:
    return client.as_staff(tenant, StaffRole.BRAND_HQ)


async def made(caller: Client, path: str, *, method: str = "POST", **body: Any) -> dict[str, Any]:
    answer = await caller.http.request(method, path, json=body)
    assert answer.status_code in {200, 201}, answer.text
    return answer.json()["data"]


async def refused(caller: Client, path: str, *, method: str = "POST", **body: Any) -> str:
    answer = await caller.http.request(method, path, json=body)
    assert answer.status_code >= 400, answer.text
    return answer.json()["code"]


async def open_store(caller: Client, code: str = "S1", **facts: Any) -> dict[str, Any]:
    return await made(caller, "/brand/v1/stores", code=code, name="一店", **facts)


async def test_a_store_is_opened_once_and_can_be_changed(headquarters: Client) -> None:
    store = await open_store(headquarters)
    assert store["timeZone"] == "Asia/Shanghai"
    assert await refused(headquarters, "/brand/v1/stores", code="S1", name="又一店") == "STORE_CODE_TAKEN"
    changed = await made(
        headquarters, f"/brand/v1/stores/{store['id']}", method="PUT", code="S1", name="新名"
    )
    assert changed["name"] == "新名"
    assert (
        await refused(headquarters, f"/brand/v1/stores/{new_id()}", method="PUT", code="S9", name="x")
        == "STORE_NOT_FOUND"
    )


@pytest.mark.parametrize(
    ("facts", "code"),
    [
        ({"groupId": str(new_id())}, "STORE_GROUP_NOT_FOUND"),
        ({"mallId": str(new_id())}, "MALL_NOT_FOUND"),
        ({"merchantId": str(new_id())}, "MERCHANT_NOT_FOUND"),
        ({"timeZone": "Mars/Olympus"}, "TIME_ZONE_UNKNOWN"),
        ({"latitude": 91}, "VALIDATION_FAILED"),
        (
            {"activeFrom": "2026-11-01T00:00:00Z", "activeTo": "2026-11-01T00:00:00Z"},
            "STORE_TIMES_REVERSED",
        ),
        ({"tenantId": str(new_id())}, "VALIDATION_FAILED"),
        ({"name": "a\u0000b"}, "VALIDATION_FAILED"),
    ],
)
async def test_a_store_that_points_nowhere_or_says_too_much_is_refused(
    headquarters: Client, facts: dict[str, Any], code: str
) -> None:
    said = await refused(headquarters, "/brand/v1/stores", **{"code": "S1", "name": "一店"} | facts)
    assert said == code
    listed = await headquarters.http.get("/brand/v1/stores")
    assert listed.json()["data"]["stores"] == []


async def test_a_brand_has_one_flagship(headquarters: Client) -> None:
    await open_store(headquarters, isFlagship=True)
    assert (
        await refused(headquarters, "/brand/v1/stores", code="S2", name="二店", isFlagship=True)
        == "FLAGSHIP_TAKEN"
    )


async def test_stores_are_listed_page_by_page(headquarters: Client) -> None:
    for number in range(5):
        await open_store(headquarters, f"S{number}")
    seen, cursor = [], None
    while True:
        params = {"limit": 2} | ({"cursor": cursor} if cursor else {})
        page = (await headquarters.http.get("/brand/v1/stores", params=params)).json()["data"]
        seen += [store["code"] for store in page["stores"]]
        cursor = page["nextCursor"]
        if cursor is None:
            break
    assert seen == [f"S{number}" for number in range(5)]


async def test_a_mall_is_shared_and_nobody_rewrites_it(
    client: Client, headquarters: Client, other_tenant: TenantScope
) -> None:
    code = f"M-{new_id().hex[:8]}"
    first = await made(headquarters, "/brand/v1/malls", method="PUT", code=code, name="样板广场")
    neighbour = client.as_staff(other_tenant, StaffRole.BRAND_HQ)
    second = await made(neighbour, "/brand/v1/malls", method="PUT", code=code, name="别的名字")
    assert second == first


async def test_hours_are_set_at_a_level_and_nonsense_is_refused(
    client: Client, headquarters: Client, tenant: TenantScope
) -> None:
    store, other = await open_store(headquarters), await open_store(headquarters, "S2")
    weekly = [{"days": [1, 2, 3, 4, 5, 6, 7], "opens": "10:00", "closes": "22:00"}]
    kept = await made(headquarters, "/brand/v1/opening-hours/brand", method="PUT", weekly=weekly)
    assert kept["levelId"] == str(tenant.tenant_id)
    wrong = {"weekly": [{"days": [1], "opens": "25:00", "closes": "26:00"}]}
    assert (
        await refused(headquarters, "/brand/v1/opening-hours/brand", method="PUT", **wrong)
        == "HOURS_UNREADABLE"
    )
    assert (
        await refused(headquarters, "/brand/v1/opening-hours/store", method="PUT", weekly=weekly)
        == "LEVEL_UNKNOWN"
    )
    manager = client.as_staff(tenant, StaffRole.STORE_MANAGER, store_id=store["id"])
    own, foreign = (f"/brand/v1/opening-hours/store?levelId={each['id']}" for each in (store, other))
    await made(manager, own, method="PUT", weekly=weekly)
    assert await refused(manager, foreign, method="PUT", weekly=weekly) == "ROLE_NOT_ALLOWED"


async def test_staff_belong_where_their_role_does(headquarters: Client) -> None:
    store = await open_store(headquarters)
    person = {"login": "li", "name": "李", "password": "long enough 1"}
    assert await refused(headquarters, "/brand/v1/staff", role="guide", **person) == "STAFF_ROLE_NEEDS_STORE"
    assert (
        await refused(headquarters, "/brand/v1/staff", role="finance", storeId=store["id"], **person)
        == "STAFF_ROLE_NEEDS_STORE"
    )
    assert await refused(headquarters, "/brand/v1/staff", role="emperor", **person)
    employed = await made(headquarters, "/brand/v1/staff", role="guide", storeId=store["id"], **person)
    assert "password" not in str(employed).lower()
    assert await refused(headquarters, "/brand/v1/staff", role="finance", **person) == "STAFF_LOGIN_TAKEN"


async def test_a_dismissed_person_cannot_log_in(
    client: Client, headquarters: Client, tenant: TenantScope
) -> None:
    person = {"login": "wang", "name": "王", "password": "long enough 1"}
    employed = await made(headquarters, "/brand/v1/staff", role="finance", **person)
    log_in = {
        "tenantCode": await code_of(headquarters, tenant),
        "login": "wang",
        "password": person["password"],
    }
    await made(client, "/staff/v1/sessions", **log_in)
    await made(headquarters, f"/brand/v1/staff/{employed['id']}", method="DELETE")
    assert await refused(client, "/staff/v1/sessions", **log_in) == "LOG_IN_REFUSED"


async def code_of(caller: Client, tenant: TenantScope) -> str:
    async with tenant.reading() as db:
        return (await find_tenant(db)).code


async def test_a_guide_makes_links_for_himself_only(
    client: Client, headquarters: Client, tenant: TenantScope
) -> None:
    store = await open_store(headquarters)
    guides = [
        await made(headquarters, "/brand/v1/guides", code=code, name="导购", storeId=store["id"])
        for code in ("G1", "G2")
    ]
    me = client.as_staff(tenant, StaffRole.GUIDE, store_id=store["id"], guide_id=guides[0]["id"])
    link = await made(me, "/staff/v1/links", scene="guide", storeId=store["id"], guideId=guides[0]["id"])
    assert len(link["sceneCode"]) <= 32
    for other in ({"guideId": guides[1]["id"], "storeId": store["id"]}, {"guideId": guides[0]["id"]}):
        assert await refused(me, "/staff/v1/links", scene="guide", **other) == "ROLE_NOT_ALLOWED"
    listed = (await me.http.get("/staff/v1/links")).json()["data"]
    assert [each["id"] for each in listed] == [link["id"]]


async def test_a_commission_plan_starts_after_the_one_before(headquarters: Client) -> None:
    now = datetime.now(UTC)
    plan = {
        "name": "提成",
        "rates": [{"rateBps": 300}, {"rateBps": 500, "categoryCode": "coats"}],
        "activeFrom": now.isoformat(),
    }
    started = await made(headquarters, "/brand/v1/commission-plans/brand", **plan)
    assert started["ratesBps"] == {"": 300, "coats": 500}
    earlier = plan | {"activeFrom": (now - timedelta(days=1)).isoformat()}
    assert await refused(headquarters, "/brand/v1/commission-plans/brand", **earlier) == "PLAN_OVERLAPS"
    twice = plan | {
        "rates": [{"rateBps": 1}, {"rateBps": 2}],
        "activeFrom": (now + timedelta(days=1)).isoformat(),
    }
    assert await refused(headquarters, "/brand/v1/commission-plans/brand", **twice) == "PLAN_RATES_REPEAT"
    assert await refused(
        headquarters, "/brand/v1/commission-plans/brand", **plan | {"rates": [{"rateBps": 10_001}]}
    )


async def test_another_brands_store_is_no_store(
    client: Client, headquarters: Client, other_tenant: TenantScope
) -> None:
    store = await open_store(headquarters)
    stranger = client.as_staff(other_tenant, StaffRole.BRAND_HQ)
    paths = [f"/brand/v1/stores/{store_id}" for store_id in (store["id"], new_id())]
    theirs, nobodys = [await stranger.http.put(path, json={"code": "S1", "name": "x"}) for path in paths]
    assert (theirs.status_code, theirs.json()["code"]) == (404, "STORE_NOT_FOUND")
    assert (nobodys.status_code, nobodys.json()["code"]) == (404, "STORE_NOT_FOUND")


async def test_a_store_changes_hands_on_a_day_and_keeps_its_history(headquarters: Client) -> None:
    store = await open_store(headquarters)
    path = f"/brand/v1/stores/{store['id']}/ownerships"
    since = {"activeFrom": "2026-05-01T00:00:00+08:00"}
    first = await made(headquarters, path, ownership="franchise", ownerCode="F01", ownerName="林记", **since)
    assert (first["activeTo"], first["ownerName"]) == (None, "林记")
    await made(headquarters, path, ownership="direct", activeFrom="2026-09-01T00:00:00+08:00")
    listed = (await headquarters.http.get(path)).json()["data"]["ownerships"]
    assert [each["activeTo"] for each in listed] == ["2026-08-31T16:00:00Z", None]
    assert await refused(headquarters, path, ownership="direct", **since) == "OWNERSHIP_TOO_EARLY"
    later = {"activeFrom": "2027-01-01T00:00:00+08:00"}
    assert await refused(headquarters, path, ownership="agent", **later) == "OWNER_UNCLEAR"
    merchants = (await headquarters.http.get("/brand/v1/merchants")).json()["data"]["merchants"]
    owner = f"/brand/v1/merchants/{merchants[0]['id']}/owner"
    whose = {"ownership": "franchise", "ownerCode": "F01"}
    assert await refused(headquarters, owner, method="PUT", **whose) == "DEFAULT_MERCHANT_IS_BRANDS"


async def test_an_operator_adds_a_franchisees_merchant_number_once(
    client: Client, headquarters: Client, tenant: TenantScope
) -> None:
    keys = opening().merchant
    body = {
        "merchantNo": keys.merchant_no, "legalName": "林记餐饮", "certificateSerial": keys.certificate_serial,
        "privateKey": keys.private_key, "apiV3Key": keys.api_v3_key, "ownership": "franchise", "ownerCode": "F01",
    }  # fmt: skip
    path = f"/operator/v1/tenants/{tenant.tenant_id}/merchants"
    operator = client.as_operator()
    added = (await operator.post(path, json=body)).json()["data"]
    assert (added["ownerPartyCode"], added["isDefault"]) == ("franchisee:F01", False)
    assert (await operator.post(path, json=body)).json()["code"] == "MERCHANT_NUMBER_TAKEN"
    store = await open_store(headquarters)
    owns = f"/brand/v1/stores/{store['id']}/ownerships"
    since = {"activeFrom": "2026-05-01T00:00:00+08:00", "merchantId": added["id"]}
    other = {"ownership": "franchise", "ownerCode": "F02", **since}
    assert await refused(headquarters, owns, **other) == "MERCHANT_OF_ANOTHER"
    assert (await made(headquarters, owns, **(other | {"ownerCode": "F01"})))["merchantId"] == added["id"]
