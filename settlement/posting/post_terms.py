"""Frozen terms as posting needs them: the portions, and the contract whose calendar and books they belong to."""

from datetime import date, datetime

import msgspec
from sqlalchemy import select

from orders.funding import Funder, Funding
from settlement.agreements.agreed import Bearer
from settlement.agreements.promotion_models import TermsFunder
from settlement.calendar import local_day, period_of
from settlement.models import Contract, FrozenTerms, Party, TermsPortion
from settlement.periods import CodeMonth
from settlement.split import Portion
from tenants.kernel.ids import ContractId, PartyId, TermsId
from tenants.kernel.money import Bps
from tenants.kernel.scope import Reading


class BookedTerms(msgspec.Struct, frozen=True, kw_only=True):
    """Frozen terms with the contract they came from."""

    terms_id: TermsId
    contract_id: ContractId
    contract_code: str
    time_zone: str
    cut_off_day: int | None = None
    residual_party_id: PartyId
    portions: tuple[Portion, ...]
    collector_party_id: PartyId | None = None
    funding: Funding | None = None
    channel_fee_by: Bearer = Bearer.RESIDUAL
    channel_fee_party_id: PartyId | None = None
    coupons_by: Bearer = Bearer.RESIDUAL
    coupons_party_id: PartyId | None = None

    def day_and_period(self, at: datetime) -> tuple[date, CodeMonth]:
        """The accounting day of a moment, and the contract's period that the day belongs to."""
        day = local_day(at, time_zone=self.time_zone)
        return day, (self.contract_code, period_of(day, cut_off=self.cut_off_day))


async def booked_terms(db: Reading, wanted: set[TermsId]) -> dict[TermsId, BookedTerms]:
    """Frozen terms by id, with their contracts' codes and time zones."""
    frozen = (
        select(
            FrozenTerms.id, FrozenTerms.residual_party_id, FrozenTerms.collector_party_id, FrozenTerms.funder_party_id,
            Contract.id.label("contract_id"), Contract.code, Contract.time_zone, Contract.cut_off_day,
            Contract.channel_fee_by, Contract.channel_fee_party_id, Contract.coupons_by, Contract.coupons_party_id,
        )
        .join(Contract, (Contract.tenant_id == FrozenTerms.tenant_id) & (Contract.id == FrozenTerms.contract_id))
        .where(
            FrozenTerms.tenant_id == db.tenant_id, Contract.tenant_id == db.tenant_id, FrozenTerms.id.in_(wanted)
        )
    )  # fmt: skip
    owed = (
        select(TermsPortion.terms_id, TermsPortion.party_id, TermsPortion.rate_bps, TermsPortion.of_paid)
        .where(TermsPortion.tenant_id == db.tenant_id, TermsPortion.terms_id.in_(wanted))
        .order_by(TermsPortion.terms_id, TermsPortion.party_id)
    )
    portions: dict[TermsId, list[Portion]] = {}
    for row in await db.execute(owed):
        portions.setdefault(TermsId(row.terms_id), []).append(
            Portion(PartyId(row.party_id), Bps(row.rate_bps), row.of_paid)
        )
    found = (await db.execute(frozen)).all()
    funding = await _funding(
        db, {TermsId(row.id): row.funder_party_id for row in found if row.funder_party_id}
    )
    return {
        TermsId(row.id): BookedTerms(
            terms_id=TermsId(row.id), contract_id=ContractId(row.contract_id), contract_code=row.code,
            time_zone=row.time_zone, cut_off_day=row.cut_off_day, residual_party_id=PartyId(row.residual_party_id),
            portions=tuple(portions.get(TermsId(row.id), ())),
            collector_party_id=row.collector_party_id, funding=funding.get(TermsId(row.id)),
            channel_fee_by=Bearer(row.channel_fee_by),
            channel_fee_party_id=PartyId(row.channel_fee_party_id) if row.channel_fee_party_id else None,
            coupons_by=Bearer(row.coupons_by),
            coupons_party_id=PartyId(row.coupons_party_id) if row.coupons_party_id else None,
        )
        for row in found
    }  # fmt: skip


async def _funding(db: Reading, residual: dict[TermsId, PartyId]) -> dict[TermsId, Funding]:
    """Who pays for the discounts of lines sold on these terms; read only where somebody shares them."""
    if not residual:
        return {}
    statement = (
        select(TermsFunder.terms_id, TermsFunder.party_id, TermsFunder.rate_bps, Party.kind)
        .join(Party, (Party.tenant_id == TermsFunder.tenant_id) & (Party.id == TermsFunder.party_id))
        .where(
            TermsFunder.tenant_id == db.tenant_id, Party.tenant_id == db.tenant_id,
            TermsFunder.terms_id.in_(residual),
        )
        .order_by(TermsFunder.terms_id, TermsFunder.party_id)
    )  # fmt: skip
    kinds = select(Party.id, Party.kind).where(
        Party.tenant_id == db.tenant_id, Party.id.in_(set(residual.values()))
    )
    kind_of = {row.id: row.kind for row in await db.execute(kinds)}
    funders: dict[TermsId, list[Funder]] = {}
    for row in await db.execute(statement):
        funder = Funder(PartyId(row.party_id), row.kind, Bps(row.rate_bps))
        funders.setdefault(TermsId(row.terms_id), []).append(funder)
    return {
        terms_id: Funding(
            funders=tuple(funders.get(terms_id, ())), residual_party_id=party_id, residual_kind=kind_of[party_id]
        )
        for terms_id, party_id in residual.items()
    }  # fmt: skip
