"""Compare one account's day: its current file against our books, item by item, and write down what the comparison came to.

Both sides are read once, in the order of keys, in constant memory. What finds no counterpart on its own day is looked up within the
neighbouring days, on both sides: so a refund that the channel counts a day later is late, not missing twice.
"""

from collections import Counter
from collections.abc import AsyncIterator, Iterable, Iterator
from datetime import date, datetime, timedelta
from itertools import groupby
from typing import Any

import msgspec
from sqlalchemy import case, null, select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from settlement.reconciliation.accounts import Account, hold, mine
from settlement.reconciliation.balance import broken_balances, next_moving_day
from settlement.reconciliation.billed import BALANCE_TOLD, NET_GAP, told_otherwise
from settlement.reconciliation.cashier_terms import cashier_terms
from settlement.reconciliation.differences import close_explained, note_differences
from settlement.reconciliation.items import fund_items, ours_item, signed, theirs_item
from settlement.reconciliation.joint import CashierTerms, in_force, joint_difference
from settlement.reconciliation.matching import Difference, Item, MatchClass, compare
from settlement.reconciliation.models import BillFile, ReconciledDay
from settlement.reconciliation.policy import reconciliation_policy
from settlement.reconciliation.post_variance import post_variances
from settlement.reconciliation.queries import open_days
from settlement.reconciliation.sides import OURS, both_sides
from settlement.reconciliation.states import OF_LINES, BillKind, BillState, DayState
from tenants.kernel.money import Fen
from tenants.kernel.scope import Reading, Writing

LATE_DAYS = 7
"""How far apart both sides may count the same event: a refund that waits for money is asked for days before it is accepted."""
AT_ONCE = 2_000
LOOKED_UP = 500
KEY = [ReconciledDay.tenant_id, ReconciledDay.kind, ReconciledDay.account, ReconciledDay.day]
ALONE = frozenset({MatchClass.MISSING_HERE, MatchClass.MISSING_THERE, MatchClass.DUPLICATED})


class Found(msgspec.Struct, kw_only=True):
    """What a comparison came to, counted while it goes on."""

    matched: int = 0
    ours_count: int = 0
    ours_fen: int = 0
    theirs_count: int = 0
    theirs_fen: int = 0
    differences: list[Difference] = []

    def add(self, finding: Difference) -> None:
        """Take note of a pair or of an item without one."""
        if finding.kind is MatchClass.MATCHED:
            self.matched += 1
        else:
            self.differences.append(finding)

    def count(self, row: Any) -> None:
        """Add an item of the day itself to its side's sums."""
        if row.side == OURS:
            self.ours_count += 1
            self.ours_fen += signed(row.key, row.amount_fen)
        else:
            self.theirs_count += 1
            self.theirs_fen += signed(row.key, row.amount_fen)


async def compare_day(db: Writing, account: Account, *, day: date, now: datetime) -> Found | None:
    """Compare and keep what was found; None when there is no file to compare with."""
    await hold(db, account, day=day)
    bill = await _current(db, account, day)
    if bill is None:
        return None
    found = await match_day(db, account, day=day)
    for name, (told, counted) in sorted(told_otherwise(bill.told, bill.counted).items()):
        if name != BALANCE_TOLD:
            found.add(_totals(name, day, told=told, counted=counted))
    if account.kind is BillKind.FUND:
        for broken in await broken_balances(db, account, day=day):
            found.add(broken)
    await note_differences(db, account, day=day, found=found.differences, now=now)
    elsewhere = [each.key for each in found.differences if each.ours and each.theirs and each.ours.on != day]
    await close_explained(db, account, day=day, keys=elsewhere, now=now)
    await post_variances(db, account, day=day, now=now)
    await _keep(db, account, day, found=found, bill=bill, now=now)
    return found


async def compare_again(db: Writing, account: Account, *, before: date, now: datetime) -> list[date]:
    """Compare once more the days shortly before one that still have something open: what was booked since may explain it."""
    window = timedelta(days=LATE_DAYS)
    days = await open_days(
        db, account.kind, account=account.name, first=before - window, last=before - timedelta(days=1)
    )
    for day in days:
        await compare_day(db, account, day=day, now=now)
    return days


async def compare_next(db: Writing, account: Account, *, after: date, now: datetime) -> None:
    """Compare again the day that goes on from this one's balance, where its file came before this one's."""
    if account.kind is not BillKind.FUND:
        return
    following = await next_moving_day(db, account, day=after, within=timedelta(days=LATE_DAYS))
    if following is not None:
        await compare_day(db, account, day=following, now=now)


async def match_day(db: Reading, account: Account, *, day: date) -> Found:
    """Match one day of both sides; writes nothing."""
    found = Found(differences=[])
    alone: list[str] = []
    of_lines: list[Difference] = []
    terms = await cashier_terms(db, account.name) if account.kind is BillKind.CASHIER else []
    own_listed = (await reconciliation_policy(db)).own_movements == "listed"
    async for key, rows in _keys(db, both_sides(db, account, first=day, last=day, own_listed=own_listed)):
        for row in rows:
            found.count(row)
        of_lines += _of_lines(rows, account, terms=terms)
        findings = _of_rows(rows, account)
        if any(each.kind in ALONE for each in findings):
            alone.append(key)
            continue
        for finding in findings:
            found.add(finding)
    for start in range(0, len(alone), LOOKED_UP):
        for finding in await _looked_up(db, account, day, keys=alone[start : start + LOOKED_UP]):
            found.add(finding)
    for finding in of_lines:
        found.add(finding)
    return found


