"""What settlement needs from outside: a channel that splits payments among receivers.

One port for every way a channel splits. An outcome is done (the struct that says what is known), refused or unknown; unknown means
look up, or repeat with the same number and the same content, never a second number. Amounts are whole fen.
"""

from datetime import datetime
from enum import StrEnum
from typing import Protocol

import msgspec

from orders.ports import Unknown
from tenants.kernel.ids import MerchantId
from tenants.kernel.money import Bps, Fen
from tenants.kernel.scope import TenantScope

SPLIT_PREFIX, UNFREEZE_PREFIX, RETURN_PREFIX = "S", "U", "R"
"""First characters of numbers: an unfreeze under a number that a split has used answers success and unfreezes nothing."""


class ReceiverKind(StrEnum):
    """Who takes a part."""

    MERCHANT = "merchant"
    """A merchant number; what it received can be asked back."""
    PERSON = "person"
    """An openid of the payee's mini-program; what it received can never be asked back."""


class Relation(StrEnum):
    """What a receiver is to the payee, as it is declared to the channel."""

    STORE = "store"
    """门店"""
    STAFF = "staff"
    """员工"""
    STORE_OWNER = "store_owner"
    """店主"""
    PARTNER = "partner"
    """合作伙伴"""
    HEADQUARTERS = "headquarters"
    """总部"""
    BRAND = "brand"
    """品牌方"""
    DISTRIBUTOR = "distributor"
    """分销商"""
    SUPPLIER = "supplier"
    """供应商"""
    SERVICE_PROVIDER = "service_provider"
    """服务商"""
    PLATFORM = "platform"
    """平台"""
    OTHER = "other"
    """Anything else; ordinary splitting wants a word of at most ten characters for it."""


class Receiver(msgspec.Struct, frozen=True, kw_only=True):
    """Who may be split to. `name` is a merchant's full legal name (required) or a person's real name (checked if given)."""

    kind: ReceiverKind = ReceiverKind.MERCHANT
    account: str
    name: str | None = None
    relation: Relation = Relation.PARTNER
    relation_word: str | None = None


class SplitPart(msgspec.Struct, frozen=True, kw_only=True):
    """One receiver's part. `name` is needed only where the channel checks it again."""

    kind: ReceiverKind = ReceiverKind.MERCHANT
    account: str
    amount_fen: Fen
    description: str
    name: str | None = None


class SplitRequest(msgspec.Struct, frozen=True, kw_only=True):
    """Divide a payment among receivers. `finish` gives what is left to the payee and ends splitting; False leaves it frozen."""

    transaction_id: str
    split_no: str
    parts: list[SplitPart]
    finish: bool = False

    def __post_init__(self) -> None:
        """Refuse a number that an unfreeze might use."""
        _starts(self.split_no, SPLIT_PREFIX)


class UnfreezeRequest(msgspec.Struct, frozen=True, kw_only=True):
    """Give what is left of a payment to the payee and end splitting, under a number of its own."""

    transaction_id: str
    unfreeze_no: str
    description: str

    def __post_init__(self) -> None:
        """Refuse a number that a split might use."""
        _starts(self.unfreeze_no, UNFREEZE_PREFIX)


class ReturnRequest(msgspec.Struct, frozen=True, kw_only=True):
    """Ask a merchant to give back (part of) what a split gave it."""

    split_no: str
    return_no: str
    merchant_no: str
    amount_fen: Fen
    description: str

    def __post_init__(self) -> None:
        """Refuse a number that a split might use."""
        _starts(self.return_no, RETURN_PREFIX)


class PartState(StrEnum):
    """What became of one part."""

    PENDING = "pending"
    """Accepted, not yet paid."""
    DONE = "done"
    """The receiver has it."""
    CLOSED = "closed"
    """The receiver will not get it; the money is the payee's again."""


class Trouble(StrEnum):
    """Why a part was closed or a return failed."""

    ACCOUNT = "account"
    """The receiver's account is abnormal."""
    NO_RELATION = "no_relation"
    """It is no receiver any more."""
    RISK = "risk"
    """The channel holds the receiver for risky."""
    NAME = "name"
    """The receiver's name is not verified."""
    PERMISSION = "permission"
    """Splitting is not allowed (any more)."""
    LIMIT = "limit"
    """The receiver took all it may this month."""
    PAYER = "payer"
    """The paying side's account is abnormal."""
    BALANCE = "balance"
    """The receiver did not have the money."""
    TIMED_OUT = "timed_out"
    """It waited too long; a new number is needed."""
    OTHER = "other"
    """A reason the channel added since; its word is in `code`."""


class SplitState(msgspec.Struct, frozen=True, kw_only=True):
    """One part as the channel tells it; `code` is the channel's own word for the trouble."""

    kind: ReceiverKind
    account: str
    amount_fen: Fen
    state: PartState
    detail_id: str | None = None
    trouble: Trouble | None = None
    code: str | None = None
    finished_at: datetime | None = None


class ChannelSplit(msgspec.Struct, frozen=True, kw_only=True):
    """A split number as the channel tells it. Accepted is not done: `finished` and each part's state say what is."""

    transaction_id: str
    split_no: str
    channel_no: str | None
    finished: bool
    parts: list[SplitState]


class ReturnState(StrEnum):
    """What became of a return number."""

    PENDING = "pending"
    """On its way, or waiting for the receiver's balance: repeat with the same number."""
    DONE = "done"
    """The money is back."""
    FAILED = "failed"
    """It will not happen under this number."""


