"""Contracts with malls and other parties: made, never edited; a new version ends the one before."""

from uuid import UUID

from litestar import get, post
from litestar.params import FromPath, FromQuery, JSONBody

from settlement import contract_queries, contracts
from settlement.commands import CreateContract
from settlement.contract_views import ContractList, ContractView
from settlement.errors import (
    ContractNotFound,
    ContractOverlap,
    ContractStoresWrong,
    ContractVersionTooEarly,
    PartyUnknown,
    RateNamedTwice,
    RatesExceedWhole,
    ResidualPartyHasRate,
)
from storefront.auth import CurrentPrincipal, CurrentTenant, Now, staff
from storefront.frame import refusals
from tenants.errors import TimeZoneUnknown
from tenants.kernel.ids import ContractId
from tenants.states import StaffRole

MONEY_PEOPLE = staff(StaffRole.BRAND_HQ, StaffRole.FINANCE)


@post(
    "/brand/v1/contracts",
    operation_id="createContract",
    tags=["settlement"],
    guards=[MONEY_PEOPLE],
    responses=refusals(
        ContractOverlap, ContractStoresWrong, ContractVersionTooEarly, PartyUnknown, RateNamedTwice,
        RatesExceedWhole, ResidualPartyHasRate, TimeZoneUnknown,
    ),
)  # fmt: skip
async def create_contract(
    data: JSONBody[CreateContract], tenant: CurrentTenant, principal: CurrentPrincipal, now: Now
) -> ContractView:
    """Make a contract, or the next version of the one with this code."""
    async with tenant.writing() as db:
        return await contracts.create_contract(db, data, created_by=principal.actor(), now=now)


@get("/brand/v1/contracts", operation_id="listContracts", tags=["settlement"], guards=[MONEY_PEOPLE])
async def list_contracts(tenant: CurrentTenant, code: FromQuery[str | None] = None) -> ContractList:
    """All versions of all contracts, or of one."""
    async with tenant.reading() as db:
        return ContractList(contracts=await contract_queries.contracts(db, code=code))


@get(
    "/brand/v1/contracts/{contract_id:uuid}",
    operation_id="getContract",
    tags=["settlement"],
    guards=[MONEY_PEOPLE],
    responses=refusals(ContractNotFound),
)
async def get_contract(contract_id: FromPath[UUID], tenant: CurrentTenant) -> ContractView:
    """One version of a contract."""
    async with tenant.reading() as db:
        return await contract_queries.find_contract(db, ContractId(contract_id))


ROUTES = [create_contract, list_contracts, get_contract]
