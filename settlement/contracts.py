"""Makes contracts and their versions. A version is never edited: a new one starts later and ends the one before.

Refuses what could not be split or would be ambiguous: rates over 100 %, a store under two contracts at once, unknown stores and malls.
Freezing the terms of a sale is `freeze`'s.
"""

from datetime import UTC, datetime

from sqlalchemy import func, insert, or_, select, text, true, update
from sqlalchemy.dialects.postgresql import insert as upsert

from settlement.commands import ContractRateRow, CreateContract, NamedParty
from settlement.errors import (
    ContractOverlap,
    ContractStoresWrong,
    ContractVersionTooEarly,
    RateNamedTwice,
    ResidualPartyHasRate,
)
from settlement.models import Contract, ContractRate, ContractStore, Period
from settlement.parties import (
    BRAND_CODE,
    NewParty,
    collecting_party,
    ensure_brand_and_platform,
    ensure_parties,
    named_party,
    new_party_id,
)
from settlement.queries import find_contract
from settlement.states import PartyKind, PeriodState
from settlement.terms import EVERYTHING, HOUSE, Rate, party_id_of, rates_for, refuse_over_whole
from settlement.views import ContractView
from tenants.audit import record_deed
from tenants.create import check_time_zone
from tenants.kernel.ids import ContractId, PartyId, derived_id, new_id
from tenants.kernel.money import Bps
from tenants.kernel.scope import Writing
from tenants.queries import find_tenant, store_codes

BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)
"""The house contract covers imported history too, however old."""
SYSTEM = "system:settlement"


async def open_books(db: Writing, *, now: datetime) -> None:
    """Make what every tenant has: brand, platform, and the house contract that leaves everything to the brand. Repeating it changes nothing."""
    await ensure_brand_and_platform(db, now=now)
    brand = await find_tenant(db)
    row = {
        "tenant_id": db.tenant_id, "id": derived_id(db.tenant_id, "contract", HOUSE), "code": HOUSE,
        "version": 1, "name": "默认合同", "residual_party_id": party_id_of(db.tenant_id, BRAND_CODE),
        "profit_sharing": False, "time_zone": brand.time_zone, "active_from": BEGINNING,
        "created_by": SYSTEM, "created_at": now,
    }  # fmt: skip
    await db.execute(upsert(Contract).values(row).on_conflict_do_nothing())


async def hold_books(db: Writing) -> None:
    """Let nobody else change contracts or close months of this tenant until the transaction ends."""
    # Routed through a row: on Citus a bare advisory lock is per node and excludes nobody.
    lock = text(
        "SELECT pg_advisory_xact_lock(hashtextextended('settlement.books:' || tenant_id::text, 0))"
        " FROM app.tenants WHERE tenant_id = :tenant_id"
    )
    await db.execute(lock, {"tenant_id": db.tenant_id})


async def create_contract(
    db: Writing, command: CreateContract, *, created_by: str, now: datetime
) -> ContractView:
    """Make a contract, or the next version of the one with this code."""
    brand = await find_tenant(db)
    zone = command.time_zone or brand.time_zone
    check_time_zone(zone)
    await hold_books(db)
    await open_books(db, now=now)
    await _refuse_wrong_stores(db, command)
    residual = await named_party(db, command.residual_party or NamedParty(kind=PartyKind.BRAND))
    collector = await collecting_party(db, command)
    parties = [await named_party(db, row.party) for row in command.rates]
    if command.residual_party is not None:
        _refuse_residual_rate(parties, residual=residual)
    _refuse_wrong_rates(
        db, command.rates, parties=parties, residual=residual, platform_fee=brand.platform_fee_bps
    )
    version = await _end_version_before(db, command)
    await _refuse_overlap(db, command)
    await ensure_parties(db, [residual, *parties, *([collector] if collector else [])], now=now)
    contract_id = await _write(
        db, command, version=version, zone=zone, residual=residual, collector=collector, created_by=created_by,
        now=now,
    )  # fmt: skip
    await _write_rates(db, contract_id, rows=command.rates, parties=parties)
    if version == 1:
        await _inherit_closed_months(db, command.code)
    await record_deed(db, actor=created_by, action="create_contract", subject_id=contract_id, now=now)
    return await find_contract(db, contract_id)


async def _refuse_wrong_stores(db: Writing, command: CreateContract) -> None:
    if (command.code == HOUSE) == bool(command.store_ids):
        raise ContractStoresWrong(details={"storeIds": f"{len(command.store_ids)} stores for {command.code}"})
    known = await store_codes(db, command.store_ids)
    unknown = [store_id for store_id in command.store_ids if store_id not in known]
    if unknown:
        raise ContractStoresWrong(
            details={"storeIds": f"unknown: {', '.join(str(each) for each in unknown[:5])}"}
        )


def _refuse_residual_rate(parties: list[NewParty], *, residual: NewParty) -> None:
    # Where the rest is the store's owner's, the brand may well have a rate: what it gets of a franchisee's sales.
    if any(party.code == residual.code for party in parties):
        raise ResidualPartyHasRate(details={"rates": f"{residual.code} is the residual party"})


