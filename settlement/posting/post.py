"""Books what orders say: a paid order once, a refund once, each line split by the terms it was sold on.

A refund posts split(kept before) - split(kept after), where what was kept is read from the ledger under the order's lock: refunds of
one line may finish in any order. Imported history is not booked here but set-based by `post_history`; both ways book the same fen.
"""

from collections import Counter, defaultdict
from collections.abc import Sequence
from datetime import date, datetime
from typing import Any, TypeVar

import msgspec
from sqlalchemy import ARRAY, any_, cast, func, select, text
from sqlalchemy.dialects.postgresql import UUID as PG_UUID

from orders.channel_money import given_back, taken_of_orders, taken_payments
from orders.queries import reversed_lines_select, settled_lines_select
from orders.states import Source
from settlement.errors import RefundExceedsKept
from settlement.ledger import Draft, Movement, channel_account, payable_account, post_drafts
from settlement.models import Journal, LedgerAccount, LedgerEntry
from settlement.periods import CodeMonth, book_into
from settlement.posting.beside import Discounted, Units, discounted, units_left
from settlement.posting.post_beside import LineStep, beside
from settlement.posting.post_channel import drafts_of_late_coupons, drafts_of_payments, drafts_of_refund
from settlement.posting.post_shares import SoldOn, held_of_order
from settlement.posting.post_terms import BookedTerms, booked_terms
from settlement.queries import credited_account, signed_amount
from settlement.split import LineBase, reversal, split_line
from settlement.states import ENTITLEMENT, Cause
from tenants.kernel.ids import OrderId, OrderLineId, PartyId, PaymentId, RefundId, StoreId, TermsId
from tenants.kernel.money import Fen
from tenants.kernel.scope import Reading, Writing

Thing = TypeVar("Thing", OrderId, PaymentId, RefundId)


class _Line(msgspec.Struct, frozen=True, kw_only=True):
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


async def post_order_paid(db: Writing, order_id: OrderId, *, now: datetime) -> int:
    """Book a paid order: every party of every line is credited with its portion. Returns the entries written, 0 when booked already."""
    return await post_orders_paid(db, [order_id], now=now)


async def post_orders_paid(db: Writing, order_ids: Sequence[OrderId], *, now: datetime) -> int:
    """Book paid orders, with what the channel did for them, all at once; returns the entries written. Those booked already are left out."""
    waiting = await unbooked(db, order_ids, cause=Cause.ORDER_PAID)
    settled = settled_lines_select(db.tenant_id).subquery()
    statement = select(settled).where(
        settled.c.order_id == any_(cast(waiting, ARRAY(PG_UUID))), settled.c.source == Source.STOREFRONT
    )
    found = (await db.execute(statement.order_by(settled.c.order_id, settled.c.line_no))).all()
    if not waiting or not found:
        return 0
    lines: dict[OrderId, list[_Line]] = defaultdict(list)
    paid_at: dict[OrderId, datetime] = {}
    for row in found:
        order_id = OrderId(row.order_id)
        paid_at[order_id] = row.paid_at
        line = _Line(
            cause=Cause.ORDER_PAID, before=Fen(0), after=Fen(row.paid_fen),
            base=LineBase(Fen(row.paid_fen), row.base_fen), store_id=StoreId(row.store_id), source=row.source,
            terms_id=TermsId(row.terms_id), order_id=order_id, order_line_id=OrderLineId(row.order_line_id),
            line=discounted(
                Fen(row.discount_fen), paid=Fen(row.paid_fen), before=None, after=Fen(row.paid_fen),
                units=Units(sold=row.units, before=None, after=row.units),
            ),
        )  # fmt: skip
        lines[order_id].append(line)
    book = await _Book.read(db, [(line, paid_at[order]) for order, each in lines.items() for line in each])
    drafts = [
        Draft(
            cause=Cause.ORDER_PAID, cause_id=order_id, occurred_at=paid_at[order_id],
            movements=book.movements(found, at=paid_at[order_id]),
        )
        for order_id, found in lines.items()
    ]  # fmt: skip
    sold = {
        OrderId(draft.cause_id): SoldOn(
            terms=book.terms[lines[OrderId(draft.cause_id)][0].terms_id], held=_held(draft.movements)
        )
        for draft in drafts
    }
    taken = await taken_of_orders(db, list(lines))
    drafts += await drafts_of_payments(db, [each for each in taken if each.wanted], sold=sold)
    return await post_drafts(db, drafts, now=now)


