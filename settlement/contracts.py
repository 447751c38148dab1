"""Makes contracts and their versions. A version is never edited: a new one starts later and ends the one before.

Refuses a store under two contracts at once, a calendar that changes within a period, and what would change a closed month; what a contract may say at all is
`agreements.checks`'. Freezing the terms of a sale is `agreements.freeze`'s.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec
from sqlalchemy import func, insert, or_, select, text, true, update
from sqlalchemy.dialects.postgresql import insert as upsert

from settlement.agreements.backdated import refuse_backdated
from settlement.agreements.checks import Agreement, check_contract
from settlement.agreements.commissions import refuse_without_room
from settlement.agreements.models import ContractPeriodTerms, ContractSpecialRate
from settlement.agreements.queries import find_contract
from settlement.agreements.views import ContractView
from settlement.calendar import begins_a_period
from settlement.commands import CreateContract
from settlement.errors import ContractCalendarChanged, ContractOverlap, ContractVersionTooEarly
from settlement.models import Contract, ContractRate, ContractStore, Period
from settlement.parties import BRAND_CODE, ensure_brand_and_platform, ensure_parties
from settlement.states import PeriodState
from settlement.terms import HOUSE, party_id_of
from tenants.audit import record_deed
from tenants.kernel.ids import ContractId, MerchantId, derived_id, new_id
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
    db: Writing,
    command: CreateContract,
    *,
    created_by: str,
    now: datetime,
    ratios: Mapping[MerchantId, Bps] | None = None,
) -> ContractView:
    """Make a contract, or the next version of the one with this code. `ratios`: what merchants' channels said may be split off."""
    await hold_books(db)
    await open_books(db, now=now)
    agreed = await check_contract(db, command, ratios=ratios or {})
    await refuse_without_room(db, command, rates=agreed.rates)
    await refuse_backdated(db, command, agreed=agreed)
    version = await _end_version_before(db, command, agreed=agreed)
    await _refuse_overlap(db, command)
    await ensure_parties(db, agreed.parties, now=now)
    contract_id = await _write(db, command, agreed=agreed, version=version, created_by=created_by, now=now)
    await _write_rates(db, contract_id, agreed=agreed)
    if version == 1:
        await _inherit_closed_months(db, command.code)
    await record_deed(db, actor=created_by, action="create_contract", subject_id=contract_id, now=now)
    return await find_contract(db, contract_id)


async def _end_version_before(db: Writing, command: CreateContract, *, agreed: Agreement) -> int:
    """End the latest version where the new one starts; returns the new version's number."""
    newest = (
        select(Contract.version, Contract.active_from, Contract.time_zone, Contract.cut_off_day)
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
    _refuse_other_calendar(command, agreed=agreed, before=found)
    ended = update(Contract).where(
        Contract.tenant_id == db.tenant_id, Contract.code == command.code, Contract.version == found.version,
        or_(Contract.active_to.is_(None), Contract.active_to > command.active_from),
    )  # fmt: skip
    await db.execute(ended.values(active_to=command.active_from))
    return int(found.version) + 1


def _refuse_other_calendar(command: CreateContract, *, agreed: Agreement, before: Any) -> None:
    """Let cut-off day and time zone change only where a period begins.

    A period has one beginning and one end: changed within one, some of its days would be in two periods of the code or in none, and a
    guarantee would be prorated over a month of another length.
    """
    if (agreed.time_zone, command.cut_off_day) == (before.time_zone, before.cut_off_day):
        return
    calendar = {"time_zone": before.time_zone, "cut_off": before.cut_off_day}
    if not begins_a_period(command.active_from, **calendar):
        day = before.cut_off_day or "month's end"
        raise ContractCalendarChanged(
            details={"activeFrom": f"version {before.version} has {before.time_zone}, cut-off {day}"}
        )


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
        codes = await store_codes(db, [found.store_id])
        told = f"store {codes[found.store_id]}: {found.code} version {found.version} ({found.active_from.isoformat()} to {until})"
        raise ContractOverlap(details={"storeIds": f"{told} against {command.code}"})


async def _write(
    db: Writing, command: CreateContract, *, agreed: Agreement, version: int, created_by: str, now: datetime
) -> ContractId:
    contract_id = ContractId(new_id())
    row = {
        "tenant_id": db.tenant_id, "id": contract_id, "code": command.code, "version": version,
        "name": command.name, "residual_party_id": agreed.residual_party_id,
        "residual_by_owner": command.residual_party is None, "collected_by_party_id": agreed.collector_party_id,
        "collected_sources": sorted(set(command.collected_sources)), "base": command.base.value,
        "base_includes_funded_by": sorted({kind.value for kind in command.base_includes_funded_by}),
        "profit_sharing": command.profit_sharing, "over_ratio": command.over_ratio.value,
        "time_zone": agreed.time_zone, "cut_off_day": command.cut_off_day, "payment_days": command.payment_days,
        "tax_bps": command.tax_bps, "invoice": command.invoice.value,
        "channel_fee_by": command.channel_fee_by.value, "channel_fee_party_id": agreed.channel_fee_party_id,
        "coupons_by": command.coupons_by.value, "coupons_party_id": agreed.coupons_party_id,
        "active_from": command.active_from, "active_to": command.active_to, "created_by": created_by,
        "created_at": now,
    }  # fmt: skip
    await db.execute(insert(Contract).values(row))
    stores = [
        {"tenant_id": db.tenant_id, "contract_id": contract_id, "store_id": store_id}
        for store_id in sorted(set(command.store_ids))
    ]
    if stores:
        await db.execute(insert(ContractStore), stores)
    return contract_id


async def _write_rates(db: Writing, contract_id: ContractId, *, agreed: Agreement) -> None:
    """Ordinary rates, special ones, and what periods give."""
    key = {"tenant_id": db.tenant_id, "contract_id": contract_id}
    ordinary = [rate for rate in agreed.rates if rate.is_ordinary]
    special = [rate for rate in agreed.rates if not rate.is_ordinary]
    if ordinary:
        rows = [
            key | {"party_id": rate.party_id, "category_code": rate.category_code, "rate_bps": rate.rate_bps}
            for rate in ordinary
        ]
        await db.execute(insert(ContractRate), rows)
    if special:
        names = (
            "party_id",
            "category_code",
            "sku_code",
            "promotion_code",
            "valid_from_on",
            "valid_to_on",
            "rate_bps",
        )
        rows = [
            key | {"row_no": number} | {name: getattr(rate, name) for name in names}
            for number, rate in enumerate(special, start=1)
        ]
        await db.execute(insert(ContractSpecialRate), rows)
    terms = [
        key | {"party_id": party_id, "rules": msgspec.to_builtins(rules)}
        for party_id, rules in agreed.period_rules.items()
    ]
    if terms:
        await db.execute(insert(ContractPeriodTerms), terms)


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
