"""One store's part of an imported document on its way in: which order it is, which of its lines are new, what they come to. Writes nothing."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from msgspec import UNSET

from orders.history.amounts import exact_fen
from orders.history.batch import HistoryBatch
from orders.history.commands import (
    CHANGED,
    HEADER_STANDS,
    OTHER_GUIDE,
    OVER_DISCOUNT,
    OVER_REFUND,
    PAID_DIFFERS,
    TOTAL_DIFFERS,
    UNPAID_STATES,
    paid_total,
)
from orders.history.documents import Draft, DraftLine, freight_line
from orders.history.standing import SUFFIX, Part
from orders.states import LineKind, OrderState
from tenants.import_outcomes import Finding, refusal, warning
from tenants.kernel.ids import GuideId, derived_id
from tenants.kernel.money import Fen, allocate, yuan_text
from tenants.kernel.scope import Reading

NO_MONEY = Fen(0)


@dataclass(slots=True, eq=False)
class Sale:
    """One store's part of a document, with those of its lines that are new."""

    draft: Draft
    id: UUID
    identity: str
    """The document at this store: what its lines' ids are made from."""
    stands: Part | None
    """The order that these lines join."""
    suffix: str
    guide_id: GuideId | None
    state: str
    paid_at: datetime | None
    new: list[DraftLine] = field(default_factory=list)
    discounts: list[Fen] = field(default_factory=list)
    also: list[str] = field(default_factory=list)
    refund_fen: Fen = NO_MONEY

    @property
    def external_no(self) -> str:
        """The document's number, for all but its first order with a suffix."""
        return self.draft.document + self.suffix

    @property
    def is_first(self) -> bool:
        """Whether this makes the order that speaks for the whole document."""
        return self.stands is None and not self.suffix

    @property
    def terms_at(self) -> datetime:
        """The moment that decides the terms: later lines are sold on those of their order's day."""
        return self.draft.sold_at if self.stands is None else self.stands.placed_at

    def paid_of(self, place: int) -> Fen:
        """What was paid for the new line at this place, document discount included; nothing when the order was not paid."""
        return Fen(self.new[place].paid_fen - self.discounts[place]) if self.paid_at else Fen(0)

    def sums(self) -> dict[str, int]:
        """The new lines' totals by the order's columns."""
        sums = {kind.value: 0 for kind in LineKind}
        discount = 0
        for line, shared in zip(self.new, self.discounts, strict=True):
            sums[line.kind] += line.amounts.goods_fen
            discount += line.amounts.discount_fen + shared
        total = sum(sums.values()) - discount
        return {**sums, "discount": discount, "total": total, "paid": total if self.paid_at else 0}


def sales_of(db: Reading, drafts: Sequence[Draft], *, batch: HistoryBatch) -> list[Sale]:
    """The documents that have something new, named, completed and checked; what is wrong with them is in the batch's report."""
    sales: list[Sale] = []
    bare: dict[str, Sale] = {}
    for draft in drafts:
        sale = _sale(db, draft, batch=batch, bare=bare.get(draft.document))
        _choose_new_lines(sale, batch=batch)
        if not sale.new or (sale.is_first and not _complete_document(sale, batch=batch)):
            continue
        sale.discounts = sale.discounts or [NO_MONEY] * len(sale.new)
        first = bare.setdefault(draft.document, sale)
        if first is not sale and sale.stands is None:
            first.also.append(sale.suffix)
        _check_guides(sale, batch=batch)
        sales.append(sale)
    _check_totals(sales, batch=batch)
    return sales


def _sale(db: Reading, draft: Draft, *, batch: HistoryBatch, bare: Sale | None) -> Sale:
    """The document at this store: the order that stands, or a new one with the document's number (and, for a second store, its code)."""
    parts = batch.standing.get(draft.document, [])
    identity = str(derived_id(db.tenant_id, "document", batch.source_name, draft.document, draft.store.code))
    stands = next((part for part in parts if part.store_id == draft.store.id), None)
    if stands is not None:
        suffix = stands.external_no.removeprefix(draft.document)
        guide = GuideId(stands.guide_id) if stands.guide_id else None
        return Sale(draft, stands.id, identity, stands, suffix, guide, stands.state, stands.paid_at)
    suffix = f"{SUFFIX}{draft.store.code}" if parts or bare else ""
    state, paid_at = _payment(draft)
    guide = batch.guides.get(draft.guide_code or "")
    return Sale(draft, derived_id(identity, "order"), identity, None, suffix, guide, state, paid_at)


