"""What guides need from outside: the book of contacts (WeCom), and cards at the payment channel. Outcomes are values.

An outcome is what was asked for, Refused (with the vendor's code) or Unknown: then ask again.
"""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import Protocol

import msgspec

from tenants.kernel.ids import MerchantId
from tenants.kernel.scope import TenantScope


class Refused(msgspec.Struct, frozen=True):
    """The outside said no: its code and sentence."""

    code: str
    message: str


class Unknown(msgspec.Struct, frozen=True):
    """Nobody can say whether it happened."""

    reason: str


class WayMade(msgspec.Struct, frozen=True):
    """A contact way: its number, which nothing lists, and its code as a picture's address."""

    way_no: str
    qr_code_url: str


class WayEnded(msgspec.Struct, frozen=True):
    """The way is gone, now or before."""


class Beginning(StrEnum):
    """Whether a contact's move began."""

    STARTED = "started"
    """It is on its way."""
    ALREADY = "already"
    """It was on its way before, or is no longer the giver's: the results tell."""
    LIMITED = "limited"
    """The contact was moved as often as it may be."""
    REFUSED = "refused"
    """It will not move."""


class MoveBegun(msgspec.Struct, frozen=True, kw_only=True):
    """What became of asking for one contact's move; the code is the vendor's."""

    contact_no: str
    beginning: Beginning
    code: str


class MoveFate(StrEnum):
    """What became of a move."""

    DONE = "done"
    WAITING = "waiting"
    REFUSED = "refused"
    TAKER_FULL = "taker_full"
    NONE = "none"


class MoveResult(msgspec.Struct, frozen=True, kw_only=True):
    """A move's result; `at` is when it was, or will be, done."""

    contact_no: str
    fate: MoveFate
    at: datetime | None


class Following(msgspec.Struct, frozen=True, kw_only=True):
    """One member who has the contact, since when, and by which way as the vendor tells it."""

    member_no: str
    since: datetime
    hint: str


class ContactFacts(msgspec.Struct, frozen=True, kw_only=True):
    """A contact as it stands now."""

    contact_no: str
    union_id: str | None
    followings: list[Following]


class ContactBook(Protocol):
    """The brand's contacts at WeCom. MerchantNotReady where the brand has no corp."""

    async def make_way(
        self, tenant: TenantScope, *, member_no: str, hint: str, remark: str
    ) -> WayMade | Refused | Unknown:
        """Make a contact way for one member."""
        ...

    async def end_way(self, tenant: TenantScope, *, way_no: str) -> WayEnded | Refused | Unknown:
        """Delete a contact way; safe to repeat."""
        ...

    async def look_up(self, tenant: TenantScope, *, contact_no: str) -> ContactFacts | Refused | Unknown:
        """How a contact stands now; Refused when it is nobody's contact."""
        ...

    async def begin_moves(
        self, tenant: TenantScope, contact_nos: Sequence[str], *, giver: str, taker: str, resigned: bool
    ) -> list[MoveBegun] | Refused | Unknown:
        """Begin moving at most 100 contacts; begun is not done."""
        ...

    async def move_results(
        self, tenant: TenantScope, *, giver: str, taker: str, resigned: bool
    ) -> list[MoveResult] | Refused | Unknown:
        """What became of all moves between two members."""
        ...


class CardFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What a card shows. `store_no` is the channel's own number of the store."""

    store_no: int
    member_no: str
    name: str
    mobile: str
    qr_code_url: str
    avatar_url: str

    def __repr__(self) -> str:
        """Leave the person out."""
        return f"CardFacts({self.member_no!r})"


class CardKept(msgspec.Struct, frozen=True):
    """The number under which the channel knows the guide."""

    card_no: str


class CardDesk(Protocol):
    """Registers guides at a merchant's payment channel (支付即服务); names and mobiles travel encrypted."""

    async def register(
        self, tenant: TenantScope, facts: CardFacts, *, merchant_id: MerchantId
    ) -> CardKept | Refused | Unknown:
        """Register a guide; the same guide again answers the same card."""
        ...

    async def change(
        self, tenant: TenantScope, facts: CardFacts, *, merchant_id: MerchantId, card_no: str
    ) -> CardKept | Refused | Unknown:
        """Tell the channel what the card shows now."""
        ...
