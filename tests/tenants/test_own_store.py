"""Dated ownership: who runs a store and whose merchant takes its money, at every moment; what is written down stays."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import insert

from tenants.commands import OwnMerchant, OwnStore
from tenants.errors import (
    DefaultMerchantIsBrands,
    MerchantOfAnother,
    OwnershipTimesReversed,
    OwnershipTooEarly,
    OwnerUnclear,
    StoreNotFound,
)
from tenants.import_ownerships import OwnershipRow, import_ownerships
from tenants.kernel.ids import MerchantId, StoreId, new_id
from tenants.kernel.scope import Writing
from tenants.models import Merchant
from tenants.own_store import own_merchant, own_store
from tenants.queries import merchants
from tenants.standings import merchant_of_store, ownerships, standings
from tenants.states import Ownership
from tests.support.shop import Shop, add_store

MAY, JULY, SEPTEMBER = (datetime(2026, month, 1, tzinfo=UTC) for month in (5, 7, 9))
SECOND = timedelta(seconds=1)
BOSS = "staff:test"


async def add_number(db: Writing, number: str, owner: str | None = None) -> MerchantId:
    merchant_id = MerchantId(new_id())
    row = {
        "tenant_id": db.tenant_id, "id": merchant_id, "merchant_no": number, "legal_name": f"{number}公司",
        "certificate_serial": "5157F09EFDC096DE", "fee_bps": 60, "owner_party_code": owner, "created_at": MAY,
    }  # fmt: skip
    await db.execute(insert(Merchant).values(row))
    return merchant_id


async def own(
    db: Writing, store: Shop, ownership: Ownership, since: datetime, owner: str | None = None, **more: Any
) -> None:
    command = OwnStore(ownership=ownership, active_from=since, owner_code=owner, **more)
    await own_store(db, command, store_id=store.id, actor=BOSS, now=MAY)


async def whose(db: Writing, store: Shop, at: datetime) -> tuple[str | None, str | None]:
    found = await standings(db, [store.id], first=at, last=at)
    standing = found[store.id].at(at)
    return standing.owner_party_code, standing.payee_code


async def test_a_change_begins_on_its_day_to_the_second_and_ends_the_one_before(db: Writing) -> None:
    store = await add_store(db)
    await own(db, store, Ownership.FRANCHISE, MAY, "F01", owner_name="林记加盟")
    await own(db, store, Ownership.DIRECT, JULY)
    await own(db, store, Ownership.AGENT, SEPTEMBER, "A01")
    seen = [
        await whose(db, store, at) for at in (MAY - SECOND, MAY, JULY - SECOND, JULY, SEPTEMBER - SECOND, SEPTEMBER)
    ]  # fmt: skip
    owners = [owner for owner, _ in seen]
    assert owners == [None, "franchisee:F01", "franchisee:F01", None, None, "agent:A01"]
    known = await ownerships(db, [store.id])
    assert [each.active_to for each in known] == [JULY, SEPTEMBER, None]
    assert known[0].owner_name == "林记加盟"


async def test_the_merchant_of_the_day_takes_the_money(db: Writing) -> None:
    own_number, theirs = (
        await add_number(db, "1900001001"),
        await add_number(db, "1900001002", "franchisee:F01"),
    )
    store = await add_store(db, merchant_id=own_number)
    [default] = [each.id for each in await merchants(db) if each.is_default]
    await own(db, store, Ownership.FRANCHISE, MAY, "F01", merchant_id=theirs)
    await own(db, store, Ownership.DIRECT, JULY)
    taken = [await merchant_of_store(db, store.id, at=at) for at in (MAY - SECOND, MAY, JULY)]
    assert taken == [own_number, theirs, default]
    assert await whose(db, store, MAY) == ("franchisee:F01", "franchisee:F01")
    assert await whose(db, store, JULY) == (None, None)


async def test_history_is_never_rewritten(db: Writing) -> None:
    store = await add_store(db)
    await own(db, store, Ownership.FRANCHISE, JULY, "F01")
    for since in (MAY, JULY):
        with pytest.raises(OwnershipTooEarly):
            await own(db, store, Ownership.DIRECT, since)


async def test_what_makes_no_sense_is_refused(db: Writing) -> None:
    store = await add_store(db)
    theirs = await add_number(db, "1900001002", "franchisee:F02")
    with pytest.raises(OwnerUnclear):
        await own(db, store, Ownership.FRANCHISE, MAY)
    with pytest.raises(OwnerUnclear):
        await own(db, store, Ownership.JOINT, MAY, "F01")
    with pytest.raises(OwnershipTimesReversed):
        await own(db, store, Ownership.DIRECT, MAY, active_to=MAY)
    with pytest.raises(MerchantOfAnother):
        await own(db, store, Ownership.FRANCHISE, MAY, "F01", merchant_id=theirs)
    with pytest.raises(StoreNotFound):
        await own(db, Shop(StoreId(new_id()), store.path), Ownership.DIRECT, MAY)
    assert await ownerships(db, [store.id]) == []


async def test_the_default_merchant_stays_the_brands(db: Writing) -> None:
    [default] = [each.id for each in await merchants(db) if each.is_default]
    number = await add_number(db, "1900001003")
    franchisee = OwnMerchant(ownership=Ownership.FRANCHISE, owner_code="F01")
    with pytest.raises(DefaultMerchantIsBrands):
        await own_merchant(db, franchisee, merchant_id=default, actor=BOSS, now=MAY)
    changed = await own_merchant(db, franchisee, merchant_id=number, actor=BOSS, now=MAY)
    assert changed.owner_party_code == "franchisee:F01"


def row(number: int, store: str, ownership: str, **fields: Any) -> OwnershipRow:
    return OwnershipRow(number=number, store_code=store, ownership=ownership, **fields)


async def test_a_file_tells_a_stores_whole_history_in_any_order_and_again_changes_nothing(
    db: Writing,
) -> None:
    store = await add_store(db, code="S1")
    rows = [
        row(2, "S1", "direct", active_from=JULY),
        row(3, "S1", "franchise", owner_code="F01", owner_name="林记加盟"),
    ]
    first = {each.number: each.state.value for each in await import_ownerships(db, rows, now=JULY)}
    again = {each.number: each.state.value for each in await import_ownerships(db, rows, now=JULY)}
    assert first == {2: "imported", 3: "imported"}
    assert again == {2: "unchanged", 3: "unchanged"}
    assert [each.owner_code for each in await ownerships(db, [store.id])] == ["F01", None]
    assert (await whose(db, store, MAY))[0] == "franchisee:F01"


async def test_rows_of_a_file_are_refused_one_by_one_with_their_reason(db: Writing) -> None:
    await add_store(db, code="S1")
    await add_store(db, code="S2")
    await add_number(db, "1900001002", "franchisee:F02")
    rows = [
        row(2, "S9", "direct"),
        row(3, "S1", "franchise"),
        row(4, "S1", "direct", active_from=JULY, active_to=MAY),
        row(5, "S1", "direct", merchant_no="1900009999"),
        row(6, "S1", "franchise", owner_code="F01", merchant_no="1900001002"),
        row(7, "S1", "franchise", owner_code="F01", active_from=JULY),
        row(8, "S2", "franchise", owner_code="F02", merchant_no="1900001002"),
    ]
    found = await import_ownerships(db, rows, now=JULY)
    wrong = {each.number: each.findings[0].column for each in found if each.findings}
    assert wrong == {2: "store_code", 3: "owner_code", 4: "active_to", 5: "merchant_no", 6: "merchant_no"}
    again = await import_ownerships(db, [row(2, "S1", "direct", active_from=MAY)], now=JULY)
    assert again[0].findings[0].column == "active_from"
