"""What is shown of receivers and splits: structs that go out. Legal names are not."""

from datetime import datetime

import msgspec

from settlement.ports import Relation
from settlement.splitting.states import PartStatus, ReceiverState, ReturnStatus, SplitStatus, UnfreezeStatus
from settlement.views import PartyView
from tenants.kernel.ids import (
    MerchantId,
    OrderId,
    ReceiverId,
    RefundId,
    SplitId,
    SplitReturnId,
)
from tenants.kernel.money import Fen


class _View(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    pass


class ReceiverView(_View, frozen=True):
    """A merchant number that a party receives parts under; its legal name is not shown."""

    id: ReceiverId
    party: PartyView
    merchant_id: MerchantId
    """Whose payments it receives parts of."""
    account: str
    relation: Relation
    state: ReceiverState
    channel_code: str | None
    channel_message: str | None
    """Why the channel refused it."""
    created_at: datetime
    added_at: datetime | None
    ended_at: datetime | None


class ReceiverList(_View, frozen=True):
    """Receivers, ended ones too."""

    receivers: list[ReceiverView]


class SplitPartView(_View, frozen=True):
    """One receiver's part of a split."""

    party: PartyView
    account: str
    amount_fen: Fen
    state: PartStatus
    trouble: str | None
    channel_code: str | None
    ended_at: datetime | None


class SplitReturnView(_View, frozen=True):
    """What a receiver was asked to give back; a claimed one is owed to us."""

    id: SplitReturnId
    party: PartyView
    refund_id: RefundId
    return_no: str
    amount_fen: Fen
    state: ReturnStatus
    trouble: str | None
    channel_code: str | None
    channel_message: str | None
    created_at: datetime
    ended_at: datetime | None


class UnfreezeView(_View, frozen=True):
    """One unfreeze."""

    unfreeze_no: str
    state: UnfreezeStatus
    created_at: datetime
    ended_at: datetime | None


class SplitView(_View, frozen=True):
    """Where the splitting of one payment stands."""

    id: SplitId
    order_id: OrderId
    merchant_id: MerchantId
    split_no: str | None
    state: SplitStatus
    total_fen: Fen
    paid_at: datetime
    due_at: datetime | None
    warned_at: datetime | None
    """Set when its money is about to unfreeze, or has unfrozen, unsplit."""
    ended_at: datetime | None
    channel_code: str | None
    channel_message: str | None
    parts: list[SplitPartView]
    returns: list[SplitReturnView]
    unfreezes: list[UnfreezeView]


class SplitList(_View, frozen=True):
    """Splits, the oldest payment first."""

    splits: list[SplitView]
