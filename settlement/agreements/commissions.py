"""Whether contracts leave room for the guides' commission: both are parts of one sale, and a shopper must not be the one who finds out.

Asked from both sides, when a contract is made and when a commission plan is started; what a line gets is decided when its terms are frozen.
"""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime

from guides.commands import StartPlan
from guides.queries import every_plan
from settlement.agreements.checks import refuse_too_high
from settlement.agreements.queries import contracts, rates_of
from settlement.commands import CreateContract
from settlement.errors import RatesExceedWhole
from settlement.parties import platform_rate
from settlement.states import PartyKind
from settlement.terms import Rate, party_id_of
from tenants.kernel.ids import LevelId, StoreId
from tenants.kernel.money import Bps
from tenants.kernel.scope import Reading
from tenants.queries import find_tenant, store_facts


async def refuse_without_room(db: Reading, command: CreateContract, *, rates: Sequence[Rate]) -> None:
    """Refuse a contract whose rates and a plan in force at its stores are more than the whole; raises RatesExceedWhole with the sum."""
    extra = [platform_rate(db.tenant_id, (await find_tenant(db)).platform_fee_bps)]
    for plan in await every_plan(db):
        if _meet((command.active_from, command.active_to), (plan.active_from, plan.active_to)):
            guide = _guide(db, plan.rates_bps.items())
            await _refuse(
                db, [*rates, *guide], extra=extra, level_id=plan.level_id, store_ids=command.store_ids
            )


async def refuse_over_contracts(db: Reading, plan: StartPlan, *, level_id: LevelId) -> None:
    """Refuse a plan whose rates and those of a contract of its stores are more than the whole; raises RatesExceedWhole with the sum."""
    guide = _guide(db, [(rate.category_code, rate.rate_bps) for rate in plan.rates])
    extra = [platform_rate(db.tenant_id, (await find_tenant(db)).platform_fee_bps)]
    found = [
        contract
        for contract in await contracts(db)
        if _meet((plan.active_from, None), (contract.active_from, contract.active_to))
    ]
    rates = await rates_of(db, [contract.id for contract in found])
    for contract in found:
        both = [*rates.get(contract.id, []), *guide]
        await _refuse(db, both, extra=extra, level_id=level_id, store_ids=contract.store_ids)


def _meet(one: tuple[datetime, datetime | None], other: tuple[datetime, datetime | None]) -> bool:
    """Whether two stretches of time have a moment in common."""
    return (one[1] is None or other[0] < one[1]) and (other[1] is None or one[0] < other[1])


def _guide(db: Reading, rates: Iterable[tuple[str, int]]) -> list[Rate]:
    """What any guide gets, as rates of one party."""
    party_id = party_id_of(db.tenant_id, f"{PartyKind.GUIDE}:any")
    return [
        Rate(party_id=party_id, kind=PartyKind.GUIDE, category_code=category, rate_bps=Bps(bps))
        for category, bps in rates
    ]


async def _refuse(
    db: Reading,
    rates: Sequence[Rate],
    *,
    extra: Sequence[Rate],
    level_id: LevelId,
    store_ids: Collection[StoreId],
) -> None:
    try:
        refuse_too_high(rates, extra=extra)
    except RatesExceedWhole:
        if await _holds_at(db, level_id, store_ids=store_ids):
            raise


async def _holds_at(db: Reading, level_id: LevelId, *, store_ids: Collection[StoreId]) -> bool:
    """Whether a plan of this level holds at one of a contract's stores; one that names none covers whatever is left."""
    if not store_ids or level_id == db.tenant_id:
        return True
    return any([level_id in (await store_facts(db, store_id)).path.ids() for store_id in store_ids])
