"""Unfreeze what is left of a payment, under a number of its own, and believe it only when the channel says that nothing is left.

The channel answers success to an unfreeze under a number that a split has used, and unfreezes nothing: so the amount is asked for
afterwards, and an unfreeze that changed nothing is written down as futile and asked for under another number.
"""

from datetime import datetime

from sqlalchemy import insert, select, update

from orders.ports import Unknown
from settlement.ports import ChannelSplit, Ended, Reason, SplitRefused, SplittingChannel, UnfreezeRequest
from settlement.splitting.errors import SplitPending
from settlement.splitting.models import Unfreeze
from settlement.splitting.numbers import new_unfreeze_no
from settlement.splitting.rows import Splitting, find_splitting
from settlement.splitting.states import UNFREEZE_MOVES, UnfreezeStatus, origins
from tenants.kernel.ids import SplitId, UnfreezeId, new_id
from tenants.kernel.money import Fen
from tenants.kernel.scope import TenantScope, Writing
from tenants.queries import find_tenant

NUMBERS_AT_ONCE = 2
DESCRIPTION = "订单分账完结"


async def unfreeze_rest(
    tenant: TenantScope, split_id: SplitId, *, channel: SplittingChannel, now: datetime
) -> None:
    """Make sure that nothing of the payment is frozen any more; raises SplitPending while the channel does not say so."""
    async with tenant.reading() as db:
        found = await find_splitting(db, split_id)
    for _ in range(NUMBERS_AT_ONCE):
        if await left_of(channel, found) == 0:
            return await _note(tenant, split_id, to=UnfreezeStatus.DONE, now=now)
        async with tenant.writing() as db:
            number = await _number(db, split_id, now=now)
        request = UnfreezeRequest(
            transaction_id=found.transaction_id, unfreeze_no=number, description=DESCRIPTION
        )
        answer = await channel.unfreeze(request)
        if not isinstance(answer, Ended):
            reason = answer.reason if isinstance(answer, Unknown) else answer.code
            raise SplitPending(unfreeze_no=number, reason=reason)
        if await left_of(channel, found) == 0:
            return await _note(tenant, split_id, to=UnfreezeStatus.DONE, now=now)
        told = await channel.look_up_split(number, transaction_id=found.transaction_id)
        if not (isinstance(told, ChannelSplit) and told.finished):
            raise SplitPending(unfreeze_no=number, reason="the channel works on it")
        await _note(tenant, split_id, to=UnfreezeStatus.FUTILE, now=now)
    raise SplitPending(split_id=split_id, reason="unfreezing changes nothing")


async def left_of(channel: SplittingChannel, found: Splitting) -> Fen:
    """What is left of the payment to split or unfreeze, as the channel tells it; raises SplitPending when it does not."""
    left = await channel.unsplit_amount(found.transaction_id)
    if isinstance(left, Unknown):
        raise SplitPending(split_id=found.split_id, reason=left.reason)
    if isinstance(left, SplitRefused):
        if left.reason is Reason.NOT_MARKED:
            return Fen(0)
        raise SplitPending(split_id=found.split_id, reason=left.code)
    return left


async def _number(db: Writing, split_id: SplitId, *, now: datetime) -> str:
    """The number of the unfreeze under way, or a new one, written down."""
    # The split's own row orders two that meet here, so that one payment never has two unfreezes under way.
    await find_splitting(db, split_id, held=True)
    standing = select(Unfreeze.unfreeze_no).where(
        Unfreeze.tenant_id == db.tenant_id,
        Unfreeze.split_id == split_id,
        Unfreeze.state == UnfreezeStatus.INTENDED,
    )
    number = (await db.execute(standing)).scalar_one_or_none()
    if number is not None:
        return number
    number = new_unfreeze_no((await find_tenant(db)).public_code)
    row = {
        "tenant_id": db.tenant_id, "id": UnfreezeId(new_id()), "split_id": split_id, "unfreeze_no": number,
        "state": UnfreezeStatus.INTENDED.value, "created_at": now,
    }  # fmt: skip
    await db.execute(insert(Unfreeze).values(row))
    return number


async def _note(tenant: TenantScope, split_id: SplitId, *, to: UnfreezeStatus, now: datetime) -> None:
    async with tenant.writing() as db:
        await db.execute(
            update(Unfreeze)
            .where(
                Unfreeze.tenant_id == db.tenant_id,
                Unfreeze.split_id == split_id,
                Unfreeze.state.in_(origins(UNFREEZE_MOVES, to)),
            )
            .values(state=to, ended_at=now)
        )
