"""What shoppers and finance do while processes are killed: place, pay, wait, refund, repeating each request with its key until it is answered.

Every answer is written down: what was acknowledged must be true afterwards. An error is not an answer: nobody knows what it means.
"""

import asyncio
import random
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import httpx
import msgspec

from storefront.demo.report import DemoBrandReport, DemoReport
from storefront.simulators.remote import SimulatorControl
from storefront.tokens import AccessTokens, Principal
from tenants.kernel.ids import random_code

PATIENCE_SECONDS = 60.0
UNCERTAIN = frozenset({429, 502, 503})
IN_FLIGHT = "IDEMPOTENCY_IN_FLIGHT"
STOCK = 6
REFUND_ONE_IN = 3
SERVER_ERROR = 500


class NotAnswered(RuntimeError):
    """A request was not answered within the time that recovery may take."""


@dataclass
class Acknowledged:
    """What was answered with success."""

    placed: list[UUID] = field(default_factory=list)
    paid: list[UUID] = field(default_factory=list)
    refunds: list[UUID] = field(default_factory=list)
    sold_out: int = 0
    repeats: int = 0
    """Requests that had to be sent again."""
    faults: list[str] = field(default_factory=list)
    """Answers that nobody may get: 500s, other refusals."""
    longest_wait: float = 0.0


@dataclass
class Traffic:
    """The people and the goods of one brand."""

    http: httpx.AsyncClient
    url: str
    control: SimulatorControl
    tokens: AccessTokens
    brand: DemoBrandReport
    store_id: str
    shoppers: list[Principal]
    finance: Principal
    goods: list[tuple[str, int]]
    """SKU and price: one for each trial."""
    seen: Acknowledged = field(default_factory=Acknowledged)

    async def trial(self, number: int, *, chance: random.Random) -> None:
        """Everybody wants the same article, of which there are too few."""
        sku_id, price = self.goods[number]
        buyers = (
            self._buy(shopper, sku_id, price=price, quantity=chance.randint(1, 2), chance=chance)
            for shopper in self.shoppers
        )
        await asyncio.gather(*buyers)

    async def _buy(
        self, shopper: Principal, sku_id: str, *, price: int, quantity: int, chance: random.Random
    ) -> None:
        await asyncio.sleep(chance.uniform(0, 0.3))
        cart = {
            "storeId": self.store_id, "totalFen": price * quantity,
            "lines": [{"skuId": sku_id, "quantity": quantity}],
        }  # fmt: skip
        status, placed = await self.insist(shopper, "POST", "/shopper/v1/orders", body=cart)
        if placed["code"] == "SOLD_OUT":
            self.seen.sold_out += 1
            return
        if status not in (200, 201):
            self.seen.faults.append(f"placing answered {status} {placed}")
            return
        order_id = placed["data"]["id"]
        self.seen.placed.append(UUID(order_id))
        if await self._pay(shopper, order_id):
            self.seen.paid.append(UUID(order_id))
            if chance.randrange(REFUND_ONE_IN) == 0:
                await self._refund(order_id, price=price, chance=chance)

    async def _pay(self, shopper: Principal, order_id: str) -> bool:
        path = f"/shopper/v1/orders/{order_id}/payment"
        status, prepared = await self.insist(shopper, "POST", path)
        if status != httpx.codes.OK:
            self.seen.faults.append(f"preparing answered {status} {prepared}")
            return False
        package = str(prepared["data"]["parameters"]["package"]).removeprefix("prepay_id=")
        await self.control.pay(prepay_id=package, mchid=self.brand.merchant_no, wait=False)
        deadline = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < deadline:
            status, payment = await self.insist(shopper, "GET", f"{path}?sync=1")
            if status == httpx.codes.OK and payment["data"]["state"] == "paid":
                return True
            await asyncio.sleep(0.1)
        self.seen.faults.append(f"order {order_id} was paid and does not know it")
        return False

    async def _refund(self, order_id: str, *, price: int, chance: random.Random) -> None:
        some = {"amountFen": chance.randint(1, price)} if chance.random() < 0.5 else {"quantity": 1}  # noqa: PLR2004
        body = {"lines": [{"lineNo": 1, **some}], "reason": "trial"}
        status, asked = await self.insist(
            self.finance, "POST", f"/staff/v1/orders/{order_id}/refunds", body=body
        )
        if status in (200, 201):
            self.seen.refunds.append(UUID(asked["data"]["id"]))
        else:
            self.seen.faults.append(f"refunding answered {status} {asked}")

    async def insist(
        self, who: Principal, method: str, path: str, *, body: object = None
    ) -> tuple[int, dict[str, Any]]:
        """Send a request, with one key, until it is answered; raises NotAnswered."""
        token, _ = self.tokens.issue(who, now=datetime.now(UTC))
        headers = {
            "authorization": f"Bearer {token}", "idempotency-key": str(uuid4()), "content-type": "application/json",
        }  # fmt: skip
        began = time.monotonic()
        content = None if body is None else msgspec.json.encode(body)
        while time.monotonic() - began < PATIENCE_SECONDS:
            try:
                answer = await self.http.request(method, self.url + path, content=content, headers=headers)
            except httpx.TransportError:
                answer = None
            if answer is not None and not _uncertain(answer):
                self.seen.longest_wait = max(self.seen.longest_wait, time.monotonic() - began)
                if answer.status_code >= SERVER_ERROR:
                    self.seen.faults.append(f"{method} {path} answered {answer.text}")
                return answer.status_code, answer.json()
            self.seen.repeats += 1
            await asyncio.sleep(0.05)
        raise NotAnswered(f"{method} {path}")


