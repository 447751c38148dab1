"""Start a commission plan at one level. Plans are never edited: a new one ends the one before it."""

from datetime import datetime

from sqlalchemy import insert, select, update

from guides.commands import StartPlan
from guides.errors import PlanOverlaps, PlanRatesRepeat
from guides.models import CommissionPlan, CommissionRate
from guides.queries import plans_of_level
from guides.states import CommissionBase
from guides.views import PlanView
from tenants.errors import LevelUnknown
from tenants.kernel.ids import LevelId, PlanId, new_id
from tenants.kernel.scope import Writing
from tenants.levels import Level
from tenants.queries import level_exists


async def start_plan(
    db: Writing, command: StartPlan, *, level: Level, level_id: LevelId, now: datetime
) -> PlanView:
    """Start a plan at `active_from`; refuses one that would begin before or with the level's latest plan."""
    if not await level_exists(db, level_id):
        raise LevelUnknown(level_id=level_id)
    categories = [rate.category_code for rate in command.rates]
    if len(set(categories)) != len(categories):
        raise PlanRatesRepeat
    at_level = (CommissionPlan.tenant_id == db.tenant_id, CommissionPlan.level_id == level_id)
    later = (
        select(CommissionPlan.id).where(*at_level, CommissionPlan.active_from >= command.active_from).limit(1)
    )
    if (await db.execute(later)).scalar_one_or_none() is not None:
        raise PlanOverlaps(level_id=level_id)
    open_ended = (*at_level, CommissionPlan.active_to.is_(None))
    await db.execute(update(CommissionPlan).where(*open_ended).values(active_to=command.active_from))
    plan_id = PlanId(new_id())
    await db.execute(
        insert(CommissionPlan).values(
            tenant_id=db.tenant_id,
            id=plan_id,
            name=command.name,
            level=level,
            level_id=level_id,
            base=CommissionBase.PAID_GOODS,
            active_from=command.active_from,
            created_at=now,
        )
    )
    rates = [
        {
            "tenant_id": db.tenant_id,
            "plan_id": plan_id,
            "category_code": rate.category_code,
            "rate_bps": rate.rate_bps,
        }
        for rate in command.rates
    ]
    await db.execute(insert(CommissionRate), rates)
    return next(plan for plan in await plans_of_level(db, level_id) if plan.id == plan_id)
