"""Books how parties were paid through the channel: a part that arrived, a return that came back. Nobody's entitlement moves.

What is owed was booked with the sale; a payment takes it off the party's payable account, so that the balance says what is still
owed, and below zero what the party owes.
"""

from datetime import datetime
from uuid import UUID

from orders.split_queries import shared_payment
from orders.states import Source
from settlement.ledger import Movement, append, channel_account, open_journal, payable_account
from settlement.periods import book_into
from settlement.posting.post import post_order_paid
from settlement.splitting.errors import SplitDiffers
from settlement.splitting.rows import terms_of_party
from settlement.states import Cause
from tenants.kernel.ids import OrderId, PartyId, SplitId, SplitReturnId, derived_id
from tenants.kernel.money import Fen
from tenants.kernel.scope import Writing


async def post_part(
    db: Writing,
    split_id: SplitId,
    *,
    order_id: OrderId,
    party_id: PartyId,
    amount_fen: Fen,
    at: datetime,
    now: datetime,
) -> None:
    """Book a part that its receiver has; once."""
    await post_order_paid(db, order_id, now=now)  # what is paid was owed first
    part_id = derived_id(db.tenant_id, "split part", split_id, party_id)
    owed_more = Fen(-amount_fen)
    await _book(
        db, order_id, party_id=party_id, owed_more=owed_more, cause=Cause.SPLIT_PAID, cause_id=part_id, at=at, now=now
    )  # fmt: skip


async def post_return(
    db: Writing,
    return_id: SplitReturnId,
    *,
    order_id: OrderId,
    party_id: PartyId,
    amount_fen: Fen,
    at: datetime,
    now: datetime,
) -> None:
    """Book money that a receiver gave back; once."""
    await _book(
        db, order_id, party_id=party_id, owed_more=amount_fen, cause=Cause.SPLIT_RETURNED, cause_id=return_id, at=at,
        now=now,
    )  # fmt: skip


async def _book(
    db: Writing,
    order_id: OrderId,
    *,
    party_id: PartyId,
    owed_more: Fen,
    cause: Cause,
    cause_id: UUID,
    at: datetime,
    now: datetime,
) -> None:
    """Open the journal of this cause and append its movements; nothing where it was opened before."""
    journal_id = await open_journal(db, cause, cause_id=cause_id, occurred_at=at, now=now)
    if journal_id is None:
        return
    terms = await terms_of_party(db, order_id, party_id=party_id)
    payment = await shared_payment(db, order_id)
    if terms is None or payment is None:
        raise SplitDiffers(order_id=order_id, party_id=party_id)
    day, month = terms.day_and_period(at)
    periods = await book_into(db, [month])
    channel = channel_account(payment.store_id, Source.STOREFRONT)
    steps = [(party_id, cause, owed_more)]
    if terms.collector_party_id is not None:
        # Taken from a merchant number of its own: what it passes on it holds no longer, and what comes back it holds again.
        passed_on = Cause.COLLECTION_RETURNED if owed_more < 0 else Cause.COLLECTED
        steps.append((terms.collector_party_id, passed_on, Fen(-owed_more)))
    movements = [
        Movement(
            cause=why, amount_fen=fen, against=channel, party_id=party,
            account=payable_account(party, store_id=payment.store_id, contract_id=terms.contract_id),
            contract_id=terms.contract_id, store_id=payment.store_id, terms_id=terms.terms_id,
            order_id=order_id, occurred_on=day, period_on=periods[month],
        )
        for party, why, fen in steps
    ]  # fmt: skip
    await append(db, movements, journal_id=journal_id)
