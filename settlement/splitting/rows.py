"""Reads of splitting that its own flows share: a split with its parts, what receivers hold, what they are owed."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import and_, func, select

from orders.split_queries import kept_lines
from settlement.models import Party
from settlement.posting.post_terms import BookedTerms, booked_terms
from settlement.split import LineBase
from settlement.splitting.amounts import owed_of
from settlement.splitting.errors import SplitNotFound
from settlement.splitting.models import ReceiverRow, Split, SplitPartRow, SplitReturn
from settlement.splitting.states import HELD, RECALLED, PartStatus, ReceiverState, SplitStatus
from settlement.states import PartyKind
from tenants.kernel.ids import MerchantId, OrderId, PartyId, PaymentId, ReceiverId, SplitId
from tenants.kernel.money import Fen
from tenants.kernel.scope import Reading


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """One receiver's part."""

    party_id: PartyId
    account: str
    amount_fen: Fen
    state: PartStatus


class Splitting(msgspec.Struct, frozen=True, kw_only=True):
    """A split as its flow sees it."""

    split_id: SplitId
    order_id: OrderId
    merchant_id: MerchantId
    transaction_id: str
    split_no: str | None
    state: SplitStatus
    total_fen: Fen
    paid_at: datetime
    parts: list[Part]


class CurrentReceiver(msgspec.Struct, frozen=True, kw_only=True):
    """A receiver that the channel knows."""

    receiver_id: ReceiverId
    party_id: PartyId
    kind: PartyKind
    account: str


async def find_splitting(db: Reading, split_id: SplitId, *, held: bool = False) -> Splitting:
    """One split with its parts (`held`: locked until the transaction ends); raises SplitNotFound."""
    if held:
        lock = select(Split.id).where(Split.tenant_id == db.tenant_id, Split.id == split_id)
        await db.execute(lock.with_for_update())
    found = await _splitting(db, Split.id == split_id)
    if found is None:
        raise SplitNotFound(split_id=split_id)
    return found


async def splitting_of_payment(db: Reading, payment_id: PaymentId) -> Splitting | None:
    """The split of a payment."""
    return await _splitting(db, Split.payment_id == payment_id)


async def _splitting(db: Reading, chosen: Any) -> Splitting | None:
    row = (
        await db.execute(
            select(
                Split.id, Split.order_id, Split.merchant_id, Split.transaction_id, Split.split_no, Split.state,
                Split.total_fen, Split.paid_at,
            ).where(Split.tenant_id == db.tenant_id, chosen)
        )
    ).one_or_none()  # fmt: skip
    if row is None:
        return None
    parts = (
        select(SplitPartRow.party_id, SplitPartRow.account, SplitPartRow.amount_fen, SplitPartRow.state)
        .where(SplitPartRow.tenant_id == db.tenant_id, SplitPartRow.split_id == row.id)
        .order_by(SplitPartRow.party_id)
    )
    return Splitting(
        split_id=SplitId(row.id), order_id=OrderId(row.order_id), merchant_id=MerchantId(row.merchant_id),
        transaction_id=row.transaction_id, split_no=row.split_no, state=SplitStatus(row.state),
        total_fen=Fen(row.total_fen), paid_at=row.paid_at,
        parts=[
            Part(
                party_id=PartyId(part.party_id), account=part.account, amount_fen=Fen(part.amount_fen),
                state=PartStatus(part.state),
            )
            for part in await db.execute(parts)
        ],
    )  # fmt: skip


async def held_parts(db: Reading, split_id: SplitId) -> dict[PartyId, Fen]:
    """What each receiver holds of a split: its part, less what it gave back, was asked for, or owes."""
    recalled = (
        select(SplitReturn.party_id, func.sum(SplitReturn.amount_fen).label("fen"))
        .where(
            SplitReturn.tenant_id == db.tenant_id, SplitReturn.split_id == split_id,
            SplitReturn.state.in_(RECALLED),
        )
        .group_by(SplitReturn.party_id)
    ).subquery()  # fmt: skip
    statement = (
        select(SplitPartRow.party_id, SplitPartRow.amount_fen - func.coalesce(recalled.c.fen, 0))
        .outerjoin(recalled, recalled.c.party_id == SplitPartRow.party_id)
        .where(
            SplitPartRow.tenant_id == db.tenant_id, SplitPartRow.split_id == split_id,
            SplitPartRow.state.in_(HELD),
        )
    )  # fmt: skip
    return {PartyId(row[0]): Fen(int(row[1])) for row in await db.execute(statement)}


async def owed_parties(db: Reading, order_id: OrderId) -> dict[PartyId, Fen]:
    """What each party but the residual one is owed of what is kept of an order."""
    lines = await kept_lines(db, order_id)
    book = await booked_terms(db, {line.terms_id for line in lines})
    owed = owed_of(
        (line.kept_fen, book[line.terms_id], LineBase(line.paid_fen, line.base_fen)) for line in lines
    )
    residual = {terms.residual_party_id for terms in book.values()}
    return {party_id: amount for party_id, amount in owed.items() if party_id not in residual}


async def current_receivers(
    db: Reading, merchant_id: MerchantId, *, parties: Sequence[PartyId]
) -> dict[PartyId, CurrentReceiver]:
    """The receivers of these parties at a payee that the channel knows now. Persons are none: what they get can never be asked back."""
    statement = (
        select(ReceiverRow.id, ReceiverRow.party_id, ReceiverRow.account, Party.kind)
        .join(Party, and_(Party.tenant_id == ReceiverRow.tenant_id, Party.id == ReceiverRow.party_id))
        .where(
            ReceiverRow.tenant_id == db.tenant_id, Party.tenant_id == db.tenant_id,
            ReceiverRow.merchant_id == merchant_id, ReceiverRow.state == ReceiverState.ADDED,
            ReceiverRow.party_id.in_(parties), Party.kind != PartyKind.GUIDE,
        )
    )  # fmt: skip
    return {
        PartyId(row.party_id): CurrentReceiver(
            receiver_id=ReceiverId(row.id), party_id=PartyId(row.party_id), kind=PartyKind(row.kind),
            account=row.account,
        )
        for row in await db.execute(statement)
    }  # fmt: skip


async def terms_of_party(db: Reading, order_id: OrderId, *, party_id: PartyId) -> BookedTerms | None:
    """Terms of the order that name the party: they say under which contract it is owed."""
    lines = await kept_lines(db, order_id)
    book = await booked_terms(db, {line.terms_id for line in lines})
    for line in lines:
        terms = book[line.terms_id]
        if any(portion.party_id == party_id for portion in terms.portions):
            return terms
    return None
