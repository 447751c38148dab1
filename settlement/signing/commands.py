"""What may be asked of a statement: structs that come in. Unknown fields are refused."""

from datetime import date
from typing import Annotated

import msgspec
from msgspec import Meta

from tenants.kernel.ids import ContractId, OrderId, PartyId, StatementId, StoreId
from tenants.kernel.money import LARGEST_AMOUNT

Sentence = Annotated[str, Meta(min_length=2, max_length=500)]
SignedFen = Annotated[int, Meta(ge=-LARGEST_AMOUNT, le=LARGEST_AMOUNT)]


class _Command(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    pass


class ProposeAdjustment(_Command, frozen=True):
    """Ask for a correction: the party is owed `amountFen` more (negative: less), its counterparty the same less.

    It names the statement or the order that it corrects. `restates` puts it into that statement's closed month as a new version; without
    it (and always once the statement is approved) it falls into the open period. Without a counterparty: whoever has the rest of the
    store's sales, that is its franchisee or the contract's residual party.
    """

    party_id: PartyId
    contract_id: ContractId
    amount_fen: SignedFen
    reason: Sentence
    statement_id: StatementId | None = None
    order_id: OrderId | None = None
    store_id: StoreId | None = None
    counterparty_id: PartyId | None = None
    evidence: Annotated[str, Meta(max_length=2_000)] | None = None
    restates: bool = False


class DecideAdjustment(_Command, frozen=True):
    """A second person's answer."""

    agrees: bool
    reason: Sentence | None = None


class NoteAgreement(_Command, frozen=True):
    """How it is known that the party agreed: the letter, the mail, the stamped page."""

    evidence: Sentence | None = None


class RecordInvoice(_Command, frozen=True):
    """An invoice that was issued for a statement; a red-letter one has a negative amount."""

    invoice_no: Annotated[str, Meta(min_length=1, max_length=64, pattern=r"^[0-9A-Za-z-]+$")]
    issued_on: date
    amount_fen: SignedFen
    tax_fen: SignedFen
