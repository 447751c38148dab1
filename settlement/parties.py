"""Makes the parties that can be owed, on demand: brand and platform with the first contract, malls and guides when terms name them.

A party's id comes from its code, so making it twice is one row. Its name is what it was called then: statements must not change later.
"""

from collections.abc import Sequence
from datetime import datetime

import msgspec
from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert as upsert

from guides.queries import find_guide
from settlement.commands import CreateContract, NamedParty
from settlement.errors import CollectorUnclear, PartyUnknown
from settlement.models import Party
from settlement.states import PartyKind
from settlement.terms import Rate, guide_party_code, party_id_of
from tenants.kernel.ids import GuideId, MallId, PartyId, TenantId
from tenants.kernel.money import Bps
from tenants.kernel.scope import Reading, Writing
from tenants.queries import find_mall, find_tenant

BRAND_CODE, PLATFORM_CODE = "brand", "platform"
PLATFORM_NAME = "平台"


class NewParty(msgspec.Struct, frozen=True, kw_only=True):
    """A party as it will be written."""

    kind: PartyKind
    code: str
    name: str
    mall_id: MallId | None = None
    guide_id: GuideId | None = None


def platform_rate(tenant_id: TenantId, fee_bps: Bps) -> Rate:
    """What the platform gets of every sale through the channel."""
    return Rate(party_id=party_id_of(tenant_id, PLATFORM_CODE), kind=PartyKind.PLATFORM, rate_bps=fee_bps)


async def ensure_parties(db: Writing, parties: Sequence[NewParty], *, now: datetime) -> None:
    """Write the parties that are not there yet."""
    rows = {
        party.code: {
            "tenant_id": db.tenant_id, "id": party_id_of(db.tenant_id, party.code), "kind": party.kind.value,
            "code": party.code, "name": party.name, "mall_id": party.mall_id, "guide_id": party.guide_id,
            "created_at": now,
        }
        for party in parties
    }  # fmt: skip
    if rows:
        # Sorted, so that two transactions that need the same new parties wait for each other in one order.
        ordered = [rows[code] for code in sorted(rows)]
        await db.execute(upsert(Party).values(ordered).on_conflict_do_nothing())


async def ensure_brand_and_platform(db: Writing, *, now: datetime) -> None:
    """Make the two parties that every tenant has."""
    brand = await find_tenant(db)
    parties = [
        NewParty(kind=PartyKind.BRAND, code=BRAND_CODE, name=brand.name),
        NewParty(kind=PartyKind.PLATFORM, code=PLATFORM_CODE, name=PLATFORM_NAME),
    ]
    await ensure_parties(db, parties, now=now)


async def ensure_guides(db: Writing, guide_ids: set[GuideId], *, now: datetime) -> None:
    """Make the parties of these guides; names are looked up only for those that are new."""
    codes = {guide_party_code(guide_id): guide_id for guide_id in guide_ids}
    if not codes:
        return
    known = select(Party.code).where(Party.tenant_id == db.tenant_id, Party.code.in_(codes))
    missing = set(codes) - set((await db.execute(known)).scalars())
    parties = [
        NewParty(
            kind=PartyKind.GUIDE, code=code, guide_id=codes[code],
            name=(await find_guide(db, codes[code])).name,
        )
        for code in sorted(missing)
    ]  # fmt: skip
    await ensure_parties(db, parties, now=now)


async def named_party(db: Reading, named: NamedParty) -> NewParty:
    """The party that a contract names; raises PartyUnknown for a mall that does not exist or a party that cannot be told apart."""
    if named.kind is PartyKind.BRAND:
        return NewParty(kind=named.kind, code=BRAND_CODE, name=(await find_tenant(db)).name)
    if named.kind is PartyKind.PLATFORM:
        return NewParty(kind=named.kind, code=PLATFORM_CODE, name=PLATFORM_NAME)
    if named.kind is PartyKind.MALL:
        mall = await find_mall(db, named.mall_id) if named.mall_id else None
        if mall is None:
            raise PartyUnknown(details={"mallId": str(named.mall_id)})
        return NewParty(kind=named.kind, code=f"{named.kind}:{mall.id}", name=mall.name, mall_id=mall.id)
    if named.kind is PartyKind.GUIDE or not named.code:
        # A guide's rate is a commission plan's, dated and frozen with the sale; in a contract it would bind one person to a store.
        raise PartyUnknown(
            details={"kind": f"{named.kind} needs a code, and a guide has a commission plan instead"}
        )
    return NewParty(kind=named.kind, code=f"{named.kind}:{named.code}", name=named.name or named.code)


async def collecting_party(db: Reading, command: CreateContract) -> NewParty | None:
    """Who takes the money by a contract; the brand collects by itself, and a guide never does."""
    if command.collected_by is None:
        if command.collected_sources:
            raise CollectorUnclear(details={"collectedSources": "sources are named, and nobody who collects"})
        return None
    if command.collected_by.kind in {PartyKind.BRAND, PartyKind.GUIDE}:
        raise CollectorUnclear(details={"collectedBy": str(command.collected_by.kind)})
    return await named_party(db, command.collected_by)


def new_party_id(db: Reading, party: NewParty) -> PartyId:
    """The id that the party has, or will have."""
    return party_id_of(db.tenant_id, party.code)
