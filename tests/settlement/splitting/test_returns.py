"""Refunds of split orders: the decision table, what receivers give back, and what becomes of either when the other fails."""

import pytest
from sqlalchemy import text

from orders.events import RefundRequested
from orders.ports import ChannelRefund, RefundState
from orders.refund_outcome import record_refund
from orders.states import RefundStatus
from settlement.splitting.errors import SplitPending
from settlement.splitting.returns import renounce_returns, send_return
from settlement.splitting.states import ReturnStatus, SplitStatus, UnfreezeStatus
from storefront.simulators.faults import FaultKind
from tests.support.rows import events, rows, value
from tests.support.split_shop import open_receiver
from tests.support.trading import PRICE

PART = PRICE * 2_000 // 10_000
HALF = PRICE // 2
PART_OF_HALF = PART - (PRICE - HALF) * 2_000 // 10_000
REFUND = "SELECT state, channel_code FROM app.refunds WHERE tenant_id = :t AND id = :r"


async def split_order(shop):
    order = await shop.collected()
    await shop.pass_days(8)
    assert (await shop.split_through(order.id)).state is SplitStatus.ENDED
    return order


async def returns_of(shop, order):
    return [(each.state, each.amount_fen) for each in (await shop.split(order.id)).returns]


async def refund_state(shop, refund):
    ((state, code),) = await rows(shop.tenant, REFUND, r=refund.id)
    return state, code


async def enough(shop):
    """The merchant's account can pay a refund out of its own pocket."""
    await shop.control.command("deposits", mchid=shop.trading.mchid, amount_fen=10 * PRICE)


async def test_a_refund_of_a_split_order_comes_from_the_balance_and_the_mall_gives_its_part_back(shop):
    order = await split_order(shop)
    await enough(shop)
    refund = await shop.refund(order.id, HALF)
    assert await refund_state(shop, refund) == (RefundStatus.DONE, None)
    assert await returns_of(shop, order) == [(ReturnStatus.INTENDED, PART_OF_HALF)]
    assert await shop.give_back(order.id) == [ReturnStatus.DONE]
    assert await shop.available() == PART - PART_OF_HALF
    assert await shop.counters(order.id) == (PRICE, HALF, PART - PART_OF_HALF)
    assert await shop.books_hold() == []
    assert await shop.payable(shop.mall_party) == 0


async def test_any_partition_of_the_refund_ends_with_nothing_at_the_mall(shop):
    order = await split_order(shop)
    await enough(shop)
    for part in (1, 7_001, 333, PRICE - 7_335):
        await shop.refund(order.id, part)
        await shop.give_back(order.id)
        kept = PRICE - (await shop.counters(order.id))[1]
        assert await shop.available() == kept * 2_000 // 10_000
    assert await shop.counters(order.id) == (PRICE, PRICE, 0)
    assert await shop.books_hold() == []
    assert await shop.payable(shop.mall_party) == 0


async def test_a_refund_larger_than_the_unsplit_rest_unfreezes_first_under_its_own_number(shop):
    order = await shop.collected()
    await shop.pass_days(8)
    assert await shop.send(order.id) is SplitStatus.ACCEPTED  # in part: the rest is still frozen
    await enough(shop)
    refund = await shop.ask_refund(order.id, PRICE)
    assert await shop.send_refund(refund) is RefundStatus.PENDING
    found = await shop.split(order.id)
    assert [each.state for each in found.unfreezes] == [UnfreezeStatus.DONE]
    after = await shop.split_through(order.id)
    assert after.state in {SplitStatus.ACCEPTED, SplitStatus.ENDED}
    assert len(after.unfreezes) == 1


async def test_a_refund_within_the_unsplit_rest_needs_nothing_first(shop):
    order = await shop.collected()
    await shop.pass_days(8)
    await shop.send(order.id)
    refund = await shop.ask_refund(order.id, 1_000)
    assert await shop.send_refund(refund) is RefundStatus.PENDING
    assert (await shop.split(order.id)).unfreezes == []


