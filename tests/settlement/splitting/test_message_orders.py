"""What the channel tells, in every order and with repeats, ends where it ends in order. MESSAGES=6 runs all 720 orders of six, SEEDS=50 with
repeats at fifty times as many different places.

The control writes down whatever was told last, as so many do, and is caught.
"""

import itertools
import os
import random
from collections.abc import Awaitable, Callable
from math import factorial
from typing import Any

import pytest
from sqlalchemy import text

from orders.ports import ChannelRefund, RefundState
from orders.refund_outcome import record_refund
from settlement.ports import ChannelReturn, ChannelSplit, PartState, ReceiverKind, ReturnState, SplitState
from settlement.splitting.record import record_split
from settlement.splitting.returns import record_return
from settlement.splitting.states import SplitStatus
from tenants.kernel.ids import SplitReturnId
from tests.support.figures import note_figures
from tests.support.rows import rows, value
from tests.support.split_shop import SplitShop
from tests.support.trading import PRICE

MESSAGES = int(os.environ.get("MESSAGES", "5"))
SEEDS = int(os.environ.get("SEEDS", "1"))
PART = PRICE * 2_000 // 10_000
ENDS = text(
    "SELECT s.state, p.state, r.state, b.state, o.refunded_fen, o.split_fen, (SELECT count(*) FROM app.ledger_entries e"
    " WHERE e.tenant_id = o.tenant_id AND e.order_id = o.id), (SELECT count(*) FROM app.outbox x WHERE x.tenant_id = o.tenant_id"
    " AND x.kind = 'RefundDone') FROM app.orders o JOIN app.splits s ON s.tenant_id = o.tenant_id AND s.order_id = o.id"
    " JOIN app.split_parts p ON p.tenant_id = o.tenant_id AND p.split_id = s.id"
    " JOIN app.refunds r ON r.tenant_id = o.tenant_id AND r.order_id = o.id"
    " JOIN app.split_returns b ON b.tenant_id = o.tenant_id AND b.refund_id = r.id"
    " WHERE o.tenant_id = :t AND s.tenant_id = :t AND p.tenant_id = :t AND r.tenant_id = :t AND b.tenant_id = :t AND o.id = :o"
)
Message = Callable[[Any], Awaitable[Any]]


class Undone(Exception):
    """Takes a tried order of messages back."""


async def told_of(shop: SplitShop) -> tuple[Any, dict[str, Message]]:
    """An order whose split, refund and return are all written down, and what the channel has to say of them."""
    order = await shop.collected()
    assert await shop.send(order.id) is SplitStatus.INTENDED
    refund = await shop.ask_refund(order.id, PRICE // 2)
    found = await shop.split(order.id)
    (back,) = found.returns
    transaction = await value(
        shop.tenant,
        "SELECT transaction_id FROM app.splits WHERE tenant_id = :t AND order_id = :o",
        o=order.id,
    )
    paid_no = "SELECT payment_no FROM app.payments WHERE tenant_id = :t AND order_id = :o"
    number = await value(shop.tenant, paid_no, o=order.id)

    def split(state: PartState) -> Message:
        part = SplitState(kind=ReceiverKind.MERCHANT, account=shop.mall_account, amount_fen=PART, state=state)
        told = ChannelSplit(
            transaction_id=transaction, split_no=found.split_no, channel_no="3", finished=state is PartState.DONE,
            parts=[part],
        )  # fmt: skip
        return lambda db: record_split(db, found.id, told=told, now=shop.now)

    def refunded(state: RefundState) -> Message:
        told = ChannelRefund(refund_no=refund.refund_no, payment_no=number, state=state)
        return lambda db: record_refund(db, told, now=shop.now)

    def given_back(state: ReturnState) -> Message:
        told = ChannelReturn(
            split_no=found.split_no, return_no=back.return_no, merchant_no=shop.mall_account,
            amount_fen=back.amount_fen, state=state,
        )  # fmt: skip
        return lambda db: record_return(db, SplitReturnId(back.id), told=told, now=shop.now)

    return order, {
        "split accepted": split(PartState.PENDING), "split done": split(PartState.DONE),
        "refund pending": refunded(RefundState.PENDING), "refund done": refunded(RefundState.DONE),
        "return done": given_back(ReturnState.DONE), "return pending": given_back(ReturnState.PENDING),
    }  # fmt: skip


async def ending(shop: SplitShop, order: Any, messages: list[Message]) -> tuple[Any, ...]:
    """Where these messages lead; nothing of it stays."""
    seen: tuple[Any, ...] = ()
    try:
        async with shop.tenant.writing() as db:
            for message in messages:
                await message(db)
            seen = tuple((await db.execute(ENDS, {"t": db.tenant_id, "o": order.id})).one())
            raise Undone
    except Undone:
        return seen


@pytest.mark.timeout(7200)
async def test_every_order_of_messages_with_repeats_ends_as_in_order(shop):
    order, messages = await told_of(shop)
    names = list(messages)[:MESSAGES]
    in_order = await ending(shop, order, [messages[name] for name in names])
    assert in_order[:6] == ("finished", "done", "done", "done", PRICE // 2, PART - PART // 2)
    different = {}
    for seed, names_now in itertools.product(range(SEEDS), itertools.permutations(names)):
        told = with_repeats(names_now, random.Random(f"{seed} {names_now}"))
        seen = await ending(shop, order, [messages[name] for name in told])
        if seen != in_order:
            different[tuple(told)] = seen
    note_figures(
        "orders of channel messages", messages=len(names), seeds=SEEDS, orders=SEEDS * factorial(len(names)),
        different=len(different),
    )  # fmt: skip
    assert different == {}


def with_repeats(names: tuple[str, ...], draw: random.Random) -> list[str]:
    """The messages in this order, and one to three of them again at any place."""
    told = list(names)
    for again in draw.choices(names, k=draw.randrange(1, 4)):
        told.insert(draw.randrange(len(told) + 1), again)
    return told


async def test_writing_down_what_was_told_last_would_not(shop):
    order, _ = await told_of(shop)
    states = {"pending": "pending", "done": "done"}
    last = set()
    for told in itertools.permutations(states):

        async def write(db, told=told):
            for state in told:
                naive = "UPDATE app.refunds SET state = :s WHERE tenant_id = :t AND order_id = :o"
                await db.execute(text(naive), {"s": states[state], "t": db.tenant_id, "o": order.id})

        last.add((await ending(shop, order, [write]))[2])
    assert last == {"pending", "done"}


@pytest.mark.parametrize("times", [2, 5])
async def test_one_message_many_times_is_one(shop, times):
    order, messages = await told_of(shop)
    once = await ending(shop, order, [messages["split done"]])
    assert await ending(shop, order, [messages["split done"]] * times) == once
    assert (
        await rows(shop.tenant, "SELECT 1 FROM app.journals WHERE tenant_id = :t AND cause = 'split_paid'")
        == []
    )
