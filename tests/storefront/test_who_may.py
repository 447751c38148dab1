"""Who may call what: every operation by every kind of caller, from one table that was written by hand and is derived from nothing.

A cell that is not marked is denied. Allowed means only that the door opens: what lies behind refuses in its own words.
"""

import base64
import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from joserfc import jwt
from joserfc.jwk import OctKey
from litestar import get

from storefront import app as product
from storefront.app import create_app
from storefront.auth import public
from storefront.documentation import openapi
from storefront.tokens import Audience, Principal
from tenants.kernel.ids import MallId, SessionId, StoreId, new_id
from tenants.states import StaffRole
from tests.support.http import Client

CALLERS = ["guest", "shopper", "hq", "finance", "manager", "guide", "mall", "operator"]
ALL = "guest shopper hq finance manager guide mall operator"
MAY = {
    # the operation            who may call it
    "isAlive":                  ALL,
    "isReady":                  ALL,
    "logInShopper":             ALL,
    "refreshShopperSession":    ALL,
    "logInStaff":               ALL,
    "refreshStaffSession":      ALL,
    "logInOperator":            ALL,
    "refreshOperatorSession":   ALL,
    "receiveWechatPay":         ALL,
    "receiveMerchantsWechatPay": ALL,
    "verifyWecomAddress":       ALL,
    "receiveWecom":             ALL,
    "verifyPushAddress":        ALL,
    "receivePush":              ALL,
    "resolveScene":             "guest shopper",
    "recordTouch":              "guest shopper",
    "getHome":                  "guest shopper",
    "getPage":                  "guest shopper",
    "listListings":             "guest shopper",
    "getProduct":               "guest shopper",
    "findBarcode":              "guest shopper",
    "listCategories":           "guest shopper",
    "listNearbyStores":         "guest shopper",
    "getStore":                 "guest shopper",
    "quote":                    "guest shopper",
    "placeOrder":               "shopper",
    "listOwnOrders":            "shopper",
    "countOwnOrders":           "shopper",
    "getOwnOrder":              "shopper",
    "getPayment":               "shopper",
    "preparePayment":           "shopper",
    "cancelOrder":              "shopper",
    "listLinks":                "hq manager guide",
    "shareLink":                "hq manager guide",
    "listStoreOrders":          "hq finance manager guide",
    "getStoreOrder":            "hq finance manager guide",
    "placeAssistedOrder":       "manager guide",
    "redeemPickup":             "manager guide",
    "lookUpPickup":             "manager guide",
    "listWaitingPickups":       "manager guide",
    "requestRefund":            "finance manager",
    "repriceOrder":             "hq finance manager",
    "listStaff":                "hq",
    "employStaff":              "hq",
    "dismissStaff":             "hq",
    "listGuides":               "hq finance",
    "employGuide":              "hq",
    "moveGuide":                "hq",
    "keepGuideCard":            "hq",
    "changeGuide":              "hq",
    "departGuide":              "hq",
    "reassignRelations":        "hq",
    "listMoves":                "hq",
    "openContactWay":           "hq",
    "listContactWays":          "hq",
    "registerGuideCard":        "hq",
    "letGuideGo":               "hq",
    "startCommissionPlan":      "hq finance",
    "listStores":               "hq finance",
    "openStore":                "hq",
    "changeStore":              "hq",
    "listOwnerships":           "hq finance",
    "ownStore":                 "hq",
    "listMerchants":            "hq finance",
    "ownMerchant":              "hq",
    "listStoreGroups":          "hq finance",
    "nameStoreGroup":           "hq",
    "listMalls":                "hq finance",
    "registerMall":             "hq",
    "setOpeningHours":          "hq manager",
    "listBrandProducts":        "hq manager",
    "getBrandProduct":          "hq manager",
    "setPrices":                "hq manager",
    "setStock":                 "hq manager",
    "setAssortment":            "hq manager",
    "listPageVersions":         "hq manager",
    "savePageDraft":            "hq manager",
    "publishPage":              "hq manager",
    "schedulePage":             "hq manager",
    "retirePage":               "hq manager",
    "previewPage":              "hq manager",
    "listContracts":            "hq finance",
    "createContract":           "hq finance",
    "rehearseContract":         "hq finance",
    "getContract":              "hq finance",
    "listPromotions":           "hq finance",
    "startPromotion":           "hq finance",
    "endPromotion":             "hq finance",
    "listClaims":               "hq finance",
    "listPeriods":              "hq finance",
    "closeMonth":               "hq finance",
    "listStatements":           "hq finance",
    "getStatement":             "hq finance",
    "getStatementFile":         "hq finance",
    "getOrderMoney":            "hq finance",
    "approveStatement":         "hq finance",
    "noteAgreement":            "hq finance",
    "recordInvoice":            "hq finance",
    "listInvoices":             "hq finance",
    "proposeAdjustment":        "hq finance",
    "listAdjustments":          "hq finance",
    "decideAdjustment":         "hq finance",
    "openDispute":              "hq finance",
    "listDisputes":             "hq finance",
    "importNumbers":            "hq finance",
    "answerDifference":         "hq finance",
    "resolveDispute":           "hq finance",
    "listPayees":               "hq finance",
    "setPayee":                 "hq finance",
    "preparePayout":            "hq finance",
    "listPayouts":              "hq finance",
    "getPayout":                "hq finance",
    "getPayoutFile":            "hq finance",
    "releasePayout":            "hq finance",
    "withdrawPayout":           "hq finance",
    "recordPayoutOutcome":      "hq finance",
    "importPayoutResults":      "hq finance",
    "getOrderWaterfall":        "hq finance",
    "getPartyBalance":          "hq finance",
    "listExpectedFees":         "hq finance",
    "listSuspense":             "hq finance",
    "listDifferingPayments":    "hq finance",
    "refundDifferingPayment":   "hq finance",
    "acceptDifferingPayment":   "hq finance",
    "listReceivers":            "hq finance",
    "getSplitPolicy":           "hq finance",
    "chooseSplitPolicy":        "hq finance",
    "addReceiver":              "hq finance",
    "endReceiver":              "hq finance",
    "listSplits":               "hq finance",
    "getOrderSplits":           "hq finance",
    "listReconciledDays":       "hq finance",
    "listDifferences":          "hq finance",
    "getDifference":            "hq finance",
    "assignDifference":         "hq finance",
    "resolveDifference":        "hq finance",
    "proveDay":                 "hq finance",
    "uploadBill":               "hq finance",
    "listMallStatements":       "mall",
    "getMallBalance":           "mall",
    "getMallStatementFile":     "mall",
    "agreeToMallStatement":     "mall",
    "openMallDispute":          "mall",
    "listMallDisputes":         "mall",
    "importMallNumbers":        "mall",
    "listTenants":              "operator",
    "createTenant":             "operator",
    "connectTenant":            "operator",
    "employFirstStaff":         "operator",
    "addMerchant":              "operator",
    "getTenant":                "operator",
    "listParkedJobs":           "operator",
    "retryJob":                 "operator",
}  # fmt: skip
PATHS = {
    "level": "store",
    "page_key": "home",
    "version": "1",
    "kind": "csv",
    "code": "none",
    "barcode": "0",
    "number": "1",
}


