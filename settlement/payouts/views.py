"""What is shown of payees and payouts. Amounts are whole fen; account numbers are shown by their last four characters."""

from datetime import date, datetime

import msgspec

from settlement.payouts.states import LineState, PayeeKind, PayoutState, SkipReason
from settlement.views import PartyView
from tenants.kernel.ids import PayeeId, PayoutId, StatementId
from tenants.kernel.money import Fen


class _View(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    pass


class PayeeView(_View, frozen=True):
    """Where a party's money goes."""

    id: PayeeId
    party: PartyView
    kind: PayeeKind
    payroll_no: str | None
    account_tail: str | None
    created_at: datetime
    created_by: str
    ended_at: datetime | None


class PayeeList(_View, frozen=True):
    """Payees, ended ones too."""

    payees: list[PayeeView]


class DueView(_View, frozen=True):
    """What a party is due, or why it is not in a batch."""

    party: PartyView
    statement_id: StatementId | None
    period_on: date | None
    closing_fen: Fen
    since_fen: Fen
    """Paid, held or sent since the statement."""
    on_its_way_fen: Fen
    """What the channel's splitting has yet to bring of that statement's sales."""
    frozen_fen: Fen
    """A guide's commission on goods that may still be brought back."""
    amount_fen: Fen
    due_on: date | None
    skipped: SkipReason | None


class PayoutLineView(_View, frozen=True):
    """One party's money in a batch."""

    number: int
    line_no: str
    party: PartyView
    party_name: str
    statement_id: StatementId
    period_on: date
    payee: PayeeView
    amount_fen: Fen
    state: LineState
    paid_on: date | None
    bank_reference: str | None
    trouble: str | None
    ended_at: datetime | None


class PayoutView(_View, frozen=True):
    """A batch with its control total."""

    id: PayoutId
    payout_no: str
    due_on: date
    state: PayoutState
    line_count: int
    total_fen: Fen
    prepared_by: str
    prepared_at: datetime
    released_by: str | None
    released_at: datetime | None
    ended_at: datetime | None
    lines: list[PayoutLineView]


class PayoutList(_View, frozen=True):
    """Batches, the newest first."""

    payouts: list[PayoutView]


class PreparedPayout(_View, frozen=True):
    """The batch that holds what is due, if anything is, and why others are not in it."""

    payout: PayoutView | None
    already_prepared: bool
    skipped: list[DueView]
