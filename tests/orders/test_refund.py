"""Refunds: never more than was paid, one number for ever, and books that can follow every part."""

import asyncio
import random
from uuid import UUID

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key
from sqlalchemy import text

from orders import give_back
from orders.commands import RedeemPickup, RefundedLine, RequestRefund
from orders.errors import (
    OrderNotFound,
    OrderNotRefundable,
    PaymentDiffers,
    RefundExceedsPaid,
    RefundPending,
    RefundUnclear,
    TooManyRefunds,
)
from orders.give_back import ask_refund, send_refund
from orders.pickup import Counter, redeem_pickup
from orders.ports import ChannelRefund, RefundState, Refused, Unknown
from orders.refund import request_refund
from orders.refund_outcome import record_refund
from orders.states import RefundStatus
from tenants.credentials import merchant_secrets
from tenants.kernel.outbox import append
from tenants.states import StaffRole
from tests.orders.test_pay import Channels
from tests.support.rows import events, rows, value
from tests.support.trading import PRICE

ON_HAND = "SELECT on_hand FROM app.stock WHERE tenant_id = :t AND sku_id = :s"
KEPT_BEFORE = "SELECT kept_before_fen FROM app.refund_lines WHERE tenant_id = :t AND refund_id = :r"
COUNTERS = "SELECT refunded_fen, paid_fen, state FROM app.orders WHERE tenant_id = :t AND id = :o"


async def ask(trading, order, *lines, now, store_id=None, **changes):
    named = lines or (RefundedLine(line_no=1, quantity=1),)
    command = RequestRefund(lines=list(named), reason="不合身")
    async with trading.tenant.writing() as db:
        return await request_refund(
            db,
            command,
            order_id=order.id,
            now=now,
            requested_by="staff:test",
            store_id=store_id,
            splits=trading.splits,
            **changes,
        )


async def send(trading, refund, now, channels=None):
    asked = {"channels": channels or trading.channels, "splits": trading.splits}
    return await send_refund(trading.tenant, refund.id, now=now, **asked)


async def finish(trading, refund, now, **changes):
    facts = {
        "refund_no": refund.refund_no, "payment_no": await payment_no(trading, refund), "state": RefundState.DONE,
        "refund_fen": refund.amount_fen, "payer_refund_fen": refund.amount_fen, "merchant_no": trading.mchid,
    }  # fmt: skip
    async with trading.tenant.writing() as db:
        return await record_refund(db, ChannelRefund(**(facts | changes)), now=now)


async def payment_no(trading, refund):
    statement = (
        "SELECT p.payment_no FROM app.refunds r JOIN app.payments p ON p.tenant_id = r.tenant_id AND p.id = r.payment_id"
        " WHERE r.tenant_id = :t AND p.tenant_id = :t AND r.id = :r"
    )
    return await value(trading.tenant, statement, r=refund.id)


async def counters(trading, order):
    ((refunded, paid, state),) = await rows(trading.tenant, COUNTERS, o=order.id)
    return refunded, paid, state


async def test_a_refund_by_units_is_written_down_sent_and_done(trading, now):
    order = await trading.paid((trading.shirt.sku, 3))
    refund = await ask(trading, order, now=now)
    assert (refund.amount_fen, refund.state) == (PRICE, RefundStatus.INTENDED)
    assert await send(trading, refund, now) is RefundStatus.PENDING
    (awaited,) = await events(trading.tenant, "RefundAwaited")
    assert awaited == {"refund_id": str(refund.id), "asked": 0}
    state = await ask_refund(trading.tenant, refund.id, asked=0, channels=trading.channels, now=now)
    assert state is RefundStatus.DONE
    assert await counters(trading, order) == (PRICE, 3 * PRICE, "paid")
    assert (await value(trading.tenant, ON_HAND, s=trading.shirt.sku)) == 98
    assert len(await events(trading.tenant, "RefundDone")) == 1


