"""From the typed rows of any file to the one shape in which rows are kept and compared: a key, a kind, an amount, and the words beside it. Pure.

Also says what is wrong with a file as a whole: another merchant's rows, another day's, another currency. Such a file is refused before
anything of it is kept.
"""

import hashlib
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from datetime import date
from itertools import chain
from typing import Any

import msgspec

from orders.ports import RefundState
from settlement.reconciliation.bills import (
    BEIJING,
    Bill,
    FundRow,
    SplitKind,
    SplitRow,
    TradeKind,
    TradeRow,
)
from settlement.reconciliation.commands import StatementLine
from settlement.reconciliation.errors import BillInAnotherCurrency, BillOfAnotherDay, BillOfAnotherMerchant
from settlement.reconciliation.states import BillKind
from tenants.kernel.money import Fen

CURRENCY = "CNY"
BALANCE_TOLD = "balance_fen"
"""A fund bill's last balance among its sums: what a person's file must come to. Where it breaks is looked for row by row."""
WORD_OF_REFUND = {
    RefundState.DONE: "done",
    RefundState.CLOSED: "failed",
    RefundState.ABNORMAL: "abnormal",
}
"""What the file says of a refund, where it says something final."""
ADJUSTMENT, OTHER, MOVEMENT = "adjust", "other", "movement"
NOT_COMPARED = (OTHER, MOVEMENT)
"""Rows that are kept and told, and have no counterpart in our books one by one."""
NET_GAP = "netGap"
"""By how much a statement's line does not add up by itself."""


class BilledRow(msgspec.Struct, frozen=True, kw_only=True):
    """One row of a file: `line` counts the rows from 1, `cells` is everything that was read."""

    line: int
    key: str
    kind: str
    amount_fen: Fen
    fee_millifen: int | None = None
    amounts: dict[str, int] = {}
    words: dict[str, str] = {}
    cells: dict[str, Any]


class TakenBill(msgspec.Struct, frozen=True, kw_only=True):
    """One day's file of one account, ready to be kept. `told` and `counted` are the sums it tells and those its rows add up to."""

    kind: BillKind
    account: str
    day: date
    rows: Collection[BilledRow]
    told: dict[str, Any] | None
    counted: dict[str, Any]
    origin: str

    def digest(self) -> str:
        """What tells this content from another: the same file packed otherwise has the same digest."""
        whole = hashlib.sha256()
        for part in chain((self.told, self.counted), (row.cells for row in self.rows)):
            whole.update(msgspec.json.encode(part, order="sorted"))
        return whole.hexdigest()


class BilledRows(Collection[BilledRow]):
    """A bill's rows as they are kept, made each time they are gone through: a bill on the disk is never in memory as a whole."""

    def __init__(self, rows: Sequence[Any], read: Callable[[Any, int], BilledRow]) -> None:
        self._rows, self._read = rows, read

    def __len__(self) -> int:
        """How many rows there are."""
        return len(self._rows)

    def __iter__(self) -> Iterator[BilledRow]:
        """Each row, in the file's order."""
        return (self._read(row, line) for line, row in enumerate(self._rows, start=1))

    def __contains__(self, row: object) -> bool:
        """Whether a row is among them."""
        return any(each == row for each in self)


def numbered(rows: Iterable[BilledRow]) -> Iterator[tuple[BilledRow, int]]:
    """Each row with its place among those of the same key, from 1."""
    seen: Counter[str] = Counter()
    for row in rows:
        seen[row.key] += 1
        yield row, seen[row.key]


def of_bill(
    bill: Bill[Any, Any], *, kind: BillKind, merchant_no: str, day: date | None, origin: str
) -> TakenBill:
    """A channel's file; without a `day` the one its rows are of. Raises BillOfAnotherMerchant, BillOfAnotherDay, BillInAnotherCurrency."""
    rows = BilledRows(bill.rows, lambda row, line: READ[kind](row, line, merchant_no))
    days = sorted({row.at.astimezone(BEIJING).date() for row in bill.rows})
    wanted = day or (days[0] if days else None)
    if wanted is None or days not in ([], [wanted]):
        raise BillOfAnotherDay(
            details={
                "day": f"the file's rows are of {', '.join(map(str, days)) or 'no day'}, expected {day or 'one day'}"
            }
        )
    for _ in rows:  # whatever is wrong with one is known before the first is kept
        pass
    told = None if bill.told is None else msgspec.to_builtins(bill.told)
    counted = msgspec.to_builtins(bill.counted)
    if kind is BillKind.FUND and bill.rows:
        told, counted = (told or {}) | _told_balance(bill.rows), counted | _counted_balance(bill.rows)
    return TakenBill(
        kind=kind, account=merchant_no, day=wanted, rows=rows, told=told, counted=counted, origin=origin
    )


def payee_of(rows: Sequence[Any]) -> str | None:
    """The merchant number that a channel's rows speak of; None where they name none (movements of an account)."""
    first = rows[0] if rows else None
    if isinstance(first, TradeRow):
        return first.sub_merchant_no or first.merchant_no
    return first.payer if isinstance(first, SplitRow) else None


