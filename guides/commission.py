"""Which commission rate applies to a line: the plan of the most specific level, the rate of the category over the general one. Pure.

Amounts are not worked out here: the rate becomes a portion of the line's frozen terms, so that a refund reverses it at the very
rate it was earned at, and to the very guide.
"""

from collections.abc import Iterable
from datetime import datetime

from guides.views import PlanView
from tenants.kernel.money import Bps
from tenants.levels import LevelPath

NONE = Bps(0)
EVERYTHING_ELSE = ""


def plan_in_force(plans: Iterable[PlanView], *, path: LevelPath, at: datetime) -> PlanView | None:
    """The plan that governs a store at a moment: most specific level first, then the one that began last."""
    held = [
        plan
        for plan in plans
        if plan.level_id in path.ids()
        and plan.active_from <= at
        and (plan.active_to is None or at < plan.active_to)
    ]
    return max(held, key=lambda plan: (path.rank(plan.level_id), plan.active_from, plan.id), default=None)


def rate_of(plan: PlanView | None, *, category_code: str | None) -> Bps:
    """The rate (bps) for a category: its own, else the general one, else nothing."""
    if plan is None:
        return NONE
    general = plan.rates_bps.get(EVERYTHING_ELSE, NONE)
    return plan.rates_bps.get(category_code, general) if category_code else general