async def test_a_full_refund_before_pickup_voids_the_code_and_puts_everything_back(trading, now):
    order = await trading.paid((trading.shirt.sku, 3), (trading.tea.sku, 1))
    first = await ask(trading, order, now=now)
    await finish(trading, first, now)
    rest = await ask(
        trading,
        order,
        RefundedLine(line_no=1, amount_fen=2 * PRICE),
        RefundedLine(line_no=2, quantity=1),
        now=now,
    )
    await finish(trading, rest, now)
    assert await counters(trading, order) == (4 * PRICE, 4 * PRICE, "refunded")
    assert await value(trading.tenant, "SELECT state FROM app.pickups WHERE tenant_id = :t") == "void"
    assert (await value(trading.tenant, ON_HAND, s=trading.shirt.sku)) == 100
    assert (await value(trading.tenant, ON_HAND, s=trading.tea.sku)) == 100


async def test_goods_that_were_handed_over_do_not_come_back_by_a_refund(trading, now):
    order = await trading.paid()
    code = await value(trading.tenant, "SELECT code FROM app.pickups WHERE tenant_id = :t")
    staff = Counter(await trading.employ(StaffRole.GUIDE), trading.store.id)
    await redeem_pickup(trading.tenant, RedeemPickup(code=code), counter=staff, now=now)
    await finish(trading, await ask(trading, order, now=now), now)
    assert await counters(trading, order) == (PRICE, PRICE, "refunded")
    assert (await value(trading.tenant, ON_HAND, s=trading.shirt.sku)) == 99


async def test_what_was_kept_before_each_part_telescopes_in_the_order_of_finishing(trading, now):
    order = await trading.paid((trading.shirt.sku, 1))
    parts = [
        await ask(trading, order, RefundedLine(line_no=1, amount_fen=fen), now=now) for fen in (700, 50, 9)
    ]
    for part in (parts[2], parts[0], parts[1]):
        await finish(trading, part, now)
    seen = {part.amount_fen: await value(trading.tenant, KEPT_BEFORE, r=part.id) for part in parts}
    assert seen == {9: PRICE, 700: PRICE - 9, 50: PRICE - 709}


async def test_a_failed_part_frees_its_amount_and_is_kept_before_nobody(trading, now):
    order = await trading.paid((trading.shirt.sku, 1))
    failing = await ask(trading, order, RefundedLine(line_no=1, amount_fen=PRICE - 100), now=now)
    other = await ask(trading, order, RefundedLine(line_no=1, amount_fen=100), now=now)
    await finish(trading, failing, now, state=RefundState.CLOSED)
    await finish(trading, other, now)
    assert await value(trading.tenant, KEPT_BEFORE, r=other.id) == PRICE
    assert await value(trading.tenant, KEPT_BEFORE, r=failing.id) is None
    assert await counters(trading, order) == (100, PRICE, "paid")
    await ask(trading, order, RefundedLine(line_no=1, amount_fen=PRICE - 100), now=now)


async def test_parts_that_finish_at_once_see_each_other(trading, now):
    order = await trading.paid((trading.shirt.sku, 1))
    parts = [await ask(trading, order, RefundedLine(line_no=1, amount_fen=100), now=now) for _ in range(8)]
    await asyncio.gather(*(finish(trading, part, now) for part in parts))
    kept = "SELECT kept_before_fen FROM app.refund_lines WHERE tenant_id = :t ORDER BY 1 DESC"
    assert [row[0] for row in await rows(trading.tenant, kept)] == [PRICE - 100 * step for step in range(8)]


async def test_a_repeated_or_late_message_changes_nothing(trading, now):
    order = await trading.paid((trading.shirt.sku, 2))
    refund = await ask(trading, order, now=now)
    for state in (
        RefundState.DONE,
        RefundState.DONE,
        RefundState.PENDING,
        RefundState.ABNORMAL,
        RefundState.CLOSED,
    ):
        assert await finish(trading, refund, now, state=state) is RefundStatus.DONE
    assert await counters(trading, order) == (PRICE, 2 * PRICE, "paid")
    assert len(await events(trading.tenant, "RefundDone")) == 1


