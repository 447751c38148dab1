"""Rows put together into documents, and the identity of each of their lines. Pure.

A document's rows may stand apart, in several batches and files. A line is known by what it says and by how many lines of the document have said
it before (two scans of one article are two lines), so that a second import of the same rows meets its own lines again.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal

from orders.history.amounts import LineAmounts, exact_fen
from orders.history.commands import OrderRow
from orders.states import LineKind
from tenants.hours import business_day
from tenants.kernel.money import Fen
from tenants.store_clocks import StoreClock

WINDOW = 100_000
"""Lines that are remembered at least, twice as many at most. An identical line of one document further apart counts as a repeat."""
HEADER_LINE = "header"
"""The line id of what was kept from a header without lines."""


class Occurrences:
    """How often each line of a run was seen, over a bounded window of lines; a batch that is tried again is not counted twice."""

    def __init__(self, window: int = WINDOW) -> None:
        """Remember `window` lines at least."""
        self._window = window
        self._older: dict[int, int] = {}
        self._newer: dict[int, int] = {}
        self._pending: dict[int, int] = {}
        self._batch: int | None = None

    def begin(self, first_row: int) -> None:
        """Start a batch: an earlier batch that began with the same row failed and is forgotten, any other one stands."""
        if first_row != self._batch:
            self._newer.update(self._pending)
            if len(self._newer) > self._window:
                self._older, self._newer = self._newer, {}
        self._pending = {}
        self._batch = first_row

    def count(self, key: int) -> int:
        """How many lines have said this by now, this one included."""
        seen = self._pending.get(key) or self._newer.get(key) or self._older.get(key, 0)
        self._pending[key] = seen + 1
        return seen + 1


@dataclass(slots=True, eq=False)
class DraftLine:
    """One line on its way in."""

    number: int
    """The row it came from."""
    key: str
    occurrence: int
    kind: str
    row: OrderRow
    amounts: LineAmounts

    @property
    def paid_fen(self) -> Fen:
        """What is left after the line's own discount."""
        return Fen(self.amounts.goods_fen - self.amounts.discount_fen)


@dataclass(slots=True, eq=False)
class Draft:
    """The rows of one document at one store, sales and refunds apart."""

    document: str
    store: StoreClock
    is_refund: bool
    first: OrderRow
    sold_at: datetime
    lines: list[DraftLine] = field(default_factory=list)

    @property
    def business_on(self) -> date:
        """The store's business day of the earliest row, unless the file names the day."""
        if self.first.business_on is not None:
            return self.first.business_on
        return business_day(self.sold_at, time_zone=self.store.time_zone, starts=self.store.day_starts)

    @property
    def guide_code(self) -> str | None:
        """The first guide that the document names."""
        return next((line.row.guide_code for line in self.lines if line.row.guide_code), None)


def gather(
    rows: Iterable[tuple[OrderRow, LineAmounts]],
    *,
    stores: Mapping[str, StoreClock],
    occurrences: Occurrences,
) -> list[Draft]:
    """Group rows by document, store and direction, in the order in which documents first appear."""
    drafts: dict[tuple[str, str, bool], Draft] = {}
    for row, amounts in rows:
        is_refund = amounts.is_refund
        place = (row.document, row.store_code or "", is_refund)
        draft = drafts.get(place)
        if draft is None:
            draft = drafts[place] = Draft(row.document, stores[place[1]], is_refund, row, row.sold_at)
        elif row.sold_at < draft.sold_at:
            draft.sold_at = row.sold_at
        occurrence = 1
        if row.line_id and not is_refund:
            key = f"#{row.line_id}"
        else:
            said = refund_words(
                row.kind,
                row.sku_code,
                title=row.title,
                quantity=amounts.quantity,
                amount_fen=amounts.goods_fen,
            )
            key = "\x1f".join(said if is_refund else (*said[:2], *said[3:], str(row.unit_price)))
            occurrence = occurrences.count(hash((place, key)))
            key = f"{key}\x1f{occurrence}"
        draft.lines.append(DraftLine(row.number, key, occurrence, row.kind, row, amounts))
        if row.freight:
            draft.lines.append(freight_line(row, key=f"{key}/freight", freight=row.freight))
    return list(drafts.values())


def refund_words(
    kind: str, sku_code: str | None, *, title: str | None, quantity: int, amount_fen: int
) -> tuple[str, str, str, str, str]:
    """What a refund's line says of itself. A sale's line leaves its title out: titles are reworded from one export to the next."""
    return kind, sku_code or title or "", title or "", str(quantity), str(amount_fen)


def freight_line(row: OrderRow, *, key: str, freight: Decimal) -> DraftLine:
    """Carriage that stands beside the goods, as a line of its own."""
    amount = exact_fen(freight)
    amounts = LineAmounts(
        is_refund=False, quantity=1, unit_price_fen=amount, goods_fen=amount, discount_fen=Fen(0), exact=None
    )
    return DraftLine(row.number, key, 1, LineKind.FREIGHT.value, row, amounts)