class ChannelReturn(msgspec.Struct, frozen=True, kw_only=True):
    """A return number as the channel tells it."""

    split_no: str | None
    return_no: str
    merchant_no: str
    amount_fen: Fen
    state: ReturnState
    channel_no: str | None = None
    trouble: Trouble | None = None
    code: str | None = None
    finished_at: datetime | None = None


class SplitNotice(msgspec.Struct, frozen=True, kw_only=True):
    """A receiver's side: the channel tells a merchant that it got, or gave back, a part. A wake-up; the look-up decides.

    Splits and returns come in one form, so which of the two it was is not known here.
    """

    merchant_no: str
    transaction_id: str
    channel_no: str
    number: str
    account: str
    amount_fen: Fen
    at: datetime | None = None


class Reason(StrEnum):
    """Why splitting was refused, in the words that a next step hangs on."""

    TOO_EARLY = "too_early"
    """The payment is not settled or not confirmed as received: the same again later."""
    NOT_MARKED = "not_marked"
    """The payment was not marked for splitting at prepay: never."""
    NO_RELATION = "no_relation"
    """A receiver was not added."""
    NAME_MISMATCH = "name_mismatch"
    """A receiver's name is not the registered one."""
    OVER_RATIO = "over_ratio"
    """More than the largest share of the payment that may be split."""
    NOT_ENOUGH = "not_enough"
    """More than what is left of the payment (or of the split, for a return)."""
    ENDED = "ended"
    """Splitting of this payment has ended: nothing is left, or the time is over."""
    OTHER_CONTENT = "other_content"
    """The number was used before with another content."""
    NO_PERMISSION = "no_permission"
    """The receiver (returns) or the payee (splits) has not switched it on."""
    BALANCE_SHORT = "balance_short"
    """A return found the receiver's account empty: the same number again after a top-up."""
    TOO_MANY = "too_many"
    """No further number for this payment."""
    NOT_FOUND = "not_found"
    """There is no such number, payment or receiver."""
    NOT_OFFERED = "not_offered"
    """This way of splitting has no such call."""
    OTHER = "other"
    """See the channel's code and sentence."""


class SplitRefused(msgspec.Struct, frozen=True, kw_only=True):
    """The channel said no: what it means for us, its own code and its own sentence."""

    reason: Reason
    code: str
    message: str


class Ended(msgspec.Struct, frozen=True):
    """The unfreeze was accepted, or nothing was left to unfreeze. Only `unsplit_amount` = 0 proves that it happened."""

    channel_no: str | None
    """None when there was nothing left."""


class Added(msgspec.Struct, frozen=True):
    """The receiver may be split to."""


class Deleted(msgspec.Struct, frozen=True):
    """The receiver may not be split to any more."""


class SplittingChannel(Protocol):
    """Splits the payments of one payee. Every method is safe to repeat with the same arguments."""

    async def add_receiver(self, receiver: Receiver) -> Added | SplitRefused | Unknown:
        """Allow splitting to a receiver; adding it again changes nothing."""
        ...

    async def delete_receiver(self, receiver: Receiver) -> Deleted | SplitRefused | Unknown:
        """Stop splitting to a receiver; only kind and account are read."""
        ...

    async def split(self, request: SplitRequest) -> ChannelSplit | SplitRefused | Unknown:
        """Divide a payment; acceptance is not success."""
        ...

    async def look_up_split(
        self, split_no: str, *, transaction_id: str
    ) -> ChannelSplit | SplitRefused | Unknown:
        """Ask what became of a split number (or of an unfreeze number: then without parts)."""
        ...

    async def unfreeze(self, request: UnfreezeRequest) -> Ended | SplitRefused | Unknown:
        """End splitting of a payment and give the rest to the payee."""
        ...

    async def give_back(self, request: ReturnRequest) -> ChannelReturn | SplitRefused | Unknown:
        """Take money of a split back from a merchant; acceptance is not success."""
        ...

    async def look_up_return(
        self, return_no: str, *, split_no: str
    ) -> ChannelReturn | SplitRefused | Unknown:
        """Ask what became of a return number."""
        ...

    async def unsplit_amount(self, transaction_id: str) -> Fen | SplitRefused | Unknown:
        """What is left of a payment to split or unfreeze, in fen."""
        ...

    async def largest_rate(self) -> Bps | SplitRefused | Unknown:
        """The largest share of a payment that may be split, where the channel tells it (NOT_OFFERED: the payee must know)."""
        ...


class SplittingChannels(Protocol):
    """Finds the splitting channel of a tenant's merchant, with that tenant's own credentials."""

    async def splitting(self, tenant: TenantScope, merchant_id: MerchantId) -> SplittingChannel:
        """Open it; raises MerchantNotReady when credentials are missing."""
        ...


def _starts(number: str, prefix: str) -> None:
    if not number.startswith(prefix):
        raise ValueError(f"the number must start with {prefix}")


class TradeStanding(StrEnum):
    """Where an order stands for the platform that holds its money until the goods were received."""

    UNCONFIRMED = "unconfirmed"
    """Nobody has confirmed that the goods arrived."""
    CONFIRMED = "confirmed"
    """Confirmed; the settlement cycle runs."""
    SETTLED = "settled"
    """The money is the payee's: it may be split."""
    DISPUTED = "disputed"
    """A complaint holds the money."""
    REFUNDED = "refunded"
    """All money went back."""


class TradeStates(Protocol):
    """Asks the platform where an order stands; a message about it is only a reason to ask."""

    async def look_up(self, tenant: TenantScope, *, transaction_id: str) -> TradeStanding | Unknown | None:
        """Where it stands; None for an order the platform does not know."""
        ...
