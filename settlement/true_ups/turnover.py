"""What was sold under contracts, on their base and net of what came back, and what of it was each party's: period by period, read from the ledger.

What comes back is taken off the period that it is booked into, or off the one that its sale was booked into, as the contract agrees. A
refund without a known sale counts when it comes, either way. Of a line with a base of its own the base of what is kept of it counts;
period by period that is the base of what was kept at the end less that at the beginning, so periods add up to their term.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from datetime import date
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import BigInteger, CompoundSelect, and_, cast, func, literal, select, true, union_all
from sqlalchemy.orm import aliased

from orders.queries import reversed_lines_select, settled_lines_select
from settlement.agreements.agreed import ReturnsCount
from settlement.models import LedgerAccount, LedgerEntry
from settlement.posting.split_sql import base_of_kept
from settlement.queries import credited_account, signed_amount
from settlement.states import ENTITLEMENT, Cause
from settlement.true_ups.stretches import Moved
from tenants.kernel.ids import ContractId, PartyId, StoreId
from tenants.kernel.money import Fen
from tenants.kernel.scope import Reading


class StoreTurnover(msgspec.Struct, kw_only=True):
    """One store's part of it."""

    turnover_fen: Fen = Fen(0)
    provisional_fen: Fen = Fen(0)


class Counted(msgspec.Struct):
    """What counts at one store in one period under one version."""

    turnover_fen: int = 0
    parties: dict[PartyId, int] = msgspec.field(default_factory=lambda: defaultdict(int))


class Turnover(msgspec.Struct):
    """What counts under each version, period by period, store by store."""

    counted: dict[ContractId, dict[date, dict[StoreId, Counted]]] = msgspec.field(
        default_factory=lambda: defaultdict(lambda: defaultdict(lambda: defaultdict(Counted)))
    )

    def of(
        self, contract_ids: Iterable[ContractId], *, party_id: PartyId, periods: Iterable[date]
    ) -> dict[StoreId, StoreTurnover]:
        """By store, over these periods: what was sold under these versions, and the party's part of it."""
        chosen = set(periods)
        found: dict[StoreId, StoreTurnover] = {}
        for contract_id in contract_ids:
            by_period = self.counted.get(contract_id, {})
            for period in chosen & by_period.keys():
                for store_id, counted in by_period[period].items():
                    store = found.setdefault(store_id, StoreTurnover())
                    store.turnover_fen = Fen(store.turnover_fen + counted.turnover_fen)
                    own = counted.parties.get(party_id, 0)
                    store.provisional_fen = Fen(store.provisional_fen + own)
        return found


class Window(msgspec.Struct, frozen=True, kw_only=True):
    """Of which versions, in which periods (None: in all), of what was booked up to which one."""

    contract_ids: Collection[UUID]
    through: date
    periods: Collection[date] | None = None

    def under(self, db: Reading, entry: Any = LedgerEntry) -> Any:
        """The entries of these versions up to the last period."""
        return and_(
            entry.tenant_id == db.tenant_id, entry.contract_id.in_(list(self.contract_ids)), entry.period_on <= self.through
        )  # fmt: skip

    def within(self, period: Any) -> Any:
        """Whether a period is one of them."""
        return true() if self.periods is None else period.in_(list(self.periods))


async def turnover_in(db: Reading, window: Window, *, counting: ReturnsCount) -> Turnover:
    """What counts in each period of the window; three statements, however many periods, versions and parties there are."""
    found = Turnover()
    if not window.contract_ids or (window.periods is not None and not window.periods):
        return found
    for row in await db.execute(_moved(db, window, counting=counting)):
        counted = found.counted[ContractId(row.contract_id)][row.period][StoreId(row.store_id)]
        counted.turnover_fen += int(row.fen)
        counted.parties[PartyId(row.party_id)] += int(row.fen)
    for statement in (_off_base(db, window, counting=counting), _loose_off_base(db, window)):
        for row in await db.execute(statement):
            by_store = found.counted[ContractId(row.contract_id)][row.period]
            by_store[StoreId(row.store_id)].turnover_fen += int(row.off)
    return found


async def moved_in(db: Reading, month: date, *, counted_when_sold: Collection[UUID]) -> Moved:
    """Under which versions anything was sold or went back in a period: one look at it for all of them; of these versions, also what periods' sales."""
    moved = select(LedgerEntry.contract_id).where(
        LedgerEntry.tenant_id == db.tenant_id, LedgerEntry.cause.in_(ENTITLEMENT), LedgerEntry.period_on == month
    )  # fmt: skip
    contract_ids = frozenset(
        each for each in (await db.execute(moved.distinct())).scalars() if each is not None
    )
    sold_in: dict[UUID, set[date]] = defaultdict(set)
    asked = contract_ids.intersection(counted_when_sold)
    if asked:
        for row in await db.execute(
            _periods_moved(db, Window(contract_ids=asked, through=month, periods=[month]))
        ):
            sold_in[row.contract_id].add(row.period)
    return Moved(contract_ids=contract_ids, sold_in=sold_in)