async def test_a_refund_of_an_order_that_is_not_split_yet_comes_from_what_is_frozen(shop):
    order = await shop.collected()
    refund = await shop.refund(order.id, PRICE)
    assert await refund_state(shop, refund) == (RefundStatus.DONE, None)
    found = await shop.split(order.id)
    assert (found.unfreezes, found.returns) == ([], [])


async def test_rule_limit_refund_is_answered_by_unfreezing(shop):
    """The answer to the split got lost: for our own rows the channel may not even know of it."""
    order = await shop.collected()
    await shop.pass_days(8)
    await shop.send(order.id)
    await enough(shop)
    async with shop.tenant.writing() as db:
        forget = "UPDATE app.splits SET state = 'intended' WHERE tenant_id = :t AND order_id = :o"
        await db.execute(text(forget), {"t": db.tenant_id, "o": order.id})
    refund = await shop.ask_refund(order.id, PRICE - 10)
    assert await shop.send_refund(refund) is RefundStatus.PENDING
    assert [each.state for each in (await shop.split(order.id)).unfreezes] == [UnfreezeStatus.DONE]


async def test_not_enough_keeps_the_refund_and_its_number(shop):
    order = await split_order(shop)
    await shop.pass_days(seconds=5)
    await shop.control.command(
        "withdrawals", mchid=shop.trading.mchid, amount_fen=await shop.available(shop.trading.mchid)
    )
    refund = await shop.ask_refund(order.id, PRICE)
    assert await shop.send_refund(refund) is RefundStatus.INTENDED
    assert await refund_state(shop, refund) == (RefundStatus.INTENDED, "NOT_ENOUGH")
    assert [each["tried"] for each in await events(shop.tenant, RefundRequested.__name__)] == [0, 1]
    await enough(shop)
    assert await shop.send_refund(refund, tried=1) is RefundStatus.PENDING
    books = await shop.control.books()
    assert [each["outRefundNo"] for each in books["refunds"] if each["mchid"] == shop.trading.mchid] == [
        refund.refund_no
    ]
    assert (await shop.counters(order.id))[1] == PRICE


async def test_return_without_refund_leaves_the_money_payable_to_the_mall(shop):
    order = await split_order(shop)
    await enough(shop)
    refund = await shop.ask_refund(order.id, PRICE)
    assert await shop.give_back(order.id) == [ReturnStatus.DONE]
    await fail(shop, refund)
    assert await returns_of(shop, order) == [(ReturnStatus.DONE, PART)]
    assert await shop.counters(order.id) == (PRICE, 0, 0)
    assert await shop.books_hold() == []
    assert await shop.payable(shop.mall_party) == PART


async def fail(shop, refund):
    """The channel closes the refund."""
    statement = (
        "SELECT p.payment_no FROM app.refunds r JOIN app.payments p ON p.tenant_id = r.tenant_id AND p.id = r.payment_id"
        " WHERE r.tenant_id = :t AND p.tenant_id = :t AND r.id = :r"
    )
    number = await value(shop.tenant, statement, r=refund.id)
    told = ChannelRefund(refund_no=refund.refund_no, payment_no=number, state=RefundState.CLOSED)
    async with shop.tenant.writing() as db:
        assert await record_refund(db, told, now=shop.now) is RefundStatus.FAILED
    (failed,) = await events(shop.tenant, "RefundFailed")
    assert failed["refund_id"] == str(refund.id)
    async with shop.tenant.writing() as db:
        await renounce_returns(db, refund.id, order_id=refund.order_id, now=shop.now)


async def test_a_refund_that_failed_before_the_mall_was_asked_asks_nothing(shop):
    order = await split_order(shop)
    refund = await shop.ask_refund(order.id, PRICE)
    await fail(shop, refund)
    assert await returns_of(shop, order) == [(ReturnStatus.DROPPED, PART)]
    assert await shop.counters(order.id) == (PRICE, 0, PART)
    assert await shop.available() == PART
    assert await shop.books_hold() == []


