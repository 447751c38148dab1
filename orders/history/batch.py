"""What a batch of imported rows is worked through with. Holds, and decides nothing."""

from collections.abc import Mapping
from uuid import UUID

import msgspec

from orders.history.moves import Move
from orders.history.report import RowReport
from orders.history.standing import Part, StandingLine
from orders.history.terms import Named
from orders.ports import Terms
from tenants.kernel.ids import GuideId
from tenants.store_clocks import StoreClock


class HistoryBatch(msgspec.Struct, frozen=True, kw_only=True):
    """Whose rows these are, whom their codes mean, and what of their documents stands already."""

    source_name: str
    terms: Terms
    report: RowReport
    guides: Mapping[str, GuideId]
    standing: dict[str, list[Part]]
    lines: dict[UUID, list[StandingLine]]
    earlier: Mapping[str, int]
    """What went back of documents before they came, in fen."""
    moves: dict[UUID, Move]
    """Orders that these rows tell a later status of."""
    stores: Mapping[str, StoreClock]
    named: Named
    """What of lines contracts have rates for."""
