"""The chapters of the story: what a brand, a shopper and a store's people say to the API, and what must come back.

Played by `story.py` against a running storefront, and by a journey test. Every request and answer is said aloud.
"""

import asyncio
import tempfile
import time
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import msgspec
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from storefront.imports.kinds import KINDS
from storefront.imports.run import ImportRequest, import_file
from storefront.simulators.remote import SimulatorControl
from tenants.kernel.ids import random_code
from tenants.kernel.scope import TenantScope

PATIENCE_SECONDS = 30.0
OK, CREATED, CONFLICT, FORBIDDEN = 200, 201, 409, 403
Say = Callable[[str], None]


class StoryBroken(Exception):
    """An answer was not what it should be."""


class Login(msgspec.Struct, frozen=True):
    """A log-in name and its password."""

    login: str
    password: str


class Cast(msgspec.Struct, frozen=True, kw_only=True):
    """Who plays: a brand with a store, another store that carries other goods, a guide's code, and people who can log in."""

    code: str
    appid: str
    store_id: str
    elsewhere_id: str
    scene_code: str
    operator: Login
    counter: Login
    other_counter: Login
    finance: Login


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """What happened: for whoever checks the books afterwards."""

    new_brand: str
    order_id: str
    paid_fen: int
    refund_id: str
    refunded_fen: int
    guide_id: str | None


class Stage:
    """Sends requests, checks answers, and says both."""

    def __init__(self, http: httpx.AsyncClient, *, url: str, say: Say) -> None:
        """Play against the API at `url`."""
        self._http = http
        self._url = url.rstrip("/")
        self._say = say

    def chapter(self, title: str) -> None:
        """Begin a chapter."""
        self._say(f"\n{title}")

    async def ask(
        self,
        method: str,
        path: str,
        *,
        token: str | None = None,
        body: Any = None,
        expect: int = OK,
        code: str = "OK",
        headers: dict[str, str] | None = None,
    ) -> Any:
        """Send one request; returns the answer's data, or raises StoryBroken."""
        sent = dict(headers or {})
        if token is not None:
            sent["authorization"] = f"Bearer {token}"
        if body is not None:
            sent["content-type"] = "application/json"
        content = None if body is None else msgspec.json.encode(body)
        response = await self._http.request(method, self._url + path, content=content, headers=sent)
        frame = response.json()
        replayed = " (replayed)" if "idempotent-replayed" in response.headers else ""
        self._say(f"  {method} {path} -> {response.status_code} {frame['code']}{replayed}")
        if (response.status_code, frame["code"]) != (expect, code):
            raise StoryBroken(
                f"{method} {path} answered {response.status_code}, not {expect} {code}: {response.text}"
            )
        return frame["data"]

    def tell(self, line: str) -> None:
        """Say what an answer meant."""
        self._say(f"    {line}")


async def tell(cast: Cast, *, stage: Stage, control: SimulatorControl, tenant: TenantScope) -> Told:
    """Play the whole story; returns what there is to check in the books. Files come in past HTTP, into the brand's own `tenant`."""
    new_brand = await open_a_brand(cast, stage=stage, control=control)
    await bring_files(tenant, stage=stage)
    product = await look_around(cast, stage=stage)
    shopper, guide_id = await come_in(cast, stage=stage, control=control)
    order = await buy(cast, product, shopper=shopper, stage=stage)
    await pay(order["id"], shopper=shopper, stage=stage, control=control)
    await collect(cast, order["id"], shopper=shopper, stage=stage)
    await be_helped(cast, product, order, shopper=shopper, stage=stage)
    refund = await give_back(cast, order, shopper=shopper, stage=stage)
    await end_the_month(cast, stage=stage)
    return Told(
        new_brand=new_brand, order_id=order["id"], paid_fen=order["totalFen"], refund_id=refund["id"],
        refunded_fen=refund["amountFen"], guide_id=guide_id,
    )  # fmt: skip


async def open_a_brand(cast: Cast, *, stage: Stage, control: SimulatorControl) -> str:
    """The operator opens another brand; its keys go into envelopes and are never shown."""
    stage.chapter("1. The operator opens a brand")
    who = {"login": cast.operator.login, "password": cast.operator.password}
    token = (await stage.ask("POST", "/operator/v1/sessions", body=who, expect=CREATED))["accessToken"]
    command = await _new_brand(control)
    brand = await stage.ask("POST", "/operator/v1/tenants", token=token, body=command, expect=CREATED)
    await stage.ask(
        "POST", "/operator/v1/tenants", token=token, body=command, expect=CONFLICT, code="TENANT_CODE_TAKEN"
    )
    stage.tell(f"{brand['name']} ({brand['code']}) trades under appid {brand['appid']}")
    return str(brand["id"])


