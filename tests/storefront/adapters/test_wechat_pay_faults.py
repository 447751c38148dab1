"""Money calls under a storm of faults: each number has exactly one effect, whatever happened to the answers."""

import asyncio
import random
from datetime import timedelta

import pytest

from orders.ports import AlreadyPaid, ChannelRefund, Closed, PaymentState, RefundRequest, Unknown
from storefront.simulators.faults import FaultKind
from tenants.kernel.money import Fen

STORM = [
    FaultKind.BUSY,
    FaultKind.LIMITED,
    FaultKind.ERROR_AFTER,
    FaultKind.CORRUPT,
    FaultKind.PROBE,
    FaultKind.STALE,
    FaultKind.UNSIGNED,
]
REFUNDS = 40


async def refund_until_known(channel, asked: RefundRequest, *, number=lambda asked, _attempt: asked) -> None:
    for attempt in range(30):
        answer = await channel.refund(number(asked, attempt))
        if not isinstance(answer, Unknown):
            assert isinstance(answer, ChannelRefund)
            return
    pytest.fail("the storm never ended")


def asked_for(request, number: int) -> RefundRequest:
    return RefundRequest(
        payment_no=request.payment_no,
        refund_no=f"R{number}-{request.payment_no}",
        refund_fen=Fen(100),
        total_fen=request.total_fen,
        reason="退货",
    )


def renumbered(asked: RefundRequest, attempt: int) -> RefundRequest:
    """The famous bug: a new number after an answer that never came."""
    return RefundRequest(
        payment_no=asked.payment_no,
        refund_no=f"{asked.refund_no}-{attempt}",
        refund_fen=asked.refund_fen,
        total_fen=asked.total_fen,
        reason=asked.reason,
    )


async def storm(till, seed: int, faults: int = REFUNDS) -> None:
    draw = random.Random(seed)
    for _ in range(faults):
        await till.control.plan_fault(draw.choice(STORM), path="/v3/refund/*")


@pytest.mark.parametrize("seed", [1, 2])
async def test_forty_refunds_in_a_storm_move_money_once_each(till, seed):
    request = await till.paid(10_000)
    await storm(till, seed)
    channel = till.channel_with(attempts=1)
    await asyncio.gather(*(refund_until_known(channel, asked_for(request, each)) for each in range(REFUNDS)))
    assert (await till.books_of(request.payment_no))["refundedFen"] == REFUNDS * 100


async def test_control_a_new_number_for_each_try_refunds_more_than_was_asked(till):
    request = await till.paid(10_000)
    await storm(till, seed=1, faults=10)
    channel = till.channel_with(attempts=1)
    for each in range(10):
        await refund_until_known(channel, asked_for(request, each), number=renumbered)
    assert (await till.books_of(request.payment_no))["refundedFen"] > 10 * 100


async def test_a_payment_and_a_close_at_once_end_in_one_of_the_two(till):
    for _ in range(5):
        begin = await till.control.advance(0)
        request = till.request(expires_at=begin + timedelta(minutes=15))
        await till.channel.prepare(request)
        closed, paid = await asyncio.gather(
            till.channel.close(request.payment_no),
            till.control.pay(payment_no=request.payment_no, mchid=till.mchid, wait=False),
            return_exceptions=True,
        )
        state = (await till.channel.look_up(request.payment_no)).state
        if isinstance(paid, Exception):
            assert (closed, state) == (Closed(), PaymentState.CLOSED)
        else:
            assert (closed, state) == (AlreadyPaid(), PaymentState.PAID)
