"""Things that happen to one order at the same moment end in one of the states that make sense, with nothing lost."""

import asyncio
from datetime import UTC, datetime

import pytest

from orders.commands import RedeemPickup, RefundedLine, RequestRefund
from orders.errors import PickupVoid, RefundExceedsPaid
from orders.pay import give_up_order
from orders.pickup import Counter, redeem_pickup
from orders.refund import request_refund
from tenants.kernel.errors import Refusal
from tenants.states import StaffRole
from tests.support.rows import events, rows, value

ORDER = "SELECT state, paid_fen, refunded_fen FROM app.orders WHERE tenant_id = :t AND id = :o"
STOCK = "SELECT on_hand, reserved FROM app.stock WHERE tenant_id = :t AND sku_id = :s"


async def calmly(work):
    """The refusal that a loser of a race gets is part of the race."""
    try:
        return await work
    except Refusal as refusal:
        return refusal


@pytest.mark.parametrize("attempt", range(5))
async def test_payment_and_the_end_of_its_time_leave_a_paid_or_an_untouched_order(trading, attempt):
    order = await trading.place()
    payment = await trading.prepare(order.id)
    now = datetime.now(UTC)
    await asyncio.gather(
        calmly(trading.take_money(payment.payment_no)) if attempt % 2 else trading_pause(attempt),
        calmly(give_up_order(trading.tenant, order.id, channels=trading.channels, now=now, reason="expired")),
        calmly(trading.sync(order.id)),
        calmly(give_up_order(trading.tenant, order.id, channels=trading.channels, now=now, reason="expired")),
        return_exceptions=True,
    )
    await calmly(trading.sync(order.id))
    ((state, paid, _),) = await rows(trading.tenant, ORDER, o=order.id)
    books = await trading.control.books()
    (there,) = [each for each in books["payments"] if each["outTradeNo"] == payment.payment_no]
    ((on_hand, reserved),) = await rows(trading.tenant, STOCK, s=trading.shirt.sku)
    if there["tradeState"] == "SUCCESS":
        assert (state, paid, on_hand, reserved) == ("paid", order.total_fen, 99, 0)
        assert len(await events(trading.tenant, "OrderPaid")) == 1
    else:
        assert (state, paid, on_hand, reserved) == ("cancelled", 0, 100, 0)
        assert await events(trading.tenant, "OrderPaid") == []


async def trading_pause(attempt):
    await asyncio.sleep(attempt / 100)


async def test_handing_over_and_refunding_everything_at_once_never_both_succeed_unseen(trading, now):
    staff = Counter(await trading.employ(StaffRole.GUIDE), trading.store.id)
    command = RequestRefund(lines=[RefundedLine(line_no=1, quantity=1)], reason="不要了")
    for _ in range(5):
        order = await trading.paid()
        code = await value(
            trading.tenant, "SELECT code FROM app.pickups WHERE tenant_id = :t AND order_id = :o", o=order.id
        )

        async def refund(order_id=order.id):
            async with trading.tenant.writing() as db:
                return await request_refund(
                    db,
                    command,
                    order_id=order_id,
                    now=now,
                    requested_by="staff:test",
                    store_id=None,
                    splits=trading.splits,
                )

        redeemed, first, second = await asyncio.gather(
            calmly(redeem_pickup(trading.tenant, RedeemPickup(code=code), counter=staff, now=now)),
            calmly(refund()),
            calmly(refund()),
        )
        assert sum(isinstance(each, RefundExceedsPaid) for each in (first, second)) == 1
        ((state, paid, refunded),) = await rows(trading.tenant, ORDER, o=order.id)
        assert refunded == paid
        # Whoever came second knew of the first: a code is void once its refund is asked for.
        assert (state == "collected") != isinstance(redeemed, PickupVoid)
