"""账单 = 账本: for one merchant and day, every fen of the channel's file beside what the ledger booked on the channel for it.

Each row of the file is followed to its payment or refund and from there to its journals, so a refund that the channel counts a day before
it is booked is still the same fen. Money that no order wanted is explained by our payments where the ledger does not book it, and a
difference that a person resolved by that person's reason.
"""

from collections import defaultdict
from collections.abc import Iterable
from datetime import date, timedelta
from typing import Any

from sqlalchemy import BigInteger, Text, and_, case, cast, exists, func, or_, select, union_all
from sqlalchemy.orm import aliased

from orders.channel_queries import channel_payments_select, channel_refunds_select
from settlement.models import Journal, LedgerAccount, LedgerEntry
from settlement.reconciliation.accounts import Account, bounds, mine
from settlement.reconciliation.compare_day import AT_ONCE, LATE_DAYS
from settlement.reconciliation.fees import MILLIFEN, payment_fee, refund_fee
from settlement.reconciliation.models import BillFile, BillRow, DifferenceRow
from settlement.reconciliation.states import BillState, DifferenceState
from settlement.reconciliation.views import ProofLine, ProofView
from settlement.states import COUPONS, FEES, UNWANTED, AccountKind, Cause
from tenants.kernel.money import Fen
from tenants.kernel.scope import Reading

EXAMPLES = 5
SALES = (Cause.ORDER_PAID, Cause.ORDER_REFUNDED)
NAMES = (
    "payments", "coupons of payments", "refunds", "coupons of refunds", "unwanted payments", "unwanted refunds", "fees",
    "not ours",
)  # fmt: skip
DONE = "done"


class _Sums:
    """The lines of a proof while its rows are read."""

    def __init__(self, resolved: set[str]) -> None:
        self.resolved = resolved
        self.bill: dict[str, int] = defaultdict(int)
        self.ledger: dict[str, int] = defaultdict(int)
        self.explained: dict[str, int] = defaultdict(int)
        self.examples: list[str] = []

    def add(self, name: str, key: str, *, bill: int, ledger: int, explained: int = 0) -> None:
        """Add one row's amounts (thousandths of a fen) to a line, and remember a row that neither books nor a person explain."""
        if key in self.resolved:
            explained = bill - ledger
        self.bill[name] += bill
        self.ledger[name] += ledger
        self.explained[name] += explained
        if bill != ledger + explained and len(self.examples) < EXAMPLES and key not in self.examples:
            self.examples.append(key)

    def lines(self) -> list[ProofLine]:
        """Every line that holds something, in one order."""
        return [
            ProofLine(
                name=name, bill_millifen=self.bill[name], ledger_millifen=self.ledger[name],
                explained_millifen=self.explained[name],
                unexplained_millifen=self.bill[name] - self.ledger[name] - self.explained[name],
            )
            for name in NAMES
            if name in self.bill
        ]  # fmt: skip


async def prove_day(db: Reading, account: Account, *, day: date) -> ProofView | None:
    """Prove one merchant's day; None when its trade file is not there."""
    known = select(BillFile.id).where(
        mine(BillFile, db=db, account=account), BillFile.day == day, BillFile.state == BillState.CURRENT
    )
    bill_id = (await db.execute(known)).scalar_one_or_none()
    if bill_id is None:
        return None
    resolved = await _resolved(db, account, day)
    sums = _Sums(resolved)
    streamed = await db.stream(
        _billed(db, account, bill_id, day=day), execution_options={"yield_per": AT_ONCE}
    )
    async for part in streamed.partitions(AT_ONCE):
        for row in part:
            (_add_again if row.again else _add)(sums, row, account)
    missing = (await db.execute(_unbilled(db, account, day))).all()
    unbilled = [row for row in missing if f"{row.kind}:{row.number}" not in resolved]
    lines = sums.lines()
    return ProofView(
        account=account.name, day=day, lines=lines, unbilled_count=len(unbilled),
        unbilled_fen=Fen(sum(row.amount_fen for row in unbilled)),
        examples=[*sums.examples, *(f"{row.kind}:{row.number}" for row in unbilled[:EXAMPLES])],
        holds=not unbilled and not any(line.unexplained_millifen for line in lines) and not sums.examples,
    )  # fmt: skip


