"""Every payment that was made ends in exactly one of fulfilled or refunded, whatever got lost, came late or met. SCHEDULES=10000 is the long run.

The control gives orders up without asking the channel first, as so many do, and loses a paid order.
"""

import asyncio
import os
import random
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from sqlalchemy import text

from catalog.errors import SoldOut
from orders.errors import OrderAlreadyPaid, OrderNotPayable, PaymentPending, PaymentTimeOver, RefundPending
from orders.give_back import ask_refund, send_refund
from orders.pay import _cancel, cancel_order, give_up_order
from orders.payments import record_payment
from orders.ports import ChannelPayment, Unknown
from orders.states import OrderState
from orders.views import PaymentView
from storefront import channels as channels_module
from storefront.adapters.pacing import Circuit, Pace
from storefront.simulators.faults import FaultKind
from storefront.simulators.remote import SimulatorRefused
from tenants.kernel.ids import RefundId
from tenants.kernel.scope import DatabaseAway
from tests.support.figures import note_figures
from tests.support.rows import rows

SCHEDULES = int(os.environ.get("SCHEDULES", "50"))
AT_ONCE, LATE = 10, 1
PATIENCE, PAUSE_SECONDS = 60, 0.5
REFUSALS = (
    SoldOut,
    OrderAlreadyPaid, OrderNotPayable, PaymentPending, PaymentTimeOver, SimulatorRefused,
    # On a machine too busy for us the database ends transactions that stand still: what was paid must not be lost then, either.
    DatabaseAway,
)  # fmt: skip
FATES = (
    "SELECT p.payment_no, o.state, o.paid_fen, p.state AS payment, coalesce(r.state, '') AS refund FROM app.payments p"
    " JOIN app.orders o ON o.tenant_id = p.tenant_id AND o.id = p.order_id"
    " LEFT JOIN app.refunds r ON r.tenant_id = p.tenant_id AND r.payment_id = p.id"
    " WHERE p.tenant_id = :t AND o.tenant_id = :t"
)


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch):
    """The circuit opens as it does, and closes after moments: the storm goes on instead of being sat out."""
    monkeypatch.setattr(
        channels_module, "Pace", lambda: Pace(circuit=Circuit(open_seconds=0.2, longest_open_seconds=1.0))
    )


async def given_up_without_asking(tenant, order_id, *, channels, now, reason):
    """The famous bug: what was prepared is taken for closed."""
    prepared = "SELECT id FROM app.payments WHERE tenant_id = :t AND order_id = :o AND state = 'prepared'"
    closed = [row.id for row in await rows(tenant, prepared, o=order_id)]
    async with tenant.writing() as db:
        return await _cancel(db, order_id, closed=closed, reason=reason, now=now)


