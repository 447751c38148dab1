"""Bills kept row by row: the same one again, a corrected one, and everything that is refused before a row of it is kept."""

import asyncio
import gzip
import tempfile
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path

import pytest

from settlement.reconciliation.errors import (
    BillAltered,
    BillFileUnknown,
    BillFileUnreadable,
    BillInAnotherCurrency,
    BillOfAnotherDay,
    BillOfAnotherMerchant,
)
from settlement.reconciliation.fetch import reconcile_file
from settlement.reconciliation.matching import MatchClass
from settlement.reconciliation.states import BillKind
from storefront.imports.channel_bills import channel_bills
from tests.support.bills import (
    FIRST,
    NOW,
    a_day,
    account_of_tenant,
    file_of,
    rows_of,
    summary_of,
    take_in,
    write_books,
)
from tests.support.rows import rows, value

FILE = "1900000109All2026-10-08.csv"
FENS = [19_900, 250, 1, 88_801]
KEPT = "SELECT version, state, row_count FROM app.bill_files WHERE tenant_id = :t ORDER BY version"


@pytest.fixture
async def day(tenant):
    """A day of our books, its account, and its honest rows."""
    sold = a_day(FIRST, len(FENS), fens=FENS, refunds=[0])
    async with tenant.writing() as db:
        account = await account_of_tenant(db)
        await write_books(db, sold, day=FIRST, merchant_id=account.merchant_id)
    return account, rows_of(sold, account.name)


async def test_every_row_is_kept_as_it_came_and_again_changes_nothing(tenant, day):
    account, listed = day
    first, found = await take_in(tenant, file_of(listed), day=FIRST, account=account)
    again, found_again = await take_in(tenant, file_of(listed), day=FIRST, account=account)
    assert (first.row_count, first.is_new, again.is_new, again.version) == (5, True, False, 1)
    assert (found.matched, found.differences) == (found_again.matched, found_again.differences) == (5, [])
    kept = await rows(tenant, "SELECT cells FROM app.bill_rows WHERE tenant_id = :t ORDER BY line")
    assert [row.cells["payment_no"] for row in kept] == [each["商户订单号"] for each in listed]


async def test_a_corrected_file_is_a_new_version_beside_the_old_one(tenant, day):
    account, listed = day
    _, short = await take_in(tenant, file_of(listed[:-1]), day=FIRST, account=account)
    assert [each.kind for each in short.differences] == [MatchClass.MISSING_THERE]
    corrected, found = await take_in(tenant, file_of(listed), day=FIRST, account=account)
    assert (corrected.version, corrected.replaces, found.differences) == (2, 1, [])
    assert await rows(tenant, KEPT) == [(1, "superseded", 4), (2, "current", 5)]
    gone = "SELECT state, note FROM app.differences WHERE tenant_id = :t"
    ((state, note),) = await rows(tenant, gone)
    assert state == "gone"
    assert "no longer finds it" in note
    # An old download that is found again does not push the correction aside.
    old, _ = await take_in(tenant, file_of(listed[:-1]), day=FIRST, account=account, origin=FILE)
    assert (old.is_new, old.version) == (False, 1)
    assert await rows(tenant, KEPT) == [(1, "superseded", 4), (2, "current", 5)]


async def test_two_who_take_in_the_same_day_at_once_keep_it_once(tenant, day):
    account, listed = day
    both = await asyncio.gather(
        *(take_in(tenant, file_of(listed), day=FIRST, account=account) for _ in range(4))
    )
    assert sorted(kept.is_new for kept, _ in both) == [False, False, False, True]
    assert await value(tenant, "SELECT count(*) FROM app.bill_rows WHERE tenant_id = :t") == 5