async def post_payments(db: Writing, payment_ids: Sequence[PaymentId], *, now: datetime) -> int:
    """Book what the channel did with these payments: its fee, and into suspense what no order wanted. Returns the entries written."""
    waiting = await unbooked(db, payment_ids, cause=Cause.FEE_CHARGED)
    if not waiting:
        return 0
    return await post_drafts(
        db, await drafts_of_payments(db, await taken_payments(db, waiting), sold={}), now=now
    )


async def post_late_coupons(db: Writing, payment_id: PaymentId, *, now: datetime) -> int:
    """Book what parties bear of a payment's coupons that stand in the books without it. Returns the entries written, 0 when booked already."""
    if not await unbooked(db, [payment_id], cause=Cause.COUPONS_SHARED):
        return 0
    [paid] = await taken_payments(db, [payment_id])
    await _hold_order(db, paid.order_id)
    settled = settled_lines_select(db.tenant_id).subquery()
    first = (
        select(settled.c.terms_id)
        .where(settled.c.order_id == paid.order_id)
        .order_by(settled.c.line_no)
        .limit(1)
    )
    terms_id = TermsId((await db.execute(first)).scalar_one())
    sold = SoldOn(
        terms=(await booked_terms(db, {terms_id}))[terms_id], held=await held_of_order(db, paid.order_id)
    )
    return await post_drafts(db, await drafts_of_late_coupons(db, paid, sold=sold), now=now)


async def post_refund(db: Writing, refund_id: RefundId, *, now: datetime) -> int:
    """Book a finished refund, after its sale. Returns the entries written, 0 when booked already or not finished."""
    undone = reversed_lines_select(db.tenant_id).subquery()
    found = (
        await db.execute(
            select(undone)
            .where(undone.c.refund_id == refund_id, undone.c.source == Source.STOREFRONT)
            .order_by(undone.c.refund_line_no)
        )
    ).all()
    back = await given_back(db, refund_id)
    order_id = back.order_id if back else next((OrderId(row.order_id) for row in found if row.order_id), None)
    if not found and back is None:
        return 0
    if order_id is not None:
        # The negative must never stand without its positive: a message about the refund may overtake the one about the sale.
        await post_order_paid(db, order_id, now=now)
        if back is not None:
            await post_payments(db, [back.payment_id], now=now)
        await _hold_order(db, order_id)
    kept = {} if order_id is None else await _kept(db, order_id)
    units = await _units_kept(db, found)
    drafts, sold = [], None
    if found and not await _is_booked(db, refund_id):
        lines = [_refunded(row, refund_id, kept=kept, units=units) for row in found]
        at = found[0].refunded_at
        book = await _Book.read(db, [(line, at) for line in lines])
        movements = book.movements(lines, at=at)
        drafts.append(Draft(cause=lines[0].cause, cause_id=refund_id, occurred_at=at, movements=movements))
        if order_id is not None:
            held = Counter(await held_of_order(db, order_id))
            held.update(_held(movements))
            sold = SoldOn(
                terms=book.terms[lines[0].terms_id], held={key: Fen(fen) for key, fen in held.items()}
            )
    if back is not None and await unbooked(db, [refund_id], cause=Cause.FEE_RETURNED):
        drafts += await drafts_of_refund(db, back, sold=sold)
    return await post_drafts(db, drafts, now=now)


async def unbooked(db: Reading, wanted: Sequence[Thing], *, cause: Cause) -> list[Thing]:
    """Which of these have no journal of this cause, in order."""
    statement = select(Journal.cause_id).where(
        Journal.tenant_id == db.tenant_id, Journal.cause == cause,
        Journal.cause_id == any_(cast(list(wanted), ARRAY(PG_UUID))),
    )  # fmt: skip
    booked = set((await db.execute(statement)).scalars())
    return [each for each in wanted if each not in booked]


async def _is_booked(db: Reading, refund_id: RefundId) -> bool:
    causes = (Cause.ORDER_REFUNDED, Cause.LOOSE_REFUND)
    return any([not await unbooked(db, [refund_id], cause=cause) for cause in causes])


def _held(movements: Sequence[Movement]) -> dict[PartyId, Fen]:
    """What these movements give each party of the sale itself."""
    held: dict[PartyId, Fen] = defaultdict(lambda: Fen(0))
    for each in movements:
        if each.party_id is not None and each.cause in ENTITLEMENT:
            held[each.party_id] = Fen(held[each.party_id] + each.amount_fen)
    return dict(held)