async def settled_by_store(
    db: Reading, contract_ids: Collection[UUID], *, party_id: PartyId, first_day: date, last_day: date
) -> Mapping[StoreId | None, Fen]:
    """What true-ups of the term between these days gave the party, whenever they were booked, by store; None: without one."""
    statement = (
        select(LedgerEntry.store_id, func.sum(signed_amount()).label("fen"))
        .join(LedgerAccount, credited_account(db))
        .where(
            LedgerEntry.tenant_id == db.tenant_id, LedgerEntry.contract_id.in_(list(contract_ids)),
            LedgerEntry.cause == Cause.TRUE_UP, LedgerEntry.party_id == party_id,
            LedgerEntry.period_on >= first_day.replace(day=1), LedgerEntry.occurred_on.between(first_day, last_day),
        )
        .group_by(LedgerEntry.store_id)
    )  # fmt: skip
    rows = await db.execute(statement)
    return {StoreId(row.store_id) if row.store_id else None: Fen(int(row.fen)) for row in rows}


def _moved(db: Reading, window: Window, *, counting: ReturnsCount) -> Any:
    """Every movement of a party by the period that it counts in."""
    fen = func.sum(signed_amount()).label("fen")
    place = (LedgerEntry.contract_id, LedgerEntry.store_id, LedgerEntry.party_id)
    causes = ENTITLEMENT if counting is ReturnsCount.WHEN_RETURNED else (Cause.ORDER_PAID, Cause.LOOSE_REFUND)
    when_booked = (
        select(*place, LedgerEntry.period_on.label("period"), fen)
        .join(LedgerAccount, credited_account(db))
        .where(
            window.under(db), window.within(LedgerEntry.period_on),
            LedgerEntry.cause.in_(causes),
        )
        .group_by(*place, LedgerEntry.period_on)
    )  # fmt: skip
    return (
        when_booked
        if counting is ReturnsCount.WHEN_RETURNED
        else _with_returns(db, when_booked, window=window)
    )


def _with_returns(db: Reading, when_booked: Any, *, window: Window) -> CompoundSelect[*tuple[Any, ...]]:
    """With what came back, each line of it in the period of its sale: looked up line by line, after what went back of it is added up."""
    line = (
        LedgerEntry.contract_id, LedgerEntry.store_id, LedgerEntry.party_id, LedgerEntry.order_id,
        LedgerEntry.order_line_id, LedgerEntry.period_on,
    )  # fmt: skip
    came_back = (
        select(*line, func.sum(signed_amount()).label("fen"))
        .join(LedgerAccount, credited_account(db))
        .where(
            window.under(db), LedgerEntry.cause == Cause.ORDER_REFUNDED,
            # What came back before the first of them is of an earlier sale.
            true() if window.periods is None else LedgerEntry.period_on >= min(window.periods),
        )
        .group_by(*line)
        .subquery("came_back")
    )  # fmt: skip
    dated = (
        select(came_back.c.contract_id, came_back.c.store_id, came_back.c.party_id, _sold_in(db, came_back).label("period"), came_back.c.fen)
        .offset(0)  # a fence: each sale is looked up once
        .subquery("dated")
    )  # fmt: skip
    place = (dated.c.contract_id, dated.c.store_id, dated.c.party_id, dated.c.period)
    of_sales = select(*place, func.sum(dated.c.fen)).where(window.within(dated.c.period)).group_by(*place)
    return union_all(when_booked, of_sales)


def _sold_in(db: Reading, back: Any) -> Any:
    """The period that a refund's sale was booked into; the refund's own where no sale is known, or none before it."""
    return func.least(back.c.period_on, _sale(db, back))


def _sale(db: Reading, line: Any) -> Any:
    """The period that a line's sale was booked into."""
    paid = aliased(LedgerEntry, name="paid")
    sale = select(func.min(paid.period_on)).where(
        paid.tenant_id == db.tenant_id, paid.order_id == line.c.order_id,
        paid.order_line_id == line.c.order_line_id, paid.cause == Cause.ORDER_PAID,
    )  # fmt: skip
    return sale.correlate(line).scalar_subquery()


