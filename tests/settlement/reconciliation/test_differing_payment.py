"""Money of another amount than was asked: in the books from the moment we hear of it, a difference until somebody decides, then gone."""

from datetime import timedelta

import pytest
from sqlalchemy import text

from orders.commands import DecidePayment
from orders.differing import accept_differing, differing_payments, refund_differing
from orders.errors import DifferingPaymentNotFound, DifferingPaymentSettled, OrderNotPayable, PaidAboveTotal
from orders.give_back import ask_refund, send_refund
from orders.pay import give_up_order
from orders.states import OrderState
from orders.verify import verify_orders
from settlement.agreements.freeze import ContractTerms
from tenants.kernel.ids import PaymentId, new_id
from tests.settlement.reconciliation.test_fetch import OF_TRADE, found, morning, reconcile
from tests.support.rows import rows, value
from tests.support.trading import PRICE

DEARER = 300
WHY = DecidePayment(reason="收银员改价后未重新下单")
SUSPENSE = "SELECT coalesce(sum(a.balance_fen), 0) FROM app.ledger_accounts a WHERE a.tenant_id = :t AND a.kind = 'suspense'"


async def differing(shop, *, by=DEARER):
    """An order whose price became dearer here (cheaper, below nothing) after the channel was asked for the old one, which was paid."""
    await morning(shop)
    order = await shop.trading.place(now=shop.now)
    payment = await shop.trading.prepare(order.id, now=shop.now)
    await written(shop, "UPDATE app.payments SET amount_fen = amount_fen + :by WHERE tenant_id = :t", by=by)
    await written(
        shop,
        "UPDATE app.orders SET goods_fen = goods_fen + :by, total_fen = total_fen + :by WHERE tenant_id = :t",
        by=by,
    )
    await written(
        shop, "UPDATE app.order_lines SET goods_fen = goods_fen + :by, paid_fen = paid_fen + :by,"
        " unit_price_fen = unit_price_fen + :by WHERE tenant_id = :t", by=by,
    )  # fmt: skip
    await shop.trading.take_money(payment.payment_no)
    await shop.trading.sync(order.id, now=shop.now)
    payment_id = await value(shop.tenant, "SELECT id FROM app.payments WHERE tenant_id = :t")
    return order, PaymentId(payment_id)


async def written(shop, statement, **values):
    async with shop.tenant.writing() as db:
        await db.execute(text(statement), {"t": db.tenant_id, **values})


async def decide(shop, verb, payment_id, **more):
    async with shop.tenant.writing() as db:
        return await verb(db, WHY, payment_id=payment_id, now=shop.now, actor="staff:finance", **more)


async def waiting(shop):
    async with shop.tenant.reading() as db:
        return (await differing_payments(db)).payments


async def give_back(shop):
    refund_id = await value(shop.tenant, "SELECT id FROM app.refunds WHERE tenant_id = :t")
    await send_refund(shop.tenant, refund_id, channels=shop.channels, splits=shop.splits, now=shop.now)
    await ask_refund(shop.tenant, refund_id, asked=0, channels=shop.channels, now=shop.now)


async def sound(shop):
    assert await shop.books_hold() == []
    async with shop.tenant.reading() as db:
        assert await verify_orders(db, now=shop.now, patience=timedelta(days=400)) == []


async def test_it_stands_in_suspense_and_among_the_differences_and_the_proof_holds(shop):
    order, payment_id = await differing(shop)
    (listed,) = await waiting(shop)
    assert (listed.payment_id, listed.order_id, listed.asked_fen, listed.paid_fen, listed.order_state) == (
        payment_id, order.id, PRICE + DEARER, PRICE, OrderState.AWAITING_PAYMENT,
    )  # fmt: skip
    done = await reconcile(shop, await morning(shop))
    assert await found(shop, OF_TRADE) == [("trade", "amount", "payment", -DEARER)]
    assert await found(shop) == await found(shop, OF_TRADE)
    assert done.proof.holds, done.proof
    assert next((line.name, line.bill_millifen) for line in done.proof.lines) == (
        "unwanted payments",
        PRICE * 1_000,
    )
    assert not done.agrees
    assert await value(shop.tenant, SUSPENSE) == PRICE
    await sound(shop)