REFUSED = {
    "altered": (BillAltered, lambda listed: file_of(listed, summary=summary_of(listed) | {"订单总金额": "1.00"})),
    "a row taken out": (BillAltered, lambda listed: file_of(listed[1:], summary=summary_of(listed))),
    "another merchant": (BillOfAnotherMerchant, lambda listed: file_of([*listed[:-1], listed[-1] | {"商户号": "1900000001"}])),
    "another currency": (BillInAnotherCurrency, lambda listed: file_of([*listed[:-1], listed[-1] | {"货币种类": "USD"}])),
    "another day": (BillOfAnotherDay, lambda listed: file_of([*listed[:-1], listed[-1] | {"交易时间": "2026-10-09 00:00:01"}])),
    "unknown column": (BillFileUnknown, lambda listed: file_of(listed).replace("货币种类".encode(), "币种".encode())),
    "another file": (BillFileUnknown, lambda _: b"a,b\n1,2\n"),
    "cut off in a row": (BillFileUnreadable, lambda listed: file_of(listed)[: -len(file_of([]))][:-40]),
    "cut off before the sums": (BillFileUnreadable, lambda listed: file_of(listed).rpartition("总交易单数".encode())[0]),
    "cut off while packed": (BillFileUnreadable, lambda listed: gzip.compress(file_of(listed))[:-30]),
    "no text": (BillFileUnreadable, lambda _: b"\xff\xfe\x81\x00"),
    "nothing in it": (BillFileUnreadable, lambda _: b""),
}  # fmt: skip


@pytest.mark.parametrize("wrong", REFUSED)
async def test_a_file_that_is_wrong_is_refused_and_nothing_of_it_is_kept(tenant, day, wrong):
    account, listed = day
    refusal, make = REFUSED[wrong]
    with pytest.raises(refusal):
        await take_file(tenant, make(listed), account=account)
    for table in ("bill_files", "bill_rows", "reconciled_days"):
        assert await value(tenant, f"SELECT count(*) FROM app.{table} WHERE tenant_id = :t") == 0


async def take_file(tenant, raw, *, account):
    """Take in a file as a person gives it."""
    with tempfile.TemporaryDirectory() as folder, ExitStack() as opened:
        path = Path(folder) / "bill.csv"
        path.write_bytes(raw)
        (taken,) = await channel_bills(
            tenant, path, merchant_no=account.name, days=(FIRST, FIRST), origin=FILE, opened=opened
        )
        assert taken.kind is BillKind.TRADE
        return await reconcile_file(tenant, taken, account=account, now=NOW, by="staff:test")


@pytest.mark.parametrize(
    "pack",
    [
        lambda raw: raw,
        gzip.compress,
        lambda raw: raw.removeprefix(b"\xef\xbb\xbf"),
        lambda raw: raw.decode("utf-8-sig").encode("gb18030"),
    ],
)
async def test_a_file_is_read_packed_or_plain_with_or_without_a_mark_and_in_both_encodings(tenant, day, pack):
    account, listed = day
    kept, shown, proof = await take_file(tenant, pack(file_of(listed)), account=account)
    assert (kept.row_count, shown.day, shown.matched, shown.open_differences) == (5, FIRST, 5, 0)
    assert proof is not None
    again, _, _ = await take_file(tenant, file_of(listed), account=account)
    assert not again.is_new


async def test_a_summary_that_the_channel_itself_gets_wrong_is_a_difference_and_no_refusal(tenant, day):
    account, listed = day
    wrong = summary_of(listed) | {"手续费总金额": "9.99999"}
    _, found = await take_in(tenant, file_of(listed, summary=wrong), day=FIRST, account=account)
    assert [(each.kind, each.key) for each in found.differences] == [
        (MatchClass.TOTALS, "totals:fee_millifen")
    ]


async def test_another_day_is_looked_at_by_itself(tenant, day):
    account, listed = day
    following = FIRST + timedelta(days=1)
    await take_in(tenant, file_of(listed), day=FIRST, account=account)
    _, found = await take_in(tenant, file_of([]), day=following, account=account)
    assert (found.matched, found.differences) == (0, [])
