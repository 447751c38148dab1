"""What the books say of orders before their next step: what is kept of each line, what each party holds and bears, what coupons bear.

Read for many orders at once; who books a step by it holds the orders' locks, or two steps would begin at the same standing. Reads only.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import msgspec
from sqlalchemy import ARRAY, Select, any_, case, cast, func, select
from sqlalchemy.dialects.postgresql import UUID as PG_UUID

from orders.channel_money import GivenBack, given_back_select
from orders.queries import reversed_lines_select
from settlement.models import Journal, LedgerAccount, LedgerEntry
from settlement.posting.beside import units_left
from settlement.queries import credited_account
from settlement.states import COUPONS, ENTITLEMENT, SHARED_COSTS, AccountKind, Cause
from tenants.kernel.ids import OrderId, OrderLineId, PartyId, PaymentId
from tenants.kernel.money import Fen
from tenants.kernel.scope import Reading

Held = Mapping[PartyId, Fen]


class OrderStanding(msgspec.Struct, frozen=True, kw_only=True):
    """One order as the ledger has it; all of it empty before the sale is booked."""

    kept: Mapping[OrderLineId, Fen] = {}
    held: Held = {}
    """What each party holds of the sale itself."""
    shares: Mapping[Cause, Held] = {}
    """What each party bears of the costs that came with the sale, by cause: below nothing where it owes."""
    coupons_fen: Fen = Fen(0)
    """What coupons still bear."""

    def borne(self, *causes: Cause) -> dict[PartyId, Fen]:
        """What each party bears by these causes together."""
        return _added(*(self.shares.get(cause, {}) for cause in causes))

    def held_after(self, steps: Held) -> dict[PartyId, Fen]:
        """What each party holds of the sale once these steps are booked."""
        return _added(self.held, steps)


UNBOOKED = OrderStanding()


class FeeStanding(msgspec.Struct, frozen=True, kw_only=True):
    """What the books say of a payment's fee: where it was charged, and of how much of the payment it was given back since."""

    charged_fen: Fen = Fen(0)
    charged_on: str | None = None
    """The name of the channel's account that it was charged on; None: no fee was booked."""
    given_back_fen: Fen = Fen(0)


async def standings(db: Reading, order_ids: Collection[OrderId]) -> dict[OrderId, OrderStanding]:
    """Each of these orders, booked or not."""
    if not order_ids:
        return {}
    # Both kinds stand to be credited with what is theirs; the other side of their entries is never of these kinds.
    theirs = LedgerAccount.kind.in_((AccountKind.PAYABLE, AccountKind.COUPON))
    signed = case((theirs, LedgerEntry.amount_fen), else_=-LedgerEntry.amount_fen)
    kinds = (LedgerEntry.order_id, LedgerEntry.order_line_id, LedgerEntry.party_id, LedgerEntry.cause)
    statement = (
        select(*kinds, func.sum(signed).label("fen"))
        .join(LedgerAccount, credited_account(db))
        .where(
            LedgerEntry.tenant_id == db.tenant_id,
            LedgerEntry.order_id == any_(cast(list(order_ids), ARRAY(PG_UUID))),
            LedgerEntry.cause.in_((*ENTITLEMENT, *SHARED_COSTS, *COUPONS)),
        )
        .group_by(*kinds)
    )  # fmt: skip
    found = {order_id: _Counted() for order_id in order_ids}
    for row in await db.execute(statement):
        found[OrderId(row.order_id)].add(
            Cause(row.cause), line_id=row.order_line_id, party_id=row.party_id, fen=int(row.fen)
        )
    return {order_id: counted.standing() for order_id, counted in found.items()}