@pytest.mark.parametrize(
    "lie", [{"refund_fen": 1}, {"payment_no": "Psomethingelse"}, {"merchant_no": "1999999999"}]
)
async def test_a_message_that_does_not_agree_with_the_refund_changes_nothing(trading, now, lie):
    refund = await ask(trading, await trading.paid(), now=now)
    with pytest.raises(PaymentDiffers):
        await finish(trading, refund, now, **lie)


async def test_an_unknown_outcome_is_sent_again_with_the_same_number(trading, now):
    async def lost(channel, request):
        await channel.refund(request)
        return Unknown("the answer got lost")

    refund = await ask(trading, await trading.paid(), now=now)
    losing = Channels(trading.channels, refund=lost)
    with pytest.raises(RefundPending):
        await send(trading, refund, now, losing)
    await send(trading, refund, now)
    books = await trading.control.books()
    assert [each["amountFen"] for each in books["refunds"] if each["outRefundNo"] == refund.refund_no] == [
        PRICE
    ]


async def test_a_refusal_of_the_channel_frees_the_amount(trading, now):
    async def refuse(_channel, _request):
        return Refused("INVALID_REQUEST", "订单已超过可退款期限")

    order = await trading.paid()
    refund = await ask(trading, order, now=now)
    assert await send(trading, refund, now, Channels(trading.channels, refund=refuse)) is RefundStatus.FAILED
    assert await counters(trading, order) == (0, PRICE, "paid")


@pytest.mark.parametrize(
    ("lines", "refusal"),
    [
        ([RefundedLine(line_no=1, quantity=3)], RefundExceedsPaid),
        ([RefundedLine(line_no=1, amount_fen=2 * PRICE + 1)], RefundExceedsPaid),
        ([RefundedLine(line_no=1)], RefundUnclear),
        ([RefundedLine(line_no=1, quantity=1, amount_fen=1)], RefundUnclear),
        ([RefundedLine(line_no=1, quantity=1), RefundedLine(line_no=1, quantity=1)], RefundUnclear),
        ([RefundedLine(line_no=9, quantity=1)], RefundUnclear),
    ],
)
async def test_a_refund_that_cannot_be_is_refused_and_reserves_nothing(trading, now, lines, refusal):
    order = await trading.paid((trading.shirt.sku, 2))
    with pytest.raises(refusal):
        await ask(trading, order, *lines, now=now)
    assert await counters(trading, order) == (0, 2 * PRICE, "paid")


async def test_unpaid_orders_and_other_stores_and_brands_orders_are_not_refunded(trading, other_tenant, now):
    with pytest.raises(OrderNotRefundable):
        await ask(trading, await trading.place(), now=now)
    order = await trading.paid()
    with pytest.raises(OrderNotFound):
        await ask(trading, order, now=now, store_id=trading.elsewhere.id)
    command = RequestRefund(lines=[RefundedLine(line_no=1, quantity=1)], reason="x")
    with pytest.raises(OrderNotFound):
        async with other_tenant.writing() as db:
            await request_refund(
                db,
                command,
                order_id=order.id,
                now=now,
                requested_by="staff:test",
                store_id=None,
                splits=trading.splits,
            )


async def test_what_was_split_off_cannot_be_refunded(trading, now):
    order = await trading.paid()
    async with trading.tenant.writing() as db:
        statement = "UPDATE app.orders SET split_fen = 1 WHERE tenant_id = :t AND id = :o"
        await db.execute(text(statement), {"t": db.tenant_id, "o": order.id})
    with pytest.raises(RefundExceedsPaid):
        await ask(trading, order, now=now)


async def test_the_channel_takes_fifty_refunds_of_a_payment(trading, now):
    order = await trading.paid((trading.shirt.sku, 1))
    for _ in range(50):
        await ask(trading, order, RefundedLine(line_no=1, amount_fen=1), now=now)
    with pytest.raises(TooManyRefunds):
        await ask(trading, order, RefundedLine(line_no=1, amount_fen=1), now=now)


