"""What finance sees of splitting: receivers, and where each payment's split stands with its parts, returns and unfreezes."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import and_, select

from settlement.errors import ReceiverNotFound
from settlement.models import Party
from settlement.ports import Relation
from settlement.queries import parties
from settlement.splitting.models import ReceiverRow, Split, SplitPartRow, SplitReturn, Unfreeze
from settlement.splitting.states import PartStatus, ReceiverState, ReturnStatus, SplitStatus, UnfreezeStatus
from settlement.splitting.views import ReceiverView, SplitPartView, SplitReturnView, SplitView, UnfreezeView
from tenants.kernel.ids import MerchantId, OrderId, PartyId, ReceiverId, RefundId, SplitId, SplitReturnId
from tenants.kernel.money import Fen
from tenants.kernel.paging import page_limit
from tenants.kernel.scope import Reading

OPEN = (
    SplitStatus.WAITING,
    SplitStatus.SCHEDULED,
    SplitStatus.INTENDED,
    SplitStatus.ACCEPTED,
    SplitStatus.FINISHED,
)


async def find_receiver(db: Reading, receiver_id: ReceiverId) -> ReceiverView:
    """One receiver."""
    found = await _receivers(db, ReceiverRow.id == receiver_id)
    if not found:
        raise ReceiverNotFound(receiver_id=receiver_id)
    return found[0]


async def receivers(db: Reading, *, merchant_id: MerchantId | None = None) -> list[ReceiverView]:
    """All receivers, ended ones too, by party and date."""
    return await _receivers(db, *([] if merchant_id is None else [ReceiverRow.merchant_id == merchant_id]))


async def splits(
    db: Reading, *, state: SplitStatus | None = None, warned: bool = False, limit: int | None = None
) -> list[SplitView]:
    """Splits, those whose freeze ends first before the others; `warned` ones are about to unfreeze unsplit."""
    chosen: list[Any] = [] if state is None else [Split.state == state]
    if warned:
        chosen += [Split.warned_at.is_not(None), Split.state.in_(OPEN)]
    return await _splits(db, *chosen, limit=page_limit(limit))


async def split_of_order(db: Reading, order_id: OrderId) -> list[SplitView]:
    """The splits of an order's payments: one, or none."""
    return await _splits(db, Split.order_id == order_id, limit=page_limit(None))


async def _receivers(db: Reading, *chosen: Any) -> list[ReceiverView]:
    statement = (
        select(ReceiverRow, Party.code)
        .join(Party, and_(Party.tenant_id == ReceiverRow.tenant_id, Party.id == ReceiverRow.party_id))
        .where(ReceiverRow.tenant_id == db.tenant_id, Party.tenant_id == db.tenant_id, *chosen)
        .order_by(Party.code, ReceiverRow.created_at, ReceiverRow.id)
        .execution_options(populate_existing=True)
    )
    people = await parties(db)
    return [
        ReceiverView(
            id=ReceiverId(row.id), party=people[PartyId(row.party_id)], merchant_id=MerchantId(row.merchant_id),
            account=row.account, relation=Relation(row.relation), state=ReceiverState(row.state),
            channel_code=row.channel_code, channel_message=row.channel_message, created_at=row.created_at,
            added_at=row.added_at, ended_at=row.ended_at,
        )
        for row in (await db.execute(statement)).scalars()
    ]  # fmt: skip


async def _splits(db: Reading, *chosen: Any, limit: int) -> list[SplitView]:
    statement = (
        select(Split).where(Split.tenant_id == db.tenant_id, *chosen).order_by(Split.paid_at, Split.id).limit(limit)
    )  # fmt: skip
    found = list((await db.execute(statement.execution_options(populate_existing=True))).scalars())
    ids = [split.id for split in found]
    parts, returns, unfreezes = await _parts(db, ids), await _returns(db, ids), await _unfreezes(db, ids)
    return [
        SplitView(
            id=SplitId(row.id), order_id=OrderId(row.order_id), merchant_id=MerchantId(row.merchant_id),
            split_no=row.split_no, state=SplitStatus(row.state), total_fen=Fen(row.total_fen), paid_at=row.paid_at,
            due_at=row.due_at, warned_at=row.warned_at, ended_at=row.ended_at, channel_code=row.channel_code,
            channel_message=row.channel_message, parts=parts[row.id], returns=returns[row.id],
            unfreezes=unfreezes[row.id],
        )
        for row in found
    ]  # fmt: skip


async def _parts(db: Reading, ids: Sequence[UUID]) -> dict[UUID, list[SplitPartView]]:
    people, found = await parties(db), defaultdict(list)
    statement = (
        select(SplitPartRow)
        .where(SplitPartRow.tenant_id == db.tenant_id, SplitPartRow.split_id.in_(ids))
        .order_by(SplitPartRow.party_id)
        .execution_options(populate_existing=True)
    )
    for row in (await db.execute(statement)).scalars():
        found[row.split_id].append(
            SplitPartView(
                party=people[PartyId(row.party_id)], account=row.account, amount_fen=Fen(row.amount_fen),
                state=PartStatus(row.state), trouble=row.trouble, channel_code=row.channel_code,
                ended_at=row.ended_at,
            )
        )  # fmt: skip
    return found


async def _returns(db: Reading, ids: Sequence[UUID]) -> dict[UUID, list[SplitReturnView]]:
    people, found = await parties(db), defaultdict(list)
    statement = (
        select(SplitReturn)
        .where(SplitReturn.tenant_id == db.tenant_id, SplitReturn.split_id.in_(ids))
        .order_by(SplitReturn.id)
        .execution_options(populate_existing=True)
    )
    for row in (await db.execute(statement)).scalars():
        found[row.split_id].append(
            SplitReturnView(
                id=SplitReturnId(row.id), party=people[PartyId(row.party_id)], refund_id=RefundId(row.refund_id),
                return_no=row.return_no, amount_fen=Fen(row.amount_fen), state=ReturnStatus(row.state),
                trouble=row.trouble, channel_code=row.channel_code, channel_message=row.channel_message,
                created_at=row.created_at, ended_at=row.ended_at,
            )
        )  # fmt: skip
    return found


async def _unfreezes(db: Reading, ids: Sequence[UUID]) -> dict[UUID, list[UnfreezeView]]:
    found = defaultdict(list)
    statement = (
        select(Unfreeze)
        .where(Unfreeze.tenant_id == db.tenant_id, Unfreeze.split_id.in_(ids))
        .order_by(Unfreeze.id)
        .execution_options(populate_existing=True)
    )
    for row in (await db.execute(statement)).scalars():
        found[row.split_id].append(
            UnfreezeView(
                unfreeze_no=row.unfreeze_no, state=UnfreezeStatus(row.state), created_at=row.created_at,
                ended_at=row.ended_at,
            )
        )  # fmt: skip
    return found
