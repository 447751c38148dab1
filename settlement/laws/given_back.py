"""The law of the end: of an order given back whole nobody holds anything, neither for the sale nor for its promotion.

It asks orders what went back and the ledger what is left, and knows no rate, no base and no rounding: whatever way a line is divided, all
of it given back is nothing for everybody.
"""

from sqlalchemy import func, select, true

from orders.given_back_queries import orders_given_back_select
from settlement.laws.rows import Rows
from settlement.models import LedgerAccount, LedgerEntry
from settlement.queries import credited_account, signed_amount
from settlement.states import COLLECTION, ENTITLEMENT, Cause
from tenants.kernel.scope import Reading

OF_THE_SALE = (*ENTITLEMENT, *COLLECTION, Cause.FUNDED, Cause.FUNDING_REVERSED)


def left_of_given_back(db: Reading) -> Rows:
    """Parties that hold, or owe, something of an order given back whole; the ledger is looked up order by order."""
    whole = orders_given_back_select(db.tenant_id).subquery("whole")
    left = func.sum(signed_amount())
    held = (
        select(LedgerEntry.party_id, left.label("fen"))
        .join(LedgerAccount, credited_account(db))
        .where(
            LedgerEntry.tenant_id == db.tenant_id,
            LedgerEntry.order_id == whole.c.order_id,
            LedgerEntry.order_line_id.is_not(None),
            LedgerEntry.cause.in_(OF_THE_SALE),
        )
        .group_by(LedgerEntry.party_id)
        .having(left != 0)
        .correlate(whole)
        .lateral("held")
    )
    what = func.concat_ws(
        " ", "order", whole.c.order_no, "was given back whole, and party", held.c.party_id, "stands at", held.c.fen, "fen"
    )  # fmt: skip
    return select(what.label("what")).select_from(whole.join(held, true()))
