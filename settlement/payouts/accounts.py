"""Opens a batch's bank accounts for the file that goes to the bank: only once a second person has released it.

A file that can be had before is a payment order that one person makes. What a batch holds is shown without account numbers at any time.
"""

from settlement.payouts.errors import PayoutNotReleased
from settlement.payouts.payees import BankAccount, open_bank_account
from settlement.payouts.queries import find_payout
from settlement.payouts.states import WITH_FILES, PayeeKind
from settlement.payouts.views import PayoutView
from tenants.kernel.encryption import KeyRing
from tenants.kernel.ids import PayoutId
from tenants.kernel.scope import Reading


async def released_payout(db: Reading, payout_id: PayoutId) -> PayoutView:
    """The batch as it left; raises PayoutNotReleased before a second person released it, and for one that was withdrawn."""
    found = await find_payout(db, payout_id)
    if found.state not in WITH_FILES:
        raise PayoutNotReleased(details={found.payout_no: f"is {found.state}"}, payout_id=payout_id)
    return found


async def bank_accounts(db: Reading, payout_id: PayoutId, *, keys: KeyRing) -> dict[int, BankAccount]:
    """The account of every line that goes to the bank, by the line's number."""
    released = await released_payout(db, payout_id)
    return {
        line.number: await open_bank_account(db, line.payee.id, keys=keys)
        for line in released.lines
        if line.payee.kind is PayeeKind.BANK
    }