class Schedule:
    """One order's steps in an order drawn by chance."""

    def __init__(self, trading, draw, now, give_up=give_up_order):
        self.trading, self.draw, self.now, self.give_up = trading, draw, now, give_up
        self.numbers: list[str] = []
        self.order = None

    async def play(self):
        placed = await self.calmly(self.trading.place(now=self.now))
        if isinstance(placed, DatabaseAway | SoldOut):
            return
        self.order = placed
        await self.calmly(self.prepare())
        steps = [self.pay, self.callback, self.callback, self.cancel, self.expire, self.prepare, self.sync]
        chosen = [self.pay, *self.draw.sample(steps, k=self.draw.randrange(2, len(steps)))]
        self.draw.shuffle(chosen)
        while chosen:
            together, chosen = chosen[: self.draw.randrange(1, 4)], chosen[3:]
            await asyncio.gather(*(self.calmly(step()) for step in together))

    async def calmly(self, work):
        try:
            return await work
        except REFUSALS as refusal:
            return refusal

    async def prepare(self):
        payment = await self.trading.prepare(self.order.id)
        if payment.payment_no and payment.payment_no not in self.numbers:
            self.numbers.append(payment.payment_no)

    async def pay(self):
        """The shopper pays whatever number the phone still shows."""
        for number in self.numbers:
            await self.trading.take_money(number)

    async def callback(self):
        """The channel's message, if it has one to send."""
        for number in self.numbers:
            await self.heard(number)

    async def heard(self, number) -> bool:
        """What the channel says of a number; False when it says nothing."""
        (merchant_id,) = await self.merchant()
        channel = await self.trading.channels.channel(self.trading.tenant, merchant_id)
        told = await channel.look_up(number)
        if isinstance(told, ChannelPayment) and told.paid_at is not None:
            async with self.trading.tenant.writing() as db:
                await record_payment(db, told, now=self.now)
        return not isinstance(told, Unknown)

    async def heard_calmly(self, number) -> bool:
        return await self.calmly(self.heard(number)) is True

    async def merchant(self):
        ((found,),) = await rows(self.trading.tenant, "SELECT id FROM app.merchants WHERE tenant_id = :t")
        return (found,)

    async def cancel(self):
        await cancel_order(
            self.trading.tenant, self.order.id, shopper_id=self.trading.shopper_id,
            channels=self.trading.channels, now=self.now,
        )  # fmt: skip

    async def expire(self):
        await self.give_up(
            self.trading.tenant, self.order.id, channels=self.trading.channels, now=self.now, reason="expired"
        )

    async def sync(self):
        await self.trading.sync(self.order.id)


class LateCallback(Schedule):
    """An order that somebody gave up without asking, which was paid all the same; its last unit may be another shopper's by now."""

    one_at_a_time = asyncio.Lock()

    def __init__(self, trading, draw, now, *, outdone):
        super().__init__(trading, draw, now)
        self.outdone = outdone

    async def play(self):
        placed = await self.calmly(self.place())
        if isinstance(placed, DatabaseAway | SoldOut):
            return
        self.order = placed
        await self.calmly(self.prepare())
        await self.calmly(self.pay())
        given_up = given_up_without_asking(
            self.trading.tenant, placed.id, channels=None, now=self.now, reason="expired"
        )
        await self.calmly(given_up)
        if self.outdone:
            # Whoever comes next takes the unit, and pays for it.
            other = await self.calmly(self.place())
            payment = await self.calmly(self.trading.prepare(getattr(other, "id", placed.id)))
            if isinstance(payment, PaymentView) and payment.payment_no:
                await self.calmly(self.trading.take_money(payment.payment_no))
                await self.calmly(self.trading.sync(getattr(other, "id", placed.id)))
        for _ in range(self.draw.randrange(1, 4)):
            await patiently(self.heard_calmly, self.numbers)

    async def place(self):
        one = "UPDATE app.stock SET on_hand = reserved + 1 WHERE tenant_id = :t AND sku_id = :s AND on_hand <= reserved"
        async with self.one_at_a_time:
            async with self.trading.tenant.writing() as db:
                await db.execute(text(one), {"t": db.tenant_id, "s": self.trading.tea.sku})
            return await self.trading.place((self.trading.tea.sku, 1), now=self.now)


async def end_of_day(trading, schedules, now):
    """What the worker does by itself: expiries, and refunds that are written down, each again until somebody can say."""

    async def expired(schedule):
        return not isinstance(await schedule.calmly(schedule.expire()), PaymentPending | DatabaseAway)

    async def sent(refund_id):
        asked = {"channels": trading.channels, "now": now}
        try:
            await send_refund(trading.tenant, refund_id, splits=trading.splits, **asked)
            await ask_refund(trading.tenant, refund_id, asked=0, **asked)
        except (RefundPending, DatabaseAway):
            return False
        return True

    placed = [schedule for schedule in schedules if schedule.order is not None]
    for schedule in placed:
        schedule.now = now
    await patiently(expired, placed)
    asked = "SELECT payload->>'refund_id' AS refund_id FROM app.outbox WHERE tenant_id = :t AND kind = 'RefundRequested'"
    refunds = [RefundId(UUID(row.refund_id)) for row in await rows(trading.tenant, asked)]
    await patiently(sent, refunds)
    await trading.control.command("faults/forget")


