"""A line's step in the ledger: from one amount kept to another, every party moves by the difference of two splits.

What is kept is said by whoever makes the step: `post` of sales, `post_refunds` of refunds.
"""

from collections import defaultdict
from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

import msgspec

from settlement.ledger import Movement, channel_account, payable_account
from settlement.periods import CodeMonth, book_into
from settlement.posting.beside import Discounted
from settlement.posting.post_beside import LineStep, beside
from settlement.posting.post_terms import BookedTerms, booked_terms
from settlement.split import LineBase, reversal, split_line
from settlement.states import ENTITLEMENT, Cause
from tenants.kernel.ids import OrderId, OrderLineId, PartyId, RefundId, StoreId, TermsId
from tenants.kernel.money import Fen
from tenants.kernel.scope import Writing


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """One line's step: the amounts kept before and after it."""

    cause: Cause
    before: Fen
    after: Fen
    base: LineBase
    store_id: StoreId
    source: str
    terms_id: TermsId
    order_id: OrderId | None
    order_line_id: OrderLineId | None
    refund_id: RefundId | None = None
    refund_line_no: int | None = None
    line: Discounted | None = None


class Book(msgspec.Struct, frozen=True):
    """The terms that lines were sold on, and the periods that take what happened when."""

    terms: dict[TermsId, BookedTerms]
    periods: dict[CodeMonth, date]

    @classmethod
    async def read(cls, db: Writing, lines: Sequence[tuple[Line, datetime]]) -> "Book":
        """Everything that these lines and moments need; keeps the periods open."""
        terms = await booked_terms(db, {line.terms_id for line, _ in lines})
        return cls(
            terms, await book_into(db, {terms[line.terms_id].day_and_period(at)[1] for line, at in lines})
        )

    def movements(self, lines: Sequence[Line], *, at: datetime) -> list[Movement]:
        """Each party's step of each line, and what moves beside it."""
        found: list[Movement] = []
        for line in lines:
            terms = self.terms[line.terms_id]
            day, period = terms.day_and_period(at)
            channel = channel_account(line.store_id, line.source)
            about: dict[str, Any] = {
                "store_id": line.store_id, "order_id": line.order_id, "order_line_id": line.order_line_id,
                "refund_id": line.refund_id, "refund_line_no": line.refund_line_no, "occurred_on": day,
                "period_on": self.periods[period],
            }  # fmt: skip
            for party_id, amount in _steps(line, terms).items():
                account = payable_account(party_id, store_id=line.store_id, contract_id=terms.contract_id)
                found.append(
                    Movement(
                        cause=line.cause, amount_fen=amount, against=channel, account=account, party_id=party_id,
                        contract_id=terms.contract_id, terms_id=line.terms_id, **about,
                    )
                )  # fmt: skip
            step = LineStep(
                cause=line.cause, before=line.before, after=line.after, line=line.line, source=line.source, **about
            )  # fmt: skip
            found += beside(step, terms)
        return found


def _steps(line: Line, terms: BookedTerms) -> dict[PartyId, Fen]:
    if line.cause is Cause.ORDER_PAID:
        return split_line(line.after, terms, base=line.base)
    back = reversal(line.before, line.after, terms=terms, base=line.base)
    return {party: Fen(-amount) for party, amount in back.items()}


def held_by(movements: Sequence[Movement]) -> dict[PartyId, Fen]:
    """What these movements give each party of the sale itself."""
    held: dict[PartyId, Fen] = defaultdict(lambda: Fen(0))
    for each in movements:
        if each.party_id is not None and each.cause in ENTITLEMENT:
            held[each.party_id] = Fen(held[each.party_id] + each.amount_fen)
    return dict(held)