def of_lines(lines: Sequence[StatementLine], *, kind: BillKind, account: str, origin: str) -> list[TakenBill]:
    """A cashier's or a till's statement: one file a day it speaks of."""
    by_day: dict[date, list[StatementLine]] = {}
    for line in lines:
        by_day.setdefault(line.business_on, []).append(line)
    return [
        TakenBill(
            kind=kind, account=account, day=day, told=None, origin=origin,
            rows=[_statement(line) for line in of_day],
            counted={"count": len(of_day), "grossFen": sum(line.gross_fen for line in of_day)},
        )
        for day, of_day in sorted(by_day.items())
    ]  # fmt: skip


def told_otherwise(told: Mapping[str, Any] | None, counted: Mapping[str, Any]) -> dict[str, tuple[int, int]]:
    """The sums that a file tells and its rows do not add up to: name -> (told, counted)."""
    return {name: (told[name], counted[name]) for name in told or {} if told and told[name] != counted[name]}


def _told_balance(rows: Sequence[FundRow]) -> dict[str, int]:
    return {BALANCE_TOLD: rows[-1].balance_fen}


def _counted_balance(rows: Sequence[FundRow]) -> dict[str, int]:
    """What the balance must be at the end: a movement that was left out shows here, whatever the sums tell."""
    return {BALANCE_TOLD: rows[0].balance_fen - rows[0].amount_fen + sum(row.amount_fen for row in rows)}


def _cells(row: msgspec.Struct) -> dict[str, Any]:
    found: dict[str, Any] = msgspec.to_builtins(row)
    return found


def _trade(row: TradeRow, line: int, merchant_no: str) -> BilledRow:
    payee = row.sub_merchant_no or row.merchant_no
    if payee != merchant_no:
        raise BillOfAnotherMerchant(
            details={f"rows[{line}]": f"is of merchant {payee}, expected {merchant_no}"}
        )
    if row.currency != CURRENCY:
        raise BillInAnotherCurrency(details={f"rows[{line}]": f"is in {row.currency}, expected {CURRENCY}"})
    if row.kind is TradeKind.REFUND:
        words = {"state": WORD_OF_REFUND[row.refund_state]} if row.refund_state in WORD_OF_REFUND else {}
        vendor = {"vendorNo": row.refund_id} if row.refund_id else {}
        return BilledRow(
            line=line, key=f"refund:{row.refund_no}", kind="refund", amount_fen=row.refund_asked_fen,
            fee_millifen=row.fee_millifen, amounts={"payer": row.refund_fen - row.coupon_refund_fen},
            words=words | vendor, cells=_cells(row),
        )  # fmt: skip
    # `settlement` is compared by nobody: the fee is a rate of it, and our books know it only where no coupon paid.
    amounts = {"payer": row.settlement_fen - row.coupon_fen, "settlement": row.settlement_fen}
    return BilledRow(
        line=line, key=f"{row.kind}:{row.payment_no}", kind=row.kind.value, amount_fen=row.total_fen,
        fee_millifen=row.fee_millifen, amounts=amounts, words={"state": "paid", "vendorNo": row.transaction_id},
        cells=_cells(row),
    )  # fmt: skip


def _split(row: SplitRow, line: int, merchant_no: str) -> BilledRow:
    if row.payer != merchant_no:
        raise BillOfAnotherMerchant(
            details={f"rows[{line}]": f"is of merchant {row.payer}, expected {merchant_no}"}
        )
    kind = OTHER if row.kind is SplitKind.OTHER else row.kind.value
    return BilledRow(
        line=line, key=f"{kind}:{row.number}:{row.receiver}", kind=kind, amount_fen=row.amount_fen,
        words={"state": "done"}, cells=_cells(row),
    )  # fmt: skip


def _fund(row: FundRow, line: int, _merchant_no: str) -> BilledRow:
    return BilledRow(
        line=line, key=f"{MOVEMENT}:{row.flow_id}", kind=MOVEMENT, amount_fen=row.amount_fen,
        words={"number": row.number, "title": row.title}, cells=_cells(row),
    )  # fmt: skip


def _statement(line: StatementLine) -> BilledRow:
    gap = line.net_gap()
    cells = _cells(line)
    # Not told is not there: files that were read before a column was known keep their digest.
    cells = {name: cell for name, cell in cells.items() if name != "refund_of" or cell is not None}
    amounts = {} if gap is None or gap == 0 else {NET_GAP: gap}
    return BilledRow(
        line=line.number, key=f"{line.kind}:{line.external_no}", kind=line.kind, amount_fen=line.gross_fen,
        amounts=amounts, cells=cells,
    )  # fmt: skip


READ: Mapping[BillKind, Callable[[Any, int, str], BilledRow]] = {
    BillKind.TRADE: _trade,
    BillKind.SPLIT: _split,
    BillKind.FUND: _fund,
}