async def patiently(work, things):
    """Do the work for each, and again with pauses for those it could not be done for."""
    for _ in range(PATIENCE):
        things = [each for each in things if not await work(each)]
        if not things:
            return
        await asyncio.sleep(PAUSE_SECONDS)
    pytest.fail(f"{len(things)} of them never came to an end")


async def ends_of(trading):
    """Payments taken at the channel, by what became of them with us."""
    books = await trading.control.books()
    taken = {
        each["outTradeNo"]: each["refundedFen"] == each["totalFen"]
        for each in books["payments"]
        if each["mchid"] == trading.mchid and each["paidAt"] is not None
    }
    known = {row.payment_no: row for row in await rows(trading.tenant, FATES)}
    ends = {"fulfilled": 0, "refunded": 0, "lost": 0, "both": 0}
    for number, refunded in taken.items():
        row = known[number]
        fulfilled = (
            row.payment == "paid" and row.state in {OrderState.PAID, OrderState.COLLECTED} and not row.refund
        )
        ends[
            "both"
            if fulfilled and refunded
            else "fulfilled"
            if fulfilled
            else "refunded"
            if refunded
            else "lost"
        ] += 1
    return ends


async def played(trading, count, *, late=True, **changes):
    draw = random.Random(3)
    async with trading.tenant.writing() as db:
        # Shirts for everybody; of tea there is one unit at a time, so that late money may find nothing left.
        shelf = "UPDATE app.stock SET on_hand = CASE WHEN sku_id = :shirt THEN 100000 ELSE 0 END WHERE tenant_id = :t"
        await db.execute(text(shelf), {"t": db.tenant_id, "shirt": trading.shirt.sku})
    schedules = []
    for number in range(0, count, AT_ONCE):
        # Each batch in its own present: a long run outlives the fifteen minutes in which an order can be paid.
        batch = [Schedule(trading, draw, datetime.now(UTC), **changes) for _ in range(AT_ONCE - LATE)]
        # Every other late callback finds its unit gone: few schedules, too, have money to give back.
        outdone = number // AT_ONCE % 2 == 0
        batch += [
            LateCallback(trading, draw, datetime.now(UTC), outdone=outdone)
            for _ in range(LATE if late else 0)
        ]
        schedules += batch
        if draw.random() < 0.5:
            fault = draw.choice([FaultKind.ERROR_AFTER, FaultKind.CORRUPT, FaultKind.BUSY])
            await trading.control.plan_fault(
                fault, path=draw.choice(["*/close", "*/jsapi", "*out-trade-no*"]), times=3
            )
        await asyncio.gather(*(schedule.play() for schedule in batch))
    return schedules


@pytest.mark.timeout(7200)
async def test_every_payment_ends_in_exactly_one_of_fulfilled_or_refunded(trading):
    schedules = await played(trading, SCHEDULES)
    await end_of_day(trading, schedules, datetime.now(UTC) + timedelta(minutes=16))
    ends = await ends_of(trading)
    note_figures("payments by how they ended", orders=len(schedules), **ends)
    assert (ends["lost"], ends["both"]) == (0, 0)
    assert ends["fulfilled"] > SCHEDULES // 10
    assert ends["refunded"] > SCHEDULES // 100
    assert sum(ends.values()) > SCHEDULES // 3
    open_orders = "SELECT count(*) FROM app.orders WHERE tenant_id = :t AND state = 'awaiting_payment'"
    assert (await rows(trading.tenant, open_orders))[0][0] == 0
    oversold = "SELECT count(*) FROM app.stock WHERE tenant_id = :t AND (reserved <> 0 OR on_hand < 0)"
    assert (await rows(trading.tenant, oversold))[0][0] == 0


async def test_giving_up_without_asking_the_channel_loses_a_paid_order(trading):
    schedules = await played(trading, 80, late=False, give_up=given_up_without_asking)
    await end_of_day(trading, schedules, datetime.now(UTC) + timedelta(minutes=16))
    assert (await ends_of(trading))["lost"] > 0
