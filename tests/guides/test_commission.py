"""Which commission rate applies: the most specific level's plan, the category's rate over the general one."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from guides.commission import plan_in_force, rate_of
from guides.states import CommissionBase
from guides.views import PlanView
from tenants.kernel.ids import LevelId, PlanId, StoreGroupId, StoreId, TenantId
from tenants.kernel.money import Bps
from tenants.levels import Level, path_of

AT = datetime(2026, 11, 21, tzinfo=UTC)
BRAND, GROUP, STORE = (UUID(int=n) for n in (1, 2, 3))
PATH = path_of(TenantId(BRAND), group_id=StoreGroupId(GROUP), store_id=StoreId(STORE))


def plan(
    level_id: UUID,
    *,
    began_days_ago: int = 10,
    ended_days_ago: int | None = None,
    number: int = 1,
    **rates: int,
) -> PlanView:
    return PlanView(
        id=PlanId(UUID(int=number)),
        name="plan",
        level=Level.BRAND,
        level_id=LevelId(level_id),
        base=CommissionBase.PAID_GOODS,
        active_from=AT - timedelta(days=began_days_ago),
        active_to=None if ended_days_ago is None else AT - timedelta(days=ended_days_ago),
        rates_bps={name.removeprefix("all"): Bps(rate) for name, rate in rates.items()},
    )


def test_the_stores_own_plan_beats_the_groups_and_the_brands() -> None:
    brand, group, store = plan(BRAND), plan(GROUP), plan(STORE)
    assert plan_in_force([store, brand, group], path=PATH, at=AT) == store
    assert plan_in_force([brand, group], path=PATH, at=AT) == group
    assert plan_in_force([plan(UUID(int=99)), brand], path=PATH, at=AT) == brand


def test_of_one_levels_plans_the_one_that_began_last_holds() -> None:
    older, newer = plan(BRAND, began_days_ago=30), plan(BRAND, began_days_ago=2, number=2)
    assert plan_in_force([newer, older], path=PATH, at=AT) == newer


def test_a_plan_holds_from_its_beginning_until_just_before_its_end() -> None:
    ended = plan(BRAND, ended_days_ago=0)
    assert plan_in_force([ended], path=PATH, at=AT) is None
    assert plan_in_force([ended], path=PATH, at=AT - timedelta(seconds=1)) == ended
    assert plan_in_force([plan(BRAND, began_days_ago=-1)], path=PATH, at=AT) is None


def test_a_categorys_rate_beats_the_general_one() -> None:
    held = plan(BRAND, all=300, coats=500)
    assert rate_of(held, category_code="coats") == 500
    assert rate_of(held, category_code="tops") == 300
    assert rate_of(held, category_code=None) == 300
    assert rate_of(None, category_code="coats") == 0