async def bring_files(tenant: TenantScope, *, stage: Stage) -> None:
    """The brand's file comes in as `storefront import` brings it; the same file again changes nothing."""
    stage.chapter("2. The brand's files come in")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "groups.csv"
        path.write_text(f"code,name\nstory-{random_code(8).lower()},故事里的门店组\n", encoding="utf-8")
        request = ImportRequest(kind=KINDS["store-groups"], path=path)
        for wanted in ((1, 0), (0, 1)):
            outcome = await import_file(tenant, request, now=datetime.now(UTC))
            stage.tell(f"{path.name}: {outcome.imported} imported, {outcome.unchanged} unchanged")
            if (outcome.imported, outcome.unchanged) != wanted:
                raise StoryBroken(f"the import gave {outcome}, not {wanted}")


async def look_around(cast: Cast, *, stage: Stage) -> dict[str, Any]:
    """Two stores, two faces: what one carries the other may not. Returns a unit to buy."""
    stage.chapter("3. One brand, different faces")
    here, there = (
        {"x-appid": cast.appid, "x-store-id": store} for store in (cast.store_id, cast.elsewhere_id)
    )
    home = await stage.ask("GET", "/shopper/v1/home", headers=here)
    stage.tell(f"home of the store: {', '.join(sorted(home))}")
    shelves = []
    for headers in (here, there):
        page = await stage.ask("GET", "/shopper/v1/listings?limit=100", headers=headers)
        shelves.append({item["spuId"]: item for item in page["items"]})
    both = [item for spu_id, item in shelves[0].items() if spu_id in shelves[1]]
    only_there = [item for spu_id, item in shelves[1].items() if spu_id not in shelves[0]]
    stage.tell(f"{len(shelves[0])} products here, {len(shelves[1])} there, {len(only_there)} only there")
    chosen = next(item for item in both if item["availability"] == "AVAILABLE")
    product = await stage.ask("GET", f"/shopper/v1/products/{chosen['spuId']}", headers=here)
    unit = next(each for each in product["variants"] if each["availability"] == "AVAILABLE")
    missing = None
    if only_there:
        foreign = await stage.ask("GET", f"/shopper/v1/products/{only_there[0]['spuId']}", headers=there)
        missing = foreign["variants"][0]["skuId"]
    stage.tell(f"chosen: {product['title']} at {unit['priceFen']} fen")
    return {"skuId": unit["skuId"], "priceFen": unit["priceFen"], "missing": missing}


async def come_in(cast: Cast, *, stage: Stage, control: SimulatorControl) -> tuple[str, str | None]:
    """A shopper scans a guide's code and logs in; returns the access token and the code's guide."""
    stage.chapter("4. A shopper scans a guide's code and logs in")
    guest = {"x-appid": cast.appid}
    link = await stage.ask("GET", f"/shopper/v1/scenes/{cast.scene_code}", headers=guest)
    stage.tell(f"the code leads to {link['target']}, guide {link['guideName']}")
    code = await control.login_code(appid=cast.appid)
    body = {"code": code, "appid": cast.appid, "scene": cast.scene_code}
    session = await stage.ask("POST", "/shopper/v1/sessions", body=body, expect=CREATED)
    await stage.ask("POST", "/shopper/v1/sessions", body=body, expect=422, code="LOGIN_CODE_REFUSED")
    return str(session["accessToken"]), link["guideId"]


