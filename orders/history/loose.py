"""Refund documents that name no sale: a cancellation with a number of its own, negative lines of a receipt.

They are charged to the store (and guide) of the document on the terms of their own day. A line is known by its words and how often they stood before.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import text

from orders.errors import HistoryChangedMeanwhile
from orders.history.batch import HistoryBatch
from orders.history.commands import STATUS_CHANGED, TOO_LARGE, UNPAID_STATES
from orders.history.documents import Draft, DraftLine, refund_words
from orders.history.inserts import IMPORTER, insert_refund_lines, insert_refunds
from orders.history.standing import SUFFIX, StandingRefund, refunds_of
from orders.history.terms import Agreed, Asked, Named, asked_category, freeze_terms
from orders.states import RefundStatus, Source
from tenants.import_outcomes import refusal
from tenants.kernel.ids import GuideId, derived_id
from tenants.kernel.money import LARGEST_AMOUNT, Fen, yuan_text
from tenants.kernel.scope import Writing

_JOIN = text(
    "UPDATE app.refunds AS r SET amount_fen = r.amount_fen + u.more"
    " FROM unnest(CAST(:ids AS uuid[]), CAST(:stood AS bigint[]), CAST(:more AS bigint[])) AS u(id, stood, more)"
    " WHERE r.tenant_id = :tenant_id AND r.id = u.id AND r.amount_fen = u.stood"
)


class LooseRefund(NamedTuple):
    """One refund document at one store, with those of its lines that are new."""

    draft: Draft
    id: UUID
    external_no: str
    stands: StandingRefund | None
    guide_id: GuideId | None
    new: list[DraftLine]

    @property
    def amount_fen(self) -> int:
        """What the new lines take back."""
        return sum(line.amounts.goods_fen for line in self.new)

    def asked(self, line: DraftLine, named: Named) -> Asked:
        """What the line's terms depend on."""
        category = asked_category(line.kind, line.row.category_code)
        sku_code, promotion_code = named.of(line.row.sku_code, line.row.promotion_code)
        return Asked(
            self.draft.store, category, self.guide_id, self.draft.sold_at, line.kind, sku_code, promotion_code
        )  # fmt: skip


async def keep_loose_refunds(db: Writing, drafts: Sequence[Draft], *, batch: HistoryBatch) -> int:
    """Write what is new of these refund documents; returns how many were made or added to."""
    numbers = [draft.document for draft in drafts]
    numbers += [f"{draft.document}{SUFFIX}{draft.store.code}" for draft in drafts]
    standing = await refunds_of(db, numbers, source_name=batch.source_name)
    refunds = [each for each in _refunds(db, drafts, standing=standing, batch=batch) if each.new]
    refunds = [each for each in refunds if _is_of_size(each, batch=batch)]
    asked = [refund.asked(line, batch.named) for refund in refunds for line in refund.new]
    frozen = await freeze_terms(db, asked, terms=batch.terms)
    made = [refund for refund in refunds if refund.stands is None]
    if await insert_refunds(db, [_refund(refund, batch) for refund in made]) != len(made):
        raise HistoryChangedMeanwhile
    await _join(db, [refund for refund in refunds if refund.stands is not None])
    rows = [row for refund in refunds for row in _lines(refund, frozen, named=batch.named)]
    if await insert_refund_lines(db, rows) != len(rows):
        raise HistoryChangedMeanwhile
    for refund in refunds:
        for line in refund.new:
            batch.report.imported(line.number)
    return len(refunds)


def _refunds(
    db: Writing, drafts: Sequence[Draft], *, standing: Mapping[str, StandingRefund], batch: HistoryBatch
) -> list[LooseRefund]:
    taken: dict[str, UUID] = {number: found.store_id for number, found in standing.items()}
    refunds = []
    for draft in drafts:
        number = draft.document
        if taken.setdefault(number, draft.store.id) != draft.store.id:
            number = f"{draft.document}{SUFFIX}{draft.store.code}"
        stands = standing.get(number)
        if stands is not None and draft.first.state is not None and stands.state != _state(draft):
            found = refusal("state", draft.first.state, reason=f"{STATUS_CHANGED}: {stands.state}")
            for line in draft.lines:
                batch.report.refuse(line.number, found)
            continue
        parts = ("refund", batch.source_name, draft.document, draft.store.code)
        refund_id = stands.id if stands else derived_id(db.tenant_id, *parts)
        guide_id = batch.guides.get(draft.guide_code or "")
        refunds.append(LooseRefund(draft, refund_id, number, stands, guide_id, _new_lines(draft, stands)))
    return refunds


def _is_of_size(refund: LooseRefund, *, batch: HistoryBatch) -> bool:
    total = refund.amount_fen + (refund.stands.amount_fen if refund.stands else 0)
    if total <= LARGEST_AMOUNT:
        return True
    for line in refund.new:
        batch.report.refuse(line.number, refusal("amount", yuan_text(Fen(total)), reason=TOO_LARGE))
    return False


def _new_lines(draft: Draft, stands: StandingRefund | None) -> list[DraftLine]:
    there = Counter(_words(line) for line in stands.lines) if stands else Counter[Any]()
    return [line for line in draft.lines if line.occurrence > there[_draft_words(line)]]


def _words(line: Any) -> tuple[str, ...]:
    return refund_words(
        line.kind, line.sku_code, title=line.title, quantity=line.quantity, amount_fen=line.amount_fen
    )


def _draft_words(line: DraftLine) -> tuple[str, ...]:
    row, amounts = line.row, line.amounts
    return refund_words(
        line.kind, row.sku_code, title=row.title, quantity=amounts.quantity, amount_fen=amounts.goods_fen
    )


def _state(draft: Draft) -> str:
    return (RefundStatus.FAILED if draft.first.state in UNPAID_STATES else RefundStatus.DONE).value


def _refund(refund: LooseRefund, batch: HistoryBatch) -> tuple[Any, ...]:
    draft = refund.draft
    return (
        refund.id, f"{batch.source_name}:{refund.external_no}", Source.HISTORY.value, batch.source_name,
        refund.external_no, None, None, draft.store.id, refund.guide_id, _state(draft), refund.amount_fen, None, IMPORTER,
        draft.business_on, draft.sold_at, draft.sold_at,
    )  # fmt: skip


def _lines(refund: LooseRefund, frozen: Mapping[Asked, Agreed], *, named: Named) -> list[tuple[Any, ...]]:
    last = len(refund.stands.lines) if refund.stands else 0
    rows = []
    for place, line in enumerate(refund.new, start=1):
        agreed, amount = frozen[refund.asked(line, named)], line.amounts.goods_fen
        # What the goods once cost before discounts nobody knows: the list price of a loose refund is its amount.
        base = agreed.base_of(goods_fen=amount, paid_fen=amount)
        rows.append(
            (
                refund.id, last + place, None, line.kind, line.row.sku_code, line.row.title,
                line.amounts.quantity, amount, None, base, agreed.terms_id,
            )
        )  # fmt: skip
    return rows


async def _join(db: Writing, refunds: Sequence[LooseRefund]) -> None:
    """Add later lines to the amount of their refund."""
    if not refunds:
        return
    values = {
        "ids": [refund.id for refund in refunds],
        "stood": [refund.stands.amount_fen for refund in refunds if refund.stands],
        "more": [refund.amount_fen for refund in refunds],
    }
    result: Any = await db.execute(_JOIN, {"tenant_id": db.tenant_id, **values})
    if result.rowcount != len(refunds):
        raise HistoryChangedMeanwhile
