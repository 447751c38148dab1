"""Stores, groups and malls from files: what is new, what changed, what is refused."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select

from tenants.import_malls import MallRow, import_malls
from tenants.import_outcomes import RowOutcome, RowState, Verdict
from tenants.import_stores import StoreGroupRow, StoreRow, import_store_groups, import_stores
from tenants.kernel.ids import new_id
from tenants.kernel.scope import Writing
from tenants.models import Mall, OpeningHours, Store


def states(outcomes: list[RowOutcome]) -> dict[int, str]:
    return {outcome.number: outcome.state.value for outcome in outcomes}


def store(number: int, code: str, **fields: Any) -> StoreRow:
    return StoreRow(number=number, code=code, name=fields.pop("name", f"门店 {code}"), **fields)


async def found(db: Writing, code: str) -> Store:
    statement = select(Store).where(Store.tenant_id == db.tenant_id, Store.code == code)
    return (await db.scalars(statement.execution_options(populate_existing=True))).one()


async def test_the_same_rows_twice_change_nothing(db: Writing, now: datetime) -> None:
    rows = [store(2, "S1", city="杭州市", hours="10:00-22:00"), store(3, "S2", is_flagship=True)]
    assert states(await import_stores(db, rows, now=now)) == {2: "imported", 3: "imported"}
    later = now + timedelta(days=1)
    assert states(await import_stores(db, rows, now=later)) == {2: "unchanged", 3: "unchanged"}


async def test_a_field_that_the_file_does_not_have_keeps_what_is_there_and_an_empty_one_empties_it(
    db: Writing, now: datetime
) -> None:
    await import_stores(db, [store(2, "S1", city="杭州市", phone="0571-88888888", status="closed")], now=now)
    outcomes = await import_stores(db, [store(2, "S1", name="新名", phone=None)], now=now)
    kept = await found(db, "S1")
    assert states(outcomes) == {2: "imported"}
    assert (kept.name, kept.city, kept.phone, kept.status) == ("新名", "杭州市", None, "closed")


async def test_a_store_is_refused_for_what_it_refers_to_and_its_neighbours_are_not(
    db: Writing, now: datetime
) -> None:
    await import_store_groups(db, [StoreGroupRow(number=2, code="G1", name="华东")], now=now)
    outcomes = await import_stores(
        db,
        [
            store(2, "S1", group_code="G1"),
            store(3, "S2", group_code="G9"),
            store(4, "S3", mall_code="nowhere"),
            store(5, "S4", merchant_no="1900000000"),
            store(6, "S1"),
            store(7, "S5", active_from=now, active_to=now),
            store(8, "S6", is_flagship=True),
            store(9, "S7", is_flagship=True),
        ],
        now=now,
    )
    refused = {o.number: o.findings[0].column for o in outcomes if o.state is RowState.REFUSED}
    assert refused == {
        3: "group_code",
        4: "mall_code",
        5: "merchant_no",
        6: "code",
        7: "active_to",
        9: "is_flagship",
    }
    assert (await found(db, "S1")).group_id is not None


async def test_hours_keep_their_text_always_and_a_table_only_where_it_is_certain(
    db: Writing, now: datetime
) -> None:
    rows = [store(2, "S1", hours="周一至周日10:00-22:00"), store(3, "S2", hours="夏季10:00-22:00")]
    outcomes = await import_stores(db, rows, now=now)
    texts = {row.source_text: row.weekly for row in await db.scalars(_hours(db))}
    assert texts["夏季10:00-22:00"] is None
    assert texts["周一至周日10:00-22:00"] == [
        {"days": [1, 2, 3, 4, 5, 6, 7], "opens": "10:00", "closes": "22:00"}
    ]
    assert [f.verdict for o in outcomes for f in o.findings] == [Verdict.KEPT_AS_TEXT]


async def test_a_table_that_somebody_filled_in_by_hand_outlives_the_next_import_of_the_same_text(
    db: Writing, now: datetime
) -> None:
    rows = [store(2, "S1", hours="夏季10:00-22:00")]
    await import_stores(db, rows, now=now)
    corrected = (await db.scalars(_hours(db))).one()
    corrected.weekly = [{"days": [1], "opens": "10:00", "closes": "22:00"}]
    await db.flush()
    assert states(await import_stores(db, rows, now=now)) == {2: "unchanged"}
    again = (await db.scalars(_hours(db).execution_options(populate_existing=True))).one()
    assert again.weekly == [{"days": [1], "opens": "10:00", "closes": "22:00"}]


async def test_two_brands_meet_in_the_mall_that_the_first_of_them_wrote(
    tenant: Any, other_tenant: Any, now: datetime
) -> None:
    code = f"M-{new_id()}"
    async with tenant.writing() as db:
        rows = [MallRow(number=2, code=code, name="云湖天地", city="杭州市", latitude=30.1)]
        assert states(await import_malls(db, rows, now=now)) == {2: "imported"}
    async with other_tenant.writing() as db:
        rows = [MallRow(number=2, code=code, name="云湖新天地", city=None, latitude=30.1000000001)]
        outcomes = await import_malls(db, rows, now=now)
        await import_stores(db, [store(2, "S1", mall_code=code)], now=now)
        mall = (await db.scalars(select(Mall).where(Mall.code == code))).one()
        assert (await found(db, "S1")).mall_id == mall.id
    assert states(outcomes) == {2: "unchanged"}
    assert [(f.column, f.verdict) for o in outcomes for f in o.findings] == [("name", Verdict.WARNING)]
    assert (mall.name, mall.city) == ("云湖天地", "杭州市")


async def test_one_brands_import_touches_no_other_brands_store_of_the_same_code(
    tenant: Any, other_tenant: Any, now: datetime
) -> None:
    for scope, name in ((tenant, "甲"), (other_tenant, "乙")):
        async with scope.writing() as db:
            await import_stores(db, [store(2, "S1", name=name)], now=now)
    async with tenant.writing() as db:
        assert (await found(db, "S1")).name == "甲"


def _hours(db: Writing) -> Any:
    return select(OpeningHours).where(OpeningHours.tenant_id == db.tenant_id)
