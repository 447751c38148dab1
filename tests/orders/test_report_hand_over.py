"""A pickup is reported to the mini-program's platform: once, as one parcel, and never in the pickup's way."""

from datetime import UTC, datetime

import msgspec
import pytest

from orders.commands import RedeemPickup
from orders.errors import HandOverUnreported
from orders.pickup import Counter, redeem_pickup
from orders.ports import Refused, Reported, Unknown
from orders.report_hand_over import report_hand_over
from storefront.adapters.wechat_mini.platform import TradeOrder, TradeState
from storefront.channels import MiniPrograms
from storefront.vendor_ports import PlatformReports
from tenants.states import StaffRole
from tests.support.rows import value
from tests.support.shop import add_product, sell

CODE = "SELECT code FROM app.pickups WHERE tenant_id = :t AND order_id = :o"
TRANSACTION = "SELECT transaction_id FROM app.payments WHERE tenant_id = :t AND order_id = :o"


@pytest.fixture
def programs(settings, keys, control, http):
    at_simulator = msgspec.structs.replace(settings, wechat_api_url=control.url)
    return MiniPrograms(http, settings=at_simulator, keys=keys, redis=None, clock=lambda: datetime.now(UTC))


class Reports:
    """Answers in the platform's place."""

    def __init__(self, *answers):
        self.answers, self.heard = list(answers), []

    async def report(self, _tenant, hand_over):
        self.heard.append(hand_over)
        return self.answers.pop(0)


async def collected(trading, now, *lines):
    order = await trading.paid(*lines)
    counter = Counter(await trading.employ(StaffRole.GUIDE), trading.store.id)
    code = await value(trading.tenant, CODE, o=order.id)
    await redeem_pickup(trading.tenant, RedeemPickup(code=code), counter=counter, now=now)
    return order


async def test_the_platform_hears_of_a_pickup_and_of_a_repeat_nothing_new(trading, programs, now):
    order = await collected(trading, now)
    reports = PlatformReports(programs)
    assert await report_hand_over(trading.tenant, order.id, reports=reports) == Reported()
    program = await programs.of(trading.tenant)
    transaction = await value(trading.tenant, TRANSACTION, o=order.id)
    seen = await program.trade_order(transaction)
    assert seen == TradeOrder(transaction_id=transaction, state=TradeState.SHIPPED)
    assert await report_hand_over(trading.tenant, order.id, reports=reports) == Reported()


async def test_what_is_reported_is_one_parcel_of_all_lines(trading, now):
    order = await collected(trading, now, (trading.shirt.sku, 2), (trading.tea.sku, 1))
    reports = Reports(Reported())
    await report_hand_over(trading.tenant, order.id, reports=reports)
    (heard,) = reports.heard
    assert heard.description == "亚麻衬衫×2；冷泡茶×1"
    assert (heard.openid, heard.merchant_no, heard.at) == (trading.openid, trading.mchid, now)


@pytest.mark.parametrize("answer", [Unknown("no answer"), Refused("268485228", "shipping list")])
async def test_what_the_platform_did_not_take_is_told_again(trading, now, answer):
    order = await collected(trading, now)
    reports = Reports(answer, Reported())
    with pytest.raises(HandOverUnreported):
        await report_hand_over(trading.tenant, order.id, reports=reports)
    assert await report_hand_over(trading.tenant, order.id, reports=reports) == Reported()


async def test_orders_of_nothing_and_orders_not_collected_are_not_reported(trading, now):
    async with trading.tenant.writing() as db:
        gift = await sell(db, await add_product(db, "赠品"), price=0)
    order = await trading.place((gift.sku, 1), total=0)
    await trading.prepare(order.id)
    counter = Counter(await trading.employ(StaffRole.GUIDE), trading.store.id)
    code = await value(trading.tenant, CODE, o=order.id)
    await redeem_pickup(trading.tenant, RedeemPickup(code=code), counter=counter, now=now)
    reports = Reports()
    assert await report_hand_over(trading.tenant, order.id, reports=reports) is None
    assert await report_hand_over(trading.tenant, (await trading.paid()).id, reports=reports) is None


async def test_a_long_list_of_goods_fits_the_platforms_field(trading, now):
    async with trading.tenant.writing() as db:
        made = [
            await sell(db, await add_product(db, f"很长很长的商品名称第{turn}号"), price=19_900)
            for turn in range(12)
        ]
    order = await collected(trading, now, *((each.sku, 1) for each in made))
    reports = Reports(Reported())
    await report_hand_over(trading.tenant, order.id, reports=reports)
    assert len(reports.heard[0].description) == 120
