"""Coupons: the channel's account counts the shoppers' own money, and what WeChat rounds by itself goes to the coupons' account."""

from orders.give_back import ask_refund
from settlement.posting.fees import fee_on
from settlement.posting.pending import post_pending
from tests.support.rows import rows
from tests.support.trading import PRICE

BALANCES = "SELECT kind, sum(balance_fen) AS fen FROM app.ledger_accounts WHERE tenant_id = :t GROUP BY kind"
COUPON = 5_000
FEE_BPS = 60


async def balances(shop):
    await post_pending(shop.tenant, now=shop.now)
    return {row.kind: int(row.fen) for row in await rows(shop.tenant, BALANCES)}


async def paid_with_coupon(shop, **contributed):
    order = await shop.trading.place(now=shop.now)
    payment = await shop.trading.prepare(order.id)
    coupon = {"couponId": "C1", "name": "满减", "amount": COUPON, "type": "CASH", **contributed}
    await shop.control.pay(
        payment_no=payment.payment_no, mchid=shop.trading.mchid, wait=False, coupons=[coupon]
    )
    await shop.trading.sync(order.id)
    await shop.collect(order.id)
    return order


async def test_what_coupons_paid_and_got_back_stands_on_their_account(shop):
    shop.now = await shop.control.advance(0)
    order = await paid_with_coupon(shop)
    fee = fee_on(PRICE, FEE_BPS)
    assert await balances(shop) == {
        "channel": COUPON - PRICE + fee,
        "coupon": -COUPON,
        "fee": -fee,
        "payable": PRICE,
    }
    refund = await shop.refund(order.id, 9_999)
    back = 9_999 * (PRICE - COUPON) / PRICE
    cash = int(back + 0.5)
    seen = await balances(shop)
    assert seen["coupon"] == -COUPON + 9_999 - cash
    assert seen["fee"] == -fee_on(PRICE - 9_999, FEE_BPS)
    assert seen["channel"] == COUPON - PRICE + cash - seen["fee"]
    assert sum(seen.values()) == 0
    assert await shop.books_hold() == []
    assert await ask_refund(shop.tenant, refund.id, asked=0, channels=shop.channels, now=shop.now) == "done"


async def test_a_full_refund_of_a_coupon_order_leaves_nothing_anywhere(shop):
    shop.now = await shop.control.advance(0)
    order = await paid_with_coupon(shop)
    await shop.refund(order.id, 7_777)
    await shop.refund(order.id, PRICE - 7_777)
    assert set((await balances(shop)).values()) == {0}
    assert await shop.books_hold() == []


async def test_without_coupons_there_is_no_coupon_account(shop):
    order = await shop.collected()
    await shop.refund(order.id, 1_000)
    assert "coupon" not in await balances(shop)


BY_NAME = "SELECT name, sum(balance_fen) AS fen FROM app.ledger_accounts WHERE tenant_id = :t AND kind = 'coupon' GROUP BY name"


async def contributors(shop):
    await post_pending(shop.tenant, now=shop.now)
    return {row.name: int(row.fen) for row in await rows(shop.tenant, BY_NAME)}


async def test_who_paid_for_coupons_bears_them_and_gets_back_its_part_of_refunds(shop):
    shop.now = await shop.control.advance(0)
    order = await paid_with_coupon(shop, wechatpayContribute=3_001, merchantContribute=1_500)
    # Of 50.00 nothing is said of 4.99.
    assert await contributors(shop) == {"coupon:wechatpay": -3_001, "coupon:merchant": -1_500, "coupon": -499}
    await shop.refund(order.id, 9_999)
    cash = int(9_999 * (PRICE - COUPON) / PRICE + 0.5)
    kept = COUPON - (9_999 - cash)
    merchant, unsaid = kept * 1_500 // COUPON, kept * 499 // COUPON
    assert await contributors(shop) == {
        "coupon:wechatpay": -(kept - merchant - unsaid), "coupon:merchant": -merchant, "coupon": -unsaid,
    }  # fmt: skip
    await shop.refund(order.id, PRICE - 9_999)
    assert set((await contributors(shop)).values()) == {0}
    assert await shop.books_hold() == []


async def test_contributions_that_exceed_the_coupons_are_believed_of_nobody(shop):
    shop.now = await shop.control.advance(0)
    await paid_with_coupon(shop, wechatpayContribute=COUPON + 1)
    assert await contributors(shop) == {"coupon": -COUPON}


async def test_a_coupon_that_never_reaches_the_merchant_is_the_merchants_where_nobody_is_named(shop):
    shop.now = await shop.control.advance(0)
    await paid_with_coupon(shop, type="NOCASH", otherContribute=1_000)
    assert await contributors(shop) == {"coupon:merchant": 1_000 - COUPON, "coupon:other": -1_000}
    assert await shop.books_hold() == []