async def buy(cast: Cast, product: dict[str, Any], *, shopper: str, stage: Stage) -> dict[str, Any]:
    """Quote, then place: once, however often the same request arrives."""
    stage.chapter("5. Quote and order")
    lines = [{"skuId": product["skuId"], "quantity": 2}]
    asked = [*lines, {"skuId": product["missing"], "quantity": 1}] if product["missing"] else lines
    quote = await stage.ask(
        "POST", "/shopper/v1/quotes", token=shopper, body={"storeId": cast.store_id, "lines": asked}
    )
    stage.tell(
        f"total {quote['totalFen']} fen, {len(quote['notRanged'])} not ranged here; {quote['pickupEtaText']}"
    )
    command = {"storeId": cast.store_id, "lines": lines, "totalFen": quote["totalFen"]}
    key = {"idempotency-key": str(uuid.uuid4())}
    placing: dict[str, Any] = {"token": shopper, "expect": CREATED, "headers": key}
    if product["missing"]:
        whole = {**command, "lines": asked}
        await refuse_order(whole, "NOT_RANGED_HERE", shopper=shopper, key=str(uuid.uuid4()), stage=stage)
    cheaper = {**command, "totalFen": quote["totalFen"] - 1}
    await refuse_order(
        cheaper, "TOTAL_AMOUNT_DIFFERENT", shopper=shopper, key=key["idempotency-key"], stage=stage
    )
    order = await stage.ask("POST", "/shopper/v1/orders", body=command, **placing)
    again = await stage.ask("POST", "/shopper/v1/orders", body=command, **placing)
    if again != order:
        raise StoryBroken("the same key gave another order")
    await refuse_order(
        cheaper, "IDEMPOTENCY_CONFLICT", shopper=shopper, key=key["idempotency-key"], stage=stage, expect=422
    )
    stage.tell(
        f"order {order['orderNo']}: attributed by {order['attributionRule']} to guide {order['guideId']}"
    )
    return dict(order)


async def refuse_order(
    command: dict[str, Any], code: str, *, shopper: str, key: str, stage: Stage, expect: int = CONFLICT
) -> None:
    """Ask for an order that must be refused."""
    headers = {"idempotency-key": key}
    await stage.ask(
        "POST", "/shopper/v1/orders", token=shopper, body=command, expect=expect, code=code, headers=headers
    )


async def pay(order_id: str, *, shopper: str, stage: Stage, control: SimulatorControl) -> None:
    """Prepare, pay at the simulator, and wait until its callback has been acted on."""
    stage.chapter("6. Pay")
    payment = await stage.ask("POST", f"/shopper/v1/orders/{order_id}/payment", token=shopper)
    stage.tell(f"wx.requestPayment takes {', '.join(payment['parameters'])}")
    same = await stage.ask("POST", f"/shopper/v1/orders/{order_id}/payment", token=shopper)
    if same != payment:
        raise StoryBroken("a repeated call prepared another payment")
    prepay_id = payment["parameters"]["package"].removeprefix("prepay_id=")
    await control.pay(prepay_id=prepay_id)
    order = await until(order_id, "paid", shopper=shopper, stage=stage)
    stage.tell(f"{order['statusText']}: {order['paidFen']} fen")


async def collect(cast: Cast, order_id: str, *, shopper: str, stage: Stage) -> None:
    """Show the code, hand over once, and never again."""
    stage.chapter("7. Pick up")
    order = await stage.ask("GET", f"/shopper/v1/orders/{order_id}", token=shopper)
    code = order["pickup"]["code"]
    counter, other = (
        await staff(cast, cast.counter, stage=stage),
        await staff(cast, cast.other_counter, stage=stage),
    )
    await stage.ask(
        "POST", "/staff/v1/pickups/redemptions", token=other, body={"code": code}, expect=FORBIDDEN,
        code="PICKUP_AT_OTHER_STORE",
    )  # fmt: skip
    shown = await stage.ask("GET", f"/staff/v1/pickups?code={code}", token=counter)
    goods = [f"{line['title']} x {line['quantity']}" for line in shown["lines"]]
    stage.tell(f"hand over: {', '.join(goods)}")
    redeeming: dict[str, Any] = {"token": counter, "body": {"code": code}}
    await stage.ask("POST", "/staff/v1/pickups/redemptions", expect=CREATED, **redeeming)
    await stage.ask(
        "POST", "/staff/v1/pickups/redemptions", expect=CONFLICT, code="ALREADY_COLLECTED", **redeeming
    )


async def be_helped(
    cast: Cast, product: dict[str, Any], order: dict[str, Any], *, shopper: str, stage: Stage
) -> None:
    """代客下单: the counter orders for the shopper, who then decides against it."""
    stage.chapter("   An assisted order, given up")
    counter = await staff(cast, cast.counter, stage=stage)
    command = {
        "shopperId": order["shopperId"],
        "lines": [{"skuId": product["skuId"], "quantity": 1}],
        "totalFen": product["priceFen"],
    }
    key = {"idempotency-key": str(uuid.uuid4())}
    helped = await stage.ask(
        "POST", "/staff/v1/orders", token=counter, body=command, expect=CREATED, headers=key
    )
    await stage.ask("POST", f"/shopper/v1/orders/{helped['id']}/payment", token=shopper)
    gone = await stage.ask("POST", f"/shopper/v1/orders/{helped['id']}/cancel", token=shopper)
    stage.tell(f"order {gone['orderNo']}: {gone['statusText']}, its units are free again")


