"""Keep a file with every row of it. The same file again changes nothing; a corrected one becomes a new version beside the old.

A file is kept whole or not at all: whatever is wrong with it is refused before its first row is written, in one transaction.
"""

from datetime import date, datetime
from itertools import islice

import msgspec
from sqlalchemy import func, insert, select, update

from settlement.reconciliation.accounts import Account, hold, mine
from settlement.reconciliation.billed import BilledRow, TakenBill, numbered, told_otherwise
from settlement.reconciliation.errors import BillAltered
from settlement.reconciliation.models import BillFile, BillRow
from settlement.reconciliation.states import BillState
from tenants.kernel.ids import BillId, new_id
from tenants.kernel.scope import Reading, Writing

AT_ONCE = 1_000
FROM_CHANNEL = "api"
"""The origin of a file whose digest the channel signed: its rows are what the channel says, whatever its summary tells."""


class KeptBill(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a file that was taken in."""

    bill_id: BillId
    version: int
    row_count: int
    is_new: bool
    """False: this content was there already."""
    replaces: int | None = None
    """The version that it corrects."""


async def keep_bill(db: Writing, bill: TakenBill, *, account: Account, by: str, now: datetime) -> KeptBill:
    """Keep a file; raises BillAltered when a file that a person gave tells other sums than its rows add up to."""
    differing = told_otherwise(bill.told, bill.counted)
    if differing and bill.origin != FROM_CHANNEL:
        told = {
            name: f"the file tells {there}, its rows add up to {here}"
            for name, (there, here) in differing.items()
        }
        raise BillAltered(details=told)
    await hold(db, account, day=bill.day)
    digest = bill.digest()
    known = await _known(db, account, bill.day, digest=digest, any_version=bill.origin != FROM_CHANNEL)
    if known is not None:
        return known
    earlier = await _version(db, account, bill.day)
    superseded = (
        update(BillFile)
        .where(
            mine(BillFile, db=db, account=account),
            BillFile.day == bill.day,
            BillFile.state == BillState.CURRENT,
        )
        .values(state=BillState.SUPERSEDED)
    )
    await db.execute(superseded)
    bill_id, version = BillId(new_id()), earlier + 1
    row = {
        "tenant_id": db.tenant_id, "id": bill_id, "kind": account.kind.value, "account": account.name,
        "merchant_id": account.merchant_id, "day": bill.day, "version": version, "state": BillState.CURRENT,
        "content_sha256": digest, "row_count": len(bill.rows), "told": bill.told, "counted": bill.counted,
        "origin": bill.origin, "taken_by": by, "taken_at": now,
    }  # fmt: skip
    await db.execute(insert(BillFile).values(**row))
    rows = numbered(bill.rows)
    while chunk := [_row(db, each, place, bill_id) for each, place in islice(rows, AT_ONCE)]:
        await db.execute(insert(BillRow), chunk)
    return KeptBill(
        bill_id=bill_id, version=version, row_count=len(bill.rows), is_new=True, replaces=earlier or None
    )


def nothing_on(account: Account, day: date) -> TakenBill:
    """The file of a day on which nothing happened."""
    return TakenBill(
        kind=account.kind, account=account.name, day=day, rows=[], told=None, counted={}, origin=FROM_CHANNEL
    )


async def _known(
    db: Reading, account: Account, day: date, *, digest: str, any_version: bool
) -> KeptBill | None:
    """The version that holds this content: the current one, or for a file that a person found again any earlier one."""
    statement = (
        select(BillFile.id, BillFile.version, BillFile.row_count)
        .where(mine(BillFile, db=db, account=account), BillFile.day == day, BillFile.content_sha256 == digest)
        .order_by(BillFile.version.desc())
    )
    if not any_version:
        statement = statement.where(BillFile.state == BillState.CURRENT)
    row = (await db.execute(statement.limit(1))).one_or_none()
    if row is None:
        return None
    return KeptBill(bill_id=BillId(row.id), version=row.version, row_count=row.row_count, is_new=False)


async def _version(db: Reading, account: Account, day: date) -> int:
    newest = select(func.max(BillFile.version)).where(
        mine(BillFile, db=db, account=account), BillFile.day == day
    )
    return (await db.execute(newest)).scalar_one() or 0


def _row(db: Reading, row: BilledRow, occurrence: int, bill_id: BillId) -> dict[str, object]:
    return {
        "tenant_id": db.tenant_id,
        "bill_id": bill_id,
        "occurrence": occurrence,
        **msgspec.structs.asdict(row),
    }
