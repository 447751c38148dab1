"""Differences as rows: noted by a comparison, assigned and resolved by people, closed by themselves when a later file explains them.

A comparison that finds the same again changes nothing. What a person resolved stays resolved until its facts change: then it is open
again, with its old reason in the audit log.
"""

import hashlib
from collections import Counter
from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

import msgspec
from sqlalchemy import ARRAY, Uuid, all_, case, literal, null, or_, update
from sqlalchemy.dialects.postgresql import insert as upsert

from settlement.reconciliation.accounts import Account, mine
from settlement.reconciliation.commands import AssignDifference, ResolveDifference
from settlement.reconciliation.errors import DifferenceEnded
from settlement.reconciliation.matching import Difference, MatchClass
from settlement.reconciliation.models import DifferenceRow
from settlement.reconciliation.queries import find_difference
from settlement.reconciliation.states import DifferenceState
from settlement.reconciliation.views import DifferenceView
from tenants.audit import record_deed
from tenants.kernel.ids import DifferenceId, derived_id
from tenants.kernel.scope import Writing

AT_ONCE = 500
FOUND_LATER = "the other side counts it on {day} (对方记在 {day})"
NO_LONGER = "a later comparison no longer finds it (再次对账时已一致)"
EXPLAINED = "the same on both sides, on neighbouring days (两边一致，仅日期相邻)"
REOPENED = "its facts have changed since it was closed (关闭后事实已变化，重新打开)"
MISSING = (MatchClass.MISSING_HERE, MatchClass.MISSING_THERE)
FACTS = (
    "match_class", "ours", "theirs", "differing", "amount_fen", "fee_millifen", "facts_sha256", "note", "ended_at",
)  # fmt: skip


async def note_differences(
    db: Writing, account: Account, *, day: date, found: Sequence[Difference], now: datetime
) -> None:
    """Write down a day's differences; those of an earlier comparison that are no longer found have gone."""
    rows = _rows(db, account, day, found=found, now=now)
    for start in range(0, len(rows), AT_ONCE):
        await db.execute(_upsert(rows[start : start + AT_ONCE]))
    gone = (
        update(DifferenceRow)
        .where(
            mine(DifferenceRow, db=db, account=account),
            DifferenceRow.day == day,
            DifferenceRow.state == DifferenceState.OPEN,
            DifferenceRow.id != all_(literal([row["id"] for row in rows], ARRAY(Uuid()))),
        )
        .values(state=DifferenceState.GONE, note=NO_LONGER, ended_at=now)
    )
    await db.execute(gone)


async def close_explained(
    db: Writing, account: Account, *, day: date, keys: Sequence[str], now: datetime
) -> None:
    """Close what other days were missing and this day's file explains."""
    for start in range(0, len(keys), AT_ONCE):
        statement = (
            update(DifferenceRow)
            .where(
                mine(DifferenceRow, db=db, account=account),
                DifferenceRow.day != day,
                DifferenceRow.key.in_(keys[start : start + AT_ONCE]),
                DifferenceRow.match_class.in_(MISSING),
                DifferenceRow.state == DifferenceState.OPEN,
            )
            .values(state=DifferenceState.GONE, note=FOUND_LATER.format(day=day), ended_at=now)
        )
        await db.execute(statement)


async def assign_difference(
    db: Writing, command: AssignDifference, *, difference_id: DifferenceId, now: datetime, actor: str
) -> DifferenceView:
    """Say who looks into an open difference; raises DifferenceNotFound, DifferenceEnded."""
    await _change(db, difference_id, now=now, owner=command.owner.strip())
    await record_deed(
        db,
        actor=actor,
        action="assign_difference",
        subject_id=difference_id,
        now=now,
        reason=command.owner.strip(),
    )
    return await find_difference(db, difference_id, now=now)


async def resolve_difference(
    db: Writing, command: ResolveDifference, *, difference_id: DifferenceId, now: datetime, actor: str
) -> DifferenceView:
    """Settle an open difference with a reason; raises DifferenceNotFound, DifferenceEnded."""
    reason = command.reason.strip()
    await _change(
        db,
        difference_id,
        now=now,
        state=DifferenceState.RESOLVED,
        reason=reason,
        resolved_by=actor,
        ended_at=now,
    )
    await record_deed(
        db, actor=actor, action="resolve_difference", subject_id=difference_id, now=now, reason=reason
    )
    return await find_difference(db, difference_id, now=now)


async def _change(db: Writing, difference_id: DifferenceId, *, now: datetime, **facts: Any) -> None:
    statement = (
        update(DifferenceRow)
        .where(
            DifferenceRow.tenant_id == db.tenant_id,
            DifferenceRow.id == difference_id,
            DifferenceRow.state == DifferenceState.OPEN,
        )
        .values(**facts)
        .returning(DifferenceRow.id)
    )
    if (await db.execute(statement)).scalar_one_or_none() is None:
        await find_difference(db, difference_id, now=now)
        raise DifferenceEnded(difference_id=difference_id)


def _rows(
    db: Writing, account: Account, day: date, *, found: Sequence[Difference], now: datetime
) -> list[dict[str, Any]]:
    seen: Counter[str] = Counter()
    rows = []
    for each in found:
        seen[each.key] += 1
        rows.append(_row(db, account, day, each=each, occurrence=seen[each.key], now=now))
    return rows


def _row(
    db: Writing, account: Account, day: date, *, each: Difference, occurrence: int, now: datetime
) -> dict[str, Any]:
    ours, theirs = (None if side is None else msgspec.to_builtins(side) for side in (each.ours, each.theirs))
    # Where a row was read from is no fact: the same row in a corrected file is the same difference.
    facts = [each.kind, *({**side, "ref": ""} if side else None for side in (ours, theirs))]
    late = each.kind is MatchClass.LATE
    difference_id = derived_id(
        db.tenant_id,
        "difference",
        account.kind.value,
        account.name,
        day.isoformat(),
        each.key,
        str(occurrence),
    )
    return {
        "tenant_id": db.tenant_id, "id": difference_id, "kind": account.kind.value, "account": account.name,
        "merchant_id": account.merchant_id, "day": day, "key": each.key, "occurrence": occurrence,
        "match_class": each.kind.value, "ours": ours, "theirs": theirs, "differing": list(each.differing),
        "amount_fen": each.amount_fen, "fee_millifen": each.fee_millifen,
        "facts_sha256": hashlib.sha256(msgspec.json.encode(facts, order="sorted")).hexdigest(),
        "state": DifferenceState.GONE if late else DifferenceState.OPEN, "owner": None,
        "note": EXPLAINED if late else None, "reason": None, "resolved_by": None, "first_seen_at": now,
        "ended_at": now if late else None,
    }  # fmt: skip


def _upsert(rows: list[dict[str, Any]]) -> Any:
    """Write new ones; of known ones only those whose facts have changed, or that had gone and are back."""
    statement = upsert(DifferenceRow).values(rows)
    new = statement.excluded
    changed = DifferenceRow.facts_sha256 != new.facts_sha256
    was_closed = DifferenceRow.state != DifferenceState.OPEN
    facts = {name: new[name] for name in FACTS}
    reopened = case(((new.state == DifferenceState.OPEN) & was_closed, REOPENED), else_=new.note)
    return statement.on_conflict_do_update(
        index_elements=[DifferenceRow.tenant_id, DifferenceRow.id],
        set_=facts | {"state": new.state, "note": reopened, "reason": null(), "resolved_by": null()},
        where=or_(
            changed,
            (DifferenceRow.state == DifferenceState.GONE) & (new.state == DifferenceState.OPEN),
        ),
    )
