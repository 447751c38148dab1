"""Every state a payout or a line of one can be in, and the only ways from one to another. Pure."""

from enum import StrEnum


class PayoutState(StrEnum):
    """Where a batch stands."""

    PREPARED = "prepared"
    """待复核: what is due is written down and held; nothing has left."""
    RELEASED = "released"
    """已放行: a second person let it go; its files go to bank and payroll."""
    WITHDRAWN = "withdrawn"
    """已撤回: nothing of it left; what it held is due again."""
    DONE = "done"
    """已完成: every line has ended."""


class LineState(StrEnum):
    """Where one party's line stands."""

    HELD = "held"
    """待付: held for this batch."""
    SENT = "sent"
    """付款中: with bank or payroll; nobody knows yet."""
    PAID = "paid"
    """已付: booked."""
    FAILED = "failed"
    """付款失败: the bank did not take it; due again."""
    RETURNED = "returned"
    """退票: it was paid and came back; due again."""
    FREED = "freed"
    """已释放: its batch was withdrawn."""


class PayeeKind(StrEnum):
    """How a party is paid."""

    BANK = "bank"
    """对公账户: a bank account."""
    PAYROLL = "payroll"
    """随工资发放: by payroll number; guides."""


class SkipReason(StrEnum):
    """Why a party is not in a batch."""

    NOT_APPROVED = "not_approved"
    """未审批: its last statement waits for a signature."""
    DISPUTED = "disputed"
    """有争议."""
    NEGATIVE = "negative"
    """负余额: it owes; carried forward as a claim."""
    NOTHING_LEFT = "nothing_left"
    """无应付余额: paid, held by another batch, or on its way through the channel."""
    NOT_YET = "not_yet"
    """未到付款日 (T+N)."""
    RETURNABLE = "returnable"
    """退货期未满: all of it was earned on goods that may still be brought back."""
    NO_PAYEE = "no_payee"
    """未登记收款信息: nobody has said where its money goes."""


PAYOUT_MOVES: dict[PayoutState, frozenset[PayoutState]] = {
    PayoutState.PREPARED: frozenset({PayoutState.RELEASED, PayoutState.WITHDRAWN}),
    PayoutState.RELEASED: frozenset({PayoutState.DONE}),
    PayoutState.WITHDRAWN: frozenset(),
    PayoutState.DONE: frozenset(),
}
LINE_MOVES: dict[LineState, frozenset[LineState]] = {
    LineState.HELD: frozenset({LineState.SENT, LineState.FREED}),
    LineState.SENT: frozenset({LineState.PAID, LineState.FAILED}),
    # A bank sends money back days after it said that it was paid.
    LineState.PAID: frozenset({LineState.RETURNED}),
    LineState.FAILED: frozenset(),
    LineState.RETURNED: frozenset(),
    LineState.FREED: frozenset(),
}
WITH_FILES = (PayoutState.RELEASED, PayoutState.DONE)
"""Batches whose files exist: a second person let them go."""
UNDER_WAY = (LineState.HELD, LineState.SENT)
"""Lines that are with a batch and not booked yet."""
