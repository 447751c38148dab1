"""What may be asked of payouts: structs that come in. Unknown fields are refused."""

from datetime import date
from typing import Annotated

import msgspec
from msgspec import Meta

from settlement.payouts.states import LineState, PayeeKind

Line = Annotated[str, Meta(min_length=1, max_length=120)]


class _Command(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    pass


class SetPayee(_Command, frozen=True):
    """Where a party's money goes: a company's bank account, or a guide's payroll number."""

    kind: PayeeKind
    account_name: Line | None = None
    account_no: Annotated[str, Meta(pattern=r"^[0-9A-Za-z-]{6,40}$")] | None = None
    bank_name: Line | None = None
    payroll_no: Annotated[str, Meta(pattern=r"^[0-9A-Za-z._-]{1,40}$")] | None = None


class PreparePayout(_Command, frozen=True):
    """Take what is due on a day (today, when none is named)."""

    due_on: date | None = None


class RecordOutcome(_Command, frozen=True):
    """What bank or payroll says of a line: paid, failed, or returned after it was paid."""

    outcome: LineState
    on: date | None = None
    bank_reference: Annotated[str, Meta(max_length=64)] | None = None
    trouble: Annotated[str, Meta(max_length=200)] | None = None