def _refuse_wrong_rates(
    db: Writing,
    rows: list[ContractRateRow],
    *,
    parties: list[NewParty],
    residual: NewParty,
    platform_fee: Bps,
) -> None:
    """Check each category's sum, the platform's fee included; a guide's commission is checked when terms are frozen."""
    rates = [
        Rate(
            party_id=new_party_id(db, party), kind=party.kind, category_code=row.category_code,
            rate_bps=Bps(row.rate_bps),
        )
        for row, party in zip(rows, parties, strict=True)
    ]  # fmt: skip
    if len({(rate.party_id, rate.category_code) for rate in rates}) < len(rates):
        raise RateNamedTwice(details={"rates": "one rate a party and category"})
    fee = Rate(party_id=party_id_of(db.tenant_id, "platform"), kind=PartyKind.PLATFORM, rate_bps=platform_fee)
    for category in sorted({EVERYTHING, *(rate.category_code for rate in rates)}):
        chosen = rates_for(rates, category_code=category)
        if residual.kind is not PartyKind.PLATFORM:
            chosen.setdefault(fee.party_id, fee)
        refuse_over_whole(chosen.values(), category_code=category)


async def _end_version_before(db: Writing, command: CreateContract) -> int:
    """End the latest version where the new one starts; returns the new version's number."""
    newest = (
        select(Contract.version, Contract.active_from)
        .where(Contract.tenant_id == db.tenant_id, Contract.code == command.code)
        .order_by(Contract.version.desc())
        .limit(1)
    )
    found = (await db.execute(newest)).one_or_none()
    if found is None:
        return 1
    if command.active_from <= found.active_from:
        raise ContractVersionTooEarly(
            details={"activeFrom": f"version {found.version} starts {found.active_from.isoformat()}"}
        )
    ended = update(Contract).where(
        Contract.tenant_id == db.tenant_id, Contract.code == command.code, Contract.version == found.version,
        or_(Contract.active_to.is_(None), Contract.active_to > command.active_from),
    )  # fmt: skip
    await db.execute(ended.values(active_to=command.active_from))
    return int(found.version) + 1


async def _refuse_overlap(db: Writing, command: CreateContract) -> None:
    """Refuse a store that another contract covers at the same time, naming store and both contracts."""
    overlapping = (
        select(Contract.code, Contract.version, Contract.active_from, Contract.active_to, ContractStore.store_id)
        .join(
            ContractStore,
            (ContractStore.tenant_id == Contract.tenant_id) & (ContractStore.contract_id == Contract.id),
        )
        .where(
            Contract.tenant_id == db.tenant_id, ContractStore.tenant_id == db.tenant_id,
            Contract.code != command.code, ContractStore.store_id.in_(command.store_ids),
            or_(Contract.active_to.is_(None), Contract.active_to > command.active_from),
            true() if command.active_to is None else Contract.active_from < command.active_to,
        )
        .order_by(Contract.code, Contract.version)
        .limit(1)
    )  # fmt: skip
    found = (await db.execute(overlapping)).one_or_none()
    if found is not None:
        until = found.active_to.isoformat() if found.active_to else "open end"
        told = f"store {found.store_id}: {found.code} version {found.version} ({found.active_from.isoformat()} to {until})"
        raise ContractOverlap(details={"storeIds": f"{told} against {command.code}"})


async def _write(
    db: Writing,
    command: CreateContract,
    *,
    version: int,
    zone: str,
    residual: NewParty,
    collector: NewParty | None,
    created_by: str,
    now: datetime,
) -> ContractId:
    contract_id = ContractId(new_id())
    row = {
        "tenant_id": db.tenant_id, "id": contract_id, "code": command.code, "version": version,
        "name": command.name, "residual_party_id": new_party_id(db, residual),
        "residual_by_owner": command.residual_party is None,
        "collected_by_party_id": new_party_id(db, collector) if collector else None,
        "collected_sources": sorted(set(command.collected_sources)),
        "profit_sharing": command.profit_sharing, "time_zone": zone, "active_from": command.active_from,
        "active_to": command.active_to, "created_by": created_by, "created_at": now,
    }  # fmt: skip
    await db.execute(insert(Contract).values(row))
    stores = [
        {"tenant_id": db.tenant_id, "contract_id": contract_id, "store_id": store_id}
        for store_id in sorted(set(command.store_ids))
    ]
    if stores:
        await db.execute(insert(ContractStore), stores)
    return contract_id


async def _write_rates(
    db: Writing, contract_id: ContractId, *, rows: list[ContractRateRow], parties: list[NewParty]
) -> None:
    def party(found: NewParty) -> PartyId:
        return new_party_id(db, found)

    values = [
        {
            "tenant_id": db.tenant_id, "contract_id": contract_id, "party_id": party(found),
            "category_code": row.category_code, "rate_bps": row.rate_bps,
        }
        for row, found in zip(rows, parties, strict=True)
    ]  # fmt: skip
    if values:
        await db.execute(insert(ContractRate), values)


async def _inherit_closed_months(db: Writing, code: str) -> None:
    """A month that is closed for the tenant is closed for its new contracts too: its statements are written, or owed, without them."""
    newest = select(func.max(Period.starts_on)).where(
        Period.tenant_id == db.tenant_id, Period.state == PeriodState.CLOSED
    )
    closed = (
        select(Period.closed_at, Period.closed_by, Period.starts_on, Period.stated_at)
        .where(
            Period.tenant_id == db.tenant_id, Period.state == PeriodState.CLOSED,
            Period.starts_on == newest.scalar_subquery(),
        )
        .limit(1)
    )  # fmt: skip
    found = (await db.execute(closed)).one_or_none()
    if found is not None:
        await db.execute(
            insert(Period).values(
                tenant_id=db.tenant_id,
                contract_code=code,
                starts_on=found.starts_on,
                state=PeriodState.CLOSED.value,
                closed_at=found.closed_at,
                closed_by=found.closed_by,
                stated_at=found.stated_at,
            )
        )
