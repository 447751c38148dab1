"""Which lines an imported refund takes back, and how much of each. Pure but for the figures it keeps of what is left.

Two rows of one batch may refund the same line: what the first takes, the second finds gone.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple
from uuid import UUID

from orders.history.amounts import exact_fen
from orders.history.commands import CHANGED, OVER_REFUND, UNKNOWN_ORDER, UNKNOWN_STORE, RefundRow
from orders.history.report import RowReport
from orders.history.standing import SUFFIX, Part, StandingLine, StandingRefund
from tenants.import_outcomes import refusal, warning
from tenants.kernel.ids import GuideId
from tenants.kernel.money import Fen, NotMoney, allocate
from tenants.store_clocks import StoreClock

DONE = "done"
UNKNOWN_LINE = "UNKNOWN_LINE: the order has no such line (订单没有该明细)"
WITHOUT_DAY = "a refund without a known order needs its day (未关联订单的退款须有日期)"
WITHOUT_AMOUNT = "a refund without a known order needs an amount (未关联订单的退款须有金额)"


class Taken(NamedTuple):
    """What is taken back of one line; without a line it is a loose refund's."""

    line: StandingLine | None
    quantity: int
    amount_fen: Fen
    kept_before_fen: Fen | None


class Piece(NamedTuple):
    """A refund of one order (or of none), under its own number."""

    row: RefundRow
    number: str
    part: Part | None
    taken: list[Taken]

    @property
    def amount_fen(self) -> Fen:
        """What it gives back."""
        return Fen(sum(each.amount_fen for each in self.taken))


@dataclass(slots=True)
class Choice:
    """What refunds are chosen from, and what is left of each line after those chosen so far."""

    stores: Mapping[str, StoreClock]
    guides: Mapping[str, GuideId]
    standing: Mapping[str, list[Part]]
    lines: Mapping[UUID, list[StandingLine]]
    there: Mapping[str, StandingRefund]
    report: RowReport
    left: dict[UUID, int] = field(default_factory=dict)

    def left_of(self, line: StandingLine) -> int:
        """What is left of what was paid for a line."""
        return self.left.get(line.id, line.paid_fen - line.refunded_fen)


def choose(row: RefundRow, *, number: str, choice: Choice) -> list[Piece]:
    """The refunds to write for a row: none when it stands or is refused, one an order when its document has several."""
    try:
        amount = None if row.amount is None else exact_fen(abs(row.amount))
    except (NotMoney, ArithmeticError):
        choice.report.refuse(row.number, refusal("amount", str(row.amount), reason="is too large (金额过大)"))
        return []
    stands = choice.there.get(number)
    if stands is not None:
        if amount is not None and amount != sum(line.amount_fen for line in stands.lines):
            choice.report.refuse(row.number, refusal("amount", str(row.amount), reason=CHANGED))
        return []
    parts = choice.standing.get(row.document or "", [])
    pieces = (
        _of_order(row, choice, number=number, amount=amount, parts=parts)
        if parts
        else _loose(row, choice, number=number, amount=amount)
    )
    if pieces:
        choice.report.imported(row.number)
    return pieces


def _of_order(
    row: RefundRow, choice: Choice, *, number: str, amount: Fen | None, parts: Sequence[Part]
) -> list[Piece]:
    """Spread the refund over the lines it means, in proportion to what is left of each."""
    lines = [line for part in parts for line in choice.lines.get(part.id, []) if _is_meant(row, line)]
    if not lines:
        told = row.line_id or row.sku_code or ""
        choice.report.refuse(
            row.number, refusal("line_id" if row.line_id else "sku_code", told, reason=UNKNOWN_LINE)
        )
        return []
    left = [choice.left_of(line) for line in lines]
    wanted = amount if amount is not None else _by_quantity(row, lines, left=left)
    if row.state != DONE:
        # Nothing has gone back yet: kept under its number, in proportion to what was paid, without taking anything.
        left = [line.paid_fen for line in lines]
    if not 0 < wanted <= sum(left):
        choice.report.refuse(row.number, refusal("amount", str(row.amount or ""), reason=OVER_REFUND))
        return []
    shares = allocate(Fen(wanted), weights=left)
    pieces: list[Piece] = []
    for part in parts:
        taken = [
            Taken(line, _units(row, line, amount=share, only=len(lines) == 1), share, Fen(kept))
            for line, share, kept in zip(lines, shares, left, strict=True)
            if line.order_id == part.id and share
        ]
        if not taken:
            continue
        suffix = f"{SUFFIX}{part.external_no.removeprefix(row.document or '')}" if pieces else ""
        pieces.append(Piece(row, number + suffix, part, taken))
        if row.state == DONE:
            choice.left.update(
                {each.line.id: choice.left_of(each.line) - each.amount_fen for each in taken if each.line}
            )
    return pieces


def _is_meant(row: RefundRow, line: StandingLine) -> bool:
    if row.line_id:
        return line.line_id == row.line_id and line.kind == row.kind
    return not row.sku_code or line.sku_code == row.sku_code


def _by_quantity(row: RefundRow, lines: Sequence[StandingLine], *, left: Sequence[int]) -> int:
    """Without an amount: the paid price of the units that came back, and of the last ones whatever is left; without units, all."""
    if row.quantity is None or len(lines) != 1 or not lines[0].quantity:
        return sum(left)
    line, back = lines[0], int(abs(row.quantity))
    if line.refunded_quantity + back >= line.quantity:
        return left[0]
    return min(left[0], line.paid_fen * back // line.quantity)


def _units(row: RefundRow, line: StandingLine, *, amount: int, only: bool) -> int:
    """Units that came back: as the row says of its one line, else all of a line that was given back whole."""
    if only and row.quantity is not None:
        return int(abs(row.quantity))
    return line.quantity if amount == line.paid_fen else 0


def _loose(row: RefundRow, choice: Choice, *, number: str, amount: Fen | None) -> list[Piece]:
    """A refund of a sale that nobody knows: its store is charged."""
    wrong = None
    if row.store_code not in choice.stores:
        wrong = refusal(
            "store_code", row.store_code or "", reason=UNKNOWN_STORE if row.store_code else UNKNOWN_ORDER
        )
    elif amount is None:
        wrong = refusal("amount", "", reason=WITHOUT_AMOUNT)
    elif row.refunded_at is None:
        wrong = refusal("refunded_at", "", reason=WITHOUT_DAY)
    if wrong is not None or amount is None:
        if wrong is not None:
            choice.report.refuse(row.number, wrong)
        return []
    if row.document:
        choice.report.warn(
            row.number, warning("document", row.document, reason=f"{UNKNOWN_ORDER}; charged to its store")
        )
    units = int(abs(row.quantity)) if row.quantity is not None else 0
    return [Piece(row, number, None, [Taken(None, units, amount, None)])]
