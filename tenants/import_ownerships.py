"""Import who ran, runs and will run stores, many rows at once: new ones are written, a row that says what is there already changes nothing.

History is not rewritten: a row that would change an ownership that is written down, or begin before the last one of its store, is refused.
"""

from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime

import msgspec
from msgspec import UNSET, UnsetType
from sqlalchemy import insert, select

from tenants import codes
from tenants.import_outcomes import Finding, RowOutcome, RowState, refusal
from tenants.kernel.ids import MerchantId, StoreId
from tenants.kernel.scope import Writing
from tenants.models import Merchant, StoreOwnership
from tenants.own_store import end_before, hold_stores
from tenants.ownership import owner_matches, owner_party_code
from tenants.standings import ownerships
from tenants.states import Ownership
from tenants.views import OwnershipView

SINCE_EVER = datetime(1970, 1, 1, tzinfo=UTC)
IMPORTER = "import"


class OwnershipRow(msgspec.Struct, frozen=True, kw_only=True):
    """One ownership as a file tells it; without `active_from` it holds since ever."""

    number: int
    store_code: str
    ownership: str
    owner_code: str | UnsetType | None = UNSET
    owner_name: str | UnsetType | None = UNSET
    merchant_no: str | UnsetType | None = UNSET
    active_from: datetime | UnsetType | None = UNSET
    active_to: datetime | UnsetType | None = UNSET


class _Merchant(msgspec.Struct, frozen=True):
    merchant_id: MerchantId
    owner: str | None


async def import_ownerships(db: Writing, rows: Sequence[OwnershipRow], *, now: datetime) -> list[RowOutcome]:
    """Write down who runs stores; stores and merchants must be known, else the row is refused."""
    stores = await codes.store_ids(db, {row.store_code for row in rows})
    payees = await _merchants(db)
    if stores:
        await hold_stores(db, sorted(stores.values()))
    known: dict[StoreId, list[OwnershipView]] = defaultdict(list)
    for each in await ownerships(db, list(stores.values())):
        known[each.store_id].append(each)
    outcomes, new = [], []
    # By time within a store, whatever their order in the file: the next one ends the one before.
    for row in sorted(rows, key=lambda each: (each.store_code, _since(each), each.number)):
        store_id = stores.get(row.store_code)
        wanted = None if store_id is None else _wanted(row, store_id, payees=payees)
        wrong = _wrong(row, wanted, payees=payees, known=known[wanted.store_id] if wanted else [])
        if wrong is not None:
            outcomes.append(RowOutcome(row.number, RowState.REFUSED, (wrong,)))
        elif wanted is None or _stands(wanted, known[wanted.store_id]):
            outcomes.append(RowOutcome(row.number, RowState.UNCHANGED))
        else:
            known[wanted.store_id].append(wanted)
            new.append(wanted)
            outcomes.append(RowOutcome(row.number, RowState.IMPORTED))
    await _write(db, new, now=now)
    return outcomes


def _since(row: OwnershipRow) -> datetime:
    return row.active_from or SINCE_EVER


def _wanted(row: OwnershipRow, store_id: StoreId, *, payees: dict[str, _Merchant]) -> OwnershipView:
    payee = payees.get(row.merchant_no or "")
    return OwnershipView(
        store_id=store_id, active_from=_since(row), active_to=row.active_to or None,
        ownership=Ownership(row.ownership), owner_code=row.owner_code or None,
        owner_name=(row.owner_name or row.owner_code or None) if row.owner_code else None,
        merchant_id=payee.merchant_id if payee else None,
    )  # fmt: skip


def _wrong(
    row: OwnershipRow,
    wanted: OwnershipView | None,
    *,
    payees: dict[str, _Merchant],
    known: Sequence[OwnershipView],
) -> Finding | None:
    if wanted is None:
        return refusal("store_code", row.store_code, reason="no such store (门店不存在)")
    if not owner_matches(wanted.ownership, wanted.owner_code):
        said = (
            "a franchise or agent store names its owner's code, others name none (经营方编码与归属类型不符)"
        )
        return refusal("owner_code", row.owner_code or "", reason=said)
    if wanted.active_to is not None and wanted.active_from >= wanted.active_to:
        return refusal(
            "active_to", wanted.active_to.isoformat(), reason="ends before it begins (结束早于开始)"
        )
    wrong = _wrong_merchant(row, wanted, payees=payees)
    if wrong is not None:
        return wrong
    if known and wanted.active_from <= known[-1].active_from and not _stands(wanted, known):
        last = known[-1].active_from.isoformat()
        said = f"history is not rewritten: the last one began {last} (归属历史不可改写)"
        return refusal("active_from", wanted.active_from.isoformat(), reason=said)
    return None


def _wrong_merchant(
    row: OwnershipRow, wanted: OwnershipView, *, payees: dict[str, _Merchant]
) -> Finding | None:
    if not row.merchant_no:
        return None
    if row.merchant_no not in payees:
        return refusal("merchant_no", row.merchant_no, reason="no such merchant (商户号不存在)")
    owner = owner_party_code(wanted.ownership, wanted.owner_code)
    if payees[row.merchant_no].owner in {None, owner}:
        return None
    return refusal("merchant_no", row.merchant_no, reason="belongs to another owner (商户号属于其他经营方)")


def _stands(wanted: OwnershipView, known: Sequence[OwnershipView]) -> bool:
    """Whether it is written down so already; an end that the next one brought counts as said."""
    for place, each in enumerate(known):
        if each.active_from == wanted.active_from:
            followed = place + 1 < len(known) and each.active_to == known[place + 1].active_from
            ends_alike = each.active_to == wanted.active_to or (followed and wanted.active_to is None)
            return ends_alike and msgspec.structs.replace(each, active_to=wanted.active_to) == wanted
    return False


async def _merchants(db: Writing) -> dict[str, _Merchant]:
    statement = select(Merchant.merchant_no, Merchant.id, Merchant.owner_party_code).where(
        Merchant.tenant_id == db.tenant_id
    )
    return {
        row.merchant_no: _Merchant(MerchantId(row.id), row.owner_party_code)
        for row in await db.execute(statement)
    }


async def _write(db: Writing, new: Sequence[OwnershipView], *, now: datetime) -> None:
    for each in new:
        await end_before(db, each.store_id, at=each.active_from)
        row = msgspec.structs.asdict(each) | {
            "tenant_id": db.tenant_id, "ownership": each.ownership.value, "created_by": IMPORTER, "created_at": now,
        }  # fmt: skip
        await db.execute(insert(StoreOwnership).values(row))