async def test_without_its_journal_the_proof_fails(shop):
    """The control: money that is only refused and stands nowhere."""
    await differing(shop)
    await written(
        shop, "UPDATE app.payments SET state = 'prepared', amount_fen = asked_fen, asked_fen = NULL, paid_at = NULL,"
        " transaction_id = NULL, payer_total_fen = NULL WHERE tenant_id = :t",
    )  # fmt: skip
    done = await reconcile(shop, await morning(shop))
    assert not done.proof.holds


async def test_given_back_it_leaves_suspense_and_the_list(shop):
    order, payment_id = await differing(shop)
    assert (await reconcile(shop, await morning(shop))).proof.holds
    await decide(shop, refund_differing, payment_id)
    await give_back(shop)
    done = await reconcile(shop, await morning(shop))
    assert done.agrees, (await found(shop), done.proof)
    assert await found(shop) == []
    assert await waiting(shop) == []
    assert await value(shop.tenant, SUSPENSE) == 0
    assert await value(shop.tenant, "SELECT state FROM app.orders WHERE tenant_id = :t") in {
        "awaiting_payment",
        "cancelled",
    }
    with pytest.raises(DifferingPaymentSettled):
        await decide(shop, refund_differing, payment_id)
    with pytest.raises(DifferingPaymentSettled):
        await decide(shop, accept_differing, payment_id, terms=ContractTerms())
    assert order.id


@pytest.mark.parametrize("booked_before", [True, False])
async def test_accepted_it_is_the_orders_price(shop, booked_before):
    order, payment_id = await differing(shop)
    if booked_before:
        await reconcile(shop, await morning(shop))
        assert await value(shop.tenant, SUSPENSE) == PRICE
    await decide(shop, accept_differing, payment_id, terms=ContractTerms())
    figures = "SELECT state, total_fen, paid_fen, discount_fen FROM app.orders WHERE tenant_id = :t"
    assert await rows(shop.tenant, figures) == [("paid", PRICE, PRICE, DEARER)]
    done = await reconcile(shop, await morning(shop))
    assert done.agrees, (await found(shop), done.proof)
    assert await found(shop) == []
    assert await value(shop.tenant, SUSPENSE) == 0
    await sound(shop)
    # What is refunded later is what was paid.
    await shop.refund(order.id, PRICE)
    assert (await reconcile(shop, await morning(shop))).agrees
    await sound(shop)


async def test_more_than_the_order_costs_can_only_be_given_back(shop):
    _, payment_id = await differing(shop, by=-DEARER)
    with pytest.raises(PaidAboveTotal):
        await decide(shop, accept_differing, payment_id, terms=ContractTerms())
    await decide(shop, refund_differing, payment_id)
    await give_back(shop)
    assert (await reconcile(shop, await morning(shop))).agrees
    await sound(shop)


async def test_the_order_may_run_out_meanwhile_and_is_still_taken_while_its_goods_are_there(shop):
    order, payment_id = await differing(shop)
    state = await give_up_order(shop.tenant, order.id, channels=shop.channels, now=shop.now, reason="expired")
    assert state is OrderState.CANCELLED
    await sound(shop)
    await decide(shop, accept_differing, payment_id, terms=ContractTerms())
    assert await value(shop.tenant, "SELECT state FROM app.orders WHERE tenant_id = :t") == "paid"
    await sound(shop)


async def test_goods_that_are_gone_cannot_be_accepted(shop):
    order, payment_id = await differing(shop)
    await give_up_order(shop.tenant, order.id, channels=shop.channels, now=shop.now, reason="expired")
    await written(shop, "UPDATE app.stock SET on_hand = 0, reserved = 0 WHERE tenant_id = :t")
    with pytest.raises(OrderNotPayable):
        await decide(shop, accept_differing, payment_id, terms=ContractTerms())
    assert len(await waiting(shop)) == 1
    with pytest.raises(DifferingPaymentNotFound):
        await decide(shop, refund_differing, PaymentId(new_id()))


async def test_the_shopper_may_pay_it_anew_and_the_first_money_goes_back(shop):
    order, payment_id = await differing(shop)
    again = await shop.trading.prepare(order.id, now=shop.now)
    await shop.trading.take_money(again.payment_no)
    view = await shop.trading.sync(order.id, now=shop.now)
    assert view.order_state is OrderState.PAID
    with pytest.raises(OrderNotPayable):
        await decide(shop, accept_differing, payment_id, terms=ContractTerms())
    await decide(shop, refund_differing, payment_id)
    await give_back(shop)
    done = await reconcile(shop, await morning(shop))
    assert done.agrees, (await found(shop), done.proof)
    await sound(shop)
