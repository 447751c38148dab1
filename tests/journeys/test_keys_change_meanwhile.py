"""The story of WeChat changing its keys in the middle of the day: no payment fails, no callback is lost, nobody has to be called.

A platform certificate is learnt by ourselves the moment WeChat signs with it. A public key is handed over by people, and both are taken
in between. The control does not learn, as so many do not, and stops hearing of payments.
"""

from datetime import UTC, datetime

import pytest

from orders.errors import PaymentPending
from storefront.channels import WechatPayChannels
from tenants.credentials import merchant_secrets
from tenants.merchant_keys import trust_keys
from tenants.queries import merchants
from tests.storefront.simulators.till import merchant_key
from tests.support.http import Client, answered
from tests.support.rows import value
from tests.support.trading import open_trading

__all__ = ["merchant_key"]

STATE = "SELECT state FROM app.orders WHERE tenant_id = :t AND id = :o"


class Day:
    """A brand that takes payments over HTTP while something changes."""

    def __init__(self, opened, trading, keys, control, *, public_key) -> None:
        self.opened, self.trading, self.keys, self.control = opened, trading, keys, control
        self.public_key = public_key

    async def pay_one(self) -> tuple[str, list[int]]:
        """Place, prepare, pay: the order's state after the worker's turn, and what the callback was answered."""
        order = await self.trading.place()
        shopper = Client(self.opened.app).as_shopper(self.trading.tenant, self.trading.shopper_id)
        payment = answered(await shopper.post(f"/shopper/v1/orders/{order.id}/payment"))
        paid = await self.control.pay(payment_no=payment["paymentNo"], mchid=self.trading.mchid)
        await self.opened.work(self.trading.tenant)
        statuses = [each["status"] for each in paid["callback"]["attempts"]]
        return await value(self.trading.tenant, STATE, o=order.id), statuses

    async def trust(self, added, *, alone=False) -> None:
        async with self.trading.tenant.writing() as db:
            (merchant,) = await merchants(db)
            known = (await merchant_secrets(db, merchant.id, keys=self.keys)).wechat_public_keys
            await trust_keys(
                db, merchant.id, added=added, dropped=list(known) if alone else [], keys=self.keys,
                now=datetime.now(UTC), actor="system:test",
            )  # fmt: skip


@pytest.fixture
async def day(opened, control, database, keys, merchant_key):
    trading = await open_trading(
        database, keys=keys, control=control, channels=opened.wiring.channels, pair=merchant_key
    )
    return Day(opened, trading, keys, control, public_key=merchant_key[1])


async def on_certificates_alone(day) -> None:
    """An older merchant, that verifies WeChat by platform certificates only."""
    first = await day.control.command("certificates/rotate")
    async with day.trading.tenant.reading() as db:
        (merchant,) = await merchants(db)
        secrets = await merchant_secrets(db, merchant.id, keys=day.keys)
    await day.control.register_merchant(
        mchid=day.trading.mchid, appid=day.trading.appid, public_key=day.public_key,
        certificate_serial=secrets.certificate_serial, api_v3_key=secrets.api_v3_key, certificates_alone=True,
    )  # fmt: skip
    await day.trust({first["certificateSerial"]: first["certificate"]}, alone=True)


async def test_a_new_platform_certificate_is_learnt_when_it_signs(day):
    await on_certificates_alone(day)
    assert await day.pay_one() == ("paid", [204])
    fresh = await day.control.command("certificates/rotate")
    assert await day.pay_one() == ("paid", [204])
    async with day.trading.tenant.reading() as db:
        (merchant,) = await merchants(db)
        trusted = (await merchant_secrets(db, merchant.id, keys=day.keys)).wechat_public_keys
    assert fresh["certificateSerial"] in trusted


async def test_a_callback_alone_teaches_a_new_platform_certificate(day):
    await on_certificates_alone(day)
    order = await day.trading.place()
    payment = await day.trading.prepare(order.id)
    await day.control.command("certificates/rotate")
    paid = await day.control.pay(payment_no=payment.payment_no, mchid=day.trading.mchid)
    assert [each["status"] for each in paid["callback"]["attempts"]] == [204]


async def test_control_who_does_not_learn_cannot_believe_an_answer(day, settings):
    await on_certificates_alone(day)
    await day.control.command("certificates/rotate")
    wiring = day.opened.wiring
    deaf = WechatPayChannels(
        wiring.http, settings=wiring.settings, keys=day.keys, clock=wiring.clock, learns=False
    )
    order = await day.trading.place()
    with pytest.raises(PaymentPending):
        await day.trading.prepare(order.id, channels=deaf)


async def test_a_new_public_key_takes_over_while_both_are_trusted(day):
    fresh = await day.control.command(
        "public-keys/rotate", mchid=day.trading.mchid, signs_after_seconds=30, overlap_seconds=600
    )
    assert await day.pay_one() == ("paid", [204])
    await day.trust({fresh["publicKeyId"]: fresh["publicKey"]})
    assert await day.pay_one() == ("paid", [204])
    await day.control.advance(31)
    assert await day.pay_one() == ("paid", [204])
    await day.control.advance(600)
    assert await day.pay_one() == ("paid", [204])