async def test_a_failed_refunds_return_is_kept_where_another_refund_needs_the_room(shop):
    order = await split_order(shop)
    first = await shop.ask_refund(order.id, PRICE)
    statement = (
        "SELECT p.payment_no FROM app.refunds r JOIN app.payments p ON p.tenant_id = r.tenant_id AND p.id = r.payment_id"
        " WHERE r.tenant_id = :t AND p.tenant_id = :t AND r.id = :r"
    )
    number = await value(shop.tenant, statement, r=first.id)
    told = ChannelRefund(refund_no=first.refund_no, payment_no=number, state=RefundState.CLOSED)
    async with shop.tenant.writing() as db:
        await record_refund(db, told, now=shop.now)
    await shop.ask_refund(order.id, PRICE)
    async with shop.tenant.writing() as db:
        await renounce_returns(db, first.id, order_id=order.id, now=shop.now)
    assert await returns_of(shop, order) == [(ReturnStatus.INTENDED, PART)]
    assert await shop.counters(order.id) == (PRICE, PRICE, 0)


async def test_refund_without_return_becomes_a_claim_on_the_mall(new_split_shop):
    """The trap: a receiver without return permission."""
    shop = await new_split_shop(accepts_returns=False)
    await shop.receiver()
    order = await split_order(shop)
    await enough(shop)
    await shop.refund(order.id, PRICE)
    assert await shop.give_back(order.id) == [ReturnStatus.CLAIMED]
    (claimed,) = (await shop.split(order.id)).returns
    assert (claimed.channel_code, "未开通" in claimed.channel_message) == ("NO_AUTH", True)
    assert await shop.counters(order.id) == (PRICE, PRICE, 0)
    assert await shop.books_hold() == []
    assert await shop.payable(shop.mall_party) == -PART


async def test_receiver_without_return_permission_keeps_its_part_when_the_refund_fails_too(new_split_shop):
    shop = await new_split_shop(accepts_returns=False)
    await shop.receiver()
    order = await split_order(shop)
    refund = await shop.ask_refund(order.id, PRICE)
    assert await shop.give_back(order.id) == [ReturnStatus.CLAIMED]
    await fail(shop, refund)
    assert await returns_of(shop, order) == [(ReturnStatus.DROPPED, PART)]
    assert await shop.counters(order.id) == (PRICE, 0, PART)
    assert await shop.books_hold() == []


async def test_an_empty_account_is_asked_again_with_the_same_number(shop):
    order = await split_order(shop)
    await enough(shop)
    await shop.control.command("withdrawals", mchid=shop.mall_account, amount_fen=PART)
    await shop.refund(order.id, PRICE)
    assert await shop.give_back(order.id) == [ReturnStatus.PENDING]
    await shop.control.command("deposits", mchid=shop.mall_account, amount_fen=PART)
    assert await shop.give_back(order.id) == [ReturnStatus.DONE]
    assert len((await shop.split(order.id)).returns) == 1
    assert await shop.books_hold() == []


async def test_a_return_that_timed_out_is_asked_once_more_and_is_then_a_claim(shop):
    order = await split_order(shop)
    await enough(shop)
    await shop.control.command("withdrawals", mchid=shop.mall_account, amount_fen=PART)
    await shop.refund(order.id, PRICE)
    await shop.give_back(order.id)
    await shop.pass_days(6)
    assert await shop.give_back(order.id) == [ReturnStatus.REPLACED]
    await shop.give_back(order.id)
    await shop.pass_days(6)
    assert await shop.give_back(order.id) == [ReturnStatus.CLAIMED]
    assert await returns_of(shop, order) == [(ReturnStatus.REPLACED, PART), (ReturnStatus.CLAIMED, PART)]
    assert await shop.counters(order.id) == (PRICE, PRICE, 0)
    assert await shop.books_hold() == []


