"""What refunds ask of splitting: settlement's answer to `orders.ports.PaymentSplits`, the decision table of refunds of split payments.

Nothing split yet: refund from what is frozen. Split in part: a refund of no more than the frozen rest needs nothing, a larger one needs
the rest unfrozen first. Ended: the merchant's available balance pays.
"""

from datetime import datetime

from orders.ports import RefundRoom
from orders.split_queries import shared_payment
from settlement.ports import SplittingChannels
from settlement.splitting.returns import plan_returns
from settlement.splitting.rows import Splitting, splitting_of_payment
from settlement.splitting.schedule import open_split
from settlement.splitting.states import SplitStatus
from settlement.splitting.unfreeze import left_of, unfreeze_rest
from tenants.kernel.ids import OrderId, RefundId
from tenants.kernel.money import Fen
from tenants.kernel.scope import TenantScope, Writing

SPLIT_IN_PART = (SplitStatus.ACCEPTED, SplitStatus.FINISHED)
MAY_BE_SPLIT = (SplitStatus.INTENDED, SplitStatus.ACCEPTED, SplitStatus.FINISHED, SplitStatus.ENDED)


class ChannelSplits:
    """The splits of payments, at the channel and in our books."""

    def __init__(self, channels: SplittingChannels) -> None:
        """Unfreeze through these channels."""
        self._channels = channels

    async def recall(self, db: Writing, refund_id: RefundId, *, order_id: OrderId, now: datetime) -> Fen:
        """Write down what receivers have to give back because of a refund whose lines are reserved; returns the sum in fen."""
        payment = await shared_payment(db, order_id)
        found = None if payment is None else await splitting_of_payment(db, payment.payment_id)
        if found is None or found.state not in MAY_BE_SPLIT:
            return Fen(0)
        return await plan_returns(db, refund_id, order_id=order_id, split_id=found.split_id, now=now)

    async def make_room(
        self, tenant: TenantScope, room: RefundRoom, *, now: datetime, forced: bool = False
    ) -> None:
        """Unfreeze what has to be unfrozen before the refund can be sent; raises SplitPending while nobody can say."""
        async with tenant.reading() as db:
            found = await splitting_of_payment(db, room.payment_id)
        if found is None and forced:
            found = await self._written_down(tenant, room, now=now)
        if found is None or not (forced or found.state in SPLIT_IN_PART):
            return
        channel = await self._channels.splitting(tenant, room.merchant_id)
        if forced or room.refund_fen > await left_of(channel, found):
            await unfreeze_rest(tenant, found.split_id, channel=channel, now=now)

    async def _written_down(
        self, tenant: TenantScope, room: RefundRoom, *, now: datetime
    ) -> Splitting | None:
        async with tenant.writing() as db:
            await open_split(db, room.order_id, now=now)
            return await splitting_of_payment(db, room.payment_id)
