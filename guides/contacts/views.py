"""What is shown of guides' contacts: structs that go out."""

from datetime import datetime

import msgspec

from guides.contacts.states import MoveState
from tenants.kernel.ids import ContactWayId, GuideId, MoveId, ShopperId


class ContactWayView(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A guide's contact way; without an address it is still being made."""

    id: ContactWayId
    guide_id: GuideId
    qr_code_url: str | None
    made_at: datetime | None
    ending_at: datetime | None
    ended_at: datetime | None


class MoveView(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """One shopper's move; `shopper_id` is null for a WeCom contact who never logged in, `taker_guide_id` where the store takes over."""

    id: MoveId
    shopper_id: ShopperId | None
    giver_guide_id: GuideId
    taker_guide_id: GuideId | None
    resigned: bool
    state: MoveState
    code: str | None
    created_at: datetime
    due_at: datetime | None
    ended_at: datetime | None


class MoveCounts(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """How many of a guide's moves stand where."""

    intended: int = 0
    waiting: int = 0
    done: int = 0
    refused: int = 0
    limited: int = 0
    taker_full: int = 0
    failed: int = 0


class MovePage(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A guide's moves, newest first, and how many stand where in all."""

    counts: MoveCounts
    moves: list[MoveView]
    next_cursor: str | None