def _periods_moved(db: Reading, window: Window) -> CompoundSelect[*tuple[Any, ...]]:
    """By version, the periods in which it counts what moved in the window."""
    moved = (window.under(db), window.within(LedgerEntry.period_on))
    booked = select(LedgerEntry.contract_id, LedgerEntry.period_on.label("period")).where(
        *moved, LedgerEntry.cause.in_((Cause.ORDER_PAID, Cause.LOOSE_REFUND))
    )
    came_back = (
        select(
            LedgerEntry.contract_id, LedgerEntry.order_id, LedgerEntry.order_line_id, LedgerEntry.period_on
        )
        .where(*moved, LedgerEntry.cause == Cause.ORDER_REFUNDED)
        .distinct()
        .subquery("came_back")
    )
    sold = select(came_back.c.contract_id, _sold_in(db, came_back)).distinct()
    return union_all(booked.distinct(), sold)


def _off_base(db: Reading, window: Window, *, counting: ReturnsCount) -> Any:
    """How far the lines with a base of their own are off what was paid for them; few, so their whole past is read."""
    when_sold = counting is ReturnsCount.WHEN_SOLD
    based = _based(db, window, when_sold=when_sold)
    line = (
        based.c.contract_id, based.c.store_id, based.c.order_line_id, based.c.paid_fen, based.c.base_fen,
        based.c.sold_in,
    )  # fmt: skip
    # Every step of the line in the period of its sale, but what came back before that; or each in its own.
    step = func.least(LedgerEntry.period_on, based.c.sold_in) if when_sold else LedgerEntry.period_on
    moved = func.sum(signed_amount())
    until = func.sum(moved).over(partition_by=based.c.order_line_id, order_by=step)
    kept = (
        select(*line, step.label("period"), cast(moved, BigInteger).label("moved"), cast(until, BigInteger).label("after"))
        .select_from(based)
        .join(
            LedgerEntry,
            and_(
                LedgerEntry.tenant_id == db.tenant_id, LedgerEntry.order_id == based.c.order_id,
                LedgerEntry.order_line_id == based.c.order_line_id, LedgerEntry.cause.in_(ENTITLEMENT),
                LedgerEntry.period_on <= window.through,
            ),
        )
        .join(LedgerAccount, credited_account(db))
        .group_by(*line, step)
        .subquery("kept")
    )  # fmt: skip

    def base(amount: Any) -> Any:
        return base_of_kept(amount, paid=kept.c.paid_fen, base=kept.c.base_fen)

    before = kept.c.after - kept.c.moved
    off = base(kept.c.after) - base(before) - kept.c.moved
    place = (kept.c.contract_id, kept.c.store_id, kept.c.period)
    return select(*place, func.sum(off).label("off")).where(window.within(kept.c.period)).group_by(*place)


def _based(db: Reading, window: Window, *, when_sold: bool) -> Any:
    """The lines with a base of their own of which anything moved in the window, and the period that each was sold in."""
    sold = settled_lines_select(db.tenant_id).subquery("sold")
    sold_in = _sale(db, sold) if when_sold else literal(None, LedgerEntry.period_on.type)
    return (
        select(
            sold.c.order_id, sold.c.order_line_id, sold.c.store_id, sold.c.paid_fen, sold.c.base_fen,
            LedgerEntry.contract_id, sold_in.label("sold_in"),
        )
        .join(
            LedgerEntry,
            and_(
                LedgerEntry.order_id == sold.c.order_id, LedgerEntry.order_line_id == sold.c.order_line_id,
                window.under(db), window.within(LedgerEntry.period_on), LedgerEntry.cause.in_(ENTITLEMENT),
            ),
        )
        .where(sold.c.base_fen.is_not(None))
        .distinct()
        .subquery("based")
    )  # fmt: skip


def _loose_off_base(db: Reading, window: Window) -> Any:
    """The same for refunds without a known sale, each of which stands alone."""
    undone = reversed_lines_select(db.tenant_id).subquery("undone")
    loose = (
        select(
            undone.c.refund_id, undone.c.refund_line_no, undone.c.store_id, undone.c.amount_fen, undone.c.base_fen,
            LedgerEntry.contract_id, LedgerEntry.period_on,
        )
        .join(
            LedgerEntry,
            and_(
                LedgerEntry.refund_id == undone.c.refund_id, LedgerEntry.refund_line_no == undone.c.refund_line_no,
                window.under(db), window.within(LedgerEntry.period_on),
                LedgerEntry.cause.in_(ENTITLEMENT),
            ),
        )
        .where(undone.c.base_fen.is_not(None))
        .distinct()
        .subquery("loose")
    )  # fmt: skip
    off = func.sum(loose.c.amount_fen - loose.c.base_fen)
    place = (loose.c.contract_id, loose.c.store_id, loose.c.period_on)
    return select(
        loose.c.contract_id, loose.c.store_id, loose.c.period_on.label("period"), off.label("off")
    ).group_by(*place)  # fmt: skip