async def refund_all_at_once(trading, order, now):
    draw = random.Random(7)

    async def some():
        try:
            line = RefundedLine(line_no=1, amount_fen=draw.randrange(1, PRICE // 4))
            return (await ask(trading, order, line, now=now)).amount_fen
        except RefundExceedsPaid:
            return 0

    return sum(await asyncio.gather(*(some() for _ in range(20))))


async def test_twenty_refunds_at_once_never_exceed_what_was_paid(trading, now):
    order = await trading.paid((trading.shirt.sku, 1))
    given = await refund_all_at_once(trading, order, now)
    assert PRICE * 3 // 4 < given <= PRICE
    assert (await counters(trading, order))[0] == given


async def test_summing_then_inserting_would_overspend(trading, now):
    order = await trading.paid((trading.shirt.sku, 1))
    draw = random.Random(7)
    total = "SELECT coalesce(sum(amount_fen), 0) FROM app.refunds WHERE tenant_id = :t AND order_id = :o"
    insert = (
        "INSERT INTO app.refunds (tenant_id, id, refund_no, source, source_name, order_id, store_id, state, amount_fen,"
        " requested_by, business_on, requested_at) VALUES (:t, :id, :no, 'storefront', 'storefront', :o, :store, 'intended',"
        " :amount, 'test', current_date, now())"
    )

    async def sum_then_insert():
        amount = draw.randrange(1, PRICE // 4)
        async with trading.tenant.writing() as db:
            row = {"t": db.tenant_id, "o": order.id}
            spent = (await db.execute(text(total), row)).scalar_one()
            await asyncio.sleep(0.02)
            if spent + amount <= PRICE:
                number = UUID(int=draw.getrandbits(128))
                more = {"id": number, "no": number.hex, "store": trading.store.id, "amount": amount}
                await db.execute(text(insert), row | more)

    await asyncio.gather(*(sum_then_insert() for _ in range(20)))
    assert await value(trading.tenant, total, o=order.id) > PRICE


async def test_however_many_workers_send_one_refund_it_is_asked_about_in_one_chain(trading, now):
    await trading.control.register_merchant(**await registered(trading), refund_seconds=3_600)
    order = await trading.paid()
    refund = await ask(trading, order, now=now)
    await asyncio.gather(*(send(trading, refund, now) for _ in range(4)))
    assert [each["asked"] for each in await events(trading.tenant, "RefundAwaited")] == [0]
    for _ in range(2):
        await asyncio.gather(
            *(
                ask_refund(trading.tenant, refund.id, asked=0, channels=trading.channels, now=now)
                for _ in range(3)
            )
        )
    assert sorted(each["asked"] for each in await events(trading.tenant, "RefundAwaited")) == [0, 1]


async def test_chains_that_do_not_know_of_each_other_multiply(trading, now, monkeypatch):
    """The control: an event of its own for every sender."""

    async def each_for_itself(db, fact, *, now, due_at, once):
        return await append(db, fact, now=now, due_at=due_at)

    monkeypatch.setattr(give_back, "append", each_for_itself)
    await trading.control.register_merchant(**await registered(trading), refund_seconds=3_600)
    refund = await ask(trading, await trading.paid(), now=now)
    await asyncio.gather(*(send(trading, refund, now) for _ in range(4)))
    assert len(await events(trading.tenant, "RefundAwaited")) > 1


async def registered(trading):
    """The merchant's own facts, for registering it again with another pace of refunds."""
    async with trading.tenant.reading() as db:
        secrets = await merchant_secrets(db, None, keys=trading.channels._keys)
    public = load_pem_private_key(secrets.private_key.encode(), None).public_key()
    pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    return {
        "mchid": trading.mchid, "appid": trading.appid, "public_key": pem,
        "certificate_serial": secrets.certificate_serial, "api_v3_key": secrets.api_v3_key,
    }  # fmt: skip
