"""What a batch of imported rows is worked through with. Holds, and decides nothing."""

from collections.abc import Mapping
from uuid import UUID

import msgspec

from orders.history.report import RowReport
from orders.history.standing import Part, StandingLine
from orders.ports import Terms
from tenants.kernel.ids import GuideId


class HistoryBatch(msgspec.Struct, frozen=True, kw_only=True):
    """Whose rows these are, whom their codes mean, and what of their documents stands already."""

    source_name: str
    terms: Terms
    report: RowReport
    guides: Mapping[str, GuideId]
    standing: dict[str, list[Part]]
    lines: dict[UUID, list[StandingLine]]
