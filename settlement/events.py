"""The facts settlement publishes, past tense."""

from datetime import date

import msgspec

from settlement.posting.history_steps import Cursor
from tenants.kernel.ids import MerchantId, SplitId, SplitReturnId


class PostingPaused(msgspec.Struct, frozen=True, kw_only=True):
    """Some of a source's imported lines were looked at and more follow: booking goes on in a transaction of its own."""

    source_name: str
    cursor: Cursor


class LedgerDayOver(msgspec.Struct, frozen=True, kw_only=True):
    """Due when a day on which something was posted is over: its entries are to be hashed."""


class SplitScheduled(msgspec.Struct, frozen=True, kw_only=True):
    """A payment may be split from `due_at` on (`tried`: how often the channel found it too early since)."""

    split_id: SplitId
    tried: int = 0


class SplitAccepted(msgspec.Struct, frozen=True, kw_only=True):
    """The channel works on a split; it is asked at `due_at` (and `asked` counts how often)."""

    split_id: SplitId
    asked: int = 0


class TradeAwaited(msgspec.Struct, frozen=True, kw_only=True):
    """The platform that holds an order's money is to be asked where it stands: it sent a message, or a complaint held the money."""

    transaction_id: str


class FreezeNearsEnd(msgspec.Struct, frozen=True, kw_only=True):
    """Due some days before a payment unfreezes by itself: whatever is not split by then stays payable."""

    split_id: SplitId


class FreezeWarned(msgspec.Struct, frozen=True, kw_only=True):
    """A payment that is not split yet unfreezes in a few days: an alert, for a person."""

    split_id: SplitId


class ReturnRequested(msgspec.Struct, frozen=True, kw_only=True):
    """A receiver is to give money back (`tried`: how often it was asked, or put off, since)."""

    return_id: SplitReturnId
    tried: int = 0


class BillDue(msgspec.Struct, frozen=True, kw_only=True):
    """A merchant's files of a day are there at `due_at` (`asked`: how often they were not, since)."""

    merchant_id: MerchantId
    day: date
    asked: int = 0
