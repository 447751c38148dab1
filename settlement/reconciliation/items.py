"""A row of either side as an item that can be matched: which words and amounts are worth comparing, and the fee that we expect. Pure."""

from collections.abc import Iterable, Sequence
from typing import Any

from orders.states import PaymentStatus, RefundStatus
from settlement.reconciliation.fees import payment_fee, refund_fee
from settlement.reconciliation.fund_sides import UNSURE
from settlement.reconciliation.matching import Item
from settlement.splitting.states import PartStatus, ReturnStatus
from tenants.kernel.money import Bps, Fen

BACKWARDS = ("refund:", "return:", "revoked:")
"""Keys of money that goes back."""
WORDS = {
    PaymentStatus.PAID: "paid",
    RefundStatus.DONE: "done",
    RefundStatus.FAILED: "failed",
    RefundStatus.ABNORMAL: "abnormal",
    PartStatus.DONE: "done",
    ReturnStatus.DONE: "done",
}
UNDERWAY = (RefundStatus.PENDING, PartStatus.PENDING, ReturnStatus.PENDING)
"""Says nothing yet: whatever the file knows of it by now is no contradiction."""


def signed(key: str, amount: int) -> int:
    """An amount as a day's sum counts it."""
    return -amount if key.startswith(BACKWARDS) else amount


def theirs_item(row: Any) -> Item:
    """A row of a file."""
    said = row.said
    return Item(
        key=row.key, on=row.day, amount_fen=Fen(row.amount_fen), fee_millifen=said["fee"],
        amounts=said["amounts"], words=said["words"], ref=row.ref,
    )  # fmt: skip


def fund_items(rows: Iterable[Any], theirs: Sequence[Item]) -> list[Item]:
    """What our books expect of a movement. Where coupons were in it the channel's amount is taken: that it moved is all we know."""
    told = theirs[0].amount_fen if theirs else None
    return [
        Item(
            key=row.key, on=row.day, ref=row.ref or "",
            amount_fen=Fen(row.amount_fen) if told is None or not row.said[UNSURE] else told,
        )
        for row in rows
        if row.side == "ours"
    ]  # fmt: skip


def ours_item(row: Any, *, fee_bps: Bps, settled_fen: Fen | None) -> Item:
    """A row of our books. `settled_fen` is what the file says the channel settles of it: the base of a fee where coupons paid."""
    said = row.said
    amounts = {} if said.get("payer_fen") is None else {"payer": said["payer_fen"]}
    return Item(
        key=row.key, on=row.day, amount_fen=Fen(row.amount_fen), amounts=amounts, words=_words(said),
        fee_millifen=_fee(row, said, fee_bps=fee_bps, settled_fen=settled_fen), ref=row.ref or "",
    )  # fmt: skip


def _words(said: dict[str, Any]) -> dict[str, str]:
    state = said.get("state")
    words = {} if state is None or state in UNDERWAY else {"state": WORDS.get(state, state)}
    if said.get("vendor_no"):
        words["vendorNo"] = said["vendor_no"]
    return words


def _fee(row: Any, said: dict[str, Any], *, fee_bps: Bps, settled_fen: Fen | None) -> int | None:
    """What the channel should charge or give back; None where our books do not know the base."""
    if "whole_fen" not in said:
        return None
    if said["kind"] == "payment":
        settled = settled_fen if said["has_coupons"] else Fen(row.amount_fen)
        return None if settled is None else payment_fee(settled, fee_bps)
    if said["has_coupons"]:
        return None
    return refund_fee(
        Fen(row.amount_fen), whole=Fen(said["whole_fen"]), before=Fen(said["before_fen"]), rate=fee_bps
    )
