"""Who stands behind a sale at a store: who sells there, whose merchant number takes the money, who pays for a promotion's discount.

Read once for all questions of a call. The ground floor knows owners by code; here they become parties, named as they are called now.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime

import msgspec

from orders.funding import Funder, Funding
from orders.ports import TermsQuestion
from settlement.agreements.promotions import InForce, promotions_named
from settlement.parties import BRAND_CODE, PLATFORM_CODE, PLATFORM_NAME, NewParty
from settlement.states import FunderRole, PartyKind
from settlement.terms import party_id_of
from tenants.kernel.ids import MallId, PartyId, StoreId, TenantId
from tenants.kernel.money import Bps
from tenants.kernel.scope import Reading
from tenants.ownership import sells_for_itself
from tenants.queries import malls_by_id
from tenants.standings import Standing, StoreStandings, standings


class Sides(msgspec.Struct, frozen=True, kw_only=True):
    """The parties of one sale beside its contract's; None: the brand."""

    seller: PartyId | None = None
    payee: PartyId | None = None
    funding: Funding | None = None


NOBODY_ELSE = Sides()


class SideBook(msgspec.Struct):
    """What the ground floor and promotions say about the stores that are asked about; `parties` are those that were named so far."""

    tenant_id: TenantId
    brand_name: str
    standings: Mapping[StoreId, StoreStandings]
    promotions: Mapping[str, InForce]
    malls: Mapping[MallId, str]
    parties: dict[PartyId, NewParty] = {}

    def of(self, question: TermsQuestion) -> Sides:
        """Who stands behind this sale."""
        store = self.standings.get(question.store_id)
        if store is None:
            return NOBODY_ELSE
        standing = store.at(question.at)
        return Sides(
            seller=self._party(_owner(standing)) if sells_for_itself(standing.ownership) else None,
            payee=self._party(_payee(standing)),
            funding=self._funding(question, standing, mall_id=store.mall_id),
        )

    def _party(self, party: NewParty | None) -> PartyId | None:
        if party is None:
            return None
        party_id = party_id_of(self.tenant_id, party.code)
        self.parties[party_id] = party
        return party_id

    def _funding(
        self, question: TermsQuestion, standing: Standing, *, mall_id: MallId | None
    ) -> Funding | None:
        promotion = self.promotions.get(question.promotion_code or "")
        if promotion is None or not promotion.holds(question.at):
            return None
        people = self._people(standing, mall_id=mall_id)
        residual = people.get(promotion.residual_funder, people[FunderRole.BRAND])
        rates: dict[str, int] = {}
        for role, rate_bps in promotion.funders:
            party = people.get(role)
            if party is not None and party.code != residual.code:
                rates[party.code] = rates.get(party.code, 0) + rate_bps
        by_code = {party.code: party for party in people.values()}
        funders = [
            Funder(self._party(by_code[code]) or party_id_of(self.tenant_id, code), by_code[code].kind.value, Bps(bps))
            for code, bps in rates.items()
        ]  # fmt: skip
        return Funding(
            funders=tuple(sorted(funders)),
            residual_party_id=self._party(residual) or party_id_of(self.tenant_id, residual.code),
            residual_kind=residual.kind.value,
        )

    def _people(self, standing: Standing, *, mall_id: MallId | None) -> dict[FunderRole, NewParty]:
        """Who fills each role at this store; a store in no mall has nobody in the mall's."""
        brand = NewParty(kind=PartyKind.BRAND, code=BRAND_CODE, name=self.brand_name)
        people = {
            FunderRole.BRAND: brand,
            FunderRole.OWNER: _owner(standing) or brand,
            FunderRole.PLATFORM: NewParty(kind=PartyKind.PLATFORM, code=PLATFORM_CODE, name=PLATFORM_NAME),
        }
        if mall_id is not None:
            code = f"{PartyKind.MALL}:{mall_id}"
            name = self.malls.get(mall_id, code)
            people[FunderRole.MALL] = NewParty(kind=PartyKind.MALL, code=code, name=name, mall_id=mall_id)
        return people


async def read_sides(
    db: Reading, questions: Iterable[TermsQuestion], *, first: datetime, last: datetime, brand_name: str
) -> SideBook:
    """Read what these questions need to know: one query, two more where promotions are named."""
    asked = list(questions)
    found = await standings(db, {question.store_id for question in asked}, first=first, last=last)
    promotions = await promotions_named(db, {question.promotion_code for question in asked})
    places = {store.mall_id for store in found.values() if store.mall_id} if promotions else set()
    names = await malls_by_id(db, places) if places else {}
    return SideBook(db.tenant_id, brand_name, found, promotions, names, {})


async def sellers_at(db: Reading, store_ids: Iterable[StoreId], *, at: datetime) -> dict[StoreId, NewParty]:
    """Who sells for itself at these stores at that moment; stores where the brand does are absent."""
    found = await standings(db, store_ids, first=at, last=at)
    owners = {
        store_id: _owner(store.at(at))
        for store_id, store in found.items()
        if sells_for_itself(store.at(at).ownership)
    }
    return {store_id: owner for store_id, owner in owners.items() if owner is not None}


def _owner(standing: Standing) -> NewParty | None:
    return _named(standing.owner_party_code, standing.owner_name)


def _payee(standing: Standing) -> NewParty | None:
    mine = standing.payee_code == standing.owner_party_code
    return _named(standing.payee_code, standing.owner_name if mine else standing.payee_name)


def _named(code: str | None, name: str | None) -> NewParty | None:
    if code is None:
        return None
    return NewParty(kind=PartyKind(code.partition(":")[0]), code=code, name=name or code)