async def test_day_181_no_return_is_possible_and_the_mall_owes(shop):
    order = await split_order(shop)
    await enough(shop)
    await shop.pass_days(181)
    refund = await shop.refund(order.id, PRICE)
    assert (await refund_state(shop, refund))[0] == RefundStatus.DONE
    assert await shop.give_back(order.id) == [ReturnStatus.CLAIMED]
    assert await shop.books_hold() == []
    assert await shop.payable(shop.mall_party) == -PART


async def test_day_366_no_refund_is_possible_and_nothing_is_asked_back(shop):
    order = await split_order(shop)
    await enough(shop)
    await shop.pass_days(366)
    refund = await shop.ask_refund(order.id, PRICE)
    assert await shop.send_refund(refund) is RefundStatus.FAILED
    async with shop.tenant.writing() as db:
        await renounce_returns(db, refund.id, order_id=order.id, now=shop.now)
    assert await returns_of(shop, order) == [(ReturnStatus.DROPPED, PART)]
    assert await shop.counters(order.id) == (PRICE, 0, PART)
    assert await shop.books_hold() == []


@pytest.mark.parametrize("fault", [FaultKind.ERROR_AFTER, FaultKind.CORRUPT])
async def test_a_lost_answer_returns_once(shop, fault):
    order = await split_order(shop)
    await enough(shop)
    await shop.refund(order.id, PRICE)
    await shop.control.plan_fault(fault, path="*/return-orders", times=3)
    with pytest.raises(SplitPending):
        await shop.give_back(order.id)
    assert await shop.give_back(order.id) == [ReturnStatus.DONE]
    books = await shop.control.books()
    assert len([each for each in books["returns"] if each["returnMchid"] == shop.mall_account]) == 1
    assert await shop.available() == 0


async def test_a_return_waits_until_its_part_has_arrived(shop):
    order = await shop.collected()
    await shop.pass_days(8)
    await shop.send(order.id)
    await shop.ask_refund(order.id, HALF)
    assert await shop.give_back(order.id) == [ReturnStatus.INTENDED]
    await shop.split_through(order.id)
    assert await shop.give_back(order.id) == [ReturnStatus.DONE]


async def test_what_was_asked_back_of_a_part_that_never_arrived_is_dropped(shop):
    order = await shop.collected()
    await shop.control.command("splits/decide", account=shop.mall_account, reason="NO_RELATION")
    await shop.pass_days(8)
    await shop.send(order.id)
    await shop.ask_refund(order.id, HALF)
    await shop.split_through(order.id)
    assert await returns_of(shop, order) == [(ReturnStatus.DROPPED, PART_OF_HALF)]
    assert await shop.counters(order.id) == (PRICE, HALF, 0)
    found = (await shop.split(order.id)).returns[0]
    again = await send_return(shop.tenant, found.id, channels=shop.channels, now=shop.now)
    assert again is ReturnStatus.DROPPED


async def test_a_party_that_was_cut_gives_back_only_what_it_holds_too_much(new_split_shop):
    shop = await new_split_shop(mall_bps=4_000)
    await shop.receiver()
    order = await split_order(shop)
    await enough(shop)
    assert await shop.available() == PRICE * 3_000 // 10_000
    await shop.refund(order.id, PRICE // 10)
    assert (await shop.split(order.id)).returns == []
    await shop.refund(order.id, HALF)
    await shop.give_back(order.id)
    paid, refunded, split = await shop.counters(order.id)
    assert split == (paid - refunded) * 4_000 // 10_000
    assert await shop.books_hold() == []
    assert await shop.payable(shop.mall_party) == 0


async def test_a_new_account_of_the_mall_does_not_change_where_the_old_part_comes_back_from(shop):
    order = await split_order(shop)
    await enough(shop)
    other = await open_receiver(shop.control, name="望江天地新公司")
    await shop.receiver(account=other, name="望江天地新公司")
    await shop.refund(order.id, PRICE)
    assert await shop.give_back(order.id) == [ReturnStatus.DONE]
    assert (await shop.available(), await shop.available(other)) == (0, 0)
