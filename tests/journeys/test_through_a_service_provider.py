"""The story of a payment that a service provider takes for a merchant: ordered, paid, split, unfrozen, refunded, given back.

Over HTTP, with real callbacks and the worker, for an ordinary sub-merchant and for a store of a chain, whose brand receives by default.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import text

from settlement.splitting.states import SplitStatus
from settlement.verify import verify_books
from storefront.simulators.faults import FaultKind
from storefront.simulators.remote import SimulatorControl
from tenants.commands import PartnerAccount, SpeakThrough
from tenants.credentials import merchant_secrets
from tenants.merchant_keys import speak_through, trust_keys
from tenants.queries import merchants
from tenants.states import StaffRole
from tests.storefront.adapters.parties import fresh_mchid
from tests.storefront.simulators.till import merchant_key
from tests.support.http import Client, answered
from tests.support.open_shop import OpenShop
from tests.support.rows import rows, value
from tests.support.split_shop import MALL_NAME, add_mall_contract, open_receiver
from tests.support.trading import PRICE, Trading, open_trading

__all__ = ["merchant_key"]

DAYS_PASS = "UPDATE app.outbox SET due_at = now() WHERE tenant_id = :t AND done_at IS NULL"
PARKED = "SELECT kind, last_error FROM app.outbox WHERE tenant_id = :t AND (parked_at IS NOT NULL OR last_error IS NOT NULL)"
SPLITS_DUE = "UPDATE app.splits SET due_at = now() WHERE tenant_id = :t AND due_at > now()"
CODE = "SELECT code FROM app.pickups WHERE tenant_id = :t AND order_id = :o"
DAY = 86_400
PART = PRICE * 2_000 // 10_000


@dataclass
class Chain:
    """A brand behind a service provider, and whom its payments are split to."""

    opened: OpenShop
    trading: Trading
    control: SimulatorControl
    client: Client
    provider: str
    brand: str | None
    account: str

    @property
    def finance(self) -> Client:
        return self.client.as_staff(self.trading.tenant, StaffRole.FINANCE)

    async def wait(self, seconds: float) -> None:
        """Business time passes at the simulator, and what we wait for falls due."""
        await self.control.advance(seconds)
        for _ in range(3):
            async with self.trading.tenant.writing() as db:
                await db.execute(text(DAYS_PASS), {"t": db.tenant_id})
                await db.execute(text(SPLITS_DUE), {"t": db.tenant_id})
            await self.opened.work(self.trading.tenant)

    async def paid(self) -> str:
        """An order placed, paid and heard of, over HTTP."""
        shopper = self.client.as_shopper(self.trading.tenant, self.trading.shopper_id)
        keyed = shopper.with_headers(idempotency_key=f"o-{fresh_mchid()}", x_store_id=self.trading.store.id)
        wanted = {
            "storeId": self.trading.store.id, "totalFen": PRICE,
            "lines": [{"skuId": self.trading.shirt.sku, "quantity": 1}],
        }  # fmt: skip
        order_id = answered(await keyed.post("/shopper/v1/orders", json=wanted))["id"]
        payment = answered(await shopper.post(f"/shopper/v1/orders/{order_id}/payment"))
        found = await self.control.pay(payment_no=payment["paymentNo"], mchid=self.trading.mchid)
        assert [each["status"] for each in found["callback"]["attempts"]] == [204]
        await self.opened.work(self.trading.tenant)
        return order_id

    async def collected(self) -> str:
        """The same, handed over at the counter."""
        order_id = await self.paid()
        staff_id = await self.trading.employ(StaffRole.GUIDE)
        counter = self.client.as_staff(
            self.trading.tenant, StaffRole.GUIDE, staff_id=staff_id, store_id=self.trading.store.id
        )
        code = await value(self.trading.tenant, CODE, o=order_id)
        answered(await counter.post("/staff/v1/pickups/redemptions", json={"code": code}))
        await self.opened.work(self.trading.tenant)
        return order_id

    async def refund(self, order_id: str, fen: int) -> None:
        back = {"lines": [{"lineNo": 1, "amountFen": fen}], "reason": "不合身"}
        once = self.finance.with_headers(idempotency_key=f"r-{fresh_mchid()}")
        answered(await once.post(f"/staff/v1/orders/{order_id}/refunds", json=back), 201)
        await self.wait(120)

    async def split_of(self, order_id: str) -> dict[str, Any]:
        (found,) = answered(await self.finance.get(f"/brand/v1/orders/{order_id}/splits"))["splits"]
        return found

    async def available(self) -> int:
        books = await self.control.books()
        return next(each["availableFen"] for each in books["merchants"] if each["mchid"] == self.account)

    async def all_is_well(self) -> None:
        assert await rows(self.trading.tenant, PARKED) == []
        async with self.trading.tenant.reading() as db:
            assert (await verify_books(db)).sound
        assert (await self.control.look("conservation"))["balanced"]


@pytest.fixture(params=["partner", "chain"])
async def chain(request, opened, control, database, keys, merchant_key) -> Chain:
    channels = opened.wiring.channels
    trading = await open_trading(database, keys=keys, control=control, channels=channels, pair=merchant_key)
    mall_party = await add_mall_contract(trading)
    provider = fresh_mchid()
    brand = fresh_mchid() if request.param == "chain" else None
    await go_through(provider, brand, trading=trading, control=control, keys=keys, public_key=merchant_key[1])
    # In the chain the party is paid under the brand's own number, which nobody has to add.
    account = brand or await open_receiver(control, name=MALL_NAME)
    found = Chain(opened, trading, control, Client(opened.app), provider, brand, account)
    asked = {"partyId": mall_party, "account": account, "legalName": MALL_NAME}
    told = answered(await found.finance.post("/brand/v1/settlement/receivers", json=asked), 201)
    assert told["state"] == "added"
    return found


async def go_through(provider, brand, *, trading, control, keys, public_key) -> None:
    """From now on the provider speaks for the brand's merchant, with the keys that are kept for it."""
    async with trading.tenant.reading() as db:
        (merchant,) = await merchants(db)
        secrets = await merchant_secrets(db, merchant.id, keys=keys)
    known = await control.register_merchant(
        mchid=provider, appid=f"wx{provider}", public_key=public_key, refund_seconds=0,
        certificate_serial=secrets.certificate_serial, api_v3_key=secrets.api_v3_key,
    )  # fmt: skip
    if brand is not None:
        await control.command(
            "merchants",
            mchid=brand,
            legal_name=MALL_NAME,
            provider=provider,
            brand=brand,
            accepts_returns=True,
        )
    await control.command(
        "merchants", mchid=trading.mchid, appid=trading.appid, provider=provider, brand=brand,
        legal_name="门店收款有限公司", refund_seconds=0,
    )  # fmt: skip
    partner = PartnerAccount(
        merchant_no=provider, appid=f"wx{provider}", sub_appid=trading.appid, brand_merchant_no=brand
    )
    now = datetime.now(UTC)
    async with trading.tenant.writing() as db:
        await speak_through(db, SpeakThrough(partner=partner), keys=keys, now=now, actor="system:test")
        added = {known.public_key_id: known.public_key}
        await trust_keys(db, merchant.id, added=added, keys=keys, now=now, actor="system:test")