def _payment(draft: Draft) -> tuple[str, datetime | None]:
    """State and moment of payment: as the file says, else paid when sold. What never was paid is never settled."""
    row = draft.first
    paid_at = draft.sold_at if row.paid_at is UNSET else row.paid_at
    state = row.state or OrderState.COLLECTED.value
    if state in UNPAID_STATES:
        return state, None
    if not isinstance(paid_at, datetime):
        return OrderState.CANCELLED.value, None
    return state, paid_at


def _choose_new_lines(sale: Sale, *, batch: HistoryBatch) -> None:
    """Take the lines that do not stand yet; one that stands with another amount is refused, because history is not rewritten."""
    parts = batch.standing.get(sale.draft.document, [])
    standing = {line.id: line.goods_fen for part in parts for line in batch.lines.get(part.id, [])}
    from_header = any(part.attribution.get("from_header") for part in parts)
    seen: dict[str, int] = {}
    for line in sale.draft.lines:
        stands = standing.get(line_id(sale, line.key)) if standing else None
        stands = seen.get(line.key) if stands is None else stands
        if stands is not None:
            if stands != line.amounts.goods_fen:
                batch.report.refuse(
                    line.number, refusal("amount", yuan_text(line.amounts.goods_fen), reason=CHANGED)
                )
        elif from_header:
            batch.report.refuse(line.number, refusal("document", sale.draft.document, reason=HEADER_STANDS))
        else:
            seen[line.key] = line.amounts.goods_fen
            sale.new.append(line)


def _complete_document(sale: Sale, *, batch: HistoryBatch) -> bool:
    """Add what the header says of the whole document: carriage, discount, what was refunded since; False when that cannot be."""
    row = sale.draft.first
    if row.document_freight:
        sale.new.append(freight_line(row, key="freight", freight=row.document_freight))
    if row.document_discount:
        off = exact_fen(row.document_discount)
        weights = [line.paid_fen if line.kind == LineKind.GOODS else 0 for line in sale.new]
        if not sum(weights):
            weights = [line.paid_fen for line in sale.new]
        if not 0 <= off <= sum(weights):
            wrong = refusal("document_discount", str(row.document_discount), reason=OVER_DISCOUNT)
            return _refuse_document(sale, batch=batch, wrong=wrong)
        sale.discounts = allocate(off, weights=weights)
    sale.discounts = sale.discounts or [Fen(0)] * len(sale.new)
    if row.refund_amount:
        sale.refund_fen = exact_fen(row.refund_amount)
        if not 0 <= sale.refund_fen <= sale.sums()["paid"]:
            wrong = refusal("refund_amount", str(row.refund_amount), reason=OVER_REFUND)
            return _refuse_document(sale, batch=batch, wrong=wrong)
    return True


def _refuse_document(sale: Sale, *, batch: HistoryBatch, wrong: Finding) -> bool:
    for number in {line.number for line in sale.draft.lines}:
        batch.report.refuse(number, wrong)
    return False


def _check_totals(sales: Sequence[Sale], *, batch: HistoryBatch) -> None:
    """Say where a document's own total, or what was paid for it, is not what its lines come to so far; both figures are kept."""
    documents: dict[str, list[Sale]] = {}
    for sale in sales:
        documents.setdefault(sale.draft.document, []).append(sale)
    for document, parts in documents.items():
        row = parts[0].draft.first
        paid = paid_total(row)
        if row.document_total is None and paid is None:
            continue
        sums = [part.sums() for part in parts]
        stands = batch.standing.get(document, [])
        before = sum(each["total"] + each["discount"] for each in sums)
        before += sum(part.before_discount_fen for part in stands)
        if row.document_total is not None and exact_fen(row.document_total) != before:
            told = f"{TOTAL_DIFFERS}: {yuan_text(Fen(before))}"
            batch.report.warn(row.number, warning("document_total", str(row.document_total), reason=told))
        total = sum(each["total"] for each in sums) + sum(part.total_fen for part in stands)
        if paid is not None and parts[0].paid_at and exact_fen(paid) != total:
            told = f"{PAID_DIFFERS}: {yuan_text(Fen(total))}"
            batch.report.warn(row.number, warning("paid_total", str(paid), reason=told))


def _check_guides(sale: Sale, *, batch: HistoryBatch) -> None:
    for line in sale.new:
        code = line.row.guide_code
        if code and code in batch.guides and batch.guides[code] != sale.guide_id:
            batch.report.warn(line.number, warning("guide_code", code, reason=OTHER_GUIDE))


def line_id(sale: Sale, key: str) -> UUID:
    """The id that this line has, whenever it is imported."""
    return derived_id(sale.identity, key)
