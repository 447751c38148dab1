"""Which lines an imported refund takes back, and how much of each. Pure but for the figures it keeps of what is left.

Two rows of one batch may refund the same line: what the first takes, the second finds gone.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from orders.history.amounts import LARGEST_QUANTITY, exact_fen, holds_part_of_fen
from orders.history.commands import (
    EARLIER_REFUND,
    IN_FUTURE,
    OVER_REFUND,
    ROUNDED,
    TOO_LARGE,
    UNKNOWN_ORDER,
    UNKNOWN_STORE,
    RefundRow,
)
from orders.history.report import RowReport
from orders.history.standing import SUFFIX, Part, StandingLine
from tenants.import_outcomes import refusal, warning
from tenants.kernel.ids import GuideId
from tenants.kernel.money import Fen, NotMoney, allocate, yuan_text
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
    report: RowReport
    loose: dict[str, int]
    """What went back of a document before its sale came."""
    latest: datetime
    """What lies behind this moment has not happened."""
    refuse_unknown: bool = False
    """Refuse a refund whose document nobody knows, instead of charging its store."""
    left: dict[UUID, int] = field(default_factory=dict)
    by_id: dict[UUID, StandingLine] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Find lines by their id."""
        self.by_id = {line.id: line for lines in self.lines.values() for line in lines}

    def left_of(self, line: StandingLine) -> int:
        """What is left of what was paid for a line."""
        return self.left.get(line.id, line.paid_fen - line.refunded_fen)

    def left_of_document(self, document: str | None) -> int:
        """What is left of all that was paid for a document, less what went back before its sale came."""
        parts = self.standing.get(document or "", ())
        left = sum(self.left_of(line) for part in parts for line in self.lines.get(part.id, ()))
        return left - self.loose.get(document or "", 0)

    def line(self, line_id: UUID | None) -> StandingLine | None:
        """The sale's line with this id, of the documents at hand."""
        return self.by_id.get(line_id) if line_id is not None else None

    def take(self, taken: Sequence[Taken]) -> None:
        """Count what goes back of lines."""
        self.left.update(
            {each.line.id: self.left_of(each.line) - each.amount_fen for each in taken if each.line}
        )

    def count_loose(self, document: str | None, amount_fen: int) -> None:
        """Count what goes back without a line."""
        if document:
            self.loose[document] = self.loose.get(document, 0) + amount_fen


def amount_of(row: RefundRow, choice: Choice) -> tuple[Fen | None, bool]:
    """The row's amount, and whether its figures can be; what cannot is refused."""
    if row.refunded_at is not None and row.refunded_at > choice.latest:
        choice.report.refuse(
            row.number, refusal("refunded_at", row.refunded_at.isoformat(), reason=IN_FUTURE)
        )
        return None, False
    try:
        amount = None if row.amount is None else exact_fen(abs(row.amount))
        if row.quantity is None or abs(row.quantity) <= LARGEST_QUANTITY:
            if row.amount is not None and holds_part_of_fen(row.amount):
                choice.report.warn(row.number, warning("amount", str(row.amount), reason=ROUNDED))
            return amount, True
        choice.report.refuse(row.number, refusal("quantity", str(row.quantity), reason=TOO_LARGE))
    except (NotMoney, ArithmeticError):
        choice.report.refuse(row.number, refusal("amount", str(row.amount), reason=TOO_LARGE))
    return None, False


def numbers_of(row: RefundRow, number: str, *, standing: Mapping[str, Sequence[Part]]) -> list[str]:
    """The numbers that a row's refunds may stand under: its own, and with a suffix those at a document's further orders."""
    parts = standing.get(row.document or "", ())
    return [number, *(_numbered(row, number, part) for part in parts[1:])]


def _numbered(row: RefundRow, number: str, part: Part) -> str:
    return f"{number}{SUFFIX}{part.external_no.removeprefix(row.document or '')}"


def choose(row: RefundRow, *, number: str, amount: Fen | None, choice: Choice) -> list[Piece]:
    """The refunds to write for a row that stands nowhere: none when it is refused, one an order when its document has several."""
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
    limit = min(sum(left), choice.left_of_document(row.document))
    wanted = amount if amount is not None else min(limit, _by_quantity(row, lines, left=left))
    if row.state != DONE:
        # Nothing has gone back yet: kept under its number, in proportion to what was paid, without taking anything.
        left = [line.paid_fen for line in lines]
        limit = sum(left)
    if not 0 < wanted <= limit:
        earlier = choice.loose.get(row.document or "", 0)
        told = f"{OVER_REFUND}; {EARLIER_REFUND}: {yuan_text(Fen(earlier))}" if earlier else OVER_REFUND
        choice.report.refuse(row.number, refusal("amount", str(row.amount or ""), reason=told))
        return []
    shares = allocate(Fen(wanted), weights=left)
    to_the_end = wanted == sum(left) and not (row.line_id or row.sku_code)
    pieces: list[Piece] = []
    for part in parts:
        taken = [
            Taken(line, _units(row, line, amount=share, only=len(lines) == 1), share, Fen(kept))
            for line, share, kept in zip(lines, shares, left, strict=True)
            if line.order_id == part.id and (share or (to_the_end and _is_given_away(line)))
        ]
        if not taken:
            continue
        own = _numbered(row, number, part) if pieces else number
        pieces.append(Piece(row, own, part, taken))
        if row.state == DONE:
            choice.take(taken)
    return pieces


def _is_given_away(line: StandingLine) -> bool:
    """Whether nothing was paid for it and somebody bore its price: it goes back with the last fen of a document, when no line is named."""
    return line.paid_fen == 0 and line.discount_fen > 0 and not line.refunded_quantity


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
    elif row.document and choice.refuse_unknown:
        wrong = refusal("document", row.document, reason=UNKNOWN_ORDER)
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
    if row.state == DONE:
        choice.count_loose(row.document, amount)
    return [Piece(row, number, None, [Taken(None, units, amount, None)])]
