"""Import malls into the table that all brands share: the first to name a mall writes it, nobody's file changes it afterwards.

Two brands in one mall must meet on one row, so the key is the mall's code alone; where a file differs from what is there, the report says so.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec
from msgspec import UNSET, UnsetType
from sqlalchemy import ARRAY, Text, any_, bindparam, select, text

from tenants.import_outcomes import Finding, RowOutcome, RowState, first_of_each, refusal, warning
from tenants.kernel.ids import derived_id
from tenants.kernel.scope import Writing
from tenants.models import Mall

FIELDS = ("name", "province", "city", "district", "address", "latitude", "longitude")
ADD = text(
    "INSERT INTO app.malls (id, code, name, province, city, district, address, latitude, longitude)"
    " SELECT u.* FROM unnest(CAST(:id AS uuid[]), CAST(:code AS text[]), CAST(:name AS text[]), CAST(:province AS text[]),"
    " CAST(:city AS text[]), CAST(:district AS text[]), CAST(:address AS text[]), CAST(:latitude AS float8[]),"
    " CAST(:longitude AS float8[])) AS u ON CONFLICT (code) DO NOTHING RETURNING code"
)
SAME_PLACE = 1e-6
"""Degrees, about ten centimetres: the same coordinate written with other digits."""


class MallRow(msgspec.Struct, frozen=True, kw_only=True):
    """One mall as a file tells it."""

    number: int
    code: str
    name: str
    province: str | UnsetType | None = UNSET
    city: str | UnsetType | None = UNSET
    district: str | UnsetType | None = UNSET
    address: str | UnsetType | None = UNSET
    latitude: float | UnsetType | None = UNSET
    longitude: float | UnsetType | None = UNSET


async def import_malls(db: Writing, rows: Sequence[MallRow], *, now: datetime) -> list[RowOutcome]:
    """Add malls that are not there yet; a known mall stays as it is and differences come back as warnings."""
    del now  # malls carry no time
    kept, repeated = first_of_each(rows, key=lambda row: row.code)
    added = set(await db.scalars(ADD, _columns(kept)))
    there = select(Mall).where(Mall.code == any_(bindparam("codes", type_=ARRAY(Text))))
    known = {mall.code: mall for mall in await db.scalars(there, {"codes": [row.code for row in kept]})}
    outcomes = [
        RowOutcome(row.number, RowState.IMPORTED)
        if row.code in added
        else RowOutcome(row.number, RowState.UNCHANGED, tuple(_differences(row, known[row.code])))
        for row in kept
    ]
    for row, earlier in repeated:
        wrong = refusal("code", row.code, reason=f"stands in row {earlier.number} already (编码重复)")
        outcomes.append(RowOutcome(row.number, RowState.REFUSED, (wrong,)))
    return outcomes


def _columns(rows: Sequence[MallRow]) -> dict[str, list[Any]]:
    columns: dict[str, list[Any]] = {
        name: [None if (found := getattr(row, name)) is UNSET else found for row in rows] for name in FIELDS
    }
    return columns | {
        "id": [derived_id("mall", row.code) for row in rows],
        "code": [row.code for row in rows],
    }


def _differences(row: MallRow, mall: Mall) -> list[Finding]:
    found = []
    for name in FIELDS:
        theirs, ours = getattr(row, name), getattr(mall, name)
        if theirs is UNSET or theirs is None or theirs == ours:
            continue
        if isinstance(theirs, float) and ours is not None and abs(theirs - ours) < SAME_PLACE:
            continue
        reason = f"the mall is known with {ours!r}, which stays (商场已存在，保留原值)"
        found.append(warning(name, str(theirs), reason=reason))
    return found
