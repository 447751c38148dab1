"""Import stores and store groups, many rows at once: new codes are opened, known ones changed where they differ.

A field that the file does not have (UNSET) keeps what is there; an empty cell empties it. Opening hours keep their text always and a weekly
table only where it is certain. Malls are `import_malls`' business and must be there first.
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

import msgspec
from msgspec import UNSET, UnsetType
from sqlalchemy import Table, select

from tenants import codes
from tenants.batches import upsert_batch
from tenants.hours_text import hours_from_text
from tenants.import_outcomes import Finding, RowOutcome, RowState, Verdict, first_of_each, refusal
from tenants.kernel.ids import StoreId, derived_id
from tenants.kernel.scope import Writing
from tenants.levels import Level
from tenants.models import OpeningHours, Store, StoreGroup, Tenant
from tenants.states import Ownership, StoreStatus

STORES: Table = Store.__table__  # type: ignore[assignment]
GROUPS: Table = StoreGroup.__table__  # type: ignore[assignment]
HOURS: Table = OpeningHours.__table__  # type: ignore[assignment]
PLAIN = (
    "mall_floor",
    "province",
    "city",
    "district",
    "address",
    "latitude",
    "longitude",
    "phone",
    "active_from",
    "active_to",
    "opened_on",
)
"""Columns that may be empty and are taken as they come."""
DEFAULTS: dict[str, Any] = {
    "ownership": Ownership.DIRECT.value,
    "status": StoreStatus.OPEN.value,
    "is_flagship": False,
    "pickup_offered": True,
    "business_day_starts": "00:00",
}
"""What a new store has, and what an empty cell means."""


class StoreRow(msgspec.Struct, frozen=True, kw_only=True):
    """One store as a file tells it. UNSET: the file does not speak of it; None: it says there is none."""

    number: int
    code: str
    name: str
    group_code: str | UnsetType | None = UNSET
    merchant_no: str | UnsetType | None = UNSET
    mall_code: str | UnsetType | None = UNSET
    mall_floor: str | UnsetType | None = UNSET
    ownership: str | UnsetType | None = UNSET
    status: str | UnsetType | None = UNSET
    is_flagship: bool | UnsetType | None = UNSET
    pickup_offered: bool | UnsetType | None = UNSET
    province: str | UnsetType | None = UNSET
    city: str | UnsetType | None = UNSET
    district: str | UnsetType | None = UNSET
    address: str | UnsetType | None = UNSET
    latitude: float | UnsetType | None = UNSET
    longitude: float | UnsetType | None = UNSET
    phone: str | UnsetType | None = UNSET
    time_zone: str | UnsetType | None = UNSET
    business_day_starts: str | UnsetType | None = UNSET
    active_from: datetime | UnsetType | None = UNSET
    active_to: datetime | UnsetType | None = UNSET
    opened_on: date | UnsetType | None = UNSET
    hours: str | UnsetType | None = UNSET
    """Opening hours as text."""


class StoreGroupRow(msgspec.Struct, frozen=True, kw_only=True):
    """One store group as a file tells it."""

    number: int
    code: str
    name: str


async def import_store_groups(
    db: Writing, rows: Sequence[StoreGroupRow], *, now: datetime
) -> list[RowOutcome]:
    """Make or rename store groups."""
    del now  # groups carry no time
    kept, repeated = first_of_each(rows, key=lambda row: row.code)
    values = [
        {"id": derived_id(db.tenant_id, "store_group", row.code), "code": row.code, "name": row.name}
        for row in kept
    ]
    changed = await upsert_batch(db, GROUPS, rows=values, key=("code",))
    return [
        *(_outcome(row.number, changed=(row.code,) in changed) for row in kept),
        *(_repeats(row.number, row.code, earlier.number) for row, earlier in repeated),
    ]


async def import_stores(db: Writing, rows: Sequence[StoreRow], *, now: datetime) -> list[RowOutcome]:
    """Open or change stores; groups, merchants and malls they name must be known, else the row is refused."""
    kept, repeated = first_of_each(rows, key=lambda row: row.code)
    outcomes = [_repeats(row.number, row.code, earlier.number) for row, earlier in repeated]
    links = _Links(
        groups=await codes.store_group_ids(db, (row.group_code or None for row in kept)),
        merchants=await codes.merchant_ids(db, (row.merchant_no or None for row in kept)),
        malls=await codes.mall_ids(db, (row.mall_code or None for row in kept)),
        flagship=await db.scalar(
            select(Store.code).where(Store.tenant_id == db.tenant_id, Store.is_flagship)
        ),
        time_zone=await db.scalar(select(Tenant.time_zone).where(Tenant.tenant_id == db.tenant_id)),
    )
    good: list[StoreRow] = []
    for row in kept:
        wrong = _wrong(row, links)
        if wrong:
            outcomes.append(RowOutcome(row.number, RowState.REFUSED, (wrong,)))
        else:
            good.append(row)
            links = links.with_flagship(row)
    changed: set[Any] = set()
    for alike in _alike(good):
        values = [_values(db, row, links=links, now=now) for row in alike]
        unspoken = {name for name in (*DEFAULTS, "time_zone") if getattr(alike[0], name) is UNSET}
        written = await upsert_batch(
            db, STORES, rows=values, key=("code",), insert_only=frozenset({"id", "created_at", *unspoken})
        )
        changed |= {code for (code,) in written}
    findings = await _keep_hours(db, good, changed=changed)
    outcomes += [
        _outcome(row.number, changed=row.code in changed, findings=findings.get(row.code, ())) for row in good
    ]
    return outcomes


class _Links(msgspec.Struct, frozen=True, kw_only=True):
    """What the batch's codes lead to."""

    groups: Mapping[str, Any]
    merchants: Mapping[str, Any]
    malls: Mapping[str, Any]
    flagship: str | None
    time_zone: str | None

    def with_flagship(self, row: StoreRow) -> "_Links":
        return msgspec.structs.replace(self, flagship=row.code) if row.is_flagship is True else self


