"""The facts guides publish, past tense. They travel through the outbox."""

import msgspec

from tenants.kernel.ids import GuideId


class GuideDeparted(msgspec.Struct, frozen=True, kw_only=True):
    """A guide's employment ended."""

    guide_id: GuideId


class GuideChanged(msgspec.Struct, frozen=True, kw_only=True):
    """What is shown of a guide changed: name, phone, picture or contact way."""

    guide_id: GuideId


class MovesRequested(msgspec.Struct, frozen=True, kw_only=True):
    """Contacts are to move from one guide to another (`tried`: how often beginning it was put off)."""

    giver_id: GuideId
    taker_id: GuideId
    resigned: bool
    tried: int = 0


class MovesAwaited(msgspec.Struct, frozen=True, kw_only=True):
    """Contacts are on their way; at `due_at` the outside is asked what became of them (`asked`: how often it was)."""

    giver_id: GuideId
    taker_id: GuideId
    resigned: bool
    asked: int = 0