async def give_back(cast: Cast, order: dict[str, Any], *, shopper: str, stage: Stage) -> dict[str, Any]:
    """Finance refunds one of the two units; the other cannot be refunded twice."""
    stage.chapter("8. A partial refund")
    finance = await staff(cast, cast.finance, stage=stage)
    path = f"/staff/v1/orders/{order['id']}/refunds"
    one = {"lines": [{"lineNo": 1, "quantity": 1}], "reason": "尺码不合适"}
    two = {"lines": [{"lineNo": 1, "quantity": 2}], "reason": "尺码不合适"}
    key = {"idempotency-key": str(uuid.uuid4())}
    refund = await stage.ask("POST", path, token=finance, body=one, expect=CREATED, headers=key)
    other = {"idempotency-key": str(uuid.uuid4())}
    await stage.ask(
        "POST", path, token=finance, body=two, expect=CONFLICT, code="REFUND_EXCEEDS_PAID", headers=other
    )
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        seen = await stage.ask("GET", f"/shopper/v1/orders/{order['id']}", token=shopper)
        if seen["refunds"][0]["state"] == "done":
            stage.tell(
                f"{refund['amountFen']} fen went back; kept: {seen['paidFen'] - seen['refundedFen']} fen"
            )
            return dict(refund)
        await asyncio.sleep(0.5)
    raise StoryBroken("the refund did not arrive in time")


async def end_the_month(cast: Cast, *, stage: Stage) -> None:
    """Finance closes last month; closing it again answers with the same statements, and the three totals agree."""
    stage.chapter("9. The month's end")
    finance = await staff(cast, cast.finance, stage=stage)
    last = datetime.now(ZoneInfo("Asia/Shanghai")).replace(day=1) - timedelta(days=1)
    body = {"month": f"{last:%Y-%m}", "through": True}
    closed = await stage.ask("POST", "/brand/v1/settlement/closings", token=finance, body=body)
    again = await stage.ask("POST", "/brand/v1/settlement/closings", token=finance, body=body)
    listed = await stage.ask("GET", f"/brand/v1/settlement/statements?month={last:%Y-%m}", token=finance)
    for statement in listed["statements"]:
        party = statement["party"]
        stage.tell(
            f"{party['kind']} {party['name']}: {statement['closingFen']} fen owed, {statement['lines']} lines"
        )
    totals = closed["totals"]
    stage.tell(
        f"kept: orders {totals['ordersFen']}, ledger {totals['ledgerFen']}, statements {totals['statementsFen']} fen"
    )
    kept = {totals[name] for name in ("ordersFen", "ledgerFen", "statementsFen")}
    carried_on = totals["carriedFen"] == totals["openingsFen"]
    if len(kept) != 1 or not carried_on or again["statements"] != closed["statements"]:
        raise StoryBroken(f"the month's figures differ: {totals}")


async def staff(cast: Cast, who: Login, *, stage: Stage) -> str:
    """Log a staff member in; returns the access token."""
    body = {"tenantCode": cast.code, "login": who.login, "password": who.password}
    return str((await stage.ask("POST", "/staff/v1/sessions", body=body, expect=CREATED))["accessToken"])


async def until(order_id: str, state: str, *, shopper: str, stage: Stage) -> dict[str, Any]:
    """Wait for the worker to bring the order to a state."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        order = await stage.ask("GET", f"/shopper/v1/orders/{order_id}", token=shopper)
        if order["state"] == state:
            return dict(order)
        await asyncio.sleep(0.3)
    raise StoryBroken(f"the order did not become {state} in time: does the worker run?")


async def _new_brand(control: SimulatorControl) -> dict[str, Any]:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
    public = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    name, secret, api_key = random_code(8).lower(), random_code(32), random_code(32)
    appid, mchid, serial = (
        f"wx{random_code(16).lower()}",
        str(10**9 + uuid.uuid4().int % 10**9),
        "4A5B6C7D8E9F",
    )
    await control.register_app(appid=appid, secret=secret)
    known = await control.register_merchant(
        mchid=mchid, appid=appid, public_key=public.decode(), certificate_serial=serial, api_v3_key=api_key
    )
    merchant = {
        "merchantNo": mchid, "legalName": "故事（演示）有限公司", "certificateSerial": serial, "privateKey": private,
        "apiV3Key": api_key, "wechatPublicKeys": {known.public_key_id: known.public_key},
    }  # fmt: skip
    return {
        "code": f"story-{name}", "name": "故事里的品牌", "appid": appid, "appSecret": secret, "merchant": merchant,
    }  # fmt: skip