async def test_from_order_to_split_unfreeze_refund_and_return(chain):
    order_id = await chain.collected()
    payment = (await chain.control.books())["payments"][-1]
    assert (payment["mchid"], payment["subMchid"]) == (chain.provider, chain.trading.mchid)
    assert (await chain.split_of(order_id))["state"] == SplitStatus.SCHEDULED

    await chain.wait(8 * DAY)
    await chain.wait(5)
    ended = await chain.split_of(order_id)
    assert (ended["state"], [part["amountFen"] for part in ended["parts"]]) == (SplitStatus.ENDED, [PART])
    assert [each["state"] for each in ended["unfreezes"]] == ["done"]
    assert await chain.available() == PART
    at_channel = [each for each in (await chain.control.books())["splits"] if not each["unfreezes"]]
    assert [each["brand"] for each in at_channel] == [chain.brand is not None]

    await chain.control.command("deposits", mchid=chain.trading.mchid, amount_fen=PRICE)
    await chain.refund(order_id, PRICE // 2)
    after = await chain.split_of(order_id)
    assert [each["state"] for each in after["returns"]] == ["done"]
    assert await chain.available() == (PRICE - PRICE // 2) * 2_000 // 10_000
    await chain.refund(order_id, PRICE - PRICE // 2)
    assert await chain.available() == 0
    await chain.all_is_well()


async def test_a_refund_before_the_split_leaves_the_receiver_its_part_of_what_is_kept(chain):
    order_id = await chain.collected()
    await chain.refund(order_id, 9_999)
    await chain.wait(8 * DAY)
    await chain.wait(5)
    ended = await chain.split_of(order_id)
    assert ended["state"] == SplitStatus.ENDED
    assert await chain.available() == (PRICE - 9_999) * 2_000 // 10_000
    await chain.all_is_well()


async def test_lost_answers_split_finish_and_return_once(chain):
    """P7 through the other product's paths: the work is done, the answer is not heard, the same number is asked again."""
    order_id = await chain.collected()
    base = "*/brand/profitsharing" if chain.brand else "*/v3/profitsharing"
    finish = "/finish-order" if chain.brand else "/orders/unfreeze"
    returns = "/returnorders" if chain.brand else "/return-orders"
    await chain.control.plan_fault(FaultKind.ERROR_AFTER, path=f"{base}/orders", times=3)
    await chain.control.plan_fault(FaultKind.CORRUPT, path=base + finish, times=3)
    await chain.wait(8 * DAY)
    await chain.wait(5)
    ended = await chain.split_of(order_id)
    assert (ended["state"], len(ended["unfreezes"])) == (SplitStatus.ENDED, 1)
    assert await chain.available() == PART
    await chain.control.command("deposits", mchid=chain.trading.mchid, amount_fen=PRICE)
    await chain.control.plan_fault(FaultKind.ERROR_AFTER, path=base + returns, times=3)
    await chain.refund(order_id, PRICE)
    await chain.wait(120)
    assert await chain.available() == 0
    books = await chain.control.books()
    assert (len(books["returns"]), books["payments"][-1]["refundedFen"]) == (1, PRICE)
    assert (await chain.control.look("conservation"))["balanced"]


async def test_on_the_last_day_of_the_freeze_everything_has_unfrozen(chain):
    """The trap of day 31, and of day 181 in a chain."""
    order_id = await chain.collected()
    async with chain.trading.tenant.writing() as db:
        settle = "UPDATE app.tenants SET settings = settings || CAST(:more AS jsonb) WHERE tenant_id = :t"
        await db.execute(text(settle), {"t": db.tenant_id, "more": FREEZES[chain.brand is not None]})
    await chain.control.advance((181 if chain.brand else 31) * DAY)
    await chain.wait(5)
    assert (await chain.split_of(order_id))["state"] == SplitStatus.LAPSED
    assert await chain.available() == 0
    await chain.all_is_well()


FREEZES = {False: '{"splitting": {}}', True: '{"splitting": {"freezeDays": 180}}'}