def _wrong(row: StoreRow, links: _Links) -> Finding | None:
    if row.group_code and row.group_code not in links.groups:
        return refusal("group_code", row.group_code, reason="no such store group (门店分组不存在)")
    if row.merchant_no and row.merchant_no not in links.merchants:
        return refusal("merchant_no", row.merchant_no, reason="no such merchant (商户号不存在)")
    if row.mall_code and row.mall_code not in links.malls:
        return refusal("mall_code", row.mall_code, reason="no such mall (商场不存在)")
    if row.is_flagship is True and links.flagship not in {None, row.code}:
        return refusal(
            "is_flagship", str(links.flagship), reason="another store is the flagship (已有旗舰店)"
        )
    if row.active_from and row.active_to and row.active_from >= row.active_to:
        return refusal("active_to", row.active_to.isoformat(), reason="ends before it begins (结束早于开始)")
    return None


def _values(db: Writing, row: StoreRow, *, links: _Links, now: datetime) -> dict[str, Any]:
    values: dict[str, Any] = {
        "id": derived_id(db.tenant_id, "store", row.code),
        "code": row.code,
        "name": row.name,
        "created_at": now,
    }
    values |= {name: found for name in PLAIN if (found := getattr(row, name)) is not UNSET}
    for name, default in {**DEFAULTS, "time_zone": links.time_zone}.items():
        found = getattr(row, name)
        values[name] = default if found is None or found is UNSET else found
    for name, found, ids in (
        ("group_id", row.group_code, links.groups),
        ("merchant_id", row.merchant_no, links.merchants),
        ("mall_id", row.mall_code, links.malls),
    ):
        if not isinstance(found, UnsetType):
            values[name] = ids[found] if found else None
    return values


def _alike(rows: Sequence[StoreRow]) -> list[list[StoreRow]]:
    """Rows that speak of the same fields together: one statement writes one set of columns."""
    groups: dict[tuple[str, ...], list[StoreRow]] = {}
    for row in rows:
        groups.setdefault(tuple(f for f in row.__struct_fields__ if getattr(row, f) is not UNSET), []).append(
            row
        )
    return list(groups.values())


async def _keep_hours(
    db: Writing, rows: Sequence[StoreRow], *, changed: set[Any]
) -> dict[str, tuple[Finding, ...]]:
    """Write the hours whose text changed (a table that somebody corrected by hand stays), and say which texts gave no table."""
    texts = {row.code: row.hours for row in rows if isinstance(row.hours, str) and row.hours}
    if not texts:
        return {}
    ids = await codes.store_ids(db, texts)
    read = {code: hours_from_text(text) for code, text in texts.items()}
    values: list[dict[str, Any]] = [
        {
            "level_id": ids[code],
            "level": Level.STORE.value,
            "weekly": msgspec.to_builtins(read[code].weekly) if read[code].weekly else None,
            "exceptions": {},
            "source_text": text,
        }
        for code, text in texts.items()
    ]
    written = await upsert_batch(
        db,
        HOURS,
        rows=values,
        key=("level_id",),
        insert_only=frozenset({"level", "exceptions"}),
        guard="opening_hours.source_text IS DISTINCT FROM excluded.source_text",
    )
    code_of: dict[StoreId, str] = {store_id: code for code, store_id in ids.items()}
    changed |= {code_of[level_id] for (level_id,) in written}
    return {
        code: (Finding(column="hours", value=texts[code], reason=found.reason, verdict=Verdict.KEPT_AS_TEXT),)
        for code, found in read.items()
        if found.weekly is None
    }


def _outcome(number: int, *, changed: bool, findings: tuple[Finding, ...] = ()) -> RowOutcome:
    return RowOutcome(number, RowState.IMPORTED if changed else RowState.UNCHANGED, findings)


def _repeats(number: int, code: str, earlier: int) -> RowOutcome:
    wrong = refusal("code", code, reason=f"stands in row {earlier} already (编码重复)")
    return RowOutcome(number, RowState.REFUSED, (wrong,))