@dataclass(frozen=True)
class Operation:
    """One operation with an address that leads to nothing."""

    name: str
    method: str
    path: str


def operations(app) -> list[Operation]:
    found = []
    for path, methods in openapi(app)["paths"].items():
        for method, operation in methods.items():
            for parameter in operation.get("parameters", []):
                if parameter["in"] == "path":
                    value = PATHS.get(parameter["name"], str(new_id()))
                    path = path.replace("{" + parameter["name"] + "}", value)  # noqa: PLW2901 filled in
            found.append(Operation(operation["operationId"], method.upper(), path))
    return found


def callers(client: Client, tenant) -> dict[str, Client]:
    """One genuine caller of each kind."""
    store, mall = StoreId(new_id()), MallId(new_id())
    return {
        "guest": client.as_visitor(tenant),
        "shopper": client.as_shopper(tenant),
        "hq": client.as_staff(tenant, StaffRole.BRAND_HQ),
        "finance": client.as_staff(tenant, StaffRole.FINANCE),
        "manager": client.as_staff(tenant, StaffRole.STORE_MANAGER, store_id=store),
        "guide": client.as_staff(tenant, StaffRole.GUIDE, store_id=store),
        "mall": client.as_staff(tenant, StaffRole.MALL_FINANCE, mall_id=mall),
        "operator": client.as_operator(),
    }


async def opens(caller: Client, operation: Operation) -> bool:
    """Whether the door opens: without a body and with ids of nothing, whatever lies behind it refuses by other names."""
    answer = await caller.request(operation.method, operation.path)
    # WeCom and the mini-program's platform are answered in plain text.
    is_text = answer.headers.get("content-type", "").startswith("text/plain")
    code = answer.text if is_text else answer.json()["code"]
    refused = code in {"LOGIN_REQUIRED", "AUDIENCE_NOT_ALLOWED", "ROLE_NOT_ALLOWED"}
    assert refused == (answer.status_code in (401, 403)) or "/callbacks/" in operation.path, answer.text
    return not refused