def _refunded(
    row: Any, refund_id: RefundId, *, kept: dict[OrderLineId, Fen], units: dict[OrderLineId, int]
) -> _Line:
    """A refund line's step; takes it off `kept` and `units`, because a refund may name a line twice."""
    line_id = OrderLineId(row.order_line_id) if row.order_line_id else None
    before, after, base = Fen(row.amount_fen), Fen(0), LineBase(Fen(row.amount_fen), row.base_fen)
    if line_id is not None:
        base = LineBase(Fen(row.line_paid_fen), row.line_base_fen)
        before = kept.get(line_id, Fen(0))
        after = Fen(before - row.amount_fen)
        if after < 0:
            raise RefundExceedsKept(refund_id=refund_id, order_line_id=line_id, kept_fen=before)
        kept[line_id] = after
    line = None
    if line_id is not None:
        counted = units.get(line_id, row.line_units)
        units[line_id] = units_left(counted, row.units)
        line = discounted(
            Fen(row.line_discount_fen), paid=Fen(row.line_paid_fen), before=before, after=after,
            units=Units(sold=row.line_units, before=counted, after=units[line_id]),
        )  # fmt: skip
    return _Line(
        cause=Cause.LOOSE_REFUND if line_id is None else Cause.ORDER_REFUNDED, before=before, after=after,
        base=base,        store_id=StoreId(row.store_id), source=row.source, terms_id=TermsId(row.terms_id),
        order_id=OrderId(row.order_id) if row.order_id else None, order_line_id=line_id, refund_id=refund_id,
        refund_line_no=row.refund_line_no, line=line,
    )  # fmt: skip


async def _hold_order(db: Writing, order_id: OrderId) -> None:
    """Let refunds of one order be booked one after the other."""
    lock = text(
        "SELECT pg_advisory_xact_lock(hashtextextended('settlement.order:' || :order_id, 0))"
        " FROM app.tenants WHERE tenant_id = :tenant_id"
    )
    await db.execute(lock, {"tenant_id": db.tenant_id, "order_id": str(order_id)})


async def _kept(db: Reading, order_id: OrderId) -> dict[OrderLineId, Fen]:
    """What the ledger holds of each line of an order."""
    statement = (
        select(LedgerEntry.order_line_id, func.sum(signed_amount()).label("kept_fen"))
        .join(LedgerAccount, credited_account(db))
        .where(
            LedgerEntry.tenant_id == db.tenant_id, LedgerEntry.order_id == order_id,
            LedgerEntry.order_line_id.is_not(None), LedgerEntry.cause.in_(ENTITLEMENT),
        )
        .group_by(LedgerEntry.order_line_id)
    )  # fmt: skip
    return {OrderLineId(row.order_line_id): Fen(int(row.kept_fen)) for row in await db.execute(statement)}


async def _units_kept(db: Reading, refunded: Sequence[Any]) -> dict[OrderLineId, int]:
    """The units kept of those of these lines of which nothing was paid, after the refunds that are booked."""
    lines = {row.order_line_id: row.line_units for row in refunded if row.line_paid_fen == 0}
    if not lines:
        return {}
    undone = reversed_lines_select(db.tenant_id).subquery()
    booked = select(Journal.id).where(
        Journal.tenant_id == db.tenant_id, Journal.cause == Cause.ORDER_REFUNDED,
        Journal.cause_id == undone.c.refund_id,
    )  # fmt: skip
    statement = (
        select(undone.c.order_line_id, func.sum(undone.c.units).label("units"))
        .where(undone.c.order_line_id.in_(list(lines)), booked.scalar_subquery().is_not(None))
        .group_by(undone.c.order_line_id)
    )
    back = {row.order_line_id: int(row.units) for row in await db.execute(statement)}
    return {OrderLineId(each): units_left(sold, back.get(each, 0)) for each, sold in lines.items()}


class _Book(msgspec.Struct, frozen=True):
    """The terms that lines were sold on, and the periods that take what happened when."""

    terms: dict[TermsId, BookedTerms]
    periods: dict[CodeMonth, date]

    @classmethod
    async def read(cls, db: Writing, lines: Sequence[tuple[_Line, datetime]]) -> "_Book":
        """Everything that these lines and moments need; keeps the periods open."""
        terms = await booked_terms(db, {line.terms_id for line, _ in lines})
        return cls(
            terms, await book_into(db, {terms[line.terms_id].day_and_period(at)[1] for line, at in lines})
        )

    def movements(self, lines: Sequence[_Line], *, at: datetime) -> list[Movement]:
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


def _steps(line: _Line, terms: BookedTerms) -> dict[PartyId, Fen]:
    if line.cause is Cause.ORDER_PAID:
        return split_line(line.after, terms, base=line.base)
    back = reversal(line.before, line.after, terms=terms, base=line.base)
    return {party: Fen(-amount) for party, amount in back.items()}
