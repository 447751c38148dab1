"""What may be asked of disputes: structs that come in. Unknown fields are refused."""

from datetime import date

import msgspec

from settlement.disputes.states import Compared, Grain
from settlement.signing.commands import Sentence, SignedFen
from tenants.kernel.ids import ContractId
from tenants.kernel.money import Fen


class _Command(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    pass


class OpenDispute(_Command, frozen=True):
    """Say that a statement is not agreed to, and why."""

    reason: Sentence


class TheirNumber(msgspec.Struct, frozen=True, kw_only=True):
    """One row of the other side's file."""

    row_no: int
    about: str
    """Order number, order number and line ("N1#2"), or day, as `Grain` says."""
    on: date
    amount_fen: Fen


class TheirNumbers(msgspec.Struct, frozen=True, kw_only=True):
    """The other side's file, read."""

    level: Grain
    compares: Compared
    file_name: str
    file_sha256: str
    rows: list[TheirNumber]


class AnswerDifference(_Command, frozen=True):
    """Who is right about a difference, and why. Where they are, an adjustment is asked for: by default of the whole difference."""

    ours_stand: bool
    reason: Sentence
    amount_fen: SignedFen | None = None
    contract_id: ContractId | None = None
    """For what we do not know at all: the contract to adjust under."""


class ResolveDispute(_Command, frozen=True):
    """What was found in the end."""

    resolution: Sentence
