"""Import guides and the stores they work at, many rows at once. Guides are people (导购).

A row is a guide at a store; a guide who works at two stores stands in two rows. Leaving and moving are decisions with consequences for
shoppers and are not made by an import: it opens assignments and sets the ends a file names, and closes nothing by silence.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec
from msgspec import UNSET, UnsetType
from sqlalchemy import Table, select

from guides.models import Guide, GuideAssignment
from tenants.batches import upsert_batch
from tenants.codes import store_ids
from tenants.import_outcomes import Finding, RowOutcome, RowState, first_of_each, refusal
from tenants.kernel.ids import StoreId, derived_id
from tenants.kernel.scope import Writing

GUIDES: Table = Guide.__table__  # type: ignore[assignment]
ASSIGNMENTS: Table = GuideAssignment.__table__  # type: ignore[assignment]
PLAIN = ("phone", "wecom_userid", "openid", "active_to")
PERSON = ("name", *PLAIN, "active_from")


class GuideRow(msgspec.Struct, frozen=True, kw_only=True):
    """One guide at one store as a file tells it."""

    number: int
    code: str
    name: str
    store_code: str | UnsetType | None = UNSET
    phone: str | UnsetType | None = UNSET
    wecom_userid: str | UnsetType | None = UNSET
    openid: str | UnsetType | None = UNSET
    active_from: datetime | UnsetType | None = UNSET
    active_to: datetime | UnsetType | None = UNSET


async def import_guides(db: Writing, rows: Sequence[GuideRow], *, now: datetime) -> list[RowOutcome]:
    """Add or change guides and open their assignments; unknown stores and contradicting rows are refused."""
    stores = await store_ids(db, (row.store_code or None for row in rows))
    kept, repeated = first_of_each(rows, key=lambda row: (row.code, row.store_code or None))
    outcomes = [
        RowOutcome(
            row.number,
            RowState.REFUSED,
            (refusal("code", row.code, reason=f"stands in row {earlier.number} already (重复)"),),
        )
        for row, earlier in repeated
    ]
    people: dict[str, GuideRow] = {}
    good: list[GuideRow] = []
    for row in kept:
        wrong = _wrong(row, people=people, stores=stores)
        if wrong:
            outcomes.append(RowOutcome(row.number, RowState.REFUSED, (wrong,)))
        else:
            people.setdefault(row.code, row)
            good.append(row)
    changed = await _write_people(db, people, now=now)
    assigned = await _write_assignments(db, good, stores=stores, now=now)
    for row in good:
        is_changed = (people[row.code] is row and row.code in changed) or row.number in assigned
        outcomes.append(RowOutcome(row.number, RowState.IMPORTED if is_changed else RowState.UNCHANGED))
    return outcomes


def _wrong(row: GuideRow, *, people: Mapping[str, GuideRow], stores: Mapping[str, StoreId]) -> Finding | None:
    if row.store_code and row.store_code not in stores:
        return refusal("store_code", row.store_code, reason="no such store (门店不存在)")
    if row.active_from and row.active_to and row.active_from >= row.active_to:
        return refusal("active_to", row.active_to.isoformat(), reason="ends before it begins (结束早于开始)")
    first = people.get(row.code, row)
    for name in PERSON:
        theirs = getattr(row, name)
        if theirs != getattr(first, name):
            reason = f"row {first.number} says otherwise of the same guide (与前行不一致)"
            return refusal(name, str(theirs), reason=reason)
    return None


async def _write_people(db: Writing, people: Mapping[str, GuideRow], *, now: datetime) -> set[str]:
    groups: dict[tuple[str, ...], list[dict[str, Any]]] = {}
    for row in people.values():
        columns: dict[str, Any] = {
            "id": derived_id(db.tenant_id, "guide", row.code),
            "code": row.code,
            "name": row.name,
            "active_from": row.active_from or now,
        }
        columns |= {name: found for name in PLAIN if (found := getattr(row, name)) is not UNSET}
        given = (*columns, "" if row.active_from else "since now")
        groups.setdefault(given, []).append(columns)
    changed: set[str] = set()
    for given, rows in groups.items():
        insert_only = frozenset({"id", "active_from"} if given[-1] else {"id"})
        changed |= {
            code
            for (code,) in await upsert_batch(db, GUIDES, rows=rows, key=("code",), insert_only=insert_only)
        }
    return changed


async def _write_assignments(
    db: Writing, rows: Sequence[GuideRow], *, stores: Mapping[str, StoreId], now: datetime
) -> set[int]:
    """Open what is not open yet; an assignment without a beginning of its own is met again by guide and store."""
    at_stores = [row for row in rows if isinstance(row.store_code, str) and row.store_code]
    found = await db.execute(
        select(Guide.code, Guide.id).where(
            Guide.tenant_id == db.tenant_id, Guide.code.in_({row.code for row in at_stores})
        )
    )
    guides = dict(found.all())
    there = await db.execute(
        select(GuideAssignment.guide_id, GuideAssignment.store_id, GuideAssignment.active_from).where(
            GuideAssignment.tenant_id == db.tenant_id, GuideAssignment.guide_id.in_(guides.values())
        )
    )
    since = {(guide_id, store_id): began for guide_id, store_id, began in there}
    numbers: dict[tuple[Any, ...], int] = {}
    groups: dict[tuple[str, ...], list[dict[str, Any]]] = {}
    for row in at_stores:
        guide_id, store_id = guides[row.code], stores[str(row.store_code)]
        began = row.active_from or since.get((guide_id, store_id)) or now
        columns: dict[str, Any] = {"guide_id": guide_id, "store_id": store_id, "active_from": began}
        if row.active_to is not UNSET:
            columns["active_to"] = row.active_to
        numbers[guide_id, store_id, began] = row.number
        groups.setdefault(tuple(columns), []).append(columns)
    changed: set[int] = set()
    for values in groups.values():
        written = await upsert_batch(
            db, ASSIGNMENTS, rows=values, key=("guide_id", "store_id", "active_from")
        )
        changed |= {numbers[key] for key in written}
    return changed