async def _looked_up(db: Reading, account: Account, day: date, *, keys: list[str]) -> list[Difference]:
    """Compare these keys within the neighbouring days too; what belongs to another day is that day's."""
    window = timedelta(days=LATE_DAYS)
    statement = both_sides(db, account, first=day - window, last=day + window, keys=keys)
    findings = []
    for _, group in groupby(await db.execute(statement), key=lambda row: row.key):
        rows = list(group)
        listed = any(row.side != OURS for row in rows)
        known = [row for row in rows if row.side != OURS or row.certain or listed]
        findings += [each for each in _of_rows(known, account) if each.on == day]
    return findings


async def _keys(db: Reading, statement: Any) -> AsyncIterator[tuple[str, list[Any]]]:
    """The rows of each key, in the order of keys."""
    streamed = await db.stream(statement, execution_options={"yield_per": AT_ONCE})
    key: str | None = None
    rows: list[Any] = []
    # A part at a time: asking the loop for each row costs more than comparing it.
    async for part in streamed.partitions(AT_ONCE):
        for row in part:
            if row.key != key:
                if key is not None:
                    yield key, rows
                key, rows = row.key, []
            rows.append(row)
    if key is not None:
        yield key, rows


def _of_rows(rows: Iterable[Any], account: Account) -> list[Difference]:
    theirs = [theirs_item(row) for row in rows if row.side != OURS]
    if account.kind is BillKind.FUND:
        return list(compare(fund_items(rows, theirs), theirs, late_days=LATE_DAYS))
    settled = next((each.amounts["settlement"] for each in theirs if "settlement" in each.amounts), None)
    ours = [
        ours_item(row, fee_bps=account.fee_bps, settled_fen=None if settled is None else Fen(settled))
        for row in rows
        if row.side == OURS
    ]
    return list(compare(ours, theirs, late_days=LATE_DAYS))


def _of_lines(rows: Iterable[Any], account: Account, *, terms: list[CashierTerms]) -> Iterator[Difference]:
    """A statement's line that does not add up by itself, or keeps otherwise than agreed, is a difference of its own."""
    if account.kind not in OF_LINES:
        return
    for row in (each for each in rows if each.side != OURS):
        if row.said["amounts"].get(NET_GAP):
            item = theirs_item(row)
            yield Difference(kind=MatchClass.TOTALS, key=row.key, ours=None, theirs=item, differing=("net",))
        agreed = in_force(terms, row.day)
        off = agreed and joint_difference(row.key, row.day, cells=row.said["cells"], terms=agreed)
        if off:
            yield off


def _totals(name: str, day: date, *, told: int, counted: int) -> Difference:
    """The file tells `told` and its rows add up to `counted`: shown as theirs and ours."""
    here, there = (Item(key=f"totals:{name}", on=day, amount_fen=Fen(amount)) for amount in (counted, told))
    return Difference(kind=MatchClass.TOTALS, key=here.key, ours=here, theirs=there, differing=(name,))


async def _current(db: Reading, account: Account, day: date) -> Any:
    statement = select(
        BillFile.id, BillFile.told, BillFile.counted, BillFile.row_count, BillFile.version
    ).where(mine(BillFile, db=db, account=account), BillFile.day == day, BillFile.state == BillState.CURRENT)
    return (await db.execute(statement)).one_or_none()


async def _keep(db: Writing, account: Account, day: date, *, found: Found, bill: Any, now: datetime) -> None:
    classes = Counter(each.kind.value for each in found.differences)
    await _note(
        db, account, day, state=DayState.TAKEN if bill.row_count else DayState.NOTHING, bill_id=bill.id,
        matched=found.matched, ours_count=found.ours_count, ours_fen=found.ours_fen, theirs_count=found.theirs_count,
        theirs_fen=found.theirs_fen, counts=dict(classes), compared_at=now,
    )  # fmt: skip


async def note_absent(
    db: Writing, account: Account, *, day: date, state: DayState, reason: str | None
) -> None:
    """Say why a day has no file (yet). One that was taken in before stays taken in, with the reason why it was not had again."""
    row = {
        "tenant_id": db.tenant_id, "kind": account.kind.value, "account": account.name, "day": day,
        "merchant_id": account.merchant_id, "state": state, "reason": reason,
    }  # fmt: skip
    statement = upsert(ReconciledDay).values(row)
    is_there = ReconciledDay.state.in_((DayState.TAKEN, DayState.NOTHING))
    said = {
        "state": case((is_there, ReconciledDay.state), else_=statement.excluded.state),
        "reason": statement.excluded.reason,
    }
    await db.execute(statement.on_conflict_do_update(index_elements=KEY, set_=said))


async def note_present(db: Writing, account: Account, *, day: date) -> None:
    """The day's file is there after all: whatever kept it away before is over."""
    statement = (
        update(ReconciledDay)
        .where(mine(ReconciledDay, db=db, account=account), ReconciledDay.day == day)
        .values(reason=null())
    )
    await db.execute(statement)


async def _note(db: Writing, account: Account, day: date, **facts: Any) -> None:
    """Write down where a day's file stands, over what was there."""
    row = {
        "tenant_id": db.tenant_id, "kind": account.kind.value, "account": account.name, "day": day,
        "merchant_id": account.merchant_id, **facts,
    }  # fmt: skip
    statement = upsert(ReconciledDay).values(row)
    changed = {name: statement.excluded[name] for name in facts}
    await db.execute(statement.on_conflict_do_update(index_elements=KEY, set_=changed))
