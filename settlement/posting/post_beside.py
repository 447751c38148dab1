"""Makes the movements beside a line's portions, in the journal of the sale or refund itself: collected money and funded discounts.

A collector's account is debited with what it took, so that its balance says what it owes and everybody else's what it is owed. A
funder's part of a discount passes over the clearing account to the party that takes the rest of the sale.
"""

from datetime import date

import msgspec

from settlement.ledger import Account, Movement, channel_account, clearing_account, payable_account
from settlement.posting.beside import Discounted, collected_step, funding_steps
from settlement.posting.post_terms import BookedTerms
from settlement.states import Cause
from tenants.kernel.ids import OrderId, OrderLineId, PartyId, RefundId, StoreId
from tenants.kernel.money import Fen


class LineStep(msgspec.Struct, frozen=True, kw_only=True):
    """One line's step from one amount kept to another, and when and where it is booked."""

    cause: Cause
    before: Fen
    after: Fen
    line: Discounted | None
    store_id: StoreId
    source: str
    order_id: OrderId | None
    order_line_id: OrderLineId | None
    refund_id: RefundId | None
    refund_line_no: int | None
    occurred_on: date
    period_on: date


def beside(step: LineStep, terms: BookedTerms) -> list[Movement]:
    """The movements beside the portions; none for most lines."""
    return [*_collected(step, terms), *_funded(step, terms)]


def _collected(step: LineStep, terms: BookedTerms) -> list[Movement]:
    if terms.collector_party_id is None:
        return []
    cause = Cause.COLLECTED if step.cause is Cause.ORDER_PAID else Cause.COLLECTION_RETURNED
    amount = Fen(-collected_step(step.before, step.after))
    channel = channel_account(step.store_id, step.source)
    return [
        _movement(step, terms, cause=cause, amount=amount, against=channel, party=terms.collector_party_id)
    ]


def _funded(step: LineStep, terms: BookedTerms) -> list[Movement]:
    sold = step.cause is Cause.ORDER_PAID
    cause = Cause.FUNDED if sold else Cause.FUNDING_REVERSED
    steps = funding_steps(step.line, funding=terms.funding, seller=terms.residual_party_id)
    clearing = clearing_account(store_id=step.store_id, contract_id=terms.contract_id)
    found = []
    for funder, fen in steps.items():
        for party, amount in ((funder, Fen(-fen)), (terms.residual_party_id, fen)):
            found.append(_movement(step, terms, cause=cause, amount=amount, against=clearing, party=party))
    return found


def _movement(
    step: LineStep, terms: BookedTerms, *, cause: Cause, amount: Fen, against: Account, party: PartyId
) -> Movement:
    return Movement(
        cause=cause, amount_fen=amount, against=against, party_id=party,
        account=payable_account(party, store_id=step.store_id, contract_id=terms.contract_id),
        contract_id=terms.contract_id, store_id=step.store_id, terms_id=terms.terms_id, order_id=step.order_id,
        order_line_id=step.order_line_id, refund_id=step.refund_id, refund_line_no=step.refund_line_no,
        occurred_on=step.occurred_on, period_on=step.period_on,
    )  # fmt: skip