def _add_again(sums: _Sums, row: Any, _account: Account) -> None:
    """A row that the channel listed before: our journals explain a payment once, so nothing stands against it."""
    name = "refunds" if row.kind == "refund" else "payments"
    amounts = {
        name: row.amount_fen * MILLIFEN,
        f"coupons of {name}": (row.amount_fen - row.payer_fen) * MILLIFEN,
    }
    for told, millifen in {**amounts, "fees": row.fee_millifen or 0}.items():
        if millifen or told == name:
            sums.add(told, row.key, bill=millifen, ledger=0)


def _add(sums: _Sums, row: Any, account: Account) -> None:
    bill_fen, coupon_fen = row.amount_fen, row.amount_fen - row.payer_fen
    if row.cause_id is None:
        sums.add("not ours", row.key, bill=bill_fen * MILLIFEN, ledger=0)
        return
    is_refund = row.kind == "refund"
    sign = -1 if is_refund else 1
    # A refund that is not finished is in the file and not in the books yet: it is on its way, and exactly that much.
    underway = is_refund and row.state != DONE
    if row.unwanted:
        booked = sign * row.unwanted_fen
        name = "unwanted refunds" if is_refund else "unwanted payments"
        known = bill_fen if row.unwanted_fen == 0 and bill_fen == row.our_fen else 0
        sums.add(
            name, row.key, bill=bill_fen * MILLIFEN, ledger=booked * MILLIFEN, explained=known * MILLIFEN
        )
    else:
        waits = row.our_fen if underway else 0
        name = "refunds" if is_refund else "payments"
        sums.add(
            name,
            row.key,
            bill=bill_fen * MILLIFEN,
            ledger=sign * row.sale_fen * MILLIFEN,
            explained=waits * MILLIFEN,
        )
        booked = -sign * row.coupon_fen
        if coupon_fen or booked:
            waits = coupon_fen if underway else 0
            sums.add(
                f"coupons of {name}",
                row.key,
                bill=coupon_fen * MILLIFEN,
                ledger=booked * MILLIFEN,
                explained=waits * MILLIFEN,
            )
    booked = -row.fee_fen * MILLIFEN
    expected = _expected_fee(row, account) if not row.fee_entries else 0
    if is_refund and row.has_coupons:
        # How the channel rounds a coupon's part of a refund is its own affair, and so is the fee of it.
        expected = (row.fee_millifen or 0) - booked
    sums.add("fees", row.key, bill=row.fee_millifen or 0, ledger=booked, explained=expected)


def _expected_fee(row: Any, account: Account) -> int:
    """The fee that the ledger has not booked (yet), from the rate agreed; of a refund paid with coupons our books know no base."""
    if row.kind != "refund":
        settled = row.settled_fen if row.has_coupons else row.our_fen
        return payment_fee(Fen(settled), account.fee_bps)
    if row.has_coupons:
        return row.fee_millifen or 0
    return refund_fee(
        Fen(row.our_fen), whole=Fen(row.whole_fen), before=Fen(row.before_fen), rate=account.fee_bps
    )


async def _resolved(db: Reading, account: Account, day: date) -> set[str]:
    """What a person has settled with a reason: it is explained, whatever the books and the file go on saying."""
    window = timedelta(days=LATE_DAYS)
    statement = select(DifferenceRow.key).where(
        mine(DifferenceRow, db=db, account=account),
        DifferenceRow.day.between(day - window, day + window),
        DifferenceRow.state == DifferenceState.RESOLVED,
    )
    return set((await db.execute(statement)).scalars())


def _billed(db: Reading, account: Account, bill_id: Any, *, day: date) -> Any:
    """Every row of the file, with what it is of, what the ledger booked on the channel for that, and whether it was listed before."""
    number = func.split_part(BillRow.key, ":", 2)
    # One look-up by key a row: a join is planned by statistics that lag behind, and takes minutes then.
    of = union_all(
        channel_payments_select(db.tenant_id, number=number).correlate(BillRow),
        channel_refunds_select(db.tenant_id, number=number).correlate(BillRow),
    ).lateral("of")
    booked = _booked(db, of).lateral("booked")
    amount = cast(BillRow.amounts["payer"].astext, BigInteger)
    return (
        select(
            BillRow.key, BillRow.kind, BillRow.amount_fen, amount.label("payer_fen"), BillRow.fee_millifen,
            cast(BillRow.amounts["settlement"].astext, BigInteger).label("settled_fen"),
            of.c.cause_id, of.c.state, of.c.unwanted, of.c.whole_fen, of.c.before_fen, of.c.has_coupons,
            of.c.amount_fen.label("our_fen"), booked.c.sale_fen, booked.c.coupon_fen, booked.c.fee_fen,
            booked.c.fee_entries, booked.c.unwanted_fen, _listed_before(db, account, bill_id, day=day).label("again"),
        )
        .select_from(BillRow)
        .outerjoin(of, of.c.kind == BillRow.kind)
        .outerjoin(booked, of.c.cause_id.is_not(None))
        .where(BillRow.tenant_id == db.tenant_id, BillRow.bill_id == bill_id)
        .order_by(BillRow.line)
    )  # fmt: skip


