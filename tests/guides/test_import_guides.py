"""Guides and the stores they work at, from files."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select

from guides.import_guides import GuideRow, import_guides
from guides.models import Guide, GuideAssignment
from tenants.import_outcomes import RowOutcome
from tenants.import_stores import StoreRow, import_stores
from tenants.kernel.scope import Writing


def states(outcomes: list[RowOutcome]) -> dict[int, str]:
    return {outcome.number: outcome.state.value for outcome in outcomes}


async def count(db: Writing, table: Any) -> int:
    return len(list(await db.scalars(select(table).where(table.tenant_id == db.tenant_id))))


async def test_a_guide_at_two_stores_stands_in_two_rows_and_imports_once(db: Writing, now: datetime) -> None:
    await import_stores(
        db, [StoreRow(number=2, code="S1", name="一店"), StoreRow(number=3, code="S2", name="二店")], now=now
    )
    rows = [
        GuideRow(number=2, code="G1", name="林一", store_code="S1"),
        GuideRow(number=3, code="G1", name="林一", store_code="S2"),
        GuideRow(number=4, code="G2", name="陈二", store_code="S9"),
        GuideRow(number=5, code="G1", name="林乙", store_code=None),
        GuideRow(number=6, code="G3", name="周三"),
    ]
    expected = {2: "imported", 3: "imported", 4: "refused", 5: "refused", 6: "imported"}
    assert states(await import_guides(db, rows, now=now)) == expected
    again = await import_guides(db, rows, now=now + timedelta(days=1))
    assert states(again) == {2: "unchanged", 3: "unchanged", 4: "refused", 5: "refused", 6: "unchanged"}
    assert (await count(db, Guide), await count(db, GuideAssignment)) == (2, 2)


async def test_a_guide_who_changed_his_name_is_changed_not_doubled(db: Writing, now: datetime) -> None:
    await import_guides(db, [GuideRow(number=2, code="G1", name="林一", phone="13800138000")], now=now)
    assert states(await import_guides(db, [GuideRow(number=2, code="G1", name="林壹")], now=now)) == {
        2: "imported"
    }
    guide = (await db.scalars(select(Guide).where(Guide.tenant_id == db.tenant_id))).one()
    assert (guide.name, guide.phone) == ("林壹", "13800138000")
