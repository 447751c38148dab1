"""The running balance of a merchant's account: from row to row of a day's file, and from the file before it.

A balance that does not follow from the one before it is a difference of its own, whatever the file's sums tell: a row was left out, added
or changed, or the day before is not the one that we know.
"""

from datetime import date, timedelta
from typing import Any

import msgspec
from sqlalchemy import BigInteger, cast, func, or_, select

from settlement.reconciliation.accounts import Account, mine
from settlement.reconciliation.matching import Difference, Item, MatchClass
from settlement.reconciliation.models import BillFile, BillRow
from settlement.reconciliation.states import BillState
from tenants.kernel.money import Fen
from tenants.kernel.scope import Reading

OPENING = "balance:opening"


class Walk(msgspec.Struct, frozen=True, kw_only=True):
    """A day's file walked from one end: its opening and closing balances, and where a balance does not follow (flow, must be, told)."""

    opening: Fen
    closing: Fen
    breaks: list[tuple[str, Fen, Fen]]


async def broken_balances(db: Reading, account: Account, *, day: date) -> list[Difference]:
    """Where a day's file does not go on from the row before, or from the file before it."""
    walked = await walk(db, account, day=day)
    if walked is None:
        return []
    before = await closing_before(db, account, day=day)
    found = [(f"balance:{flow}", must_be, told) for flow, must_be, told in walked.breaks]
    if before is not None and before != walked.opening:
        found.insert(0, (OPENING, before, walked.opening))
    return [_difference(key, day, here=here, there=there) for key, here, there in found]


async def walk(db: Reading, account: Account, *, day: date) -> Walk | None:
    """Walk a day's file from the end that fits better: nobody promises whether a file begins with the morning or the evening."""
    forwards = await _walk(db, account, day, backwards=False)
    if forwards is None or not forwards.breaks:
        return forwards
    backwards = await _walk(db, account, day, backwards=True)
    return backwards if backwards and len(backwards.breaks) < len(forwards.breaks) else forwards


async def closing_before(db: Reading, account: Account, *, day: date) -> Fen | None:
    """The balance that the last file before a day ended with; None where a day between is not known."""
    current = select(BillFile.day).where(
        mine(BillFile, db=db, account=account), BillFile.state == BillState.CURRENT, BillFile.day < day
    )
    moving = current.where(BillFile.row_count > 0).order_by(BillFile.day.desc()).limit(1)
    last: date | None = (await db.execute(moving)).scalar_one_or_none()
    if last is None:
        return None
    idle = select(func.count()).select_from(current.where(BillFile.day > last).subquery())
    if (await db.execute(idle)).scalar_one() != (day - last).days - 1:
        return None
    walked = await walk(db, account, day=last)
    return None if walked is None else walked.closing


async def next_moving_day(db: Reading, account: Account, *, day: date, within: timedelta) -> date | None:
    """The first later day whose file goes on from this one."""
    statement = select(func.min(BillFile.day)).where(
        mine(BillFile, db=db, account=account), BillFile.state == BillState.CURRENT, BillFile.row_count > 0,
        BillFile.day > day, BillFile.day <= day + within,
    )  # fmt: skip
    found: date | None = (await db.execute(statement)).scalar_one()
    return found


async def _walk(db: Reading, account: Account, day: date, *, backwards: bool) -> Walk | None:
    """The database walks; only the ends and the breaks come here, however long the file is."""
    order = BillRow.line.desc() if backwards else BillRow.line.asc()
    balance = cast(BillRow.cells["balance_fen"].astext, BigInteger)
    rows = (
        select(
            BillRow.cells["flow_id"].astext.label("flow_id"), BillRow.amount_fen.label("moved"), balance.label("told"),
            func.lag(balance).over(order_by=order).label("stood"), func.lead(BillRow.line).over(order_by=order).label("after"),
            func.row_number().over(order_by=order).label("place"),
        )
        .join(BillFile, (BillFile.tenant_id == BillRow.tenant_id) & (BillFile.id == BillRow.bill_id))
        .where(
            BillRow.tenant_id == db.tenant_id, mine(BillFile, db=db, account=account), BillFile.day == day,
            BillFile.state == BillState.CURRENT,
        )
        .subquery()
    )  # fmt: skip
    broken = rows.c.told != rows.c.stood + rows.c.moved
    chosen = select(rows).where(or_(rows.c.stood.is_(None), rows.c.after.is_(None), broken))
    found = (await db.execute(chosen.order_by(rows.c.place))).all()
    if not found:
        return None
    breaks = [_break(row) for row in found if row.stood is not None and row.told != row.stood + row.moved]
    return Walk(opening=Fen(found[0].told - found[0].moved), closing=Fen(found[-1].told), breaks=breaks)


def _break(row: Any) -> tuple[str, Fen, Fen]:
    return row.flow_id, Fen(row.stood + row.moved), Fen(row.told)


def _difference(key: str, day: date, *, here: Fen, there: Fen) -> Difference:
    ours, theirs = (Item(key=key, on=day, amount_fen=amount) for amount in (here, there))
    return Difference(kind=MatchClass.BALANCE, key=key, ours=ours, theirs=theirs, differing=("balance",))