async def cells_that_differ(client: Client, tenant) -> list[str]:
    asking = callers(client, tenant)
    return [
        f"{operation.name} by {name}: {'opens' if opened else 'is shut'}"
        for operation in operations(client.app)
        for name in CALLERS
        if (opened := await opens(asking[name], operation)) != (name in MAY[operation.name].split())
    ]


async def test_every_operation_has_its_line_in_the_table_and_no_line_is_left_over(app):
    assert {operation.name for operation in operations(app)} == MAY.keys()


async def test_every_door_opens_to_those_in_the_table_and_to_nobody_else(client, tenant):
    assert await cells_that_differ(client, tenant) == []


async def test_a_door_whose_guard_was_forgotten_is_found(client, app, tenant, monkeypatch):
    """The control: one operation planted with the guard of a health check."""

    @get("/operator/v1/tenants/{tenant_id:uuid}/parked", operation_id="listParkedJobs", guards=[public])
    async def unguarded() -> dict[str, str]:
        """Show anybody."""
        return {}

    others = [each for each in product.ROUTES if getattr(each, "operation_id", None) != "listParkedJobs"]
    monkeypatch.setattr(product, "ROUTES", others)
    planted = Client(create_app(wiring=app.state.wiring, routes=[unguarded]))
    found = await cells_that_differ(planted, tenant)
    assert {f"listParkedJobs by {name}: opens" for name in CALLERS if name != "operator"} <= set(found)


def encoded(part: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=")


def broken_tokens(client: Client, tenant) -> dict[str, str]:
    """Tokens that almost are what they claim."""
    now = datetime.now(UTC)
    tokens = client.wiring.tokens
    boss = Principal(
        audience=Audience.STAFF, subject=new_id(), session_id=SessionId(new_id()), tenant_id=tenant.tenant_id,
        role=StaffRole.BRAND_HQ,
    )  # fmt: skip
    genuine, _ = tokens.issue(boss, now=now)
    expired, _ = tokens.issue(boss, now=now - timedelta(minutes=16))
    head, claims, signature = genuine.split(".")
    told = json.loads(base64.urlsafe_b64decode(claims + "=="))
    other_key = OctKey.import_key(b"x" * 32)
    role = encoded(told | {"role": "finance"})
    operator = encoded(
        {key: each for key, each in told.items() if key not in ("tid", "role")} | {"aud": "operator"}
    )
    return {
        "expired": expired,
        "no algorithm": f"{encoded({'alg': 'none', 'typ': 'JWT'})}.{claims}.",
        "no algorithm, old signature": f"{encoded({'alg': 'none', 'typ': 'JWT'})}.{claims}.{signature}",
        "another algorithm": f"{encoded({'alg': 'HS512', 'typ': 'JWT'})}.{claims}.{signature}",
        "another key": jwt.encode({"alg": "HS256"}, told, other_key),
        "role changed": f"{head}.{role}.{signature}",
        "made an operator": f"{head}.{operator}.{signature}",
        "tenant changed": f"{head}.{encoded(told | {'tid': str(new_id())})}.{signature}",
        "longer life": f"{head}.{encoded(told | {'exp': told['exp'] + 9999})}.{signature}",
        "signature cut": genuine[:-4],
        "signature gone": f"{head}.{claims}.",
        "one letter more": f"{head}.{claims}A.{signature}",
    }  # fmt: skip


async def test_no_broken_token_opens_any_door_that_needs_one(client, tenant):
    tokens = broken_tokens(client, tenant)
    needing = [each for each in operations(client.app) if MAY[each.name] != ALL]
    for label, token in tokens.items():
        caller = client.with_headers(authorization=f"Bearer {token}", x_tenant_id=str(tenant.tenant_id))
        for operation in needing:
            answer = await caller.request(operation.method, operation.path)
            expected = "TOKEN_EXPIRED" if label == "expired" else "LOGIN_REQUIRED"
            assert (answer.status_code, answer.json()["code"]) == (401, expected), (label, operation.name)


@pytest.mark.parametrize("name", ["shopper", "hq", "operator"])
async def test_a_genuine_token_for_another_part_opens_nothing_here(client, tenant, name):
    caller = callers(client, tenant)[name]
    for operation in operations(client.app):
        if name not in MAY[operation.name].split():
            answer = await caller.request(operation.method, operation.path)
            assert answer.status_code == 403, (operation.name, answer.text)