def _uncertain(answer: httpx.Response) -> bool:
    return answer.status_code in UNCERTAIN or answer.json()["code"] in (IN_FLIGHT, "PAYMENT_PENDING")


async def prepare_traffic(
    http: httpx.AsyncClient, url: str, *, control: SimulatorControl, tokens: AccessTokens, report: DemoReport,
    shoppers: int, trials: int,
) -> Traffic:  # fmt: skip
    """Log everybody in and put a few units of one article a trial on the shelf of the store in the mall."""
    brand = report.brands[0]
    log_ins = {each.role: each for each in reversed(report.logins) if each.tenant_code == brand.code}

    async def staff(role: str) -> Principal:
        body = {"tenantCode": brand.code, "login": log_ins[role].login, "password": log_ins[role].password}
        return await _session(http, f"{url}/staff/v1/sessions", body=body, tokens=tokens)

    async def shopper() -> Principal:
        code = await control.login_code(appid=brand.appid, openid=f"o{random_code(24)}")
        body = {"code": code, "appid": brand.appid}
        return await _session(http, f"{url}/shopper/v1/sessions", body=body, tokens=tokens)

    store_id = brand.stores["SH02"]
    traffic = Traffic(
        http, url, control=control, tokens=tokens, brand=brand, store_id=store_id,
        shoppers=[await shopper() for _ in range(shoppers)], finance=await staff("finance"), goods=[],
    )  # fmt: skip
    await _fill_shelf(traffic, await staff("brand_hq"), trials=trials)
    return traffic


async def _session(http: httpx.AsyncClient, url: str, *, body: object, tokens: AccessTokens) -> Principal:
    answer = await http.post(
        url, content=msgspec.json.encode(body), headers={"content-type": "application/json"}
    )
    return tokens.read(answer.json()["data"]["accessToken"], now=datetime.now(UTC))


async def _fill_shelf(traffic: Traffic, boss: Principal, *, trials: int) -> None:
    """New articles, one for each trial: what an earlier trial still moves does not disturb the count of a later one."""
    cursor: str | None = ""
    while cursor is not None and len(traffic.goods) < trials:
        listed = await _as_guest(
            traffic, f"/shopper/v1/listings?limit=50{f'&cursor={cursor}' if cursor else ''}"
        )
        for item in listed["items"]:
            product = await _as_guest(traffic, f"/shopper/v1/products/{item['spuId']}")
            traffic.goods += [
                (each["skuId"], each["priceFen"]) for each in product["variants"] if each["priceFen"]
            ]
        cursor = listed["nextCursor"]
    counts = [{"skuId": sku_id, "onHand": STOCK} for sku_id, _ in traffic.goods]
    body = {"level": "store", "levelId": traffic.store_id, "counts": counts}
    await traffic.insist(boss, "PUT", "/brand/v1/stock", body=body)


async def _as_guest(traffic: Traffic, path: str) -> Any:
    headers = {"x-appid": traffic.brand.appid, "x-store-id": traffic.store_id}
    answer = await traffic.http.get(traffic.url + path, headers=headers)
    return answer.json()["data"]