def _listed_before(db: Reading, account: Account, bill_id: Any, *, day: date) -> Any:
    """Whether an earlier row, of this file or of one of the days before, has the same key."""
    other, file = aliased(BillRow), aliased(BillFile)
    earlier = or_(and_(other.bill_id == bill_id, other.line < BillRow.line), file.day < day)
    return (
        exists()
        .where(
            other.tenant_id == db.tenant_id, other.key == BillRow.key, mine(file, db=db, account=account),
            file.id == other.bill_id, file.state == BillState.CURRENT,
            file.day.between(day - timedelta(days=LATE_DAYS), day), earlier,
        )
        .correlate(BillRow)
    )  # fmt: skip


def _events(db: Reading) -> Any:
    return union_all(channel_payments_select(db.tenant_id), channel_refunds_select(db.tenant_id))


def _booked(db: Reading, of: Any) -> Any:
    """What the journals of one payment or refund moved on the channel's accounts, debits less credits, by what they are about."""
    debited, credited = aliased(LedgerAccount), aliased(LedgerAccount)
    moved = case(
        (debited.kind == AccountKind.CHANNEL, LedgerEntry.amount_fen),
        (credited.kind == AccountKind.CHANNEL, -LedgerEntry.amount_fen),
        else_=0,
    )

    def about(causes: Iterable[Cause]) -> Any:
        return func.coalesce(func.sum(moved).filter(LedgerEntry.cause.in_(list(causes))), 0)

    causes = [*SALES, *COUPONS, *FEES, *UNWANTED]
    return (
        select(
            cast(about(SALES), BigInteger).label("sale_fen"), cast(about(COUPONS), BigInteger).label("coupon_fen"),
            cast(about(FEES), BigInteger).label("fee_fen"), cast(about(UNWANTED), BigInteger).label("unwanted_fen"),
            func.count().filter(LedgerEntry.cause.in_(FEES)).label("fee_entries"),
        )
        .select_from(Journal)
        .join(LedgerEntry, and_(LedgerEntry.tenant_id == Journal.tenant_id, LedgerEntry.journal_id == Journal.id))
        .join(debited, and_(debited.tenant_id == LedgerEntry.tenant_id, debited.id == LedgerEntry.debit_account_id))
        .join(credited, and_(credited.tenant_id == LedgerEntry.tenant_id, credited.id == LedgerEntry.credit_account_id))
        .where(
            Journal.tenant_id == db.tenant_id, LedgerEntry.tenant_id == db.tenant_id,
            debited.tenant_id == db.tenant_id, credited.tenant_id == db.tenant_id,
            Journal.cause.in_(causes), or_(Journal.cause_id == of.c.cause_id, Journal.cause_id == of.c.id),
        )
    )  # fmt: skip


def _unbilled(db: Reading, account: Account, day: date) -> Any:
    """What happened on this day by our payments and refunds, and stands in no current file near it."""
    of = _events(db).subquery("of")
    starts, ends = bounds(day)
    window = timedelta(days=LATE_DAYS)
    listed = (
        exists()
        .where(
            BillRow.tenant_id == db.tenant_id, BillRow.key == of.c.kind + ":" + of.c.number,
            mine(BillFile, db=db, account=account), BillFile.id == BillRow.bill_id, BillFile.state == BillState.CURRENT,
            BillFile.day.between(day - window, day + window),
        )
        .correlate(of)
    )  # fmt: skip
    return (
        select(of.c.kind, cast(of.c.number, Text).label("number"), of.c.amount_fen)
        .where(
            of.c.merchant_id == account.merchant_id, of.c.certain, of.c.happened_at >= starts,
            of.c.happened_at < ends, ~listed,
        )
        .order_by(of.c.kind, of.c.number)
    )  # fmt: skip