async def fee_standings(db: Reading, backs: Sequence[GivenBack]) -> dict[PaymentId, FeeStanding]:
    """The fees of the payments that these refunds give back."""
    payments = cast([back.payment_id for back in backs], ARRAY(PG_UUID))
    charged = (
        select(Journal.cause_id, LedgerEntry.amount_fen, LedgerAccount.name)
        .select_from(LedgerEntry)
        .join(Journal, (Journal.tenant_id == LedgerEntry.tenant_id) & (Journal.id == LedgerEntry.journal_id))
        .join(LedgerAccount, credited_account(db))
        .where(
            LedgerEntry.tenant_id == db.tenant_id, Journal.tenant_id == db.tenant_id,
            LedgerEntry.order_id == any_(cast([back.order_id for back in backs], ARRAY(PG_UUID))),
            LedgerEntry.cause == Cause.FEE_CHARGED, Journal.cause_id == any_(payments),
        )
    )  # fmt: skip
    fees = {row.cause_id: row for row in await db.execute(charged)}
    given = {row.payment_id: int(row.fen) for row in await db.execute(_given_before(db, payments))}
    return {
        back.payment_id: FeeStanding(
            charged_fen=Fen(fees[back.payment_id].amount_fen if back.payment_id in fees else 0),
            charged_on=fees[back.payment_id].name if back.payment_id in fees else None,
            given_back_fen=Fen(given.get(back.payment_id, 0)),
        )
        for back in backs
    }


async def units_kept(db: Reading, sold: Mapping[OrderLineId, int]) -> dict[OrderLineId, int]:
    """The units kept of these lines, of which nothing was paid (line -> units sold), after the refunds that are booked."""
    if not sold:
        return {}
    undone = reversed_lines_select(db.tenant_id).subquery()
    booked = select(Journal.id).where(
        Journal.tenant_id == db.tenant_id, Journal.cause == Cause.ORDER_REFUNDED,
        Journal.cause_id == undone.c.refund_id,
    )  # fmt: skip
    statement = (
        select(undone.c.order_line_id, func.sum(undone.c.units).label("units"))
        .where(
            undone.c.order_line_id == any_(cast(list(sold), ARRAY(PG_UUID))),
            booked.scalar_subquery().is_not(None),
        )
        .group_by(undone.c.order_line_id)
    )
    back = {row.order_line_id: int(row.units) for row in await db.execute(statement)}
    return {line_id: units_left(units, back.get(line_id, 0)) for line_id, units in sold.items()}


def _given_before(db: Reading, payments: Any) -> Select[*tuple[Any, ...]]:
    """How much of each payment the refunds gave back whose part of the fee is booked."""
    done = given_back_select(db.tenant_id).subquery("done")
    booked = select(Journal.id).where(
        Journal.tenant_id == db.tenant_id, Journal.cause == Cause.FEE_RETURNED,
        Journal.cause_id == done.c.refund_id,
    )  # fmt: skip
    return (
        select(done.c.payment_id, func.sum(done.c.amount_fen).label("fen"))
        .where(done.c.payment_id == any_(payments), booked.scalar_subquery().is_not(None))
        .group_by(done.c.payment_id)
    )


class _Counted:
    """One order's sums while they are read."""

    def __init__(self) -> None:
        self.kept: dict[OrderLineId, Fen] = {}
        self.held: dict[PartyId, Fen] = {}
        self.shares: dict[Cause, dict[PartyId, Fen]] = defaultdict(dict)
        self.coupons_fen = Fen(0)

    def add(self, cause: Cause, *, line_id: OrderLineId | None, party_id: PartyId | None, fen: int) -> None:
        if cause in COUPONS:
            # Their account is debited with what coupons bear.
            self.coupons_fen = Fen(self.coupons_fen - fen)
        elif party_id is not None and cause in ENTITLEMENT:
            self.held[party_id] = Fen(self.held.get(party_id, 0) + fen)
            if line_id is not None:
                self.kept[line_id] = Fen(self.kept.get(line_id, 0) + fen)
        elif party_id is not None:
            self.shares[cause][party_id] = Fen(self.shares[cause].get(party_id, 0) + fen)

    def standing(self) -> OrderStanding:
        return OrderStanding(
            kept=self.kept, held=self.held, shares=self.shares, coupons_fen=self.coupons_fen
        )  # fmt: skip


def _added(*each: Held) -> dict[PartyId, Fen]:
    found: dict[PartyId, Fen] = {}
    for held in each:
        for party_id, fen in held.items():
            found[party_id] = Fen(found.get(party_id, 0) + fen)
    return found
