"""Takes every split that is due now as far as it goes, without waiting for the worker: what finance runs before closing a month.

A flow over the same flows that the worker runs; beside it, or twice at once, nothing is sent twice, because every split keeps its number.
"""

from datetime import datetime

import msgspec
from sqlalchemy import and_, func, or_, select

from settlement.ports import SplittingChannels
from settlement.posting.pending import Say, silent
from settlement.splitting.errors import SplitPending
from settlement.splitting.models import Split
from settlement.splitting.send import MOST_QUESTIONS, ask_split, send_split
from settlement.splitting.states import SplitStatus
from tenants.errors import MerchantNotReady
from tenants.kernel.ids import SplitId
from tenants.kernel.money import Fen
from tenants.kernel.scope import Reading, TenantScope

UNDER_WAY = (SplitStatus.INTENDED, SplitStatus.ACCEPTED, SplitStatus.FINISHED)


class DueSplit(msgspec.Struct, frozen=True, kw_only=True):
    """A split that something can be done about now."""

    split_id: SplitId
    state: SplitStatus
    total_fen: Fen


class SplitRun(msgspec.Struct, frozen=True, kw_only=True):
    """What came of it: how many ended, go on at the channel, could not be asked about, or lapsed."""

    due: int
    ended: int
    going_on: int
    unknown: int
    lapsed: int
    reasons: dict[str, int]
    """Why some could not be asked about: reason -> how many."""


async def due_splits(db: Reading, *, now: datetime) -> list[DueSplit]:
    """Splits whose moment has come, and those under way, the oldest payment first."""
    chosen = or_(and_(Split.state == SplitStatus.SCHEDULED, Split.due_at <= now), Split.state.in_(UNDER_WAY))
    statement = (
        select(Split.id, Split.state, Split.total_fen)
        .where(Split.tenant_id == db.tenant_id, chosen)
        .order_by(Split.paid_at, Split.id)
    )
    return [
        DueSplit(split_id=SplitId(row.id), state=SplitStatus(row.state), total_fen=Fen(row.total_fen))
        for row in await db.execute(statement)
    ]


async def split_counts(db: Reading) -> dict[SplitStatus, tuple[int, Fen]]:
    """How many splits stand where, and what was paid for them."""
    statement = (
        select(Split.state, func.count().label("splits"), func.sum(Split.total_fen).label("fen"))
        .where(Split.tenant_id == db.tenant_id)
        .group_by(Split.state)
    )
    rows = (await db.execute(statement)).all()
    return {SplitStatus(row.state): (row.splits, Fen(int(row.fen))) for row in rows}


async def next_due_at(db: Reading) -> datetime | None:
    """When the next scheduled split may be sent."""
    statement = select(func.min(Split.due_at)).where(
        Split.tenant_id == db.tenant_id, Split.state == SplitStatus.SCHEDULED
    )
    return (await db.execute(statement)).scalar_one()


async def run_splits(
    tenant: TenantScope, *, channels: SplittingChannels, now: datetime, say: Say = silent
) -> SplitRun:
    """Send what is due and ask about what is under way; one that nobody can tell about does not keep the others."""
    async with tenant.reading() as db:
        due = await due_splits(db, now=now)
    outcomes: list[SplitStatus] = []
    reasons: dict[str, int] = {}
    for done, each in enumerate(due, start=1):
        try:
            outcomes.append(await _advance(tenant, each, channels=channels, now=now))
        except (SplitPending, MerchantNotReady) as refusal:
            reason = str(refusal.fields.get("reason") or refusal.code())
            reasons[reason] = reasons.get(reason, 0) + 1
        say("splits", done=done, total=len(due))
    ended, lapsed = outcomes.count(SplitStatus.ENDED), outcomes.count(SplitStatus.LAPSED)
    return SplitRun(
        due=len(due), ended=ended, lapsed=lapsed, unknown=sum(reasons.values()), reasons=reasons,
        going_on=len(outcomes) - ended - lapsed,
    )  # fmt: skip


async def _advance(
    tenant: TenantScope, due: DueSplit, *, channels: SplittingChannels, now: datetime
) -> SplitStatus:
    if due.state is SplitStatus.ACCEPTED:
        # As if it had been asked often: the worker's own questions go on, and no second row of them begins here.
        return await ask_split(tenant, due.split_id, asked=MOST_QUESTIONS, channels=channels, now=now)
    return await send_split(tenant, due.split_id, channels=channels, now=now)
